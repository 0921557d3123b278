"""Speaking the sample dialogue into a folder."""

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Column, Table

from sidecar.models.pack import storage_errors
from sidecar.voice import Voice

INTENSITY = 0.8


@dataclass(frozen=True)
class SampleLine:
    """One row of `samples/dialogue.csv`."""

    id: str
    speaker: str
    voice: str
    language: str
    mood: str
    text: str


@dataclass(frozen=True)
class DemoLine:
    """A sample line as spoken: seconds of audio and of work, and the file."""

    line: SampleLine
    audio_s: float
    work_s: float
    file: Path


def sample_lines() -> list[SampleLine]:
    """All sample lines, in the file's order."""
    text = (samples_folder() / "dialogue.csv").read_text("utf-8")
    return [SampleLine(**row) for row in csv.DictReader(text.splitlines())]


def samples_folder() -> Path:
    """Where `samples/` is: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "samples"
    return installed if installed.is_dir() else package.parent / "samples"


def chosen(lines: list[SampleLine], count: int) -> list[SampleLine]:
    """The first `count` lines of speakers that have not spoken yet, then further ones."""
    first = {line.speaker: line for line in reversed(lines)}
    return sorted(lines, key=lambda line: first[line.speaker] is not line)[:count]


def speak_samples(voice: Voice, folder: Path, count: int) -> Iterator[DemoLine]:
    """Speak `count` lines, each into a WAV of its own. Raises `StorageError`."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for line in chosen(sample_lines(), count):
        began = time.perf_counter()
        speech = voice.synthesize(line.text, line.voice, emotion=line.mood, intensity=INTENSITY)
        file = folder / f"{line.id}_{line.speaker.replace(' ', '_')}.wav"
        speech.save(file)
        yield DemoLine(line, speech.duration_s, time.perf_counter() - began, file)


def spoken_table(spoken: Sequence[DemoLine]) -> Table:
    """For a terminal of 80 columns or more: a line's text is cut, a file's name is not."""
    text = Column("line", no_wrap=True, overflow="ellipsis", ratio=1)
    table = Table(text, "emotion", "s", "x", Column("file", no_wrap=True, overflow="fold"), expand=True)
    for s in spoken:
        speed = f"{s.audio_s / s.work_s:.1f}"
        table.add_row(s.line.text, s.line.mood, f"{s.audio_s:.1f}", speed, s.file.name)
    return table
