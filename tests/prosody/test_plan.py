"""A plan is consistent or is not made, and bending it is pure."""

import numpy as np
import pytest

from sidecar.prosody.pitch import transposed
from sidecar.prosody.plan import Phrase, Plan, Speaker

SPEAKER = Speaker("toy", np.arange(12, dtype=np.float32).reshape(3, 4))
PHRASE = Phrase("ab", SPEAKER, SPEAKER)


def plan(f0: list[float]) -> Plan:
    curve = np.array(f0, dtype=np.float32)
    return Plan(PHRASE, np.array([1, 2, 1, 1]), curve, np.zeros_like(curve), 0.025)


VOICED = plan([0, 0, 100, 110, 120, 5, 0, 0, 0, 0])


@pytest.mark.parametrize(("phonemes", "row"), [(0, 0), (1, 0), (2, 1), (3, 2), (99, 2)])
def test_a_speakers_row_follows_the_phrases_length(phonemes: int, row: int):
    assert SPEAKER.row(phonemes).tolist() == SPEAKER.table[row].tolist()


def test_boundaries_add_up_to_the_duration():
    assert VOICED.boundaries_s().tolist() == pytest.approx([0, 0.025, 0.075, 0.1, 0.125])
    assert VOICED.duration_s == pytest.approx(0.125)


@pytest.mark.parametrize(("durations", "steps"), [([1, 1, 1], 6), ([1, 1, 1, 1], 7)])
def test_a_plan_whose_parts_disagree_is_not_made(durations: list[int], steps: int):
    curve = np.zeros(steps, dtype=np.float32)
    with pytest.raises(ValueError, match="for"):
        Plan(PHRASE, np.array(durations), curve, curve, 0.025)


def test_pitch_moves_voiced_steps_only():
    assert transposed(VOICED, 12).f0_hz.tolist() == pytest.approx([0, 0, 200, 220, 240, 5, 0, 0, 0, 0])
    assert VOICED.f0_hz[2] == 100


def test_no_pitch_is_the_very_same_plan():
    assert transposed(VOICED, 0) is VOICED
