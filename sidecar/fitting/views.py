"""Ways to hear the same sound: what is alike through many microphones and rooms is the voice."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sidecar.fitting.bands import RATE_HZ
from sidecar.prosody.f0 import Doubles

View = Callable[[Tensor], Tensor]

_PLAIN_SHARE = 0.35  # of steps that hear the sound as it is
_BANDS, _GAIN_DB, _TAPS = 9, 5.0, 65
_NOISE_DB = (15.0, 35.0)


def view_of(random: np.random.Generator) -> View:
    """An equaliser of a few decibels and some noise, the same for whatever [B, N] at 16 kHz is heard by it;
    or nothing at all."""
    if random.random() < _PLAIN_SHARE:
        return lambda samples: samples
    taps = torch.tensor(_equaliser(random), dtype=torch.float32)[None, None]
    noise_db, seed = random.uniform(*_NOISE_DB), int(random.integers(1 << 31))
    return lambda samples: _noisy(
        F.conv1d(samples[:, None], taps.to(samples.device), padding=_TAPS // 2)[:, 0], noise_db, seed
    )


def _equaliser(random: np.random.Generator) -> Doubles:
    """A linear-phase filter [taps] whose gain wanders between bands that are even in mel."""
    hz = np.linspace(0, RATE_HZ / 2, 129)
    bands = 700 * np.expm1(np.linspace(0, 1127 * np.log1p(RATE_HZ / 2 / 700), _BANDS) / 1127)
    gain = 10 ** (np.interp(hz, bands, random.normal(0, _GAIN_DB / 2, _BANDS)) / 20)
    return np.roll(np.fft.irfft(gain), _TAPS // 2)[:_TAPS] * np.hanning(_TAPS)


def _noisy(samples: Tensor, noise_db: float, seed: int) -> Tensor:
    noise = torch.randn(samples.shape, generator=torch.Generator().manual_seed(seed)).to(samples.device)
    level = samples.detach().square().mean().sqrt() * 10 ** (-noise_db / 20)
    return samples + level * noise
