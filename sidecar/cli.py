"""The command `npc-voice`: arguments in, one call, a table or JSON out."""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from sidecar.bake_cli import bake_command
from sidecar.children.starting import be_child_if_told
from sidecar.console import (
    AsJson,
    DeviceOption,
    Loudness,
    PackName,
    PolicyName,
    Precision,
    RuntimeOption,
    SampleRate,
    err,
    explained,
    out,
)
from sidecar.engines.registry import FAMILIES
from sidecar.fleet_cli import FleetCredentials, fleet_app
from sidecar.pack_cli import pack_app
from sidecar.processor import complaint
from sidecar.protocol.fields import blend
from sidecar.protocol.formats import FILE_ENDINGS
from sidecar.protocol.limits import LINE_CHARACTERS, PITCH_ST, SPEED
from sidecar.protocol.marking import marked
from sidecar.voice_cli import voice_app

if TYPE_CHECKING:
    from sidecar.models.pack import Pack
    from sidecar.voice import Voice

app = typer.Typer(help="Voices for game characters.", no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(pack_app, name="pack")
app.add_typer(fleet_app, name="fleet")
app.add_typer(voice_app, name="voice")

READERS = ", ".join(f.title for f in FAMILIES.values() if f.capabilities.reads_prompts)

Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads to use.")]
SpeakerText = Annotated[
    str | None, typer.Option("--speaker", "-s", help="A name, or name:weight,name:weight")
]
EmotionText = Annotated[str, typer.Option("--emotion", "-e", help="A label, or label:weight,label:weight")]
EffectName = Annotated[
    str | None, typer.Option(help="A creature's or machine's voice; see npc-voice effects.")
]
Intensity = Annotated[float, typer.Option("--intensity", "-i", help="0 (neutral) to 1")]


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr that appears with the first step; starts without work show nothing."""
    with ExitStack() as stack:
        bars: list[Progress] = []

        def show(step: str, done: float) -> None:
            if not bars:
                bars.append(stack.enter_context(Progress(console=err, transient=True)))
                bars[0].add_task("", total=1.0)
            bars[0].update(bars[0].task_ids[0], description=step, completed=done)

        yield show


def load_voice(pack: str | None, device: str, precision: str, runtime: str, threads: int | None) -> "Voice":
    from sidecar.home import Home
    from sidecar.modkit.finding import at_hand

    with at_hand(Home.from_environment(), pack) if pack else nullcontext() as found:
        return voice_in(found.folder if found else None, device, precision, runtime, threads)


def voice_in(folder: Path | None, device: str, precision: str, runtime: str, threads: int | None) -> "Voice":
    from sidecar.voice import Voice  # which takes a second

    with progress_bar() as progress:
        return Voice.load(
            folder, device=device, precision=precision, runtime=runtime, threads=threads, progress=progress
        )


def asked_about(pack: str | None) -> "Pack":
    """The pack of that name, or the default voice: what is known of it without loading it."""
    from sidecar.home import Home
    from sidecar.modkit.finding import pack_or_default

    with progress_bar() as progress:
        return pack_or_default(Home.from_environment(), pack, progress)


@app.command()
@explained
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the WAV files go.")] = Path("npc-voice-demo"),
    lines: Annotated[int, typer.Option(min=1, help="How many sample lines to speak.")] = 8,
    device: DeviceOption = "auto",
    precision: Precision = "auto",
    runtime: RuntimeOption = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Speak sample lines of several characters into WAV files."""
    from sidecar.demo import speak_samples, spoken_table

    spoken = list(speak_samples(load_voice(None, device, precision, runtime, threads), folder, lines))
    if as_json:
        rows = [
            marked(
                {
                    "speaker": s.line.speaker,
                    "emotion": s.line.mood,
                    "text": s.line.text,
                    "audio_s": s.audio_s,
                    "work_s": s.work_s,
                    "file": str(s.file),
                }
            )
            for s in spoken
        ]
        print(json.dumps(rows))
        return
    out.print(spoken_table(spoken))
    out.print(f"the files are in {folder}", highlight=False)


app.command("bake")(bake_command(voice_in))


@app.command()
@explained
def say(
    text: Annotated[str, typer.Argument(help="The line to speak.")],
    output: Annotated[Path, typer.Option("--out", "-o", help=FILE_ENDINGS)] = Path("line.wav"),
    speaker: SpeakerText = None,
    manner: Annotated[str | None, typer.Option(help="Another speaker, for tune and rhythm.")] = None,
    emotion: EmotionText = "neutral",
    intensity: Intensity = 0.5,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", "-r", help="A .wav, .flac or .ogg to speak like"),
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="A neutral clip of the same person")] = None,
    prompt: Annotated[str, typer.Option(help=f"In words, for models that read it ({READERS})")] = "",
    speed: Annotated[float, typer.Option(help=str(SPEED))] = 1.0,
    pitch: Annotated[float, typer.Option(help=f"Semitones, {PITCH_ST}")] = 0.0,
    language: Annotated[str | None, typer.Option(help="en-US, en-GB or zh-CN")] = None,
    effect: EffectName = None,
    loudness: Loudness = None,
    sample_rate: SampleRate = None,
    lipsync: Annotated[
        Path | None, typer.Option(help="Write the mouth's movement too, to a .json or .tsv")
    ] = None,
    lipsync_format: Annotated[str, typer.Option(help="oculus, arkit or rhubarb")] = "oculus",
    unmarked: Annotated[
        bool, typer.Option("--unmarked", help="Leave out of the file that it is synthetic.")
    ] = False,
    pack: PackName = None,
    device: DeviceOption = "auto",
    precision: Precision = "auto",
    runtime: RuntimeOption = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Speak one line into a file."""
    from sidecar.line import Line, check_line
    from sidecar.lipsync import files
    from sidecar.models.pack import write_whole
    from sidecar.speech import format_of

    format_of(output)  # before the work, as all that needs no voice
    if lipsync is not None:
        files.check_format(lipsync, lipsync_format)
    line = Line(
        text, blend(speaker, "speaker"), blend(manner, "manner"), blend(emotion, "emotion") or "neutral",
        intensity, speed, pitch, language, sample_rate, loudness, prompt=prompt, effect=effect,
    )  # fmt: skip
    check_line(line, LINE_CHARACTERS)
    voice = load_voice(pack, device, precision, runtime, threads)
    began = time.perf_counter()
    speech = voice.speak(line, reference, baseline)
    work_s = time.perf_counter() - began
    speech.save(output, marked=not unmarked)
    if lipsync is not None:
        lips = files.content(speech.visemes, speech.duration_s, lipsync, lipsync_format, output.name)
        write_whole(lipsync, lips.encode())
    if as_json:
        words = [[w.text, w.phonemes, round(w.start_s, 3), round(w.end_s, 3)] for w in speech.words]
        report = {"file": str(output), "audio_s": speech.duration_s, "work_s": work_s, "words": words}
        print(json.dumps(marked(report)))
    else:
        out.print(f"{output}: {speech.duration_s:.1f} s of speech in {work_s:.1f} s", highlight=False)


@app.command()
@explained
def report(
    text: Annotated[str, typer.Argument(help="The line to look at.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="An .html file.")] = Path("line.html"),
    speaker: SpeakerText = None,
    emotion: EmotionText = "neutral",
    intensity: Intensity = 0.5,
    effect: EffectName = None,
    pack: PackName = None,
    device: DeviceOption = "auto",
    precision: Precision = "auto",
    runtime: RuntimeOption = "auto",
    threads: Threads = None,
) -> None:
    """Draw how a line is spoken, with and without its emotion and effect, into one page."""
    from sidecar.line import Line
    from sidecar.models.pack import write_whole
    from sidecar.report import report as page

    line = Line(
        text, blend(speaker, "speaker"), emotion=blend(emotion, "emotion") or "neutral",
        intensity=intensity, effect=effect,
    )  # fmt: skip
    write_whole(output, page(load_voice(pack, device, precision, runtime, threads), line).encode())
    out.print(f"the page is {output}", highlight=False)


@app.command()
@explained
def speakers(pack: PackName = None, as_json: AsJson = False) -> None:
    """List the voices of a pack."""
    from sidecar.models.architecture import family_of

    manifest = asked_about(pack).manifest
    language_of = family_of(manifest).language_of
    rows = [(name, language_of(name)) for name in manifest.speakers]
    if as_json:
        print(json.dumps([{"name": name, "language": language} for name, language in rows]))
        return
    table = Table("speaker", "language")
    for row in rows:
        table.add_row(*row)
    out.print(table)


@app.command()
@explained
def emotions(pack: PackName = None, as_json: AsJson = False) -> None:
    """List what --emotion can ask for; as JSON, in full, in the form of an emotions.json."""
    from sidecar.home import Home
    from sidecar.models.own_files import load_emotions
    from sidecar.prosody.emotions import as_file, with_users

    known = with_users(load_emotions(asked_about(pack)), Home.from_environment().emotions)
    if as_json:
        print(json.dumps(as_file(known), ensure_ascii=False))
        return
    table = Table("emotion", "中文", "also")
    for emotion in known.emotions.values():
        table.add_row(emotion.name, emotion.display.get("zh", ""), ", ".join(emotion.aliases))
    out.print(table)


@app.command()
@explained
def effects(as_json: AsJson = False) -> None:
    """List what --effect can ask for; as JSON, in full, in the form of an effects.json."""
    from sidecar.audio.effect_files import as_file, shipped, with_users
    from sidecar.home import Home

    known = with_users(shipped(), Home.from_environment().effects)
    if as_json:
        print(json.dumps(as_file(known), ensure_ascii=False))
        return
    table = Table("effect", "what it does")
    for name, measures in as_file(known)["effects"].items():
        table.add_row(name, ", ".join(f"{measure} {value:g}" for measure, value in measures.items()))
    out.print(table)


@app.command()
@explained
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")] = 0,
    connection_file: Annotated[Path | None, typer.Option(help="Where clients find us.")] = None,
    parent_pid: Annotated[int | None, typer.Option(min=1, help="Stop when this process ends.")] = None,
    watch_stdin: Annotated[bool, typer.Option(help="Stop when standard input ends.")] = False,
    idle_exit: Annotated[
        float | None, typer.Option(min=1, help="Stop after so many seconds without a request.")
    ] = None,
    address: Annotated[str, typer.Option(help="Other than loopback needs --keys.")] = "127.0.0.1",
    advertise: Annotated[
        str | None, typer.Option(help="Address or name by which clients reach this machine.")
    ] = None,
    keys: Annotated[Path | None, typer.Option(help="Folder with CURVE keys; see npc-voice keys.")] = None,
    cache: Annotated[int, typer.Option(min=0, help="MiB of memory for spoken lines.")] = 64,
    disk_cache: Annotated[int, typer.Option(min=0, help="MiB on disk for spoken lines.")] = 0,
    memory_limit: Annotated[int | None, typer.Option(help="MiB that the process may take.")] = None,
    normal_priority: Annotated[bool, typer.Option(help="Do not give way to other processes.")] = False,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve Prometheus metrics on loopback.")
    ] = None,
    metrics_address: Annotated[
        str, typer.Option(help="Other than loopback needs --metrics-token.")
    ] = "127.0.0.1",
    metrics_token: Annotated[
        Path | None, typer.Option(help="File with the word that readers of metrics must send.")
    ] = None,
    fleet: Annotated[
        str | None, typer.Option(help="etcd://HOST:PORT/PREFIX or consul://HOST:PORT/PREFIX; docs/FLEET.md.")
    ] = None,
    fleet_credentials: FleetCredentials = None,
    fleet_node: Annotated[str | None, typer.Option(help="What this node is called.")] = None,
    fleet_share: Annotated[Path | None, typer.Option(help="Folder with packs to fetch from.")] = None,
    fleet_prometheus: Annotated[str | None, typer.Option(help="For gates: http://HOST:9090.")] = None,
    fleet_ttl: Annotated[float, typer.Option(help="Seconds without a sign of life until it is gone.")] = 15.0,
    fleet_jitter: Annotated[float, typer.Option(min=0, help="Longest wait before a fetch, seconds.")] = 5.0,
    log_text: Annotated[bool, typer.Option(help="Let the text of lines into the log.")] = False,
    policy: PolicyName = "any",
    canary: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of sessions that try a new version first.")
    ] = 0.0,
    low_memory_swap: Annotated[
        bool,
        typer.Option("--low-memory-swap", help="Where two voices do not fit, let go of the old one first."),
    ] = False,
    any_publisher: Annotated[
        bool,
        typer.Option(
            "--any-publisher", help="Whoever drops a pack may take a name, the default voice's too."
        ),
    ] = False,
    no_watch: Annotated[bool, typer.Option("--no-watch", help="Do not look at the models folder.")] = False,
    pack: PackName = None,
    device: DeviceOption = "auto",
    precision: Precision = "auto",
    runtime: RuntimeOption = "auto",
    threads: Threads = None,
) -> None:
    """Serve speech to games over ZeroMQ on this machine."""
    from sidecar.home import Home, local_path
    from sidecar.models.trust import Policy
    from sidecar.modkit.finding import find_pack
    from sidecar.server.config import (
        CacheConfig,
        FitConfig,
        FleetConfig,
        ListenConfig,
        MetricsConfig,
        ModelsConfig,
        ServeConfig,
        StopConfig,
    )
    from sidecar.server.process.host import be_nice, keep_one_heap, limit_memory
    from sidecar.server.process.logs import log_to_stderr
    from sidecar.server.process.process import Ready
    from sidecar.server.process.process import serve as run
    from sidecar.server.reloading.startup import Startup, forget_start, start_up

    log_to_stderr()
    home = Home.from_environment()
    file = local_path(connection_file, "connection-file") if connection_file else home.connection_file
    if not normal_priority:
        be_nice()
    keep_one_heap()

    default = find_pack(home, pack) if pack else None
    config = ServeConfig(
        ListenConfig(address, advertise, port, keys=keys),
        ModelsConfig(
            default, device, precision, runtime, threads, policy, canary,
            not no_watch, low_memory_swap, any_publisher, memory_limit,
        ),
        CacheConfig(cache << 20, home.cache, disk_cache << 20),
        StopConfig(parent_pid, watch_stdin, idle_exit),
        metrics=None if metrics_port is None else MetricsConfig(metrics_port, metrics_address, metrics_token),
        fleet=None if fleet is None else FleetConfig(
            fleet, fleet_credentials, fleet_node, fleet_share, fleet_prometheus, fleet_ttl, fleet_jitter
        ),
        log_text=log_text,
        fit=FitConfig(home, Policy.parsed(policy).needs_consent, not no_watch, default),
    )  # fmt: skip

    def load() -> Startup:
        if memory_limit is not None:
            limit_memory(memory_limit)
        with progress_bar() as progress:
            return start_up(home, config.models, progress)

    def ready(where: Ready) -> None:
        out.print(f"serving on {where.connection.commands}, clients read {file}", highlight=False)
        if where.metrics_port is not None:
            out.print(f"metrics on http://{metrics_address}:{where.metrics_port}/metrics", highlight=False)

    run(load, config, file, ready, lambda: forget_start(home))


@voice_app.command("get")
@explained
def get_voice(
    source: Annotated[
        Path, typer.Option("--from", help="Its int8 ONNX export, a folder with the parts, or the made pack.")
    ],
) -> None:
    """Install the default voice from a file or folder, where its packages are not installed."""
    from sidecar.home import Home
    from sidecar.models.default_voice import get_from

    with progress_bar() as progress:
        pack = get_from(source, Home.from_environment(), progress)
    out.print(f"{pack.manifest.name} {pack.manifest.version} is in {pack.folder}", highlight=False)


@app.command()
@explained
def ship(
    folder: Annotated[Path, typer.Argument(help="What to make; it must not exist.")],
    system: Annotated[str, typer.Option("--for", help="linux")] = "linux",
    voices: Annotated[str, typer.Option(help="Packs, several with commas.")] = "kokoro-82m",
    languages: Annotated[str, typer.Option(help="en, zh, or both with a comma.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Make a folder that speaks on machines without Python, to lie beside a game."""
    from dataclasses import asdict

    from sidecar.home import Home
    from sidecar.shipping.folder import ship as make

    made = make(folder, system, voices.split(","), languages.split(","), Home.from_environment())
    if as_json:
        print(json.dumps({**asdict(made), "folder": str(folder)}))
    else:
        size = f"{made.size_bytes / 1e6:.0f} MB"
        out.print(f"{folder}: {made.files} files, {size}, {', '.join(made.voices)}", highlight=False)


@app.command()
@explained
def keys(folder: Annotated[Path, typer.Argument(help="Where they go.")]) -> None:
    """Make CURVE keys for a sidecar that other machines may reach, and for one client."""
    from sidecar.models.pack import storage_errors
    from sidecar.server.door.keys import make_keys

    with storage_errors(folder):
        secret = make_keys(folder)
    out.print(f"the server reads {folder}; give {secret} to the client, and nobody else", highlight=False)


def set_encoding(stream: io.TextIOWrapper) -> None:
    """Who reads us from a pipe or a file reads UTF-8, whatever the code page of the country; a terminal has
    its own. What cannot be said in either is escaped."""
    if stream.isatty():
        stream.reconfigure(errors="backslashreplace")
    else:
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def main() -> None:
    """Entry point. Worker threads sleep while they wait: a spinning one costs a busy game, and us, dearly."""
    be_child_if_told(sys.argv)
    for name in ("stdout", "stderr"):  # a program without a console, or a parent that closed them
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - to the end of the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            set_encoding(stream)
    if (words := complaint()) is not None:
        print(f"WARNING {words}", file=sys.stderr)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # these are read when torch is loaded, which is later
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")  # each length of phrase would add its own
    app()
