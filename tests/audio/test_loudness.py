"""Loudness agrees with pyloudnorm, an independent implementation of BS.1770."""

import math

import numpy as np
import pytest

from sidecar.audio.loudness import PEAK_LIMIT, integrated_loudness, normalised

RATES = [16_000, 24_000, 48_000]


def speech_like(rate: int) -> np.ndarray:
    """Noise bursts of different levels and a pause, 6 s."""
    random = np.random.default_rng(3)
    level = np.repeat([0.3, 0.05, 0.0, 0.2, 0.1, 0.0001], rate)
    return (random.standard_normal(6 * rate) * level * 0.3).astype(np.float32)


def test_a_full_scale_sine_of_997_hz_has_the_loudness_of_the_standard():
    """BS.1770-4: a 0 dBFS sine at 997 Hz in one channel reads -3.01 LKFS."""
    sine = np.sin(2 * np.pi * 997 * np.arange(48_000 * 3) / 48_000).astype(np.float32)
    assert integrated_loudness(sine, 48_000) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("rate", RATES)
def test_loudness_agrees_with_pyloudnorm(rate: int):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    samples = speech_like(rate)
    theirs = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples.astype(np.float64))
    assert integrated_loudness(samples, rate) == pytest.approx(theirs, abs=0.1)


def test_a_line_is_brought_to_its_target():
    samples = speech_like(24_000)
    assert integrated_loudness(normalised(samples, 24_000, -30), 24_000) == pytest.approx(-30, abs=0.05)


def test_peaks_stay_under_minus_1_dbfs():
    assert np.abs(normalised(speech_like(24_000), 24_000, -5)).max() <= PEAK_LIMIT * 1.0001


@pytest.mark.parametrize("length", [0, 1, 100, 24_000])
def test_silence_has_no_loudness_and_stays_silent(length: int):
    nothing = np.zeros(length, dtype=np.float32)
    assert integrated_loudness(nothing, 24_000) == -math.inf
    assert normalised(nothing, 24_000, -20).tolist() == nothing.tolist()


def test_a_line_shorter_than_a_block_is_measured_too():
    sine = (0.1 * np.sin(2 * np.pi * 500 * np.arange(2400) / 24_000)).astype(np.float32)
    assert -30 < integrated_loudness(sine, 24_000) < -15
