"""Spectra that speech is compared by; gradients pass."""

from functools import cache

import torch
from torch import Tensor

from sidecar.fitting.bands import slaney_bank

RATE_HZ, HOP = 24_000, 300
_BANDS = {1024: 80, 512: 40}  # by the size of the transform
_LOWEST_HZ, _HIGHEST_HZ, _FLOOR = 60.0, 7400.0, 4e-3
_QUIET = 1e-3  # of the loudest frame's power: what is under it is no speech


def log_mel(samples: Tensor, size: int, edge_hz: float = _HIGHEST_HZ) -> Tensor:
    """Samples [B, N] at 24 kHz -> log magnitudes [B, bands, steps], 80 steps a second, up to `edge_hz`."""
    bank, window = _bank(size, min(edge_hz, _HIGHEST_HZ), samples.device)
    spectrum = torch.stft(samples, size, HOP, window=window, return_complex=True)
    return torch.log(bank @ spectrum.abs() + _FLOOR)


def average_db(mel: Tensor) -> Tensor:
    """Log magnitudes [1, bands, steps] -> the average of speech [bands] in dB over its mean."""
    linear = mel.exp()[0]
    power = linear.detach().square().sum(0)
    average = linear[:, power > _QUIET * power.max()].mean(1)
    return 20 * (average / average.mean()).log10()


def movement(mel: Tensor) -> Tensor:
    """How far each band [bands] moves over time, in nepers: what is smoothed over has less."""
    return mel[0].std(-1)


@cache
def _bank(size: int, edge_hz: float, device: torch.device) -> tuple[Tensor, Tensor]:
    bank = slaney_bank(RATE_HZ, size, _BANDS[size], _LOWEST_HZ, edge_hz)
    return bank.to(device), torch.hann_window(size, device=device)
