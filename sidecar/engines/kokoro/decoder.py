"""The rendering half: text features, F0, energy and a timbre -> waveform (StyleTTS 2, `Decoder`)."""

import torch
from torch import Tensor, nn

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.generator import Generator
from sidecar.engines.kokoro.layers import AdaIN, AdaINBlock
from sidecar.engines.layers import Conv, Span


class Decoder(nn.Module):
    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        wide, style = config.decoder_hidden, config.style
        joined = wide + 2 + config.text_residual
        self.encode = AdaINBlock(config.hidden + 2, wide, style)
        self.decode = nn.ModuleList(
            [AdaINBlock(joined, wide, style) for _ in range(3)]
            + [AdaINBlock(joined, config.generator_channels, style, upsample=True)]
        )
        self.F0_conv = Conv(1, 1, 3, stride=2, padding=1)
        self.N_conv = Conv(1, 1, 3, stride=2, padding=1)
        self.asr_res = Conv(config.hidden, config.text_residual, 1)
        self.generator = Generator(config)
        for place, norm in enumerate(self.timbre_layers()):
            norm.place = place

    def timbre_layers(self) -> list[AdaIN]:
        """All that listen to the timbre, in the order in which a voice's layers are kept: `encode` (norm1,
        norm2), `decode.0` to `.3` likewise, then for each stage of the generator `noise_res` and
        `resblocks.0` to `.2`, each with `snakes1.0` to `.2` before `snakes2.0` to `.2`."""
        return [module for module in self.modules() if isinstance(module, AdaIN)]

    def forward(
        self, text: Tensor, f0_hz: Tensor, energy: Tensor, s: Tensor, noise: Tensor, span: Span
    ) -> Tensor:
        """`text` [B, F, hidden], curves [B, 2F], timbre `s` [B, style] or, one for each layer,
        [B, layers, style], noise [B, 600 F, harmonics] -> samples [B, 600 F].

        The curves must be zero beyond each row's end. Differentiable in the timbre.
        """
        f0, n = self.F0_conv(f0_hz[..., None]), self.N_conv(energy[..., None])
        x = self.encode(torch.cat([text, f0, n], dim=-1), s, span)
        residual = self.asr_res(text)
        for block in self.decode:
            x = block(torch.cat([x, residual, f0, n], dim=-1), s, span)
        return self.generator(x, s, f0_hz, noise, span.scaled(2))
