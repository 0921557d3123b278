"""Sine tones behind the engine interface: F0 and energy of a plan are heard, phonemes differ in timbre."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from sidecar.engines.base import EngineDescription, SpeakerChoice
from sidecar.engines.family import WEIGHTS, Contents
from sidecar.engines.placement import Placement
from sidecar.engines.speakers import Speakers
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker
from sidecar.protocol.errors import ModelRejected
from sidecar.text.lexicon import PHONEMES
from sidecar.text.tokens import MARKS
from tests.toy.family import ARCHITECTURE, CAPABILITIES, LANGUAGES, SineConfig, speakers

RATE_HZ, FRAME_S, STEP = 16_000, 0.025, 200  # samples in half a frame
LOWEST_HZ, SILENCE = 55.0, -7.0  # energy is the natural logarithm of an amplitude
VOWELS = frozenset("AIOWYQaeiouyɑɐɒæɔəɚɛɜɪʊʌᵻɨɤøɯ")


class Tones(Speakers):
    """A row is octaves over 55 Hz, then the strength of each partial."""

    def __init__(self, names: Sequence[str], table: Floats) -> None:
        super().__init__(names)
        self.width, self._table = table.shape[1], table

    def table(self, name: str) -> Floats:
        return self._table[self.names.index(name)][None]


class SineEngine:
    """Not thread-safe, as no engine is."""

    def __init__(self, voices: Tones) -> None:
        self.voices, self.rows_at_once = voices, 1

    @classmethod
    def load(cls, weights: Path, names: Sequence[str], placement: Placement) -> "SineEngine":
        """Raises `ModelRejected` where it cannot run: everything here is NumPy's."""
        if placement.device != "cpu":
            raise ModelRejected("sine tones are made on the CPU")
        tables = load_file(weights)
        return cls(Tones(names, np.concatenate([tables["octaves"], tables["partials"]], axis=1)))

    @property
    def description(self) -> EngineDescription:
        names = self.voices.names
        return EngineDescription(
            ARCHITECTURE, RATE_HZ, LANGUAGES, names, names[0], frozenset(PHONEMES | MARKS), self.rows_at_once,
            "cpu", "float32", CAPABILITIES,
        )  # fmt: skip

    def speaker(self, choice: SpeakerChoice) -> Speaker:
        return self.voices.choose(choice)

    def language_of(self, speaker: str) -> str:
        return LANGUAGES[0]

    def plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        return [planned(phrase) for phrase in phrases]

    def render(self, plans: Sequence[Plan], seeds: Sequence[int]) -> list[Floats]:
        """There is no chance in it: seeds change nothing."""
        return [rendered(plan) for plan in plans]

    def pieces(self, plan: Plan, seed: int) -> Iterator[Floats]:
        yield from np.array_split(rendered(plan), 4)


def planned(phrase: Phrase) -> Plan:
    """Marks and spaces are silent, vowels louder and longer than consonants."""
    tokens = f" {phrase.phonemes} "
    frames = np.array([5 if s in VOWELS else 4 if s in MARKS or s == " " else 2 for s in tokens])
    force = [0.0 if s in VOWELS else SILENCE if s in MARKS or s == " " else -2.5 for s in tokens]
    durations = np.round(frames / phrase.speed).clip(1).astype(np.int64)
    energy = np.repeat(np.array(force, np.float32), 2 * durations)
    pitch_hz = LOWEST_HZ * 2 ** phrase.manner.row(1)[0]
    f0_hz = np.where(energy > SILENCE, pitch_hz, 0).astype(np.float32)
    return Plan(phrase, durations, f0_hz, energy, FRAME_S)


def rendered(plan: Plan) -> Floats:
    """The phase goes on from phoneme to phoneme, whatever F0 does."""
    strengths = np.repeat(partials(plan), STEP, axis=0)
    amplitude = 0.3 * np.exp(np.repeat(plan.energy, STEP))
    phase = 2 * np.pi * np.cumsum(np.repeat(plan.f0_hz.astype(np.float64), STEP)) / RATE_HZ
    tones = np.sin(phase[:, None] * np.arange(1, strengths.shape[1] + 1))
    return (amplitude * (strengths * tones).sum(1)).clip(-0.95, 0.95).astype(np.float32)


def partials(plan: Plan) -> Floats:
    """[steps, partials] adding up to 1: the timbre's, each phoneme weakening some of them."""
    own = plan.phrase.timbre.row(1)[1:]
    kinds = np.arange(len(own))
    rows = [own * (1 + 0.97 * np.cos(kinds * (1 + ord(s) % 7))) for s in f" {plan.phrase.phonemes} "]
    scaled = np.array([row / row.sum() for row in rows], np.float32)
    return np.repeat(scaled, 2 * plan.durations_frames, axis=0)


def rows(weights: Path) -> int:
    return len(load_file(weights)["octaves"])


def write_weights(path: Path, octave: float) -> SineConfig:
    """Speakers a third of an octave apart, the first `octave` octaves over 55 Hz."""
    config = SineConfig()
    octaves = octave + np.arange(config.n_speaker, dtype=np.float32)[:, None] / 3
    strengths = np.ones((config.n_speaker, config.partials), np.float32) / config.partials
    save_file({"octaves": octaves, "partials": strengths}, path)
    return config


def convert(source: Path, folder: Path) -> Contents:
    """A `.sine` file says in JSON how many octaves up its first speaker is."""
    try:
        octave = float(json.loads(source.read_text("utf-8"))["octave"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRejected(f"{source.name} is no .sine file: {error}") from error
    config = write_weights(folder / WEIGHTS, octave)
    return Contents(asdict(config), speakers(config.n_speaker))
