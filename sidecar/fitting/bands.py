"""Filter banks and resampling that gradients pass through."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sidecar.prosody.f0 import Doubles

RATE_HZ = 16_000  #: what speaker encoders hear
_TAPS = 97
_LINEAR_HZ, _LINEAR_STEP_HZ, _LOG_STEP = 1000.0, 200.0 / 3, math.log(6.4) / 27


def slaney_mel(hz: Doubles) -> Doubles:
    """Hertz -> mel: linear up to 1 kHz, logarithmic above (Slaney 1998, Auditory Toolbox)."""
    above = np.log(np.maximum(hz, _LINEAR_HZ) / _LINEAR_HZ) / _LOG_STEP
    return np.where(hz < _LINEAR_HZ, hz / _LINEAR_STEP_HZ, _LINEAR_HZ / _LINEAR_STEP_HZ + above)


def slaney_hz(mel: Doubles) -> Doubles:
    knee = _LINEAR_HZ / _LINEAR_STEP_HZ
    return np.where(
        mel < knee, mel * _LINEAR_STEP_HZ, _LINEAR_HZ * np.exp(_LOG_STEP * np.maximum(mel - knee, 0))
    )


def kaldi_mel(hz: Doubles) -> Doubles:
    """Hertz -> mel (O'Shaughnessy 1987), as in Kaldi and HTK."""
    return 1127 * np.log1p(hz / 700)


def kaldi_hz(mel: Doubles) -> Doubles:
    return 700 * np.expm1(mel / 1127)


def slaney_bank(rate_hz: int, size: int, bands: int, lowest_hz: float, highest_hz: float) -> Tensor:
    """Triangles [bands, size // 2 + 1] over the bins of a transform of `size`, each of the same area."""
    corners = slaney_hz(
        np.linspace(slaney_mel(np.array(lowest_hz)), slaney_mel(np.array(highest_hz)), bands + 2)
    )
    bank = _triangles(np.linspace(0, rate_hz / 2, size // 2 + 1), corners)
    return torch.tensor(bank * (2 / (corners[2:] - corners[:-2]))[:, None], dtype=torch.float32)


def htk_bank(rate_hz: int, size: int, bands: int) -> Tensor:
    """Triangles in hertz [bands, size // 2 + 1], all as high, from 0 to half the rate."""
    corners = kaldi_hz(np.linspace(0, kaldi_mel(np.array(rate_hz / 2)), bands + 2))
    return torch.tensor(_triangles(np.linspace(0, rate_hz / 2, size // 2 + 1), corners), dtype=torch.float32)


def kaldi_bank(rate_hz: int, size: int, bands: int, lowest_hz: float) -> Tensor:
    """Triangles in mel [bands, size // 2 + 1], all as high, from `lowest_hz` to half the rate."""
    corners = np.linspace(kaldi_mel(np.array(lowest_hz)), kaldi_mel(np.array(rate_hz / 2)), bands + 2)
    bins = kaldi_mel(np.arange(size // 2 + 1) * rate_hz / size)
    return torch.tensor(_triangles(bins, corners), dtype=torch.float32)


def _triangles(bins: Doubles, corners: Doubles) -> Doubles:
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    return np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))


def low_pass(edge_hz: float, rate_hz: int) -> Tensor:
    """A linear-phase filter [1, 1, taps] (Kaiser window) that ends at `edge_hz`."""
    at = np.arange(_TAPS) - _TAPS // 2
    share = 2 * edge_hz / rate_hz
    return torch.tensor(share * np.sinc(share * at) * np.kaiser(_TAPS, 8), dtype=torch.float32)[None, None]


def filtered(samples: Tensor, taps: Tensor) -> Tensor:
    """[B, N] by [1, 1, taps] -> [B, N], nothing moved in time."""
    return F.conv1d(samples[:, None], taps, padding=taps.shape[-1] // 2)[:, 0]


def to_16k(samples: Tensor, edge_hz: float = 7600.0) -> Tensor:
    """Samples [B, N] at 24 kHz -> [B, 2N / 3] at 16 kHz without what lies over `edge_hz`."""
    doubled = torch.stack([samples, torch.zeros_like(samples)], -1).flatten(1)  # at 48 kHz
    taps = 2 * low_pass(min(edge_hz, 7600.0), 48_000).to(samples.device)
    return F.conv1d(doubled[:, None], taps, stride=3, padding=_TAPS // 2)[:, 0]


def levelled(samples: Tensor, rms: float) -> Tensor:
    """[B, N] with this root mean square a row."""
    return samples * (rms / samples.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-6))
