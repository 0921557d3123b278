"""The fundamental frequency of speech, 100 times a second.

Normalised cross-correlation of a frame with itself, as in RAPT (Talkin 1995), on speech whose formants
have been flattened: its peaks are candidate periods, and the cheapest path through them (Viterbi)
settles octaves and what is voiced. Without flattening the strongest harmonic is taken for the
fundamental, above all where a telephone has cut that off. Longer periods cost a little, because twice
a period is one too (the "too low" error of de Cheveigné & Kawahara 2002).
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

RATE_HZ = 8_000  #: what everything in the analysis of clips is done at: what a telephone carries
HOP = 80
FRAMES_PER_S = RATE_HZ // HOP
LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0

_BAND_HZ = (70.0, 1600.0)
_SHORTEST, _LONGEST = int(RATE_HZ / HIGHEST_HZ), int(RATE_HZ / LOWEST_HZ) + 1  # lags in samples
_WINDOW = 256  # 32 ms
_SIZE = 512  # of the transform: window and longest lag fit
_CANDIDATES = 5
_OCTAVE_COST = 0.025  # of a period twice as long
_JUMP_COST = 0.6  # of an octave between two frames
_SWITCH_COST = 0.12  # of voice that begins or ends
_VOICED_ABOVE = (0.55, 0.35)  # correlation at which voiced and unvoiced cost the same, in each pass
_REACH = np.array([0.55, 2.0])  # of the lower and upper quartile of a speaker's F0
_QUIET_DB = -40.0  # under the loudest frames nothing is voiced
_FLAT_FRAME, _FLAT_SIZE = 256, 512  # samples of a frame that is flattened, and of its transform
_FLAT_BINS = 9  # 140 Hz on either side: as wide as a formant
_FLATNESS = 0.8  # 1: all bands as loud


def tracked(samples: Floats) -> Doubles:
    """Mono samples at `RATE_HZ` -> F0 in Hz [frames] between `LOWEST_HZ` and `HIGHEST_HZ`, 0 where unvoiced.

    Frame i is around second i / `FRAMES_PER_S`. A second, less strict pass stays in what the first has
    found the speaker to reach (De Looze & Hirst 2008; wider, for emotion's sake).
    """
    correlation = _correlations(band_passed(_flattened(samples), *_BAND_HZ))
    power = (framed(band_passed(samples, *_BAND_HZ), _WINDOW) ** 2).mean(1)
    lags, strengths = _candidates(correlation)
    strengths[power < power.max() * 10 ** (_QUIET_DB / 10)] = 0
    f0_hz = _along(_cheapest_path(lags, strengths, _VOICED_ABOVE[0]), RATE_HZ / lags)
    if f0_hz.any():
        low_hz, high_hz = np.quantile(f0_hz[f0_hz > 0], (0.25, 0.75)) * _REACH
        strengths[(RATE_HZ / lags < low_hz) | (RATE_HZ / lags > high_hz)] = 0
        f0_hz = _along(_cheapest_path(lags, strengths, _VOICED_ABOVE[1]), RATE_HZ / lags)
    return f0_hz


def band_passed(samples: Floats | Doubles, lowest_hz: float, highest_hz: float) -> Doubles:
    """Samples at `RATE_HZ` without what is outside the band; its edges are raised cosines a third wide."""
    size = len(samples) + _SIZE
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    up = np.clip((hz - 0.67 * lowest_hz) / (0.33 * lowest_hz), 0, 1)
    down = np.clip((1.33 * highest_hz - hz) / (0.33 * highest_hz), 0, 1)
    gain = 0.25 * (1 - np.cos(np.pi * up)) * (1 - np.cos(np.pi * down))
    return np.fft.irfft(np.fft.rfft(samples.astype(np.float64), size) * gain, size)[: len(samples)]


def framed(samples: Doubles, width: int) -> Doubles:
    """[frames, width]: one frame a hop, centred on it, silence beyond the edges; a view."""
    padded = np.pad(samples, (width // 2, width))
    frames = 1 + len(samples) // HOP
    return np.lib.stride_tricks.sliding_window_view(padded, width)[::HOP][:frames]


def _flattened(samples: Floats) -> Doubles:
    """The samples with their spectrum's envelope taken out, frame by frame, overlapping by half."""
    hop = _FLAT_FRAME // 2
    padded = np.pad(samples.astype(np.float64), (_FLAT_FRAME, 2 * _FLAT_FRAME))
    cut = np.lib.stride_tricks.sliding_window_view(padded, _FLAT_FRAME)[::hop]
    spectrum = np.fft.rfft(cut * np.hanning(_FLAT_FRAME + 1)[:-1], _FLAT_SIZE)
    wide = np.pad(np.abs(spectrum) ** 2, ((0, 0), (_FLAT_BINS + 1, _FLAT_BINS)), mode="reflect")
    sums = np.cumsum(wide, axis=1)
    envelope = (sums[:, 2 * _FLAT_BINS + 1 :] - sums[:, : -2 * _FLAT_BINS - 1]) / (2 * _FLAT_BINS + 1)
    floor = 1e-6 * envelope.max() + 1e-12
    flat = np.fft.irfft(spectrum * (envelope + floor) ** (-_FLATNESS / 2), _FLAT_SIZE)
    out = np.zeros(len(padded) + _FLAT_SIZE)
    for at, row in enumerate(flat):
        out[at * hop : at * hop + _FLAT_SIZE] += row
    return out[_FLAT_FRAME : _FLAT_FRAME + len(samples)]


def _correlations(low: Doubles) -> Doubles:
    """[frames, lags up to _LONGEST + 1] in -1..1."""
    cut = framed(low, _WINDOW + _LONGEST + 1)
    head = np.fft.rfft(cut[:, :_WINDOW], _SIZE)
    products = np.fft.irfft(np.conj(head) * np.fft.rfft(cut, _SIZE), _SIZE)[:, : _LONGEST + 2]
    energy = np.concatenate([np.zeros((len(cut), 1)), np.cumsum(cut**2, axis=1)], axis=1)
    energies = energy[:, _WINDOW:] - energy[:, : _LONGEST + 2]  # of the window at each lag
    floor = 1e-9 * energies.max() + 1e-20
    return np.asarray(products / np.sqrt((energies[:, :1] + floor) * (energies + floor)))


def _candidates(correlation: Doubles) -> tuple[Doubles, Doubles]:
    """The best periods of each frame [frames, _CANDIDATES]: lags in samples, and their correlations."""
    inner = correlation[:, _SHORTEST : _LONGEST + 1]
    before, after = correlation[:, _SHORTEST - 1 : _LONGEST], correlation[:, _SHORTEST + 1 : _LONGEST + 2]
    bend = np.minimum(before - 2 * inner + after, -1e-9)
    shift = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)  # the peak of a parabola through three
    height = np.minimum(inner - 0.25 * (before - after) * shift, 1.0)
    lags = np.arange(_SHORTEST, _LONGEST + 1) + shift
    is_peak = (inner >= before) & (inner > after)
    value = np.where(is_peak, height - _OCTAVE_COST * np.log2(lags / _SHORTEST), -1.0)
    best = np.argsort(-value, axis=1)[:, :_CANDIDATES]
    peaks = np.take_along_axis(is_peak, best, 1)
    return np.take_along_axis(lags, best, 1), np.where(peaks, np.take_along_axis(height, best, 1), 0.0)


