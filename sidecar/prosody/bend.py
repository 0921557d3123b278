"""Bending a plan: durations, F0 and energy as a change and the shape of the phrase ask for.

Ranges act in semitones about the phrase's own median; the result is held inside a voice's natural range by
a soft limit, so that an emotion never takes a voice to where it is somebody else's.
"""

from dataclasses import dataclass, replace

import numpy as np

from sidecar.prosody.change import Change
from sidecar.prosody.pitch import VOICED_ABOVE_HZ
from sidecar.prosody.plan import Floats, Ints, Plan, Reals
from sidecar.prosody.shape import Shape

EASE_S = 0.1  #: how long F0 and energy take from one phoneme's target to the next
ROOM_ST = (-10.0, 15.0)  #: how far under and over its neutral median a voice is still itself
SOFT_ST = 3.0  #: from how far before such a limit it is approached gently
TREMOR_HZ = 5.5
EMPHASIS_ST, EMPHASIS_OCT, EMPHASIS_ENERGY, EMPHASIS_DB = 2.5, 0.3, 0.6, 2.0
STRETCH_OCT, TRAILING_OCT, TRAILING_PAUSE_OCT = 1.0, 0.25, 0.7
PAUSE_SHARE = 0.5  #: how far pauses follow the tempo
EXCLAIMED = 1.3  #: how much stronger an emotion's accents are in an exclamation


@dataclass(frozen=True, eq=False)
class Bent:
    """A plan, and the gain in dB [2 * frames] that goes with its stresses."""

    plan: Plan
    gain_db: Floats


def bent(plan: Plan, change: Change, shape: Shape, seed: int) -> Bent:
    """The plan changed; the very same one where nothing is asked for. `seed` decides jitter and tremor."""
    if change.is_none and not shape.is_marked:
        return Bent(plan, np.zeros(2 * plan.frames, np.float32))
    timed = with_durations(plan, durations(plan.durations_frames, change, shape))
    f0_hz = tuned(timed.f0_hz, median_hz(plan), change, curve(offsets_st(change, shape), timed))
    f0_hz = unsteady(f0_hz, change, 2 / timed.frame_s, seed)
    marked = shape.emphasis * shape.stress
    energy = timed.energy + curve(change.energy * (1 - shape.pause) + EMPHASIS_ENERGY * marked, timed)
    gain_db = curve(change.accent_db * strength(shape) + EMPHASIS_DB * shape.emphasis, timed)
    return Bent(replace(timed, f0_hz=f0_hz, energy=energy), gain_db)


def median_hz(plan: Plan) -> float:
    """F0's median over the voiced steps; 0 where there are none."""
    voiced = plan.f0_hz[plan.f0_hz > VOICED_ABOVE_HZ]
    return float(np.median(voiced)) if len(voiced) else 0.0


def strength(shape: Shape) -> Floats:
    """How strongly an emotion accents each token."""
    return (shape.stress * np.where(shape.exclaims > 0, EXCLAIMED, 1)).astype(np.float32)


def offsets_st(change: Change, shape: Shape) -> Floats:
    """Semitones added to F0 at each token [n + 2]. A question keeps its rise: no fall is added to it."""
    final = np.where(shape.asks > 0, max(change.final_st, 0), change.final_st)
    offsets: Floats = (
        change.f0_st
        + change.slope_st * (shape.place - 0.5)
        + final * shape.final
        + change.accent_st * strength(shape)
        + EMPHASIS_ST * shape.emphasis * shape.stress
    ).astype(np.float32)
    return offsets


def durations(frames: Ints, change: Change, shape: Shape) -> Ints:
    """New frames of each token [n + 2], each at least 1; the silences around stay. What rounding takes from
    one phoneme the next one gets, so that the tempo is right to a frame."""
    octaves = (
        -change.rate_oct * np.where(shape.pause > 0, PAUSE_SHARE, 1)
        + change.pause_oct * shape.pause
        + change.vowel_oct * shape.vowel
        + (change.stress_oct + EMPHASIS_OCT * shape.emphasis) * shape.stress
        + change.final_oct * shape.final
        + STRETCH_OCT * shape.stretch * (shape.stress > 0)
        + (TRAILING_OCT * (1 - shape.pause) + TRAILING_PAUSE_OCT * shape.pause) * shape.trailing
    )
    wanted = frames[1:-1] * np.exp2(octaves[1:-1])
    ends = np.maximum.accumulate(np.round(np.cumsum(wanted)).astype(np.int64))
    inner = np.maximum(np.diff(ends, prepend=0), 1)
    return np.concatenate([frames[:1], inner, frames[-1:]])


