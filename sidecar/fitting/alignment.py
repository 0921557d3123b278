"""Which stretch of a recording each phoneme is: a known voice says the same, and time is warped between the
two.

Dynamic time warping (Sakoe & Chiba 1978) on mel-frequency cepstra and their movement, by cosine. Between
shipped voices, whose durations are known, the mean error was 6 to 16 ms; steps of limited slope did worse.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from sidecar.fitting.curves import energy_of, f0_of
from sidecar.fitting.spectra import log_mel
from sidecar.prosody.f0 import Doubles, Floats, Ints
from sidecar.prosody.plan import Phrase, Plan

_CEPSTRA, _FIRST_WEIGHT, _MOVEMENT_WEIGHT = 13, 0.6, 2.0
_RANGE_NEPERS = 8.0
FRAME_SAMPLES = 600  #: of a frame of 25 ms, in which durations count
_STEPS_A_FRAME = 2  # features, F0 and energy have two steps for each frame of a duration


def aligned(recording: Floats, plans: Sequence[Plan], spoken: Sequence[Floats]) -> tuple[list[Plan], float]:
    """A recording at 24 kHz as the plans of its phrases, and how far it is from `spoken`, the same phrases by
    a known voice, in 0 (alike) to 2. Frames of 25 ms; every token has one at least."""
    others = np.concatenate(spoken)
    path, distance = warped(_costs(_features(others), _features(recording)))
    ends = _token_ends(plans)
    at = np.interp(ends * _STEPS_A_FRAME, path[:, 0], path[:, 1]) / _STEPS_A_FRAME
    frames = len(recording) // FRAME_SAMPLES
    edges = _apart(np.round(at).astype(np.int64), frames)
    return list(_cut(recording, [plan.phrase for plan in plans], edges)), distance


def _cut(recording: Floats, phrases: Sequence[Phrase], edges: Ints) -> Iterator[Plan]:
    """A plan a phrase: its durations, and the recording's F0 and energy."""
    steps = _STEPS_A_FRAME * int(edges[-1])
    f0, energy = f0_of(recording, steps), energy_of(recording, steps)
    at = 0
    for phrase in phrases:
        tokens = len(phrase.phonemes) + 2
        first, end = (_STEPS_A_FRAME * int(edges[side]) for side in (at, at + tokens))
        durations = np.diff(edges[at : at + tokens + 1])
        yield Plan(phrase, durations, f0[first:end].copy(), energy[first:end].copy(), 0.025)
        at += tokens


def _token_ends(plans: Sequence[Plan]) -> Ints:
    """Where each token of all phrases begins, and where the last ends, in frames."""
    return np.concatenate([[0], np.cumsum(np.concatenate([plan.durations_frames for plan in plans]))])


def _apart(edges: Ints, frames: int) -> Ints:
    """The nearest edges with a frame between any two, from 0 to `frames`. Raises `ValueError` for too few."""
    if frames < len(edges) - 1:
        raise ValueError(f"{frames} frames for {len(edges) - 1} tokens")
    order = np.arange(len(edges))
    rising = np.maximum.accumulate(np.clip(edges, 0, frames) - order)
    rising = np.minimum(rising, frames - order[-1])
    result = rising + order
    result[0], result[-1] = 0, frames
    return result


def warped(costs: Floats) -> tuple[Ints, float]:
    """The cheapest path through [N, M], its pairs of indices [steps, 2] in order, and its mean cost a
    step."""
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    back = np.zeros((rows, columns), np.uint8)
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(diagonal, rows - 1) + 1)
        j = diagonal - i
        before = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        back[i, j] = best = before.argmin(0)
        total[i + 1, j + 1] = costs[i, j] + np.take_along_axis(before, best[None], 0)[0]
    path = _followed(back)
    return path, float(total[rows, columns]) / len(path)


def _followed(back: np.ndarray) -> Ints:
    i, j = back.shape[0] - 1, back.shape[1] - 1
    path = [(i, j)]
    while i or j:
        step = back[i, j]
        i, j = i - (step != 2), j - (step != 1)
        path.append((i, j))
    return np.array(path[::-1])


def _costs(a: Doubles, b: Doubles) -> Floats:
    """1 - cosine of features [steps, width] of each pair of steps."""
    unit = [x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) for x in (a, b)]
    return (1 - unit[0] @ unit[1].T).astype(np.float32)


def _features(samples: Floats) -> Doubles:
    """Samples at 24 kHz -> [steps, 2 * _CEPSTRA], 80 a second."""
    mel = log_mel(torch.from_numpy(samples)[None], 1024)[0].numpy().astype(np.float64)
    cepstra = np.maximum(mel, mel.max() - _RANGE_NEPERS).T @ _cosines(mel.shape[0])
    cepstra -= cepstra.mean(0)
    cepstra[:, 0] *= _FIRST_WEIGHT
    return np.concatenate([cepstra, _MOVEMENT_WEIGHT * _movement(cepstra)], axis=1)


def _cosines(bands: int) -> Doubles:
    """[bands, _CEPSTRA]: the first of an orthonormal cosine transform."""
    rows = np.cos(np.pi * (np.arange(bands)[:, None] + 0.5) * np.arange(_CEPSTRA) / bands) * np.sqrt(
        2 / bands
    )
    rows[:, 0] /= np.sqrt(2)
    return rows


def _movement(x: Doubles) -> Doubles:
    """The slope over five steps."""
    padded = np.pad(x, ((2, 2), (0, 0)), mode="edge")
    return (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
