"""The prosody half: phonemes and a manner of speaking -> durations, F0, energy.

Source: StyleTTS 2 (Li et al. 2023), `ProsodyPredictor`, and Kokoro's `TextEncoder`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.layers import AdaINBlock, AdaLayerNorm, BiLSTM
from sidecar.engines.layers import Conv, Embedding, Linear, Span


class DurationEncoder(nn.Module):
    """[B, T, hidden] -> [B, T, hidden + style]: recurrent layers, each normalised by the style."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        wide = config.hidden + config.style
        self.lstms = nn.ModuleList(BiLSTM(wide, config.hidden) for _ in range(config.depth))
        self.norms = nn.ModuleList(AdaLayerNorm(config.style, config.hidden) for _ in range(config.depth))

    def forward(self, x: Tensor, s: Tensor, span: Span) -> Tensor:
        style = s.unsqueeze(1).expand(-1, x.shape[1], -1)
        x = torch.cat([x, style], dim=-1)
        for lstm, norm in zip(self.lstms, self.norms, strict=True):
            x = torch.cat([norm(lstm(x, span), s), style], dim=-1)
        return x


class CurveHead(nn.Module):
    """[B, T, hidden] -> one curve [B, 2T] at twice the frame rate."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        full, half = config.hidden, config.hidden // 2
        self.blocks = nn.ModuleList(
            [
                AdaINBlock(full, full, config.style),
                AdaINBlock(full, half, config.style, upsample=True),
                AdaINBlock(half, half, config.style),
            ]
        )
        self.proj = Conv(half, 1, 1)

    def forward(self, x: Tensor, s: Tensor, span: Span) -> Tensor:
        doubled = span.scaled(2)
        x = self.blocks[0](x, s, span)
        x = self.blocks[1](x, s, span)
        x = self.blocks[2](x, s, doubled)
        return doubled.clean(self.proj(x)).squeeze(-1)


class ProsodyPredictor(nn.Module):
    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        wide = config.hidden + config.style
        self.text_encoder = DurationEncoder(config)
        self.lstm = BiLSTM(wide, config.hidden)
        self.duration_proj = Linear(config.hidden, config.max_duration_frames)
        self.shared = BiLSTM(wide, config.hidden)
        self.F0 = CurveHead(config)
        self.N = CurveHead(config)

    def durations(self, x: Tensor, s: Tensor, span: Span, speed: Tensor) -> tuple[Tensor, Tensor]:
        """Encoded text [B, T, hidden] -> features [B, T, hidden + style], frames [B, T] int64, each >= 1."""
        features = self.text_encoder(x, s, span)
        steps = torch.sigmoid(self.duration_proj(self.lstm(features, span)))
        frames = (steps.sum(-1) / speed[:, None]).round().clamp_min(1).long()
        return features, frames

    def curves(self, features: Tensor, s: Tensor, span: Span) -> tuple[Tensor, Tensor]:
        """Frame-aligned features [B, F, hidden + style] -> F0 in Hz and energy, each [B, 2F]."""
        x = self.shared(features, span)
        return self.F0(x, s, span), self.N(x, s, span)


class TextConv(nn.Module):
    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = Conv(channels, channels, kernel)
        self.gamma = nn.Parameter(torch.empty(channels))
        self.beta = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        y = F.layer_norm(self.conv(x), self.gamma.shape, self.gamma, self.beta, eps=1e-5)
        return F.leaky_relu(y, 0.2)


class TextEncoder(nn.Module):
    """Phoneme ids [B, T] -> what is said, without how: [B, T, hidden]."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.embedding = Embedding(config.n_token, config.hidden)
        self.cnn = nn.ModuleList(TextConv(config.hidden, config.text_kernel) for _ in range(config.depth))
        self.lstm = BiLSTM(config.hidden, config.hidden)

    def forward(self, tokens: Tensor, span: Span) -> Tensor:
        x = span.clean(self.embedding(tokens))
        for layer in self.cnn:
            x = span.clean(layer(x))
        return self.lstm(x, span)
