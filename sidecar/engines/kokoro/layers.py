"""Building blocks shared by the predictor and the decoder, over [batch, time, channels]."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from sidecar.engines.layers import Conv, Linear, Span

NORM_EPS = 1e-5


class LSTM(nn.LSTM):
    """A recurrent layer without initial values."""

    def reset_parameters(self) -> None: ...


class DepthwiseUpsample(nn.Module):
    """Transposed depthwise convolution: kernel 3, stride 2, padding 1, output padding 1.

    [B, T, C] -> [B, 2T, C]. Steps beyond a row's end must be zero.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, 3))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        left, centre, right = self.weight[:, 0].to(x.dtype).unbind(-1)
        following = F.pad(x[:, 1:], (0, 0, 0, 1))
        bias = self.bias.to(x.dtype)
        even = torch.addcmul(bias, x, centre)
        odd = torch.addcmul(bias, x, right).addcmul_(following, left)
        return torch.stack((even, odd), dim=2).flatten(1, 2)


class BiLSTM(nn.Module):
    """One bidirectional LSTM layer over [B, T, C] that stops at each row's end."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.lstm = LSTM(inputs, outputs // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, span: Span) -> Tensor:
        if span.mask is None:
            return self.lstm(x)[0]
        packed = pack_padded_sequence(x, torch.tensor(span.lengths), batch_first=True, enforce_sorted=False)
        y, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=span.longest)
        return y


class AdaIN(nn.Module):
    """Adaptive instance normalisation (Huang & Belongie 2017): style sets each channel's mean and scale.

    The style `s` is [B, style] for all layers, or [B, layers, style]: then this one listens to row `place`.
    """

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = Linear(style, 2 * channels)
        self.place = 0

    def affine(self, x: Tensor, s: Tensor, span: Span) -> tuple[Tensor, Tensor]:
        """Scale and shift, each [B, 1, C], such that ``x * scale + shift`` is the normalised x.

        Statistics are taken in float32 over the valid steps only.
        """
        own = s if s.ndim == 2 else s[:, self.place]  # [B, style]
        gamma, beta = self.fc(own).unsqueeze(1).chunk(2, dim=-1)
        mean, variance = instance_statistics(x, span)
        scale = (1 + gamma) * torch.rsqrt(variance + NORM_EPS)
        return scale, beta - mean * scale

    def forward(self, x: Tensor, s: Tensor, span: Span) -> Tensor:
        scale, shift = self.affine(x, s, span)
        return torch.addcmul(shift, x, scale)


def instance_statistics(x: Tensor, span: Span) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over time of [B, T, C], each [B, 1, C] in float32."""
    x = span.clean(x.float())
    count = span.count[:, None, None]
    mean = x.sum(1, keepdim=True) / count
    power = x.square().sum(1, keepdim=True) / count
    return mean, (power - mean.square()).clamp_min(0)


class AdaLayerNorm(nn.Module):
    """Layer normalisation over channels whose gain and bias come from the style."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = Linear(style, 2 * channels)
        self.channels = channels

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        gamma, beta = self.fc(s).unsqueeze(1).chunk(2, dim=-1)
        return torch.addcmul(beta, F.layer_norm(x, (self.channels,), eps=NORM_EPS), 1 + gamma)


class AdaINBlock(nn.Module):
    """Residual block of two AdaIN + leaky ReLU + convolution steps (StyleTTS 2, `AdainResBlk1d`).

    [B, T, inputs] -> [B, T, outputs], or [B, 2T, outputs] when `upsample`.
    """

    def __init__(self, inputs: int, outputs: int, style: int, *, upsample: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = AdaIN(style, inputs), AdaIN(style, outputs)
        self.conv1, self.conv2 = Conv(inputs, outputs, 3), Conv(outputs, outputs, 3)
        self.conv1x1 = Conv(inputs, outputs, 1, bias=False) if inputs != outputs else None
        self.pool = DepthwiseUpsample(inputs) if upsample else None

    def forward(self, x: Tensor, s: Tensor, span: Span) -> Tensor:
        y = span.clean(F.leaky_relu(self.norm1(x, s, span), 0.2))
        shortcut = x
        if self.pool is not None:
            y, span = self.pool(y), span.scaled(2)
            shortcut = x.repeat_interleave(2, dim=1)
        y = self.conv1(span.clean(y))
        y = self.conv2(span.clean(F.leaky_relu(self.norm2(y, s, span), 0.2)))
        if self.conv1x1 is not None:
            shortcut = self.conv1x1(shortcut)
        return (y.float() + shortcut) * 0.5**0.5
