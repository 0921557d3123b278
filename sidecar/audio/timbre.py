"""Voice quality on the waveform: what a plan of durations, F0 and energy cannot say.

One pass of short-time spectra. A frame's envelope (cepstrally smoothed) and its noise-excited twin serve
whisper and breath; the envelope shifted serves formants; tilt and tension are one curve over frequency.
The length never changes, nor does anything move in time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sidecar.audio.spectra import Spectra, spectra_of, wave_of, window_of

Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.floating]

WINDOW_S = 0.043
ENVELOPE_HZ = 300.0  #: detail of an envelope: under this, harmonics are told apart from formants
TILT_AROUND_HZ, TILT_FROM_HZ, TILT_TO_HZ = 700.0, 150.0, 7000.0
TENSE_HZ, LAX_HZ = (1500.0, 4000.0), 350.0
BREATH_FROM_HZ = 1200.0
WHISPER_DB, WHISPER_FLOOR_HZ = -4.0, 350.0
FLOOR = 1e-5
KNEE, CEILING = 0.7, 0.98  #: where loud samples begin to be held back, and what they never pass


@dataclass(frozen=True)
class Timbre:
    """How a voice is to sound against its own neutral: see `Change` for the units."""

    level_db: float = 0.0
    tilt_db: float = 0.0
    tension_db: float = 0.0
    breath: float = 0.0
    formants_oct: float = 0.0
    whisper: float = 0.0

    @property
    def is_spectral(self) -> bool:
        return any((self.tilt_db, self.tension_db, self.breath, self.formants_oct, self.whisper))


def treated(samples: Floats, rate_hz: int, timbre: Timbre, gain_db: Floats, seed: int) -> Floats:
    """`samples` [T] with another voice quality and level; `gain_db` is spread evenly over them.

    The very same array when nothing is asked for. `seed` decides the noise of breath and whisper.
    """
    if timbre == Timbre() and not gain_db.any():
        return samples
    if timbre.is_spectral:
        samples = respectral(samples, rate_hz, timbre, seed)
    decibels = np.asarray(timbre.level_db)
    if gain_db.any():
        at = (np.arange(len(samples)) + 0.5) * len(gain_db) / len(samples) - 0.5
        decibels = decibels + np.interp(at, np.arange(len(gain_db)), gain_db)
    return held_back(samples * (10 ** (decibels / 20)).astype(np.float32))


def held_back(samples: Floats) -> Floats:
    """Loud samples are bent, not cut; those under the knee are untouched."""
    size = np.abs(samples)
    if size.max() <= KNEE:
        return samples
    room = CEILING - KNEE
    bent = KNEE + room * np.tanh((size - KNEE) / room)
    return np.where(size > KNEE, np.sign(samples) * bent, samples).astype(np.float32)


def respectral(samples: Floats, rate_hz: int, timbre: Timbre, seed: int) -> Floats:
    """Voice quality; the root mean square stays but for what a whisper loses."""
    size = 2 ** round(np.log2(WINDOW_S * rate_hz))
    window = window_of(size)
    sound = np.pad(samples, size)  # a frame of nothing, so that the shortest sound has one
    spectra = spectra_of(sound, window)
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    whisper, gains = timbre.whisper, (10 ** (tone_db(hz, timbre) / 20)).astype(np.float32)
    shaped = spectra * gains
    if timbre.formants_oct or timbre.breath or whisper:
        envelope = envelopes(spectra, rate_hz)
        if timbre.formants_oct:
            shaped = shaped * (shifted(envelope, timbre.formants_oct) / envelope)
        if timbre.breath or whisper:
            shaped = aired(shaped, envelope * gains, hz, timbre, seed, window)
    result = wave_of(shaped, window, len(sound))[size:-size]
    loss_db = WHISPER_DB * whisper
    return (result * (rms(samples) / max(rms(result), FLOOR)) * 10 ** (loss_db / 20)).astype(np.float32)


def rms(samples: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def tone_db(hz: Reals, timbre: Timbre) -> Reals:
    """The gain of each bin: tilt, even in octaves, and tension, which takes from the lowest harmonics what it
    gives to the singer's region (Hammarberg et al. 1980: the balance under and over 2 kHz)."""
    octaves = np.log2(np.clip(hz, TILT_FROM_HZ, TILT_TO_HZ) / TILT_AROUND_HZ)
    low, high = TENSE_HZ
    width = np.log2(high / low)
    centre = _octaves_over(hz, (low * high) ** 0.5)
    presence = np.exp(-0.5 * (centre / (width / 2)) ** 2)
    bottom = _sigmoid(-4 * _octaves_over(hz, LAX_HZ))
    tone: Reals = timbre.tilt_db * octaves + timbre.tension_db * (presence - bottom) / 2
    return tone


def envelopes(spectra: Spectra, rate_hz: int) -> Floats:
    """Magnitudes without their harmonics, [frames, bins]: the low part of the cepstrum."""
    logs = np.log(np.maximum(np.abs(spectra), np.float32(FLOOR)))
    cepstra = np.fft.irfft(logs, axis=1)
    keep = int(rate_hz / ENVELOPE_HZ)
    lifter = np.zeros(cepstra.shape[1], np.float32)
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(keep) / keep)
    lifter[:keep] = ramp
    lifter[-keep + 1 :] = ramp[:0:-1]
    return np.exp(np.fft.rfft(cepstra * lifter, axis=1).real).astype(np.float32)


def shifted(envelope: Floats, octaves: float) -> Floats:
    """The envelope with its resonances moved up by `octaves`."""
    bins = envelope.shape[1]
    at = np.minimum(np.arange(bins) / 2**octaves, bins - 1)
    low = np.minimum(at.astype(np.int64), bins - 2)
    share = (at - low).astype(np.float32)
    return envelope[:, low] * (1 - share) + envelope[:, low + 1] * share


def aired(
    spectra: Spectra, envelope: Floats, hz: Reals, timbre: Timbre, seed: int, window: Floats
) -> Spectra:
    """With air through the same mouth: over the voice as breath, in its place as whisper."""
    length = len(window) // 4 * (len(spectra) - 1)
    noise = np.random.default_rng([seed, 2]).standard_normal(length).astype(np.float32)
    air = spectra_of(noise, window)
    air = air * (envelope / np.sqrt(np.square(window).sum()))  # noise of the envelope's own power
    whisper = timbre.whisper
    breath = timbre.breath * _sigmoid(4 * _octaves_over(hz, BREATH_FROM_HZ))
    hushed = _sigmoid(4 * _octaves_over(hz, WHISPER_FLOOR_HZ))
    voice = (1 - whisper) * (1 - 0.5 * breath)
    share = (1 - whisper) * breath + 1.5 * whisper * hushed
    return spectra * voice.astype(np.float32) + air * share.astype(np.float32)


def _octaves_over(hz: Reals, middle_hz: float) -> Reals:
    octaves: Reals = np.log2(np.maximum(hz, 1.0) / middle_hz)
    return octaves


def _sigmoid(x: Reals) -> Reals:
    return 1 / (1 + np.exp(-x))