def _cheapest_path(lags: Doubles, strengths: Doubles, voiced_above: float) -> Ints:
    """Viterbi: which candidate each frame takes, or `_CANDIDATES` for unvoiced."""
    octaves = np.log2(lags)
    local = np.full((len(lags), _CANDIDATES + 1), 1 - voiced_above)
    local[:, :_CANDIDATES] = 1 - strengths + _OCTAVE_COST * (octaves - np.log2(RATE_HZ / LOWEST_HZ))
    local[:, :_CANDIDATES] += np.where(strengths > 0, 0.0, 10.0)
    jumps = np.full((len(lags), _CANDIDATES + 1, _CANDIDATES + 1), _SWITCH_COST)
    jumps[:, _CANDIDATES, _CANDIDATES] = 0
    jumps[1:, :-1, :-1] = _JUMP_COST * np.abs(octaves[1:, None, :] - octaves[:-1, :, None])
    cost, back = local[0], np.zeros((len(lags), _CANDIDATES + 1), np.int64)
    for at in range(1, len(lags)):
        total = cost[:, None] + jumps[at]
        back[at] = total.argmin(0)
        cost = total.min(0) + local[at]
    path = np.empty(len(lags), np.int64)
    path[-1] = cost.argmin()
    for at in range(len(lags) - 1, 0, -1):
        path[at - 1] = back[at, path[at]]
    return path


def _along(path: Ints, values: Doubles) -> Doubles:
    """[frames] the value of each frame's candidate, 0 for unvoiced."""
    return np.asarray(
        np.concatenate([values, np.zeros((len(values), 1))], axis=1)[np.arange(len(path)), path]
    )
