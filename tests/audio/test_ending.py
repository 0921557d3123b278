"""What is heard after a line's last sound goes; what belongs to the line stays, to the bit."""

import numpy as np
import pytest

from sidecar.audio.ending import Floats, last_sound_s, quiet_after

RATE_HZ = 24_000


def sound(*stretches: tuple[float, float]) -> Floats:
    """Noise, each stretch so many seconds at so many dBFS."""
    chance = np.random.default_rng(1)
    return np.concatenate(
        [
            10 ** (level / 20) * chance.standard_normal(round(s * RATE_HZ)).astype(np.float32)
            for s, level in stretches
        ]
    ).astype(np.float32)


def test_a_tick_behind_the_last_phoneme_goes():
    ticking = sound((0.4, -18), (0.08, -90), (0.04, -24), (0.1, -90))
    still = quiet_after(ticking, RATE_HZ, 0.4)
    assert np.array_equal(still[: int(0.4 * RATE_HZ)], ticking[: int(0.4 * RATE_HZ)])
    assert last_sound_s(still, RATE_HZ) == pytest.approx(0.4, abs=0.006)
    assert len(still) == len(ticking)


def test_a_tick_goes_soon_behind_a_silence_that_began_before_the_plan_ends():
    ticking = sound((0.385, -18), (0.045, -90), (0.06, -24), (0.1, -90))
    assert last_sound_s(quiet_after(ticking, RATE_HZ, 0.4), RATE_HZ) == pytest.approx(0.385, abs=0.006)


def test_a_tick_goes_where_the_word_was_planned_longer_than_it_is_heard():
    assert (
        last_sound_s(quiet_after(sound((0.4, -18), (0.15, -90), (0.04, -24)), RATE_HZ, 0.6), RATE_HZ) < 0.41
    )


@pytest.mark.parametrize(
    "kept",
    [
        sound((0.4, -18), (0.3, -90)),  # no tick
        sound((0.5, -18), (0.2, -30)),  # dies away beyond its plan
        sound((0.3, -18), (0.06, -90), (0.1, -30), (0.1, -90)),  # a closure, and its release
        sound((0.2, -18), (0.3, -90), (0.3, -18), (0.1, -90)),  # a pause inside
        sound((0.5, -90)),
        np.full(4000, np.nan, np.float32),
        np.zeros(10, np.float32),
    ],
)
def test_a_line_without_one_is_the_very_same(kept: Floats):
    assert quiet_after(kept, RATE_HZ, 0.8 if len(kept) > 20_000 else 0.45) is kept
