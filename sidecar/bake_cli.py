"""`npc-voice bake`: a script to an engine's folder."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidecar.console import (
    EXIT_SOME_FAILED,
    AsJson,
    DeviceOption,
    Loudness,
    PackName,
    Precision,
    RuntimeOption,
    SampleRate,
    err,
    explained,
    out,
)
from sidecar.files import printable
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.marking import marked

if TYPE_CHECKING:
    from sidecar.baking.bake import Baked, Told
    from sidecar.baking.clip import Clip
    from sidecar.baking.script import Failure, Script
    from sidecar.baking.speakers import Speaker
    from sidecar.voice import Voice

_NONE = "none"
_SHOWN = 12  #: columns, and rows, that are told of at once
Loader = Callable[[Path | None, str, str, str, int | None], "Voice"]


def bake_command(load_voice: Loader) -> Callable[..., None]:
    """The command; `load_voice` takes a pack's folder, device, precision, runtime and threads."""

    @explained
    def bake(
        script: Annotated[
            Path, typer.Argument(help="A .csv, .tsv or .jsonl; also Yarn's and Dialogue Manager's.")
        ],
        folder: Annotated[Path, typer.Option("--out", "-o", help="The folder to fill.")],
        cast: Annotated[Path | None, typer.Option(help="A .json: who speaks how.")] = None,
        format: Annotated[str, typer.Option(help="wav, ogg or flac")] = "wav",
        lips: Annotated[
            str, typer.Option(help="oculus, arkit, rhubarb, several with commas, or none")
        ] = "oculus",
        subtitles: Annotated[str, typer.Option(help="srt, vtt, both with a comma, or none")] = "vtt",
        loudness: Loudness = None,
        sample_rate: SampleRate = None,
        only: Annotated[list[str] | None, typer.Option(help="Only this id; guard-* for several.")] = None,
        character: Annotated[list[str] | None, typer.Option(help="Only this character's lines.")] = None,
        force: Annotated[
            bool, typer.Option("--force", help="Make them again even if nothing changed.")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
        workers: Annotated[
            int | None, typer.Option(min=1, help="Processes; one for each core if not given.")
        ] = None,
        ray: Annotated[
            str | None,
            typer.Option(help="Speak on a Ray cluster: its address, or auto."),
        ] = None,
        report: Annotated[
            Path | None, typer.Option(help="Write an .html to listen with, worst first.")
        ] = None,
        unmarked: Annotated[
            bool, typer.Option("--unmarked", help="Leave out of the files that they are synthetic.")
        ] = False,
        pack: PackName = None,
        device: DeviceOption = "auto",
        precision: Precision = "auto",
        runtime: RuntimeOption = "auto",
        as_json: AsJson = False,
    ) -> None:
        """Speak a script into a folder: sound, lips, subtitles, a manifest. Only what changed is made."""
        from sidecar.baking.bake import Choice, baked, planned, rehearsed
        from sidecar.baking.cast import read_cast
        from sidecar.baking.cluster import ray_module
        from sidecar.baking.orders import Output
        from sidecar.baking.script import read_script
        from sidecar.modkit.finding import folder_of

        given = dict(loudness=loudness, sample_rate=sample_rate)
        defaults = {name: value for name, value in given.items() if value is not None}
        output = Output(format, _several(lips), _several(subtitles), not unmarked, defaults)
        output.check()
        choice = Choice(tuple(only or ()), tuple(character or ()), force)
        read, members = read_script(script), None if cast is None else read_cast(cast)
        choice.check(read)
        _tell_unread(read)
        if ray is not None:
            ray_module()
        found = folder_of(pack)
        voice = load_voice(found, device, precision, runtime, 1)  # as every process that speaks beside it
        plans = planned(read, members, output, choice, script.parent, voice.heard, voice.synthesizer)
        for failure in plans.failures:
            err.print(_said(failure), style="red", highlight=False, soft_wrap=True)
        if dry_run:
            done = rehearsed(plans, choice, folder)
        else:
            speakers = (
                speakers_of(voice, workers, found) if ray is None else cluster_of(voice, workers, found, ray)
            )
            done = baked(plans, choice, folder, speakers, _progress)
        if report is not None and not dry_run:
            _write_report(report, done, folder)
        if as_json:
            print(json.dumps(_as_json(done, read)))
        else:
            out.print(done.counts("to make" if dry_run else "made"), highlight=False)
        if done.failed:
            raise typer.Exit(EXIT_SOME_FAILED)

    return bake


@contextmanager
def _progress(total: int) -> "Iterator[Told]":
    """How it goes, on stderr."""
    from sidecar.baking.progress import progress_of

    with progress_of(total, err) as step:
        yield lambda done: step(_said(done))


def speakers_of(
    voice: "Voice", workers: int | None, pack: Path | None
) -> Callable[[int], "Sequence[Speaker]"]:
    """This process, and beside it others: on the CPU only, a GPU is one. Raises `BadRequest`."""
    from sidecar.baking.messages import Task
    from sidecar.baking.speakers import OtherSpeaker, OwnSpeaker, default_workers
    from sidecar.home import Home

    described = voice.description
    device = described.device
    if device != "cpu" and (workers or 1) > 1:
        raise BadRequest(f"{device} speaks for one worker, not {workers}: use --workers 1", field="workers")
    most = workers or (default_workers() if device == "cpu" else 1)
    home = Home.from_environment()
    folder = str(pack.resolve()) if pack else ""
    task = Task(str(home.root.resolve()), folder, described.precision, described.runtime)
    own = OwnSpeaker(voice.synthesizer)
    return lambda lines: [own, *(OtherSpeaker(task) for _ in range(min(most, lines) - 1))]


def cluster_of(
    voice: "Voice", workers: int | None, pack: Path | None, address: str
) -> Callable[[int], "Sequence[Speaker]"]:
    """Workers of a Ray cluster, which is looked for once there is something to speak. Raises
    `BadRequest`."""
    from sidecar.baking.cluster import Cluster, Job, ray_module
    from sidecar.home import Home
    from sidecar.models.default_voice import folder_in
    from sidecar.models.pack import open_pack

    if voice.description.device != "cpu":
        raise BadRequest("--ray speaks on processors: use --device cpu", field="device")
    home = Home.from_environment()
    job = Job.of(open_pack(pack or folder_in(home)), home, voice.description.precision)
    return lambda lines: Cluster(ray_module(), address, job).crew(workers, lines)


def _several(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    return () if kinds == (_NONE,) else kinds


def _said(done: "Clip | Failure") -> str:
    from sidecar.baking.script import Failure

    if isinstance(done, Failure):
        return f"FAILED {printable(str(done))}"
    found = done.entry.findings
    return f"LISTEN {printable(done.entry.id)}: {printable(found[0].detail)}" if found else ""


def _tell_unread(script: "Script") -> None:
    """What of a script may not be meant so."""
    if script.unread:
        columns = printable(", ".join(script.unread[:_SHOWN]))
        err.print(f"columns that are not read: {columns}", highlight=False, soft_wrap=True)
    for note in script.notes[:_SHOWN]:
        err.print(f"NOTE {printable(str(note))}", highlight=False, soft_wrap=True)
    if (more := len(script.notes) - _SHOWN) > 0:
        err.print(f"NOTE {more} more rows are like that", highlight=False, soft_wrap=True)


def _write_report(file: Path, done: "Baked", folder: Path) -> None:
    from sidecar.baking.page import page
    from sidecar.models.pack import write_whole

    write_whole(file, page(done, folder).encode())


def _as_json(done: "Baked", script: "Script") -> dict[str, Any]:
    """Counts, and by id what a person has to look at."""
    said = {
        "made": len(done.made),
        "kept": len(done.kept),
        "renamed": len(done.renamed),
        "removed": len(done.removed),
        "failed": [vars(failure) for failure in done.failed],
        "notes": [vars(note) for note in script.notes],
        "suspicious": [
            {"id": entry.id, "findings": [vars(finding) for finding in entry.findings]}
            for entry in done.suspicious
        ],
    }
    return marked(said)
