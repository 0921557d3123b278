"""The commands `npc-voice voice ...`: voices of people, from recordings."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sidecar.console import AsJson, DeviceOption, PackName, err, explained, out
from sidecar.files import printable
from sidecar.protocol.errors import BadRequest

if TYPE_CHECKING:
    from sidecar.fitting.fit import Fitted

voice_app = typer.Typer(
    help="Get the default voice; fit voices to recordings of people.", no_args_is_help=True
)
_LOG_EVERY_S = 10.0


@voice_app.callback()
def voice_commands() -> None:
    """Get the default voice; fit voices to recordings of people."""


@voice_app.command("fit")
@explained
def fit_voice(
    clips: Annotated[list[Path], typer.Argument(help="5 to 60 s of one person: .wav, .flac, .ogg, .mp3 …")],
    name: Annotated[str, typer.Option(help="What the voice is called, such as mara.")],
    licence: Annotated[str, typer.Option(help="Of the voice, such as CC-BY-4.0 or proprietary.")],
    consent: Annotated[
        str, typer.Option(help="Who agreed to what and when, in words; it is written into the pack.")
    ],
    text: Annotated[
        list[str] | None,
        typer.Option(help="What is said, once for each clip; a .txt beside a clip does, too."),
    ] = None,
    language: Annotated[str, typer.Option(help="In which: en-US, en-GB or zh-CN.")] = "en-US",
    version: Annotated[str, typer.Option("--version", help="Of the voice pack.")] = "1.0.0",
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where the pack goes; the models folder if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Another one gives another fit.")] = 0,
    pack: PackName = None,
    device: DeviceOption = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads to use.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a voice to recordings of one person, as a voice pack for a model that stays as it is.

    Takes minutes; one that was stopped goes on where it was when it is asked for again.
    """
    from sidecar.engines.runtimes import precision_for_gradients
    from sidecar.fitting.fit import Wanted, fit
    from sidecar.fitting.recording import read_recordings
    from sidecar.home import Home
    from sidecar.modkit.finding import pack_or_default
    from sidecar.modkit.fitted_voice import Claim, check_new, write_fitted
    from sidecar.text.languages import dialect
    from sidecar.voice import Voice

    home = Home.from_environment()
    target = (folder or home.models) / f"{name}-{version}"
    claim = Claim(name, version, licence, consent)
    check_new(claim, target)
    dialect(language)
    texts = texts_of(clips, text or [])
    recordings = read_recordings(clips)
    base = pack_or_default(home, pack)
    precision = precision_for_gradients(device)
    voice = Voice.load(base.folder, device=device, precision=precision, threads=threads, home=home)
    wanted = Wanted(name, texts, language, seed)
    with fit_progress() as told:
        fitted = fit(voice.synthesizer, recordings, wanted, home.cache / "fits", told)
    made = write_fitted(fitted, recordings, base, target, claim)
    if as_json:
        print(json.dumps({"folder": str(made.folder), **told_as_json(fitted)}))
    else:
        out.print(summary(fitted), highlight=False)
        out.print(
            f"{made.folder}: say --pack {made.manifest.name} --speaker {name} to hear it", highlight=False
        )


def texts_of(clips: Sequence[Path], given: Sequence[str]) -> tuple[str, ...]:
    """What is said in each clip: as given, or as written beside it; nothing where it is to be heard.

    Raises `BadRequest` for a text of some clips only.
    """
    if given:
        if len(given) != len(clips):
            raise BadRequest(
                f"{len(given)} texts for {len(clips)} clips: give one a clip, or none", field="text"
            )
        return tuple(given)
    beside = [clip.with_suffix(".txt") for clip in clips]
    there = [path for path in beside if path.is_file()]
    if there and len(there) < len(beside):
        missing = next(path for path in beside if path not in there)
        raise BadRequest(f"{missing.name} is not there, though other clips have a text", field="text")
    return tuple(path.read_text("utf-8").strip() for path in there)


def summary(fitted: "Fitted") -> str:
    """How it went, for people."""
    how = _reached(fitted) if fitted.verdict.is_reached else _not_reached(fitted)
    heard = f"\nheard: {printable(fitted.words)}" if fitted.words else ""
    return f"{how}; F0 {fitted.verdict.f0_off_st:+.1f} semitones off; {fitted.seconds:.0f} s{heard}"


def _reached(fitted: "Fitted") -> str:
    verdict = fitted.verdict
    kept = "" if verdict.share == 1 else f"; {verdict.share:.0%} of the fit is kept, all of it was not better"
    return (
        f"{verdict.nearer:.0%} of the way from {fitted.nearest}, the nearest shipped voice, in voice "
        f"quality, of which the fit was not told{kept}"
    )


def _not_reached(fitted: "Fitted") -> str:
    verdict = fitted.verdict
    return (
        f"this voice cannot be reached: {verdict.best_nearer:.0%} of the way from {fitted.nearest}, the "
        f"nearest shipped voice, in voice quality, expected {verdict.least_nearer:.0%} or more; "
        f"what you get is {fitted.nearest} with the person's manner"
    )


def told_as_json(fitted: "Fitted") -> dict[str, object]:
    return {
        "name": fitted.name, "nearest": fitted.nearest, "words": fitted.words,
        "seconds": round(fitted.seconds, 1),
        **vars(fitted.verdict), "nearer": fitted.verdict.nearer, "is_reached": fitted.verdict.is_reached,
    }  # fmt: skip


@contextmanager
def fit_progress() -> Iterator[Callable[[str, float], None]]:
    """A bar with the stage and the time that is left; lines of a log where there is no terminal."""
    if not err.is_terminal:
        yield _logged()
        return
    columns = (TextColumn("{task.description:<20}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda stage, done: bar.update(task, description=stage, completed=done)


def _logged() -> Callable[[str, float], None]:
    began_s = last_s = time.monotonic()
    before = ""

    def told(stage: str, done: float) -> None:
        nonlocal last_s, before
        now_s = time.monotonic()
        if stage == before and now_s - last_s < _LOG_EVERY_S:
            return
        last_s, before = now_s, stage
        left = f", {(now_s - began_s) * (1 - done) / done:.0f} s left" if done > 0.1 else ""
        err.print(f"{done:4.0%} {stage}{left}", highlight=False)

    return told
