"""What a timbre is fitted by: stretches of a recording that are spoken again, and of sentences of ours.

All are about as long, 1.8 s: a norm over less time gives other statistics than lines have, more takes
gigabytes, and for each new length the processor's library keeps memory of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from sidecar.engines.tunable import Said, Tunable
from sidecar.fitting.alignment import FRAME_SAMPLES
from sidecar.prosody.f0 import Floats
from sidecar.prosody.plan import Plan

FRAMES, _LEAST_FRAMES = 72, 30
_SILENT = 1e-5  # mean power


@dataclass(frozen=True, eq=False)
class Crop:
    """Some frames of the recording: the network's inputs, and the samples [1, N] at 24 kHz."""

    said: Said
    heard: Tensor


@dataclass(frozen=True, eq=False)
class Sentence:
    """Some frames of one of ours, spoken with the fitted manner."""

    said: Said


def crops(tuning: Tunable, plans: Sequence[Plan], heard: Floats) -> Iterator[Crop]:
    """Of a recording [N] at 24 kHz, given as `plans` of its phrases in order, what holds speech."""
    at = 0
    for plan in plans:
        whole = tuning.said(plan)
        for first, end in stretches(plan.frames):
            samples = heard[FRAME_SAMPLES * (at + first) : FRAME_SAMPLES * (at + end)]
            if float(np.mean(np.square(samples))) > _SILENT:
                yield Crop(
                    tuning.cut(whole, first, end), torch.from_numpy(samples.copy())[None].to(tuning.device)
                )
        at += plan.frames


def sentences(tuning: Tunable, plans: Sequence[Plan]) -> Iterator[Sentence]:
    for plan in plans:
        whole = tuning.said(plan)
        for first, end in stretches(plan.frames):
            yield Sentence(tuning.cut(whole, first, end))


def stretches(frames: int) -> list[tuple[int, int]]:
    """Of `FRAMES`, evenly spread over a phrase, together all of it; a short phrase is one, a shorter none."""
    if frames < FRAMES:
        return [(0, frames)] if frames >= _LEAST_FRAMES else []
    count = -(-frames // FRAMES)
    firsts = np.linspace(0, frames - FRAMES, count).round().astype(int)
    return [(int(first), int(first) + FRAMES) for first in firsts]


def in_turn(recorded: Sequence[Crop], own: Sequence[Sentence], seed: int) -> list[Crop | Sentence]:
    """Two crops for each sentence, in an order by the seed; sentences alone where nothing was recorded."""
    random = np.random.default_rng(seed)
    first, second = ([items[at] for at in random.permutation(len(items))] for items in (recorded, own))
    if not first:
        return list(second)
    half = -(-len(first) // 2)
    rounds = zip_longest(first[:half], (list(second) * half)[:half], first[half:])
    return [item for each in rounds for item in each if item is not None]
