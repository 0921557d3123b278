"""Voice quality in numbers that no fit is told of, to judge fits by: formants, the balance of the spectrum,
the first harmonics, harmonicity, jitter. After eGeMAPS (Eyben et al. 2016), without F0 and tempo; measured by
ourselves, since openSMILE's licence does not let us ship it."""

from itertools import pairwise

import numpy as np

from sidecar.audio.shape import resampled
from sidecar.prosody.activity import activity
from sidecar.prosody.analysis import spectra
from sidecar.prosody.f0 import RATE_HZ, Doubles, Floats, framed, tracked
from sidecar.prosody.traits import measured, tune_st

NAMES = (
    "F1", "F2", "F3", "alpha ratio", "Hammarberg index", "slope to 500 Hz", "slope to 1.5 kHz", "tilt",
    "H1-H2", "H1-A3", "harmonicity", "cepstral peak", "jitter", "C1", "C2", "C3", "C4",
)  # fmt: skip

_ORDER, _WIDTH = 10, 256  # of the linear prediction, which suits 4 kHz; samples of its frames
_WIDEST_HZ, _FORMANTS_HZ = 500.0, (200.0, 3700.0)
_CEPSTRUM_BANDS = 20
_TINY = 1e-12


def voice_quality(samples: Floats, rate_hz: int) -> Doubles:
    """Mono samples with at least a second of speech -> the measures [len(NAMES)], over voiced frames."""
    low = resampled(samples, rate_hz, RATE_HZ)
    low = low / np.float32(max(float(np.abs(low).max()), 1e-9))
    f0_hz = tracked(low)
    active, power = activity(low, f0_hz), spectra(low)
    tune = tune_st(f0_hz, active.speech)
    traits = measured(tune, active, power, 0.0)
    voiced = np.flatnonzero(~np.isnan(tune))
    mean = power[voiced].mean(0)
    return np.array(
        [
            *_formants(low, voiced),
            _ratio(mean, (50, 1000), (1000, 4000)),
            _peak(mean, (0, 2000)) - _peak(mean, (2000, 4000)),
            _slope(mean, (50, 500)),
            _slope(mean, (500, 1500)),
            traits.tilt_db,
            *_harmonics(power[voiced], f0_hz[voiced]),
            _harmonicity(low, voiced, f0_hz[voiced]),
            traits.cepstral_peak_db,
            traits.jitter_st,
            *_cepstra(power[voiced]),
        ]
    )


def distance(a: Doubles, b: Doubles, spread: Doubles) -> float:
    """Root mean square in standard deviations `spread` of known voices."""
    return float(np.sqrt(np.mean(np.square((a - b) / spread))))


def _formants(low: Floats, voiced: np.ndarray) -> Doubles:
    """Medians of the first three resonances in octaves over 1 Hz, by linear prediction."""
    emphasised = np.append(low[:1], low[1:] - 0.94 * low[:-1]).astype(np.float64)
    frames = framed(emphasised, _WIDTH)[voiced[:: max(1, len(voiced) // 400)]] * np.hamming(_WIDTH)
    found = [_resonances(frame) for frame in frames]
    rows = np.array([row for row in found if len(row) == 3])
    return np.log2(np.median(rows, axis=0)) if len(rows) else np.log2(np.array([500.0, 1500.0, 2500.0]))


def _resonances(frame: Doubles) -> list[float]:
    """The three lowest sharp ones, in hertz, fewer where there are fewer."""
    correlation = np.correlate(frame, frame, "full")[len(frame) - 1 : len(frame) + _ORDER]
    matrix = correlation[np.abs(np.subtract.outer(np.arange(_ORDER), np.arange(_ORDER)))]
    matrix = matrix + np.eye(_ORDER) * (1e-6 * correlation[0] + _TINY)
    roots = np.roots(np.concatenate([[1.0], -np.linalg.solve(matrix, correlation[1:])]))
    roots = roots[roots.imag > 0]
    hz = np.angle(roots) * RATE_HZ / (2 * np.pi)
    widths = -np.log(np.maximum(np.abs(roots), _TINY)) * RATE_HZ / np.pi
    kept = (hz > _FORMANTS_HZ[0]) & (hz < _FORMANTS_HZ[1]) & (widths < _WIDEST_HZ)
    return sorted(hz[kept])[:3]


def _hz(power: Doubles) -> Doubles:
    return np.linspace(0, RATE_HZ / 2, power.shape[-1])


def _band(power: Doubles, edges_hz: tuple[float, float]) -> Doubles:
    hz = _hz(power)
    return power[..., (hz >= edges_hz[0]) & (hz < edges_hz[1])]


def _db(power: Doubles | float) -> Doubles:
    return np.asarray(10 * np.log10(np.asarray(power) + _TINY))


def _ratio(power: Doubles, below: tuple[float, float], above: tuple[float, float]) -> float:
    return float(_db(_band(power, below).sum()) - _db(_band(power, above).sum()))


def _peak(power: Doubles, edges_hz: tuple[float, float]) -> float:
    return float(_db(_band(power, edges_hz).max()))


def _slope(power: Doubles, edges_hz: tuple[float, float]) -> float:
    """Decibels a kilohertz."""
    level = _db(_band(power, edges_hz))
    return float(np.polyfit(_band(_hz(power), edges_hz) / 1000, level, 1)[0])


def _harmonics(power: Doubles, f0_hz: Doubles) -> tuple[float, float]:
    """Medians of the first harmonic's level over the second's, and over that of the loudest one near F3."""
    first, second = (_near(power, number * f0_hz) for number in (1, 2))
    third = _db(_band(power, (2000.0, 3200.0)).max(1))
    return float(np.median(first - second)), float(np.median(first - third))


def _near(power: Doubles, hz: Doubles) -> Doubles:
    """The level of the loudest bin around a frequency a frame."""
    centre = np.round(hz / (RATE_HZ / 2) * (power.shape[1] - 1)).astype(int)
    around = np.clip(centre[:, None] + np.arange(-2, 3), 0, power.shape[1] - 1)
    return _db(np.take_along_axis(power, around, 1).max(1))


def _harmonicity(low: Floats, voiced: np.ndarray, f0_hz: Doubles) -> float:
    """The median of the voice's power over that of its noise in dB, by correlation at the period."""
    period = RATE_HZ / f0_hz
    frames = framed(low.astype(np.float64), 640)[voiced]
    lags = np.round(period).astype(int)
    ratios = []
    for frame, lag in zip(frames[::2], lags[::2], strict=True):
        a, b = frame[: 640 - lag], frame[lag:]
        r = float(a @ b) / (float(np.sqrt((a @ a) * (b @ b))) + _TINY)
        ratios.append(10 * np.log10(min(max(r, 1e-3), 0.9995) / (1 - min(max(r, 1e-3), 0.9995))))
    return float(np.median(ratios))


def _cepstra(power: Doubles) -> Doubles:
    """Means of the first four cepstra of 20 mel bands, the level left out."""
    corners = 700 * np.expm1(np.linspace(0, 1127 * np.log1p(RATE_HZ / 2 / 700), _CEPSTRUM_BANDS + 1) / 1127)
    bands = np.stack([_band(power, (low, high)).mean(1) for low, high in pairwise(corners)], 1)
    at = (np.arange(_CEPSTRUM_BANDS) + 0.5)[:, None] * np.arange(1, 5) * np.pi / _CEPSTRUM_BANDS
    return (_db(bands).mean(0) @ np.cos(at)) / _CEPSTRUM_BANDS
