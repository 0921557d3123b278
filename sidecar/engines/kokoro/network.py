"""Kokoro-82M as one module: two halves, `plan` and `render`, over padded batches."""

import torch
from torch import Tensor, nn

from sidecar.engines.kokoro.albert import Albert
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.decoder import Decoder
from sidecar.engines.kokoro.predictor import ProsodyPredictor, TextEncoder
from sidecar.engines.layers import Conv, Linear, Span, Upsample
from sidecar.engines.tensors import in_memory_of_its_own


class Kokoro(nn.Module):
    """The network. Parameters are float32 as loaded; `prepare` lays them out for inference."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = Albert(config)
        self.bert_encoder = Linear(config.bert_hidden, config.hidden)
        self.predictor = ProsodyPredictor(config)
        self.text_encoder = TextEncoder(config)
        self.decoder = Decoder(config)

    def prepare(self, device: torch.device, precision: torch.dtype) -> "Kokoro":
        """Move to `device`; the decoder's convolutions run in `precision`, all else in float32.

        So does the last of them, which gives a spectrum's phases: it is a hundredth of the work, and in half
        precision does more harm than all the others.
        """
        self.eval().requires_grad_(False)
        for module in self.modules():
            if isinstance(module, Conv | Upsample):
                module.lay_out()
        self.to(device)
        for module in self.decoder.modules():
            if isinstance(module, Conv | Upsample) and module is not self.decoder.generator.conv_post:
                module.to(precision)
        if device.type == "cpu":
            in_memory_of_its_own(self)
        for module in self.modules():
            if isinstance(module, nn.LSTM):
                module.flatten_parameters()
        return self

    def durations(self, tokens: Tensor, s: Tensor, speed: Tensor, span: Span) -> tuple[Tensor, Tensor]:
        """Ids [B, T], manner [B, style], speed [B] -> features [B, T, hidden + style], frames [B, T]."""
        encoded = self.bert_encoder(self.bert(tokens, span))
        return self.predictor.durations(encoded, s, span, speed)

    def curves(self, features: Tensor, index: Tensor, s: Tensor, span: Span) -> tuple[Tensor, Tensor]:
        """Features per token, `index` [B, F] (token of each frame) -> F0 in Hz and energy, each [B, 2F]."""
        return self.predictor.curves(spread(features, index), s, span)

    def render(
        self, tokens: Tensor, token_span: Span, index: Tensor, span: Span,
        f0_hz: Tensor, energy: Tensor, timbre: Tensor, noise: Tensor,
    ) -> Tensor:  # fmt: skip
        """The rendering half; `timbre` [B, style] or [B, layers, style], `noise` [B, 600 F, harmonics]
        -> samples [B, 600 F]."""
        text = span.clean(spread(self.text_encoder(tokens, token_span), index))
        return self.decoder(text, f0_hz, energy, timbre, noise, span)


def spread(x: Tensor, index: Tensor) -> Tensor:
    """Repeat tokens over their frames: [B, T, C] by [B, F] -> [B, F, C]."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))
