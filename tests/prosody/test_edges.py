"""Silence around a phrase is cut, never added, and the curves keep in step."""

import numpy as np
import pytest

from sidecar.prosody.edges import with_edges
from sidecar.prosody.plan import Phrase, Plan, Speaker

VOICE = Speaker("a", np.zeros((1, 4), np.float32))


def plan(*durations: int) -> Plan:
    steps = 2 * sum(durations)
    curve = np.arange(steps, dtype=np.float32)
    return Plan(Phrase("ab", VOICE, VOICE), np.array(durations), curve, -curve, 0.025)


def test_silence_is_cut_and_the_curves_with_it():
    cut = with_edges(plan(13, 2, 3, 7), lead_s=0.1, tail_s=0.05)
    assert cut.durations_frames.tolist() == [4, 2, 3, 2]
    assert cut.f0_hz.tolist() == list(range(18, 40))
    assert np.array_equal(cut.energy, -cut.f0_hz)


def test_a_plan_with_short_edges_is_the_very_same():
    short = plan(2, 2, 3, 1)
    assert with_edges(short, 0.1, 0.1) is short


@pytest.mark.parametrize("asked_s", [0.0, 0.001])
def test_a_frame_is_always_left(asked_s: float):
    assert with_edges(plan(5, 1, 1, 5), asked_s, asked_s).durations_frames.tolist() == [1, 1, 1, 1]
