"""The gate that all speech leaves by."""

import time

import numpy as np
import pytest

from sidecar.audio.shape import mended


def tone(seconds: float = 1.0, rate_hz: int = 24_000) -> np.ndarray:
    return (0.9 * np.sin(np.arange(int(seconds * rate_hz)) / 20)).astype(np.float32)


@pytest.mark.parametrize("samples", [tone(), np.zeros(0, np.float32), np.array([1, -1, 0], np.float32)])
def test_sound_that_is_right_is_the_very_same(samples: np.ndarray):
    assert mended(samples).samples is samples
    assert mended(samples)[1:] == (0, 0)


def test_what_is_no_number_is_silent_and_what_is_beyond_is_cut():
    samples = tone()
    samples[10:14] = np.nan, np.inf, -np.inf, 3e38
    samples[20:22] = 1.5, -7
    sound, cut, lost = mended(samples)
    assert (cut, lost) == (3, 3)
    assert sound[10:14].tolist() == [0, 0, 0, 1] and sound[20:22].tolist() == [1, -1]
    untouched = np.r_[0:10, 14:20, 22 : len(samples)]
    assert np.array_equal(sound[untouched], samples[untouched]) and sound.dtype == np.float32


def test_the_gate_costs_next_to_nothing():
    samples = tone(10, 192_000)
    mended(samples)
    began = time.thread_time()
    mended(samples)
    assert time.thread_time() - began < 0.01  # 0.1 ms a second of sound, at the highest rate there is
