"""Building blocks shared by the predictor and the decoder.

Every sequence is ``[batch, time, channels]``, contiguous, so that convolutions run
channels-last and matrix products need no transposition. Lines of different lengths
share a batch: a `Span` knows each row's true length, and every operation that looks
across time (convolution, normalisation, recurrence) ignores what lies beyond it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

NORM_EPS = 1e-5


class Span:
    """The valid time steps of a batch.

    `mask` is ``[batch, time, 1]`` of 0 and 1, or None when all rows are full: then
    masking costs nothing.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        self.lengths = list(lengths)
        self.longest = max(self.lengths)
        self.device = device
        self.count = torch.tensor(self.lengths, device=device)
        self.mask: Tensor | None = None
        if min(self.lengths) != self.longest:
            steps = torch.arange(self.longest, device=device)
            self.mask = (steps < self.count[:, None])[..., None].float()

    def scaled(self, factor: int, extra: int = 0) -> "Span":
        """The same rows after upsampling by `factor` and appending `extra` steps."""
        return Span([length * factor + extra for length in self.lengths], self.device)

    def clean(self, x: Tensor) -> Tensor:
        """`x` [B, T, C] with zeros beyond each row's end."""
        return x if self.mask is None else x * self.mask.to(x.dtype)


class Linear(nn.Linear):
    """A linear layer that spends no time on initial values: weights always come from a pack."""

    def reset_parameters(self) -> None: ...


class Embedding(nn.Embedding):
    """An embedding table without initial values."""

    def reset_parameters(self) -> None: ...


class LSTM(nn.LSTM):
    """A recurrent layer without initial values."""

    def reset_parameters(self) -> None: ...


class Conv(nn.Module):
    """1-D convolution over [B, T, C] with 'same' padding unless told otherwise.

    `weight` is kept as ``[out, in, 1, kernel]`` in channels-last memory, the layout in which
    oneDNN and cuDNN need no reordering.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, dilation: int = 1, stride: int = 1,
        padding: int | None = None, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.dilation, self.stride = dilation, stride
        self.padding = dilation * (kernel - 1) // 2 if padding is None else padding

    def lay_out(self) -> None:
        """Rearrange the loaded ``[out, in, kernel]`` weight for channels-last execution."""
        weight = self.weight.data.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        image = x.to(self.weight.dtype).unsqueeze(1).permute(0, 3, 1, 2)  # [B, C, 1, T]
        y = F.conv2d(
            image, self.weight, self.bias, stride=(1, self.stride),
            padding=(0, self.padding), dilation=(1, self.dilation),
        )  # fmt: skip
        return y.permute(0, 2, 3, 1).squeeze(1)  # [B, T', C']


class Upsample(nn.Module):
    """Transposed convolution whose kernel is twice its stride and whose padding is half of it.

    Each input step then touches exactly two output blocks, so it is one matrix product
    and one shifted addition. `weight` ``[in, out, kernel]``; [B, T, in] -> [B, T * stride, out].
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        if kernel != 2 * stride or stride % 2:
            raise ValueError(f"kernel {kernel} must be twice the even stride {stride}")
        self.weight = nn.Parameter(torch.empty(inputs, outputs, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.stride = stride

    def lay_out(self) -> None:
        """Rearrange the loaded weight to ``[2 * stride * out, in]``, time-major."""
        weight = self.weight.data.permute(2, 1, 0).flatten(0, 1).contiguous()
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, _ = x.shape
        blocks = F.linear(x.to(self.weight.dtype), self.weight).view(batch, time, 2, -1)
        y = blocks.new_zeros(batch, time + 1, blocks.shape[-1])
        y[:, :time] += blocks[:, :, 0]
        y[:, 1:] += blocks[:, :, 1]
        y = y.view(batch, (time + 1) * self.stride, -1)
        half = self.stride // 2
        return y[:, half : half + time * self.stride] + self.bias


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
    """Adaptive instance normalisation (Huang & Belongie 2017): style sets each channel's mean and scale."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = Linear(style, 2 * channels)

    def affine(self, x: Tensor, s: Tensor, span: Span) -> tuple[Tensor, Tensor]:
        """Scale and shift, each [B, 1, C], such that ``x * scale + shift`` is the normalised x.

        Statistics are taken in float32 over the valid steps only.
        """
        gamma, beta = self.fc(s).unsqueeze(1).chunk(2, dim=-1)
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
