"""A compact picture of how a line sounds: 40 mel bands, 40 frames a second, in nepers.

A neper is a natural logarithm of amplitude (8.7 dB). The picture of a two-second line is 80 x 40
numbers: small enough to travel in a pack, rich enough to tell one voice saying one line from
anything else.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

BANDS = 40
FRAMES_PER_S = 40
LOWEST_HZ, HIGHEST_HZ = 60.0, 8000.0
FLOOR_NEPERS = -8.0  # about 70 dB under full scale; what is quieter counts as silence
_WINDOW_FRAMES = 2  # a window of 50 ms, overlapping by half
_MOST_SHIFTED_FRAMES = 4


def log_mel(samples: Floats, sample_rate_hz: int) -> Floats:
    """Mono samples -> [frames, BANDS] in nepers, a full-scale sine near 0, never under `FLOOR_NEPERS`."""
    power = spectrogram(samples, sample_rate_hz)
    bands = power @ filters(power.shape[1], sample_rate_hz)
    return np.maximum(0.5 * np.log(np.maximum(bands, 1e-12)), FLOOR_NEPERS).astype(np.float32)


def spectrogram(samples: Floats, sample_rate_hz: int) -> Doubles:
    """Power [frames, bins]; the last frame is filled up with silence, so that nothing goes unheard."""
    hop = sample_rate_hz // FRAMES_PER_S
    window = np.hanning(_WINDOW_FRAMES * hop + 1)[:-1]
    frames = max(1, -(-len(samples) // hop))
    padded = np.zeros((frames + _WINDOW_FRAMES - 1) * hop)
    padded[: len(samples)] = samples
    cut = np.lib.stride_tricks.sliding_window_view(padded, len(window))[::hop]
    size = 1 << (len(window) - 1).bit_length()
    power: Doubles = np.abs(np.fft.rfft(cut * window, size) / (window.sum() / 2)) ** 2
    return power


def filters(bins: int, sample_rate_hz: int) -> Doubles:
    """Triangles [bins, BANDS], evenly spaced in mel (O'Shaughnessy 1987), each summing to 1."""
    lowest, highest = (1127 * np.log1p(hz / 700) for hz in (LOWEST_HZ, min(HIGHEST_HZ, sample_rate_hz / 2)))
    corners = 700 * np.expm1(np.linspace(lowest, highest, BANDS + 2) / 1127)
    hz = np.linspace(0, sample_rate_hz / 2, bins)[:, None]
    rising = (hz - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - hz) / (corners[2:] - corners[1:-1])
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    return np.asarray(triangles / np.maximum(triangles.sum(0), 1e-9))


def distance_nepers(heard: Floats, wanted: Floats) -> float:
    """Mean absolute difference along the best alignment in time, or infinity where lengths are far apart.

    Time may shift by up to 0.1 s: on another processor a rounding decides otherwise now and then, and
    a phoneme gets one frame more.
    """
    if abs(len(heard) - len(wanted)) > _MOST_SHIFTED_FRAMES or heard.shape[1:] != wanted.shape[1:]:
        return float("inf")
    pairs = np.abs(heard[:, None].astype(np.float64) - wanted[None]).mean(-1)  # [heard, wanted]
    rows, columns = pairs.shape
    best = np.full((rows + 1, columns + 1), np.inf)
    best[0, 0] = 0
    for row in range(rows):
        first = max(0, row - _MOST_SHIFTED_FRAMES)
        for column in range(first, min(columns, row + _MOST_SHIFTED_FRAMES + 1)):
            before = min(best[row, column], best[row, column + 1], best[row + 1, column])
            best[row + 1, column + 1] = pairs[row, column] + before
    return float(best[rows, columns] / max(rows, columns))
