"""Phonemes with times, as a plan would have them, from a word or two of phonemes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.lipsync.oculus import Row
from sidecar.lipsync.sounds import SHAPES

State = tuple[float, dict[str, float]]


@dataclass(frozen=True)
class Said:
    symbol: str
    start_s: float
    end_s: float


def timed(
    phonemes: str, each_s: float | Sequence[float] = 0.1, edge_s: float = 0.1
) -> tuple[list[Said], float]:
    """The phonemes one after the other, a space a gap, silence at both edges; and when the line ends."""
    lengths = [each_s] * len(phonemes) if isinstance(each_s, float) else each_s
    said, at_s = [], edge_s
    for symbol, length_s in zip(phonemes, lengths, strict=True):
        if symbol != " ":
            said.append(Said(symbol, at_s, at_s + length_s))
        at_s += length_s
    return said, at_s + edge_s


def random_line(seed: int, symbols: str, frame_s: float = 0.025) -> tuple[list[Said], float]:
    """Phonemes of one to a dozen frames; `frame_s` 0 takes any length down to a millisecond."""
    dice = random.Random(seed)
    phonemes = "".join(dice.choice(symbols) for _ in range(dice.randint(1, 60)))
    lengths = [
        frame_s * dice.choice((1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 12)) or dice.uniform(0.001, 0.3)
        for _ in phonemes
    ]
    return timed(phonemes, lengths, dice.choice((0.025, 0.1)))


def states(rows: Sequence[Row]) -> list[State]:
    """The rows by their start, shapes by name."""
    found: dict[float, dict[str, float]] = {}
    for start_s, shape, weight in rows:
        found.setdefault(start_s, {})[SHAPES[shape]] = weight
    return list(found.items())


def during(rows: Sequence[Row], at_s: float) -> dict[str, float]:
    """The state at a time."""
    return [pose for start_s, pose in states(rows) if start_s <= at_s][-1]
