"""Bending a plan moves what it says it moves, and nothing else."""

import numpy as np
import pytest

from sidecar.prosody.bend import ROOM_ST, bent, durations, median_hz
from sidecar.prosody.change import NONE, Change
from sidecar.prosody.plan import Phrase, Plan, Speaker
from sidecar.prosody.shape import Shape, shape_of

SPEAKER = Speaker("toy", np.zeros((1, 4), np.float32))
LINE = "hˈɔlt, hˌu ɡˈOz ðˈɛɹ?"
PLAIN = shape_of(LINE)


def plan(seed: int = 0, phonemes: str = LINE) -> Plan:
    """A phrase with a tune about 120 Hz; marks and voiceless sounds have none."""
    chance = np.random.default_rng(seed)
    frames = chance.integers(1, 6, len(phonemes) + 2)
    voiced = np.repeat([False, *(symbol not in "htz,? " for symbol in phonemes), False], 2 * frames)
    steps = 2 * frames.sum()
    tune = 120 * np.exp2(np.cumsum(chance.normal(0, 0.4, steps)) / 12)
    f0 = np.where(voiced, tune, 0).astype(np.float32)
    return Plan(Phrase(phonemes, SPEAKER, SPEAKER), frames, f0, np.ones(steps, np.float32), 0.025)


def semitones(f0_hz: np.ndarray) -> np.ndarray:
    return 12 * np.log2(f0_hz[f0_hz > 10])


def test_no_change_is_the_very_same_plan():
    before = plan()
    after = bent(before, NONE, PLAIN, seed=1)
    assert after.plan is before and not after.gain_db.any()


@pytest.mark.parametrize("seed", range(5))
def test_level_moves_every_voiced_step_and_no_other(seed: int):
    before = plan(seed)
    after = bent(before, Change(f0_st=3), PLAIN, 1).plan
    assert semitones(after.f0_hz) - semitones(before.f0_hz) == pytest.approx(3, abs=0.02)
    assert (after.f0_hz <= 10).tolist() == (before.f0_hz <= 10).tolist()
    assert after.durations_frames is before.durations_frames


@pytest.mark.parametrize("octaves", [-1.0, 0.5])
def test_range_widens_about_the_median(octaves: float):
    before = plan(2)
    after = bent(before, Change(range_oct=octaves), PLAIN, 1).plan
    assert median_hz(after) == pytest.approx(median_hz(before), rel=0.01)
    assert np.std(semitones(after.f0_hz)) / np.std(semitones(before.f0_hz)) == pytest.approx(
        2**octaves, rel=0.05
    )


def test_no_change_takes_a_voice_out_of_its_range():
    before = plan(1)
    for wild in (Change(f0_st=30, range_oct=3), Change(f0_st=-30, range_oct=3)):
        after = semitones(bent(before, wild, PLAIN, 1).plan.f0_hz)
        centre = 12 * np.log2(median_hz(before))
        assert after.max() <= centre + ROOM_ST[1] + 1e-3 and after.min() >= centre + ROOM_ST[0] - 1e-3


@pytest.mark.parametrize("octaves", [-0.5, -0.1, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_tempo_is_right_to_a_frame_over_the_phrase(octaves: float, seed: int):
    before = plan(seed, LINE * 4)
    shape = shape_of(LINE * 4)
    after = durations(before.durations_frames, Change(rate_oct=octaves, pause_oct=-octaves / 2), shape)
    pauses = shape.pause[1:-1] > 0
    wanted = before.durations_frames[1:-1][~pauses].sum() * 2**-octaves + before.durations_frames[1:-1][
        pauses
    ].sum() * 2 ** (-octaves / 2 - octaves / 2)
    slack = (after[1:-1] == 1).sum() if octaves > 0 else 1  # a phoneme has a frame at least
    assert abs(after[1:-1].sum() - wanted) <= 1 + slack
    assert after[0] == before.durations_frames[0] and after[-1] == before.durations_frames[-1]
    assert after.min() >= 1


def test_curves_keep_their_shape_at_another_pace():
    before = plan(3)
    after = bent(before, Change(rate_oct=-1), PLAIN, 1).plan
    assert after.f0_hz.shape == (2 * after.frames,)
    assert np.median(semitones(after.f0_hz)) == pytest.approx(np.median(semitones(before.f0_hz)), abs=0.3)
    assert semitones(after.f0_hz).max() <= semitones(before.f0_hz).max() + 1e-3
    assert not ((after.f0_hz > 0) & (after.f0_hz < 60)).any()  # nothing between voiced and unvoiced


def test_accents_lift_stressed_syllables_more_than_others():
    before = plan(1)
    after = bent(before, Change(accent_st=4, accent_db=4), PLAIN, 1)
    stressed = np.repeat(PLAIN.stress >= 1, 2 * before.durations_frames)
    voiced = before.f0_hz > 10
    lift = 12 * np.log2(np.where(voiced, after.plan.f0_hz, 1) / np.where(voiced, before.f0_hz, 1))
    assert lift[voiced & stressed].mean() > 1.5 * lift[voiced & ~stressed].mean() > 0
    assert after.gain_db[stressed].mean() > after.gain_db[~stressed].mean()


def test_a_question_keeps_its_rise():
    before = plan(1)
    asked = bent(before, Change(final_st=-6), PLAIN, 1).plan
    assert asked.f0_hz.tolist() == pytest.approx(before.f0_hz.tolist())
    said = bent(before, Change(final_st=-6), shape_of(LINE[:-1] + "."), 1).plan
    assert semitones(said.f0_hz)[-2:].mean() < semitones(before.f0_hz)[-2:].mean() - 1


def test_trembling_follows_the_seed():
    shaky = Change(jitter_st=0.3, tremor_st=0.5)
    first, again, other = (bent(plan(), shaky, PLAIN, seed).plan.f0_hz for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert np.std(semitones(first) - semitones(plan().f0_hz)) > 0.2


def marked(**weights: float) -> Shape:
    """`LINE` with its third word marked."""
    where = range(LINE.index("ɡ"), LINE.index("z") + 1)
    rows = {
        name: [value if at in where else 0.0 for at in range(len(LINE))] for name, value in weights.items()
    }
    return shape_of(LINE, **rows)


def test_a_word_in_capitals_is_longer_higher_and_louder_even_when_neutral():
    before, shape = plan(1), marked(emphasis=1.0)
    after = bent(before, NONE, shape, 1)
    inside = shape.emphasis > 0
    assert after.plan.durations_frames[inside].sum() > before.durations_frames[inside].sum()
    assert after.plan.durations_frames[~inside].sum() <= before.durations_frames[~inside].sum() + 1
    assert after.gain_db.max() > 1


def test_a_stretched_word_is_drawn_out():
    before = plan(1)
    after = bent(before, NONE, marked(stretch=0.5), 1).plan
    assert after.frames > before.frames


def test_what_trails_off_ends_slower():
    line = LINE[:-1] + "…"
    before = plan(1, line)
    assert bent(before, NONE, shape_of(line), 1).plan.frames > before.frames