def with_durations(plan: Plan, frames: Ints) -> Plan:
    """The plan at another pace: each token's curves are stretched over its new frames."""
    if np.array_equal(frames, plan.durations_frames):
        return plan
    old, new = 2 * plan.durations_frames, 2 * frames
    starts = np.repeat(np.cumsum(old) - old, new)
    inside = np.arange(new.sum()) - np.repeat(np.cumsum(new) - new, new)
    at = starts + (inside + 0.5) * np.repeat(old / np.maximum(new, 1), new) - 0.5
    return replace(
        plan, durations_frames=frames, f0_hz=sampled_f0(plan.f0_hz, at), energy=sampled(plan.energy, at)
    )


def sampled(values: Floats, at: Reals) -> Floats:
    """`values` between their points."""
    return np.interp(at, np.arange(len(values)), values).astype(np.float32)


def sampled_f0(f0_hz: Floats, at: Reals) -> Floats:
    """As `sampled`, but nothing lies between voiced and unvoiced: there the nearer point counts."""
    last = len(f0_hz) - 1
    low = np.clip(np.floor(at), 0, last).astype(np.int64)
    high = np.minimum(low + 1, last)
    voiced = (f0_hz[low] > VOICED_ABOVE_HZ) & (f0_hz[high] > VOICED_ABOVE_HZ)
    nearest = f0_hz[np.clip(np.round(at), 0, last).astype(np.int64)]
    return np.where(voiced, sampled(f0_hz, at), nearest).astype(np.float32)


def curve(values: Floats, plan: Plan) -> Floats:
    """A value a token -> a smooth curve [2 * frames] of steps of half a frame."""
    steps = np.repeat(values, 2 * plan.durations_frames)
    width = max(1, round(2 * EASE_S / plan.frame_s) | 1)
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(steps, width // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid").astype(np.float32)


def tuned(f0_hz: Floats, centre_hz: float, change: Change, offsets: Floats) -> Floats:
    """Voiced F0 about `centre_hz`: its excursions widened, moved by `offsets` in semitones, limited."""
    voiced = f0_hz > VOICED_ABOVE_HZ
    if not voiced.any():
        return f0_hz
    excursions_st = 12 * np.log2(np.where(voiced, f0_hz, centre_hz) / centre_hz)
    wanted_st = excursions_st * 2**change.range_oct + offsets
    lowest, highest = (min(ROOM_ST[0], excursions_st.min()), max(ROOM_ST[1], excursions_st.max()))
    limited = softly_limited(wanted_st, lowest, highest)
    return np.where(voiced, centre_hz * np.exp2(limited / 12), f0_hz).astype(np.float32)


def softly_limited(values: Reals, lowest: float, highest: float) -> Reals:
    """Untouched well inside, approaching the limits and never beyond them; strictly rising."""
    over = values - (highest - SOFT_ST)
    under = (lowest + SOFT_ST) - values
    bounded = np.where(over > 0, highest - SOFT_ST + SOFT_ST * np.tanh(over / SOFT_ST), values)
    return np.where(under > 0, lowest + SOFT_ST - SOFT_ST * np.tanh(under / SOFT_ST), bounded)


def unsteady(f0_hz: Floats, change: Change, steps_per_s: float, seed: int) -> Floats:
    """With jitter (each step by chance) and tremor (a slow wave that is not quite regular)."""
    if change.jitter_st <= 0 and change.tremor_st <= 0:
        return f0_hz
    chance = np.random.default_rng([seed, 1])
    at_s = np.arange(len(f0_hz)) / steps_per_s
    wander = np.cumsum(chance.standard_normal(len(f0_hz))) * 0.15
    wave = np.sin(2 * np.pi * TREMOR_HZ * at_s + chance.uniform(0, 2 * np.pi) + wander)
    moved_st = change.jitter_st * chance.standard_normal(len(f0_hz)) + change.tremor_st * wave
    return np.where(f0_hz > VOICED_ABOVE_HZ, f0_hz * np.exp2(moved_st / 12), f0_hz).astype(np.float32)
