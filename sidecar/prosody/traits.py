"""How somebody speaks in a recording, in numbers that hardly depend on its gain, its band and its text."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sidecar.prosody.activity import Activity, runs, without_short
from sidecar.prosody.f0 import RATE_HZ, Bools, Doubles, Ints

#: The share of F0 under a speaker's base value: 1.43 standard deviations under the mean. Of all such
#: values it changes least with effort and recording (Lindh & Eriksson 2007).
BASE_SHARE = 0.0764

_SHORTEST_VOICE = 5  # frames; shorter stretches hold no tune
_TUNE_FRAMES = 30  # voiced ones that a phrase needs for a movement to be read off it
_FINAL_FRAMES = 12  # voiced ones that end a phrase
_TILT_EDGES_HZ = (300.0, 700.0, 1300.0, 2200.0, 3400.0)  # what a telephone carries, formants averaged out
_SYLLABLE_BAND_HZ = (300.0, 2500.0)
_SYLLABLE_DIP_DB = 2.0
_SYLLABLE_UNDER_DB = 25.0
_CEPSTRUM_LAGS = (16, 160)  # the quefrencies of 50 to 500 Hz, in samples
_JITTER_SEEN = 0.18  # measured on synthetic jitter of 0.1 to 0.5 semitones
_TINY = 1e-12


@dataclass(frozen=True)
class Traits:
    """What a clip's manner is measured by.

    `speech_s`: without pauses. `snr_db`: speech over noise. F0: `base_hz` the speaker's register,
    `middle_hz` the mean of its middle half, in semitones (a median jumps where a tune leaves a gap);
    `range_st` its spread (half of what the middle 68 % cover, as a standard deviation);
    `slope_st` semitones gained over a phrase, `final_st` over its last 0.12 s of voice, against its
    median. `syllables_per_s` of speech (peaks of intensity, after de Jong & Wempe 2009); `pause_s` the
    mean pause between two phrases, 0 where there is none. `level_dbfs` of speech, `dynamics_db` how
    far its loud voiced frames are over the middle ones. Voice: `tilt_db` an octave between 300 and
    3400 Hz, `cepstral_peak_db` over its trend (Hillenbrand et al. 1994; less: breathier), `jitter_st`
    the standard deviation of F0 from one hundredth of a second to the next.
    """

    speech_s: float
    snr_db: float
    base_hz: float
    middle_hz: float
    range_st: float
    slope_st: float
    final_st: float
    syllables_per_s: float
    pause_s: float
    level_dbfs: float
    dynamics_db: float
    tilt_db: float
    cepstral_peak_db: float
    jitter_st: float


def measured(tune: Doubles, active: Activity, power: Doubles, peak_dbfs: float) -> Traits:
    """From a tune as `tune_st` makes it, what is speech, and the power spectra [frames, bins] of a clip
    whose peak was `peak_dbfs`. There must be voiced speech in it."""
    voiced = ~np.isnan(tune)
    base, low, high = np.nanquantile(tune, (BASE_SHARE, 0.16, 0.84))
    slope, final = _movements(tune, active.phrases)
    middle, loud = np.quantile(active.level_db[voiced], (0.5, 0.9))
    pauses = active.pauses_s
    return Traits(
        speech_s=active.speech_s,
        snr_db=active.snr_db,
        base_hz=hz_of(base),
        middle_hz=hz_of(_middle_half(tune[voiced])),
        range_st=float(high - low) / 2,
        slope_st=slope,
        final_st=final,
        syllables_per_s=_syllables(power, active.speech) / active.speech_s,
        pause_s=float(pauses.mean()) if len(pauses) else 0.0,
        level_dbfs=peak_dbfs + 10 * float(np.log10(np.mean(10 ** (active.level_db[active.speech] / 10)))),
        dynamics_db=float(loud - middle),
        tilt_db=_tilt(power[voiced]),
        cepstral_peak_db=_cepstral_peak(power[voiced], tune[voiced]),
        jitter_st=_jitter(tune),
    )


def hz_of(st: float) -> float:
    """Semitones over 1 Hz -> Hz."""
    return float(2 ** (st / 12))


def _middle_half(values: Doubles) -> float:
    """The mean of what lies between the quartiles."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float(values[(values >= low) & (values <= high)].mean())


