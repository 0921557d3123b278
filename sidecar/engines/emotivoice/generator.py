"""The vocoder: mel frames -> samples. HiFi-GAN V1 (Kong et al. 2020), weight normalisation folded.

Modules are named as the published tensors are.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.engines.emotivoice.config import EDGE_KERNEL, EmotiVoiceConfig
from sidecar.engines.layers import Conv, Span, Upsample

SLOPE, LAST_SLOPE = 0.1, 0.01


class ResBlock(nn.Module):
    """Dilated and plain convolutions in turn, each pair with a shortcut: [B, T, C] -> [B, T, C]."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(Conv(channels, channels, kernel, dilation=d) for d in dilations)
        self.convs2 = nn.ModuleList(Conv(channels, channels, kernel) for _ in dilations)

    def forward(self, x: Tensor, span: Span) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            y = dilated(span.clean(F.leaky_relu(x, SLOPE)))
            x = x + plain(span.clean(F.leaky_relu(y, SLOPE)))
        return x


class Generator(nn.Module):
    """[B, F, mels] -> [B, hop * F] samples in -1..1."""

    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        widths = [config.generator_channels >> stage for stage in range(len(config.upsample_rates) + 1)]
        self.rates, self.blocks = config.upsample_rates, len(config.resblock_kernels)
        self.conv_pre = Conv(config.mels, widths[0], EDGE_KERNEL)
        self.ups = nn.ModuleList(
            Upsample(wide, narrow, 2 * rate, rate)
            for (wide, narrow), rate in zip(pairwise(widths), self.rates, strict=True)
        )
        self.resblocks = nn.ModuleList(
            ResBlock(width, kernel, config.resblock_dilations)
            for width in widths[1:]
            for kernel in config.resblock_kernels
        )
        self.conv_post = Conv(widths[-1], 1, EDGE_KERNEL)

    def forward(self, mel: Tensor, span: Span) -> Tensor:
        x = self.conv_pre(span.clean(mel))
        for stage, (up, rate) in enumerate(zip(self.ups, self.rates, strict=True)):
            x = up(span.clean(F.leaky_relu(x, SLOPE)))  # [B, rate * T, C / 2]
            span = span.scaled(rate)
            blocks = self.resblocks[stage * self.blocks : (stage + 1) * self.blocks]
            x = torch.stack([block(x, span) for block in blocks]).sum(0) / self.blocks
        return self.conv_post(span.clean(F.leaky_relu(x, LAST_SLOPE))).squeeze(-1).tanh()
