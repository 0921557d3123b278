"""Integrated loudness after EBU R128 / ITU-R BS.1770-4, and gain towards a target.

The two K-weighting filters are applied in the frequency domain; their analogue prototypes are
those published for libebur128 (MIT), so that any sampling rate works.
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex128]

BLOCK_S, OVERLAP = 0.4, 0.75
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU = -70.0, -10.0
OFFSET_DB = -0.691
PEAK_LIMIT = 10 ** (-1 / 20)  # -1 dBFS
FILTER_TAIL_S = 0.5


def integrated_loudness(samples: Floats, sample_rate_hz: int) -> float:
    """LUFS of a mono signal, or minus infinity for silence. Signals under 0.4 s count as one block."""
    power = np.square(k_weighted(samples, sample_rate_hz))
    block = min(int(BLOCK_S * sample_rate_hz), len(power))
    if block == 0:
        return -math.inf
    step = max(1, int(block * (1 - OVERLAP)))
    total = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(power) - block + 1, step)
    energies = (total[starts + block] - total[starts]) / block
    audible = energies[energies > _energy(ABSOLUTE_GATE_LUFS)]
    if len(audible) == 0:
        return -math.inf
    gate = audible.mean() * 10 ** (RELATIVE_GATE_LU / 10)
    return OFFSET_DB + 10 * math.log10(audible[audible > gate].mean())


def normalised(samples: Floats, sample_rate_hz: int, target_lufs: float) -> Floats:
    """Scaled to the target loudness, less where peaks would pass -1 dBFS. Silence stays as it is."""
    loudness = integrated_loudness(samples, sample_rate_hz)
    if loudness == -math.inf:
        return samples
    gain = min(10 ** ((target_lufs - loudness) / 20), PEAK_LIMIT / float(np.abs(samples).max()))
    scaled: Floats = samples * np.float32(gain)
    return scaled


def k_weighted(samples: Floats, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """The signal behind the shelving and the high-pass filter of BS.1770."""
    size = len(samples) + int(FILTER_TAIL_S * sample_rate_hz)
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    response = _biquad(z, *_shelf(sample_rate_hz)) * _biquad(z, *_high_pass(sample_rate_hz))
    return np.fft.irfft(np.fft.rfft(samples, size) * response, size)[: len(samples)]


Coefficients = tuple[tuple[float, float, float], tuple[float, float, float]]


def _biquad(z: Spectrum, b: tuple[float, ...], a: tuple[float, ...]) -> Spectrum:
    return (b[0] + b[1] * z + b[2] * z**2) / (a[0] + a[1] * z + a[2] * z**2)


def _shelf(sample_rate_hz: int) -> Coefficients:
    gain, q = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    k = math.tan(math.pi * 1681.974450955533 / sample_rate_hz)
    middle = gain**0.4996667741545416
    b = (gain + middle * k / q + k * k, 2 * (k * k - gain), gain - middle * k / q + k * k)
    return b, (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)


def _high_pass(sample_rate_hz: int) -> Coefficients:
    q = 0.5003270373238773
    k = math.tan(math.pi * 38.13547087602444 / sample_rate_hz)
    norm = 1 + k / q + k * k
    return (norm, -2 * norm, norm), (norm, 2 * (k * k - 1), 1 - k / q + k * k)


def _energy(lufs: float) -> float:
    return 10 ** ((lufs - OFFSET_DB) / 10)
