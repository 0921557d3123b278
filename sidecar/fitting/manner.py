"""A manner of speaking fitted to a person: gradients through the network's first half, which says how long
each phoneme lasts and how high it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sidecar.engines.tunable import Space, Tunable
from sidecar.prosody.f0 import Floats
from sidecar.prosody.plan import UNVOICED_UNDER_HZ, Plan
from sidecar.prosody.traits import Traits

STEPS = 48
_RATE, _LAST_SHARE, _NEARNESS, _MOST_GRADIENT = 0.15, 0.4, 0.3, 2.0
_FARTHEST_ST, _LOUD_SHARE, _ENERGY_WEIGHT = 8.0, 0.4, 0.1
_LEAST_VOICE = 10  # steps that a tune is measured over
_LOW, _HIGH = 0.16, 0.84  # quantiles whose distance is two deviations, as in `Traits.range_st`

Told = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Goal:
    """What a recording without a text asks of a manner: medians over whole phrases."""

    middle_st: float
    range_st: float
    frames_a_phoneme: float


def goal_of(traits: Traits, phonemes_per_syllable: float = 2.6, frame_s: float = 0.025) -> Goal:
    """From how a person speaks; syllables are heard in a recording, phonemes are not."""
    seconds = 1 / max(traits.syllables_per_s, 1.0) / phonemes_per_syllable
    return Goal(12 * math.log2(traits.middle_hz), traits.range_st, seconds / frame_s)


def fitted_manner(
    tuning: Tunable, space: Space, start: Floats, plans: Sequence[Plan], own: Sequence[Plan], goal: Goal,
    told: Told, steps: int = STEPS,
) -> Floats:  # fmt: skip
    """The manner [width] that speaks phrases as `plans`, read off a recording, say, in turn with what makes a
    `goal` of `own`, phrases in other words. Starts from a known voice's."""
    z = space.of_numbers(start).requires_grad_()
    adam = torch.optim.Adam([z], _RATE)
    for step in range(steps):
        adam.param_groups[0]["lr"] = _RATE * min(1.0, (steps - step) / (_LAST_SHARE * steps))
        if plans and step % 2 == 0:
            sound = _as_recorded(tuning, space.numbers(z), plans[step // 2 % len(plans)])
        else:
            sound = _towards(goal, tuning, space.numbers(z), own[step // 2 % len(own)], has_words=bool(plans))
        loss = sound + _NEARNESS * z.square().mean()
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([z], _MOST_GRADIENT)
        adam.step()
        told(step + 1)
    manner: Floats = space.numbers(z.detach()).cpu().numpy()
    return manner


def _as_recorded(tuning: Tunable, manner: Tensor, plan: Plan) -> Tensor:
    said = tuning.predict(plan, manner)
    wanted = torch.from_numpy(plan.durations_frames[1:-1].copy()).to(manner.device)
    return _tempo(said.frames[0, 1:-1], wanted) + _tune(said.f0_hz, plan) + _force(said.energy, plan)


def _tempo(said: Tensor, wanted: Tensor) -> Tensor:
    each = torch.log(said.clamp_min(0.5) / wanted).abs().mean()
    return each + torch.log(said.sum() / wanted.sum()).abs()


def _tune(said_hz: Tensor, plan: Plan) -> Tensor:
    wanted_hz = torch.from_numpy(plan.f0_hz).to(said_hz.device)[None]
    both = (wanted_hz > 0) & (said_hz.detach() > UNVOICED_UNDER_HZ)
    if not both.any():
        return said_hz.sum() * 0
    off = 12 * torch.log2(said_hz[both].clamp_min(UNVOICED_UNDER_HZ) / wanted_hz[both])
    return (off.abs().clamp_max(_FARTHEST_ST).mean() + off.median().abs()) / 3


def _force(said: Tensor, plan: Plan) -> Tensor:
    wanted = torch.from_numpy(plan.energy).to(said.device)[None]
    loud = wanted > wanted.quantile(_LOUD_SHARE)
    return _ENERGY_WEIGHT * (said - wanted)[loud].abs().mean()


def _semitones(hz: Tensor) -> Tensor:
    voiced = hz[hz.detach() > UNVOICED_UNDER_HZ]
    return 12 * torch.log2(voiced.clamp_min(UNVOICED_UNDER_HZ))


def _towards(goal: Goal, tuning: Tunable, manner: Tensor, plan: Plan, *, has_words: bool) -> Tensor:
    """How far a phrase is from the goal; of its tempo only where no words tell better."""
    said = tuning.predict(plan, manner)
    tempo = torch.log(said.frames[0, 1:-1].mean() / goal.frames_a_phoneme).abs() * (not has_words)
    tune_st = _semitones(said.f0_hz)
    if len(tune_st) < _LEAST_VOICE:
        return tempo
    low, middle, high = (torch.quantile(tune_st, q) for q in (_LOW, 0.5, _HIGH))
    width = ((high - low) / 2 - goal.range_st).abs()
    return tempo + ((middle - goal.middle_st).abs() + width) / 3
