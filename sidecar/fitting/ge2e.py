"""The speaker encoder of GE2E (Wan et al. 2018) as Resemblyzer trained it: three LSTMs over a mel
spectrogram.

It hears power in 40 mel bands, 100 frames a second; linear power, so that all speech must be as loud.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.fitting.bands import RATE_HZ, levelled, slaney_bank

WINDOW, HOP, BANDS = 400, 160, 40
SEGMENT_FRAMES, _STEP_FRAMES = 160, 77
_RMS = 10 ** (-30 / 20)
_HIDDEN, _LAYERS = 256, 3


class GE2E(nn.Module):
    """Weights in float32, fixed. Gradients pass to the samples."""

    name = "ge2e"
    width = _HIDDEN

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.LSTM(BANDS if at == 0 else _HIDDEN, _HIDDEN, batch_first=True) for at in range(_LAYERS)
        )
        for at, layer in enumerate(self.layers):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            layer.load_state_dict({f"{name}_l0": tensors[f"lstm.{name}_l{at}"] for name in names})
        self.linear = nn.Linear(_HIDDEN, _HIDDEN)
        self.linear.load_state_dict({"weight": tensors["linear.weight"], "bias": tensors["linear.bias"]})
        self.register_buffer("bank", slaney_bank(RATE_HZ, WINDOW, BANDS, 0.0, RATE_HZ / 2))
        self.register_buffer("window", torch.hann_window(WINDOW))
        self.eval().requires_grad_(False)
        self.layers.train()  # without which cuDNN computes no gradients; there is no dropout

    bank: Tensor  # [BANDS, WINDOW // 2 + 1]
    window: Tensor  # [WINDOW]

    def mel(self, samples: Tensor) -> Tensor:
        """Samples [B, N] at 16 kHz -> power [B, frames, BANDS]."""
        spectrum = torch.stft(
            levelled(samples, _RMS), WINDOW, HOP, window=self.window, pad_mode="constant", return_complex=True
        )
        return (self.bank @ spectrum.abs().square()).transpose(1, 2)

    def embed(self, mel: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Segments [S, SEGMENT_FRAMES, BANDS] -> unit embeddings [S, 256], and what each layer is like
        [S, 256] on average."""
        x, inner = mel, []
        for layer in self.layers:
            x, (last, _) = layer(x)
            inner.append(x.mean(1))
        return unit(F.relu(self.linear(last[0]))), inner

    def forward(self, samples: Tensor) -> list[Tensor]:
        """Samples [1, N] at 16 kHz -> the embedding [256] of unit length, then what layers are like [256]."""
        segments, inner = self.embed(self.segments(self.mel(samples)))
        return [unit(segments.mean(0)), *(each.mean(0) for each in inner)]

    def segments(self, mel: Tensor) -> Tensor:
        """[1, frames, BANDS] in overlapping stretches [S, SEGMENT_FRAMES, BANDS]; what is short is
        repeated."""
        mel = mel.repeat(1, math.ceil(SEGMENT_FRAMES / mel.shape[1]), 1)
        spare = mel.shape[1] - SEGMENT_FRAMES
        count = math.ceil(spare / _STEP_FRAMES) + 1
        starts = [round(spare * at / max(count - 1, 1)) for at in range(count)]
        return torch.cat([mel[:, start : start + SEGMENT_FRAMES] for start in starts])


def unit(x: Tensor) -> Tensor:
    """Of length 1 along the last axis."""
    return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-9)
