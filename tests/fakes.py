"""Stand-ins that are exact and quick: an engine of tones, a device that is stepped by hand, a clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from sidecar.engines.base import EngineDescription, SpeakerChoice
from sidecar.engines.family import Capabilities
from sidecar.models.loader import Model
from sidecar.models.manifest import Manifest, PackFile, Probe, ProbeLine
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker
from sidecar.protocol.errors import UnknownSpeaker, did_you_mean
from sidecar.reload.journal import Journal
from sidecar.reload.states import Entry, State
from sidecar.server.config import ModelsConfig
from sidecar.server.lines.device_thread import Outcome, Task, one_pass
from sidecar.server.live_voices import LiveVoices, ServedVoice
from sidecar.server.reloading.dependencies import Dependencies, ServerSide
from sidecar.server.reloading.reloader import Reloader
from sidecar.synthesis import Synthesizer
from sidecar.text.lexicon import PHONEMES
from sidecar.text.tokens import MARKS

NAMES = ("alto", "bass")


class ToneEngine:
    """Every phoneme is 0.1 s of a tone whose pitch is the speaker's, with noise by the seed."""

    def __init__(self, rows: int = 1, pieces: int = 1) -> None:
        self.rendered: list[int] = []
        self._rows, self._pieces = rows, pieces

    @property
    def description(self) -> EngineDescription:
        alphabet = frozenset(PHONEMES | MARKS)
        return EngineDescription(
            "tone", 8_000, ("en-US",), NAMES, NAMES[0], alphabet, self._rows, "cpu", "float32",
            Capabilities(True, False, streams_pieces=self._pieces > 1, reads_prompts=False),
        )  # fmt: skip

    def speaker(self, choice: SpeakerChoice) -> Speaker:
        if isinstance(choice, Mapping):
            choice = next(iter(choice))
        if choice not in NAMES:
            raise UnknownSpeaker(
                f"unknown speaker {choice!r}{did_you_mean(str(choice), NAMES)}", field="speaker"
            )
        return Speaker(str(choice), np.full((1, 1), 110.0 * (NAMES.index(str(choice)) + 1), np.float32))

    def language_of(self, speaker: str) -> str:
        return "en-US"

    def plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        plans = []
        for phrase in phrases:
            durations = np.full(len(phrase.phonemes) + 2, 4)
            curve = np.full(2 * durations.sum(), phrase.timbre.table[0, 0], np.float32)
            plans.append(Plan(phrase, durations, curve, curve, 0.025))
        return plans

    def render(self, plans: Sequence[Plan], seeds: Sequence[int]) -> list[Floats]:
        self.rendered.append(len(plans))
        return [self._tone(plan, seed) for plan, seed in zip(plans, seeds, strict=True)]

    def pieces(self, plan: Plan, seed: int) -> Iterator[Floats]:
        yield from np.array_split(self._tone(plan, seed), self._pieces)

    def _tone(self, plan: Plan, seed: int) -> Floats:
        time_s = np.arange(200 * plan.frames) / 8_000
        noise = np.random.default_rng(seed).normal(0, 0.01, len(time_s))
        return (0.3 * np.sin(2 * np.pi * plan.f0_hz[0] * time_s) + noise).astype(np.float32)


def tone_voice(rows: int = 1, version: str = "1.0.0", pieces: int = 1) -> ServedVoice:
    """A voice that sounds at once."""
    weights = PackFile("weights.safetensors", version.encode().hex().rjust(64, "0"), 1)
    probe = Probe((ProbeLine("Hear, hear!", NAMES[0], 1),), 0.1)
    manifest = Manifest("tone", version, "tone", {}, ("en-US",), NAMES, "none", "tests", probe, (weights,))
    return ServedVoice.of(Synthesizer(Model(manifest, ToneEngine(rows, pieces))))


def tone_voices(rows: int = 1) -> LiveVoices:
    return LiveVoices(tone_voice(rows))


def still(folder: Path, *voices: ServedVoice) -> Callable[[ServerSide], Reloader]:
    """A reloader that knows the voices there are and brings no others to life."""

    def never(*_: object) -> NoReturn:
        raise AssertionError("nothing is to be reloaded here")

    dependencies = Dependencies(
        folder / "models", folder / "store", never, never, lambda: 0, ModelsConfig(watch=False)
    )
    entries = tuple(
        Entry(v.label, "", State.LIVE, folder / v.label, v.name.name, v.name.version, v.name.sha256)
        for v in voices
    )
    return lambda side: Reloader(dependencies, Journal(folder / "store"), side, entries)


@dataclass
class Clock:
    """Seconds that pass when told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class SteppedDevice:
    """Collects passes; `step` does the oldest and returns what came of it."""

    passes: list[Sequence[Task]] = field(default_factory=list)

    def submit(self, tasks: Sequence[Task]) -> None:
        self.passes.append(tasks)

    def step(self) -> list[Outcome]:
        return one_pass(self.passes.pop(0))