def tune_st(f0_hz: Doubles, speech: Bools) -> Doubles:
    """[frames] F0 in semitones, NaN where there is no voice or no speech."""
    kept = without_short((f0_hz > 0) & speech, _SHORTEST_VOICE)
    tune = np.full(len(f0_hz), np.nan)
    tune[kept] = 12 * np.log2(f0_hz[kept])
    return tune


def _movements(tune: Doubles, phrases: Ints) -> tuple[float, float]:
    """The mean slope and the mean final movement of the phrases, weighed by their voice; 0 without any."""
    rows = []
    for first, end in phrases:
        at = first + np.flatnonzero(~np.isnan(tune[first:end]))
        if len(at) < _TUNE_FRAMES:
            continue
        steepness = np.polyfit(at - at.mean(), tune[at], 1)[0]
        final = np.median(tune[at[-_FINAL_FRAMES:]]) - np.median(tune[at])
        rows.append((len(at), steepness * (at[-1] - at[0]), final))
    if not rows:
        return 0.0, 0.0
    weight, slope, final = np.array(rows).T
    return float(np.average(slope, weights=weight)), float(np.average(final, weights=weight))


def _syllables(power: Doubles, speech: Bools) -> int:
    """Peaks of a smoothed intensity, each at least 2 dB over the dips beside it. Below 2500 Hz those
    of hissing sounds do not count."""
    level = 10 * np.log10(_band(power, *_SYLLABLE_BAND_HZ) + _TINY)
    kernel = np.hanning(7)
    smooth = np.convolve(np.pad(level, 3, mode="edge"), kernel / kernel.sum(), "valid")
    counts = speech & (smooth > np.quantile(smooth, 0.95) - _SYLLABLE_UNDER_DB)
    return sum(bool(counts[at]) for at in _peaks(smooth, _SYLLABLE_DIP_DB))


def _peaks(curve: Doubles, dip: float) -> list[int]:
    """Where the curve is highest between two dips at least so deep."""
    found: list[int] = []
    rising, top, low = True, 0, curve[0]
    for at, value in enumerate(curve.tolist()):
        if rising and value > curve[top]:
            top = at
        elif rising and value < curve[top] - dip:
            found.append(top)
            rising, low = False, value
        elif not rising and value > low + dip:
            rising, top = True, at
        elif not rising:
            low = min(low, value)
    return found


def _band(power: Doubles, lowest_hz: float, highest_hz: float) -> Doubles:
    """[frames] mean power of the bins between two frequencies."""
    hz = np.linspace(0, RATE_HZ / 2, power.shape[1])
    return np.asarray(power[:, (hz >= lowest_hz) & (hz < highest_hz)].mean(1))


def _tilt(power: Doubles) -> float:
    """Decibels an octave, a line through the bands of the mean spectrum."""
    edges = np.array(_TILT_EDGES_HZ)
    octaves = np.log2(np.sqrt(edges[:-1] * edges[1:]))
    bands = [_band(power, low, high).mean() for low, high in pairwise(edges)]
    return float(np.polyfit(octaves, 10 * np.log10(np.array(bands) + _TINY), 1)[0])


def _cepstral_peak(power: Doubles, tune: Doubles) -> float:
    """Median over frames of the cepstrum at the period, in dB over a line through the cepstrum."""
    log_power = 10 * np.log10(power + _TINY)
    first, end = _CEPSTRUM_LAGS
    lags = np.arange(first, end)
    cepstrum = 20 * np.log10(np.abs(np.fft.irfft(log_power, axis=1)[:, first:end]) + 1e-9)
    steepness, height = np.polyfit(lags, cepstrum.T, 1)
    period = RATE_HZ / 2 ** (tune / 12)
    near = np.clip(np.round(period).astype(int)[:, None] + np.arange(-2, 3) - first, 0, len(lags) - 1)
    peak = np.take_along_axis(cepstrum, near, 1).max(1)
    return float(np.median(peak - (steepness * period + height)))


def _jitter(tune: Doubles) -> float:
    """Standard deviation of what frames add to a steady movement, robustly: from second differences. Frames
    overlap, so that they show a known share of what there is."""
    bends = [np.diff(tune[first:end], 2) for first, end in runs(~np.isnan(tune)) if end - first >= 3]
    if not bends:
        return 0.0
    return float(np.median(np.abs(np.concatenate(bends)))) / (0.6745 * 6**0.5 * _JITTER_SEEN)
