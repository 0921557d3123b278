"""Voice quality on the waveform: what a plan of durations, F0 and energy cannot say.

One pass of short-time spectra. A frame's envelope (cepstrally smoothed) and its noise-excited twin serve
whisper and breath; the envelope shifted serves formants; tilt and tension are one curve over frequency.
The length never changes, nor does anything move in time.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]

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
    hop = size // 4
    window = torch.hann_window(size)
    sound = torch.from_numpy(np.pad(samples, size))  # a frame of nothing, so that the shortest sound has one
    spectra = torch.stft(sound, size, hop, window=window, return_complex=True)  # [size / 2 + 1, frames]
    hz = torch.fft.rfftfreq(size, 1 / rate_hz)
    whisper, gains = timbre.whisper, 10 ** (tone_db(hz, timbre) / 20)
    shaped = spectra * gains[:, None]
    if timbre.formants_oct or timbre.breath or whisper:
        envelope = envelopes(spectra, rate_hz)
        if timbre.formants_oct:
            shaped = shaped * (shifted(envelope, timbre.formants_oct) / envelope)
        if timbre.breath or whisper:
            shaped = aired(shaped, envelope * gains[:, None], hz, timbre, seed, window, hop)
    result = torch.istft(shaped, size, hop, window=window, length=len(sound)).numpy()[size:-size]
    loss_db = WHISPER_DB * whisper
    return (result * (rms(samples) / max(rms(result), FLOOR)) * 10 ** (loss_db / 20)).astype(np.float32)


def rms(samples: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def tone_db(hz: Tensor, timbre: Timbre) -> Tensor:
    """The gain of each bin: tilt, even in octaves, and tension, which takes from the lowest harmonics what it
    gives to the singer's region (Hammarberg et al. 1980: the balance under and over 2 kHz)."""
    octaves = torch.log2(hz.clamp(TILT_FROM_HZ, TILT_TO_HZ) / TILT_AROUND_HZ)
    low, high = TENSE_HZ
    width = np.log2(high / low)
    centre = torch.log2(hz.clamp_min(1.0) / (low * high) ** 0.5)
    presence = torch.exp(-0.5 * (centre / (width / 2)) ** 2)
    bottom = torch.sigmoid(-4 * torch.log2(hz.clamp_min(1.0) / LAX_HZ))
    return timbre.tilt_db * octaves + timbre.tension_db * (presence - bottom) / 2


def envelopes(spectra: Tensor, rate_hz: int) -> Tensor:
    """Magnitudes without their harmonics, [bins, frames]: the low part of the cepstrum."""
    logs = torch.log(spectra.abs().clamp_min(FLOOR))
    cepstra = torch.fft.irfft(logs, dim=0)
    keep = int(rate_hz / ENVELOPE_HZ)
    lifter = torch.zeros(cepstra.shape[0])
    ramp = 0.5 + 0.5 * torch.cos(torch.pi * torch.arange(keep) / keep)
    lifter[:keep] = ramp
    lifter[-keep + 1 :] = ramp[1:].flip(0)
    return torch.exp(torch.fft.rfft(cepstra * lifter[:, None], dim=0).real)


def shifted(envelope: Tensor, octaves: float) -> Tensor:
    """The envelope with its resonances moved up by `octaves`."""
    bins = envelope.shape[0]
    at = (torch.arange(bins) / 2**octaves).clamp_max(bins - 1)
    low = at.floor().long().clamp_max(bins - 2)
    share = (at - low)[:, None]
    return envelope[low] * (1 - share) + envelope[low + 1] * share


def aired(
    spectra: Tensor, envelope: Tensor, hz: Tensor, timbre: Timbre, seed: int, window: Tensor, hop: int
) -> Tensor:
    """With air through the same mouth: over the voice as breath, in its place as whisper."""
    length = hop * (spectra.shape[1] - 1)
    noise = torch.from_numpy(np.random.default_rng([seed, 2]).standard_normal(length).astype(np.float32))
    air = torch.stft(noise, len(window), hop, window=window, return_complex=True)
    air = air / window.square().sum().sqrt() * envelope  # noise of the envelope's own power
    whisper = timbre.whisper
    breath = timbre.breath * torch.sigmoid(4 * torch.log2(hz.clamp_min(1.0) / BREATH_FROM_HZ))
    hushed = torch.sigmoid(4 * torch.log2(hz.clamp_min(1.0) / WHISPER_FLOOR_HZ))
    voice = (1 - whisper) * (1 - 0.5 * breath)
    return spectra * voice[:, None] + air * ((1 - whisper) * breath + 1.5 * whisper * hushed)[:, None]
