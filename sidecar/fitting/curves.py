"""A recording's F0 and energy as Kokoro's plans have them."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from sidecar.audio.shape import resampled
from sidecar.fitting.bands import htk_bank
from sidecar.prosody.f0 import FRAMES_PER_S, RATE_HZ, Floats, tracked

_ENGINE_HZ, _HOP = 24_000, 300
_SIZE, _WINDOW, _BANDS = 2048, 1200, 80
_BANK_HZ = 16_000  # StyleTTS 2 made its filters for that rate, whatever it is fed
_OFFSET = 0.448  # our scale against the network's own; correlation 0.997


def f0_of(samples: Floats, steps: int) -> Floats:
    """Samples at 24 kHz -> Hz [steps], 80 a second, 0 where there is no voice."""
    f0_hz = tracked(resampled(samples, _ENGINE_HZ, RATE_HZ))
    at = np.round((np.arange(steps) + 0.5) * _HOP / _ENGINE_HZ * FRAMES_PER_S).astype(int)
    return f0_hz[np.clip(at, 0, len(f0_hz) - 1)].astype(np.float32)


def energy_of(samples: Floats, steps: int) -> Floats:
    """Samples at 24 kHz -> [steps], 80 a second: the log norm of a mel spectrum (StyleTTS 2, `log_norm`)."""
    bank, window = _bank()
    spectrum = torch.stft(
        torch.from_numpy(samples)[None], _SIZE, _HOP, win_length=_WINDOW, window=window, return_complex=True
    )
    norm = (bank @ spectrum.abs().square() + 1e-5).norm(dim=1)
    energy: Floats = (torch.log(norm) + _OFFSET)[0].numpy()[:steps].astype(np.float32)
    return np.pad(energy, (0, steps - len(energy)), mode="edge")


@cache
def _bank() -> tuple[Tensor, Tensor]:
    return htk_bank(_BANK_HZ, _SIZE, _BANDS), torch.hann_window(_WINDOW)
