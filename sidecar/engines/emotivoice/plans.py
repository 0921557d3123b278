"""A plan in the terms of every engine's plans, over what the acoustic model predicts for each of its tokens.

Units. The model's pitch and energy are standard deviations from the mean of its training data, one number a
token. Pitch was F0 in hertz, so `Plan.f0_hz` is ``225.089 + 53.78 * pitch``, constant over a token's frames;
training filled unvoiced stretches in, so there is always an F0. Energy was the L2 norm E of a
frame's magnitude spectrum (``30.61 + 21.78 * energy``); `Plan.energy` is ``asinh(E)``: near ln(2 E), so that
a step is a factor as in the other engines, and defined where a prediction falls below 0.

Durations. A group's frames (`spelling.py`) are laid on its main symbol, but one on each of the others where
there are enough: so whoever bends a plan and gives every symbol a frame at least makes nothing longer.
Going back, a group's new frames are shared among its tokens as they were; a token's pitch and energy are the
means over its frames, and one without frames keeps its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from sidecar.engines.emotivoice.spelling import Group
from sidecar.prosody.plan import Floats, Ints, Plan, Reals

PITCH_MEAN_HZ, PITCH_SPREAD_HZ = 225.089, 53.78
ENERGY_MEAN, ENERGY_SPREAD = 30.610, 21.78


class TokenProsody(NamedTuple):
    """Frames, and pitch and energy in the model's units, each [T]."""

    frames: Ints
    pitch: Floats
    energy: Floats


@dataclass(frozen=True, eq=False)
class TokenPlan(Plan):
    """A plan that remembers its tokens: `predicted` for each, and what they say, `text` [T, width]."""

    can_rest: ClassVar[bool] = False
    groups: tuple[Group, ...]
    predicted: TokenProsody
    text: Floats

    def wanted(self) -> TokenProsody:
        """Each token's prosody as the plan asks for, which may have been bent since it was made."""
        frames = tokens_frames(self.groups, self.predicted.frames, self.durations_frames)
        return TokenProsody(
            frames,
            to_pitch(means(self.f0_hz, frames, to_hz(self.predicted.pitch))),
            to_energy(means(self.energy, frames, to_force(self.predicted.energy))),
        )


def to_hz(pitch: Reals) -> Reals:
    return PITCH_MEAN_HZ + PITCH_SPREAD_HZ * pitch.astype(np.float64)


def to_pitch(hz: Reals) -> Floats:
    return ((hz - PITCH_MEAN_HZ) / PITCH_SPREAD_HZ).astype(np.float32)


def to_force(energy: Reals) -> Reals:
    """Standard deviations -> the plan's log-like unit."""
    return np.arcsinh(ENERGY_MEAN + ENERGY_SPREAD * energy.astype(np.float64))


def to_energy(force: Reals) -> Floats:
    return ((np.sinh(force) - ENERGY_MEAN) / ENERGY_SPREAD).astype(np.float32)


def at_speed(frames: Ints, speed: float) -> Ints:
    """Frames of each token at another pace, right in sum to a frame; at 1 the very same."""
    return steps(np.round(np.cumsum(frames) / speed).astype(np.int64))


def steps(ends: Ints) -> Ints:
    """Ends of consecutive runs -> their lengths."""
    return ends - np.concatenate([[0], ends[:-1]])


def symbols_frames(groups: Sequence[Group], frames: Ints) -> Ints:
    """Frames of each token [T] -> of each symbol [n + 2]."""
    symbols: list[int] = []
    for group, total in zip(groups, totals([len(group.tokens) for group in groups], frames), strict=True):
        share = 1 if total >= group.symbols else 0
        of_group = [share] * group.symbols
        of_group[group.main] = total - share * (group.symbols - 1)
        symbols += of_group
    return np.array(symbols, dtype=np.int64)


def tokens_frames(groups: Sequence[Group], predicted: Ints, symbols: Ints) -> Ints:
    """Frames of each symbol [n + 2] -> of each token [T], shared in a group as was predicted."""
    wanted = totals([group.symbols for group in groups], symbols)
    tokens, at = np.empty_like(predicted), 0
    for group, total in zip(groups, wanted, strict=True):
        part = slice(at, at := at + len(group.tokens))
        own = predicted[part] if predicted[part].sum() else np.ones_like(predicted[part])
        tokens[part] = steps(np.round(np.cumsum(own) * (total / own.sum())).astype(np.int64))
    return tokens


def totals(sizes: Sequence[int], values: Ints) -> list[int]:
    """Sums of consecutive runs of `values`."""
    return [int(run.sum()) for run in np.split(values, np.cumsum(sizes)[:-1])]


def curve(values: Reals, frames: Ints) -> Floats:
    """A value a token -> two steps a frame."""
    return np.repeat(values, 2 * frames).astype(np.float32)


def means(curve: Floats, frames: Ints, fallback: Reals) -> Reals:
    """Two steps a frame -> each token's mean; `fallback` for tokens without frames."""
    ends = np.cumsum(2 * frames)
    until = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    sums = until[ends] - until[ends - 2 * frames]
    return np.where(frames > 0, sums / np.maximum(2 * frames, 1), fallback)
