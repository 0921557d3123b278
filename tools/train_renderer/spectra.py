"""Spectra that losses and judges look at."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from tools.train_renderer.renderer import RATE_HZ, STRIDE, mel_points

FLOOR = 1e-4  #: of a bin's standard deviation in full scale: what is quieter is not told apart
BANDS, BAND_POINTS = 40, 720
AUDIBLE = 1e-2  #: magnitude in a mel band under which nobody hears a difference


def spectrum(wave: Tensor, points: int, hop: int) -> Tensor:
    """[B, N] -> complex [B, bins, frames]; white noise of unit power has bins of unit power."""
    window = unit_window(points, wave.device)
    return torch.stft(wave, points, hop, window=window, center=False, return_complex=True)


@cache
def unit_window(points: int, device: torch.device) -> Tensor:
    """Hann's, of unit energy."""
    window = torch.hann_window(points, device=device)
    return window / window.square().sum().sqrt()


def magnitude(values: Tensor) -> Tensor:
    """Of complex numbers, with a gradient at 0."""
    return (values.real.square() + values.imag.square() + 1e-12).sqrt()


def band_power(wave: Tensor) -> Tensor:
    """[B, N] -> [B, BANDS, frames], in bands even in mel, a mean over five frames of 150 samples each."""
    values = spectrum(wave, BAND_POINTS, STRIDE)
    power = bands(wave.device) @ (values.real.square() + values.imag.square())
    return F.avg_pool1d(power, 5, 1, 2, count_include_pad=False)


@cache
def bands(device: torch.device) -> Tensor:
    """[BANDS, bins] triangles even in mel, 0 to 12 kHz."""
    return mel_points(BANDS + 2, BAND_POINTS // 2 + 1)[1:-1].to(device)


def log_mel(wave: Tensor, floor: float = AUDIBLE) -> Tensor:
    """[N] -> [80, frames] in nepers over a floor; 1024 points, a frame every 300 samples."""
    window = torch.hann_window(1024, device=wave.device)
    values = torch.stft(wave, 1024, 300, window=window, return_complex=True).abs()
    return torch.log(mel_bank(wave.device) @ values + floor)


@cache
def mel_bank(device: torch.device) -> Tensor:
    """[80, 513] triangles even on the mel scale of O'Shaughnessy, 0 to 12 kHz."""
    top = 2595 * torch.log10(torch.tensor(1 + RATE_HZ / 2 / 700))
    hz = 700 * (10 ** (torch.linspace(0, float(top), 82) / 2595) - 1)
    bins = torch.linspace(0, RATE_HZ / 2, 513)
    rise = (bins - hz[:-2, None]) / (hz[1:-1] - hz[:-2])[:, None]
    fall = (hz[2:, None] - bins) / (hz[2:] - hz[1:-1])[:, None]
    return torch.minimum(rise, fall).clamp_min(0).to(device)
