"""The speaker encoder CAM++ (Wang et al. 2023) of 3D-Speaker, Chinese and English: densely connected
time-delay layers with a mask from their context, over 80 log mel bands, each less its mean.

It hears the shape of the spectrum as it moves, not its average, which is the room's and the microphone's too.
"""

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.fitting.bands import RATE_HZ, kaldi_bank, levelled
from sidecar.fitting.ge2e import unit

WINDOW, HOP, SIZE, BANDS = 400, 160, 512, 80
_RMS = 0.05 * 32768  # Kaldi counts in 16-bit steps
_PREEMPHASIS, _LOWEST_HZ, _FLOOR = 0.97, 20.0, 1.1920929e-07
_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation
_CONTEXT = 100  # frames that a mask is drawn from
_EPS = 1e-5


class CamPlus(nn.Module):
    """Weights in float32, fixed; named as published. Gradients pass to the samples."""

    name = "campplus"
    width = 192

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.weights = {name: tensor for name, tensor in tensors.items() if "running" not in name}
        self.norms = dict(_folded(tensors))
        window = torch.hann_window(WINDOW, periodic=False) ** 0.85  # Kaldi's "povey"
        self.register_buffer("window", window)
        self.register_buffer("bank", kaldi_bank(RATE_HZ, SIZE, BANDS, _LOWEST_HZ))
        self.eval()

    bank: Tensor  # [BANDS, SIZE // 2 + 1]
    window: Tensor  # [WINDOW]

    def log_mel(self, samples: Tensor) -> Tensor:
        """Samples [B, N] at 16 kHz -> [B, frames, BANDS], each band less its mean over time."""
        frames = levelled(samples, _RMS).unfold(1, WINDOW, HOP)
        frames = frames - frames.mean(-1, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], -1)
        frames = (frames - _PREEMPHASIS * before) * self.window
        power = torch.fft.rfft(F.pad(frames, (0, SIZE - WINDOW))).abs().square()
        bands = (power @ self.bank.T).clamp_min(_FLOOR).log()
        return bands - bands.mean(1, keepdim=True)

    def forward(self, samples: Tensor) -> list[Tensor]:
        """Samples [1, N] at 16 kHz -> the embedding [192] of unit length, then what blocks are like: means
        and deviations over time."""
        embedding, inner = self.embed(self.log_mel(samples))
        return [unit(embedding)[0], *(_statistics(each)[0] for each in inner)]

    def embed(self, bands: Tensor) -> tuple[Tensor, list[Tensor]]:
        """[B, frames, BANDS] -> the embedding [B, 192] as it comes, and the outputs [B, channels, frames / 2]
        of the three blocks."""
        x, inner = self._tdnn(self._head(bands.transpose(1, 2)[:, None])), []
        for block, (layers, dilation) in enumerate(_BLOCKS, 1):
            for layer in range(1, layers + 1):
                x = torch.cat([x, self._dense(x, f"xvector.block{block}.tdnnd{layer}.", dilation)], dim=1)
            x = self._conv(
                self._relu(x, f"xvector.transit{block}.nonlinear"), f"xvector.transit{block}.linear"
            )
            inner.append(x)
        pooled = _statistics(self._relu(x, "xvector.out_nonlinear"))
        embedding = self._conv(pooled[..., None], "xvector.dense.linear")
        return self._norm(embedding, "xvector.dense.nonlinear.batchnorm")[..., 0], inner

    def _head(self, x: Tensor) -> Tensor:
        """[B, 1, BANDS, T] -> [B, 320, T]: residual convolutions, each second of which halves the bands."""
        x = F.relu(self._norm(self._image(x, "head.conv1", 1), "head.bn1"))
        for layer in ("layer1", "layer2"):
            x = self._residual(self._residual(x, f"head.{layer}.0.", 2), f"head.{layer}.1.", 1)
        return F.relu(self._norm(self._image(x, "head.conv2", 2), "head.bn2")).flatten(1, 2)

    def _residual(self, x: Tensor, at: str, stride: int) -> Tensor:
        y = F.relu(self._norm(self._image(x, f"{at}conv1", stride), f"{at}bn1"))
        y = self._norm(self._image(y, f"{at}conv2", 1), f"{at}bn2")
        if stride > 1:
            x = self._norm(self._image(x, f"{at}shortcut.0", stride), f"{at}shortcut.1")
        return F.relu(x + y)

    def _tdnn(self, x: Tensor) -> Tensor:
        x = F.conv1d(x, self.weights["xvector.tdnn.linear.weight"], stride=2, padding=2)
        return self._relu(x, "xvector.tdnn.nonlinear")

    def _dense(self, x: Tensor, at: str, dilation: int) -> Tensor:
        """One layer [B, channels, T] -> 32 channels, masked by what its context says."""
        x = self._conv(self._relu(x, f"{at}nonlinear1"), f"{at}linear1")
        x = self._relu(x, f"{at}nonlinear2")
        local = F.conv1d(
            x, self.weights[f"{at}cam_layer.linear_local.weight"], padding=dilation, dilation=dilation
        )
        context = F.relu(self._conv(x.mean(-1, keepdim=True) + _segments(x), f"{at}cam_layer.linear1"))
        return local * torch.sigmoid(self._conv(context, f"{at}cam_layer.linear2"))

    def _conv(self, x: Tensor, name: str) -> Tensor:
        return F.conv1d(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def _image(self, x: Tensor, name: str, stride: int) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        return F.conv2d(x, weight, stride=(stride, 1), padding=weight.shape[-1] // 2)

    def _relu(self, x: Tensor, name: str) -> Tensor:
        return F.relu(self._norm(x, f"{name}.batchnorm"))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        scale, shift = self.norms[name]
        shape = (1, -1) + (1,) * (x.ndim - 2)
        return torch.addcmul(shift.view(shape), x, scale.view(shape))


def _folded(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    """Each batch norm's name, and the scale and shift [channels] that it comes to."""
    for key, variance in tensors.items():
        if key.endswith(".running_var"):
            name = key.removesuffix(".running_var")
            scale = tensors.get(f"{name}.weight", torch.ones(())) * torch.rsqrt(variance + _EPS)
            shift = tensors.get(f"{name}.bias", torch.zeros(())) - tensors[f"{name}.running_mean"] * scale
            yield name, (scale, shift)


def _statistics(x: Tensor) -> Tensor:
    """[B, C, T] -> means and deviations over time [B, 2C]."""
    return torch.cat([x.mean(-1), x.var(-1).clamp_min(1e-10).sqrt()], dim=-1)


def _segments(x: Tensor) -> Tensor:
    """[B, C, T] -> the mean of each second around, spread over its frames."""
    means = F.avg_pool1d(x, _CONTEXT, _CONTEXT, ceil_mode=True)
    return means.repeat_interleave(_CONTEXT, dim=-1)[..., : x.shape[-1]]
