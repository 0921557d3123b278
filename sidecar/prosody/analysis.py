"""A clip -> traits, or a refusal: what cannot be measured is not guessed.

The bounds were set between clean speech (12 of the default voices, neutral and bent, and 13 recordings
of people) and the same with noise, babble and music at known levels:

    measure                                  speech        refused
    speech over its background               over 28 dB    0 dB of white or pink noise, babble: 2 .. 9
    sound that stays at one pitch            under 0.2     music: 0.64 .. 0.97
    the same in pauses, of what is heard     under 0.31    music under speech: 0.28 .. 0.94
    the share with a voice in it             over 0.28     whispering: 0 .. 0.2
    registers of phrases, apart              under 7 st    a man and a woman: 7.4 .. 10.3
"""

import numpy as np

from sidecar.prosody.activity import Activity, activity
from sidecar.prosody.f0 import FRAMES_PER_S, RATE_HZ, Doubles, Floats, framed, tracked
from sidecar.prosody.traits import BASE_SHARE, Traits, measured, tune_st
from sidecar.protocol.errors import BadAudio

_WIDTH = 512  # of a spectrum: 64 ms
_LEAST_SPEECH_S, _LEAST_VOICE_SHARE = 0.6, 0.25
_LEAST_SNR_DB = 10.0
_NOTE_FRAMES = 25  # a note lasts longer; speech glides
_NOTES_HZ = (150.0, 3000.0)
_NOTES_SHARE = 0.35
_BED_SHARE, _BED_SNR_DB, _BED_FRAMES = 0.4, 25.0, 20
_APART_ST, _APART_SPREADS, _LEAST_PART = 7.2, 5.0, 0.2
_PHRASE_FRAMES = 20  # voiced ones that a phrase needs to have a register


def analysed(samples: Floats, peak_dbfs: float = 0.0) -> Traits:
    """The traits of a clip: samples at `f0.RATE_HZ` whose peak, 1 here, was `peak_dbfs`.

    Takes about a hundredth of the clip's duration. Any thread. Raises `BadAudio` for too little speech,
    noise, music and two voices.
    """
    f0_hz = tracked(samples)
    active = activity(samples, f0_hz)
    power = spectra(samples)
    _check_music(power, active)
    _check_noise(active)
    tune = tune_st(f0_hz, active.speech)
    _check_speech(active, int((~np.isnan(tune)).sum()) / FRAMES_PER_S)
    _check_alone(tune, active)
    return measured(tune, active, power, peak_dbfs)


def spectra(samples: Floats) -> Doubles:
    """Power [frames, bins], a full-scale sine near 0.25 in its bin."""
    window = np.hanning(_WIDTH)
    spectrum = np.fft.rfft(framed(samples.astype(np.float64), _WIDTH) * window / window.sum())
    return np.asarray(np.abs(spectrum) ** 2)


def _check_music(power: Doubles, active: Activity) -> None:
    hz = np.linspace(0, RATE_HZ / 2, power.shape[1])
    band = power[:, (hz > _NOTES_HZ[0]) & (hz < _NOTES_HZ[1])]
    notes = _opened(band, _NOTE_FRAMES)
    pauses = ~active.speech
    is_bed = (
        active.snr_db < _BED_SNR_DB
        and int(pauses.sum()) >= _BED_FRAMES
        and _share(notes[pauses], band[pauses]) > _BED_SHARE
    )
    if is_bed or _share(notes, band) > _NOTES_SHARE:
        where = "under the speech" if is_bed else "or tones that do not move as speech does"
        raise BadAudio(f"the clip has music {where}: send speech alone")


def _opened(power: Doubles, frames: int) -> Doubles:
    """What of each bin's power lasts so many frames: the greatest of its least over them (an opening)."""
    view = np.lib.stride_tricks.sliding_window_view
    least = view(np.pad(power, ((frames - 1, frames - 1), (0, 0))), frames, axis=0).min(-1)
    return np.asarray(view(least, frames, axis=0).max(-1))


def _share(part: Doubles, whole: Doubles) -> float:
    return float(part.sum() / (whole.sum() + 1e-20))


def _check_noise(active: Activity) -> None:
    if active.snr_db < _LEAST_SNR_DB:
        raise BadAudio(
            f"speech can hardly be told from its background ({max(active.snr_db, 0):.0f} dB over it, "
            f"expected {_LEAST_SNR_DB:g} or more): send speech without noise"
        )


def _check_speech(active: Activity, voice_s: float) -> None:
    if active.speech_s < _LEAST_SPEECH_S:
        raise BadAudio(
            f"the clip has {active.speech_s:.1f} s of speech in it, expected {_LEAST_SPEECH_S:g} or more"
        )
    if voice_s < _LEAST_VOICE_SHARE * active.speech_s:
        raise BadAudio(
            f"{voice_s / active.speech_s:.0%} of the speech in the clip has a voice in it, expected "
            f"{_LEAST_VOICE_SHARE:.0%} or more: a whisper has no tune to take over"
        )


def _check_alone(tune: Doubles, active: Activity) -> None:
    """Two voices are told by their registers: the base values of phrases in two clusters far apart."""
    rows = [tune[first:end][~np.isnan(tune[first:end])] for first, end in active.phrases]
    rows = [row for row in rows if len(row) >= _PHRASE_FRAMES]
    if len(rows) < 2:
        return
    bases = np.array([np.quantile(row, 2 * BASE_SHARE) for row in rows])
    apart, spread, part = _halves(bases, np.array([len(row) for row in rows], np.float64))
    if apart > _APART_ST and apart > _APART_SPREADS * spread and part > _LEAST_PART:
        raise BadAudio(
            f"two voices seem to speak in the clip (their pitch is {apart:.0f} semitones apart): "
            "cut it to one of them"
        )


def _halves(values: Doubles, weights: Doubles) -> tuple[float, float, float]:
    """The best cut in two: how far their means are apart, their spread, the lesser one's share."""
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    best = (0.0, np.inf, 0.0)
    for cut in range(1, len(values)):
        parts = [(values[:cut], weights[:cut]), (values[cut:], weights[cut:])]
        means = [np.average(v, weights=w) for v, w in parts]
        around = sum(float((w * (v - m) ** 2).sum()) for (v, w), m in zip(parts, means, strict=True))
        spread = (around / float(weights.sum())) ** 0.5
        if spread < best[1]:
            share = float(weights[:cut].sum() / weights.sum())
            best = (float(means[1] - means[0]), spread, min(share, 1 - share))
    return best
