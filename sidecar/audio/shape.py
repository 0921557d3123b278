"""Small treatments of a finished waveform: edges, sampling rate, and the gate that all speech leaves by."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soxr

Floats = npt.NDArray[np.float32]

FADE_S = 0.005


def faded(samples: Floats, sample_rate_hz: int, *, start: bool = True, end: bool = True) -> Floats:
    """Raised-cosine edges of 5 ms, so that a line neither starts nor ends with a click."""
    length = min(int(FADE_S * sample_rate_hz), len(samples) // 2)
    if length == 0:
        return samples
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(np.float32)
    result = samples.copy()
    if start:
        result[:length] *= ramp
    if end:
        result[-length:] *= ramp[::-1]
    return result


def resampled(samples: Floats, from_hz: int, to_hz: int) -> Floats:
    """Band-limited resampling (soxr, very high quality)."""
    if from_hz == to_hz:
        return samples
    result: Floats = soxr.resample(samples, from_hz, to_hz, quality="VHQ")
    return result


class Mended(NamedTuple):
    """Samples that may leave, how many were `cut` to full scale, and how many were `lost`: no numbers."""

    samples: Floats
    cut: int
    lost: int


def mended(samples: Floats) -> Mended:
    """Finite and within full scale, whatever a model made: what is beyond is cut, what is not a number
    becomes silence. The very same array where nothing is wrong."""
    if len(samples) == 0 or (samples.min() >= -1 and samples.max() <= 1):  # no number is neither
        return Mended(samples, 0, 0)
    lost = ~np.isfinite(samples)
    sound: Floats = np.clip(np.where(lost, np.float32(0), samples), -1, 1)
    return Mended(sound, int(np.count_nonzero((sound != samples) & ~lost)), int(np.count_nonzero(lost)))
