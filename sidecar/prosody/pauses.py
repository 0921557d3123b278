"""What a model hurries over in short phrases: pauses at their inner marks, and murmurs without a vowel."""

import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sidecar.prosody.bend import with_durations
from sidecar.prosody.plan import Ints, Plan
from sidecar.prosody.shape import LENGTHENING, PAUSES, STRESS, VOWELS

#: From the last phoneme before a mark to the first behind it, at speed 1. A tenth of a second of it is heard
#: as the sound that dies away, and as the next one's onset.
SHORTEST_S = {".": 0.35, "!": 0.35, "?": 0.35, "…": 0.35, "—": 0.3}
MURMUR_S = 0.45  #: all of a phrase's one consonant
STEADY_PERCENTILE = 75
_GAP = re.compile(f"[ {re.escape(''.join(PAUSES))}]+")


def with_pauses(plan: Plan) -> Plan:
    """The plan with no pause at an inner mark shorter than `SHORTEST_S`, and no murmur than `MURMUR_S`.

    Never shortens; a plan that is long enough everywhere is returned as it is.
    """
    frames = plan.durations_frames.copy()
    rests = short_rests(plan)
    for mark, missing in rests.items():
        frames[mark] += missing
    longer = lasting(with_durations(plan, frames))
    return silenced(longer, list(rests)) if rests and plan.can_rest else longer


def lasting(plan: Plan) -> Plan:
    """The plan with `MURMUR_S` for a murmur, and silence behind it, where some would burst out."""
    phonemes, murmur = plan.phrase.phonemes, murmured(plan.phrase.phonemes)
    frames = plan.durations_frames.copy()
    if not murmur or (missing := _frames(plan, MURMUR_S) - int(frames[murmur].sum())) <= 0:
        return plan
    frames[murmur] += shares(missing, len(murmur))
    longer = steady(with_durations(plan, frames), murmur)
    marks = [at for at, symbol in enumerate(phonemes, start=1) if symbol in PAUSES]
    return silenced(longer, marks) if plan.can_rest else longer


def short_rests(plan: Plan) -> dict[int, int]:
    """The token of each inner mark that has too few frames, with the spaces and marks beside it -> how many
    are missing."""
    found = {}
    for gap in _GAP.finditer(plan.phrase.phonemes):
        if gap.start() == 0 or gap.end() == len(plan.phrase.phonemes):
            continue
        floors = {gap.start() + at: SHORTEST_S.get(mark, 0) for at, mark in enumerate(gap.group())}
        mark = max(floors, key=lambda at: floors[at])
        there = plan.durations_frames[gap.start() + 1 : gap.end() + 1].sum()
        if (missing := _frames(plan, floors[mark]) - int(there)) > 0:
            found[mark + 1] = missing
    return found


def murmured(phonemes: str) -> list[int]:
    """The tokens of a phrase that is nothing but one consonant, however often; else none."""
    said = {symbol: at for at, symbol in enumerate(phonemes) if symbol.isalpha() and symbol not in STRESS}
    consonants = said.keys() - VOWELS - LENGTHENING
    if len(consonants) != 1 or said.keys() & VOWELS:
        return []
    return [at + 1 for at, symbol in enumerate(phonemes) if symbol in consonants]


def silenced(plan: Plan, tokens: list[int]) -> Plan:
    """The plan with nothing to be heard in those tokens: no voice, and the least energy there is."""
    steps = _steps(plan, tokens)
    return replace(
        plan,
        f0_hz=np.where(steps, np.float32(0), plan.f0_hz),
        energy=np.where(steps, plan.energy.min(), plan.energy),
    )


def steady(plan: Plan, tokens: list[int]) -> Plan:
    """The plan with no less energy in those tokens than in a good moment of theirs: a short sound that dies
    away would be silent for most of a longer one."""
    steps = _steps(plan, tokens)
    least = np.float32(np.percentile(plan.energy[steps], STEADY_PERCENTILE))
    return replace(plan, energy=np.where(steps, np.maximum(plan.energy, least), plan.energy))


def _steps(plan: Plan, tokens: list[int]) -> npt.NDArray[np.bool_]:
    """Which half frames are those tokens'."""
    chosen = np.zeros(len(plan.durations_frames), bool)
    chosen[tokens] = True
    return np.repeat(chosen, 2 * plan.durations_frames)


def shares(frames: int, tokens: int) -> Ints:
    """So many frames for so many tokens, as evenly as may be."""
    return np.array([frames * (at + 1) // tokens - frames * at // tokens for at in range(tokens)])


def _frames(plan: Plan, seconds: float) -> int:
    return round(seconds / plan.phrase.speed / plan.frame_s)
