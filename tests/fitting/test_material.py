import numpy as np
import pytest

from sidecar.fitting.material import FRAMES, Crop, crops, in_turn, sentences, stretches
from tests.fitting.toys import ToyTuning, plan

TUNING = ToyTuning()
LONG = 2 * FRAMES


def test_crops_hold_what_their_frames_say_and_leave_silence_out() -> None:
    heard = np.random.default_rng(0).normal(0, 0.1, LONG * 600).astype(np.float32)
    heard[: len(heard) // 2] = 0
    (crop,) = crops(TUNING, [plan(LONG)], heard)
    np.testing.assert_array_equal(crop.heard[0].numpy(), heard[FRAMES * 600 :])
    assert crop.said.frames == FRAMES


def test_a_second_phrase_begins_where_the_first_ends() -> None:
    heard = np.random.default_rng(0).normal(0, 0.1, (40 + 48) * 600).astype(np.float32)
    first, second = crops(TUNING, [plan(40), plan(48)], heard)
    np.testing.assert_array_equal(first.heard[0].numpy(), heard[: 40 * 600])
    np.testing.assert_array_equal(second.heard[0].numpy(), heard[40 * 600 :])


@pytest.mark.parametrize("frames", [12, 30, 71, 72, 73, 150, 431])
def test_stretches_are_as_long_and_cover_a_phrase(frames: int) -> None:
    found = stretches(frames)
    assert all(end - first == min(frames, FRAMES) for first, end in found)
    covered = {at for first, end in found for at in range(first, end)}
    assert covered == (set(range(frames)) if frames >= 30 else set())


def test_two_crops_go_with_a_sentence_in_an_order_by_the_seed() -> None:
    heard = np.full(6 * FRAMES * 600, 0.1, np.float32)
    recorded, own = list(crops(TUNING, [plan(6 * FRAMES)], heard)), list(sentences(TUNING, [plan(), plan()]))
    one, again, other = (in_turn(recorded, own, seed) for seed in (1, 1, 2))
    assert sorted(map(id, one)) == sorted([*map(id, recorded), *map(id, one[1::3])])
    assert [isinstance(item, Crop) for item in one] == 3 * [True, False, True]
    assert one == again != other


def test_without_a_recordings_words_sentences_are_all() -> None:
    own = list(sentences(TUNING, [plan()]))
    assert in_turn([], own, 0) == own
