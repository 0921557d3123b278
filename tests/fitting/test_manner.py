import math
from dataclasses import replace

import numpy as np
import torch

from sidecar.fitting.manner import Goal, fitted_manner, goal_of
from sidecar.prosody.traits import Traits
from tests.fitting.toys import VOICES, ToyTuning, plan

TUNING = ToyTuning()
NAMES = tuple(VOICES)
GOAL = Goal(12 * math.log2(120), 0.5, 5.0)
TRAITS = Traits(9.0, 40.0, 90.0, 110.0, 3.0, 0.0, 0.0, 4.5, 0.3, -20.0, 6.0, -6.0, 15.0, 0.2)


def test_a_manner_speaks_as_fast_and_as_high_as_the_recording() -> None:
    wanted = replace(plan(40), f0_hz=np.full(80, 120, np.float32))
    steps: list[int] = []
    manner = fitted_manner(
        TUNING, TUNING.manners(NAMES), VOICES["a"][1], [wanted], [plan()], GOAL, steps.append, 60
    )
    said = TUNING.predict(wanted, torch.from_numpy(manner))
    before = TUNING.predict(wanted, torch.from_numpy(VOICES["a"][1]))
    assert abs(12 * math.log2(float(said.f0_hz.median()) / 120)) < 0.5
    assert _tempo_off(said.frames) < 0.5 * _tempo_off(before.frames)
    assert steps == [*range(1, 61)]


def _tempo_off(frames: torch.Tensor) -> float:
    return abs(math.log(float(frames.mean()) / 5))


def test_without_words_medians_are_asked_for() -> None:
    goal = Goal(12 * math.log2(125), 0.5, 5.0)
    manner = fitted_manner(
        TUNING, TUNING.manners(NAMES), VOICES["a"][1], [], [plan()], goal, lambda _: None, 60
    )
    said = TUNING.predict(plan(), torch.from_numpy(manner))
    assert abs(12 * math.log2(float(said.f0_hz.median()) / 125)) < 0.5


def test_a_goal_is_read_off_how_a_person_speaks() -> None:
    goal = goal_of(TRAITS)
    assert goal.middle_st == 12 * math.log2(110)
    assert goal.range_st == 3.0
    assert 3 < goal.frames_a_phoneme < 4  # 85 ms


def test_a_silent_recording_gives_no_error() -> None:
    silent = replace(plan(), f0_hz=np.zeros(96, np.float32))
    assert np.isfinite(
        fitted_manner(
            TUNING, TUNING.manners(NAMES), VOICES["b"][1], [silent], [silent], GOAL, lambda _: None, 3
        )
    ).all()
