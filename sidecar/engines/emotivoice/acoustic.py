"""The acoustic model: tokens, a speaker and two text vectors -> prosody for each token -> mel frames.

Source: FastSpeech 2 (Ren et al. 2021) for the predictors, Gaussian upsampling (Shen et al. 2020), both as
in JETS (Lim et al. 2022). Modules are named as the published tensors are.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.transformer import Transformer
from sidecar.engines.layers import NORM_EPS, Conv, Embedding, Linear, Span

PREDICTOR_KERNEL, CURVE_KERNEL = 3, 9
GAUSSIAN_DECAY = 0.1  #: by which a token's weight falls with the square of its distance in frames


class Prosody(NamedTuple):
    """What is known before a frame is made, padding zero: `text` [B, T, D], and for each token [B, T]
    pitch and energy in training's standard deviations from its mean, and ln(frames + 1)."""

    text: Tensor
    pitch: Tensor
    energy: Tensor
    log_duration: Tensor

    @property
    def frames(self) -> Tensor:
        """Whole frames a token [B, T]; 0 is allowed."""
        return (self.log_duration.exp() - 1).round().clamp_min(0).long()


class Predictor(nn.Module):
    """[B, T, D] -> one number a token, [B, T]."""

    def __init__(self, inputs: int, width: int, depth: int) -> None:
        super().__init__()
        sizes = (inputs, *[width] * (depth - 1))
        self.conv = nn.ModuleList(
            nn.Sequential(Conv(size, width, PREDICTOR_KERNEL), nn.ReLU(), nn.LayerNorm(width, eps=NORM_EPS))
            for size in sizes
        )
        self.linear = Linear(width, 1)

    def forward(self, x: Tensor, span: Span) -> Tensor:
        for layer in self.conv:
            x = layer(span.clean(x))
        return span.clean(self.linear(x)).squeeze(-1)


class AcousticModel(nn.Module):
    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        c = config
        self.src_word_emb = Embedding(c.n_token, c.width)
        self.spk_tokenizer = Embedding(c.n_speaker, c.width)
        self.encoder = Transformer(c.width, c.encoder_heads, c.ffn, c.encoder_layers)
        self.embed_projection1 = Linear(2 * c.width + 2 * c.bert_width, c.width)
        self.duration_predictor = Predictor(c.width, c.predictor_width, c.duration_layers)
        self.pitch_predictor = Predictor(c.width, c.predictor_width, c.pitch_layers)
        self.energy_predictor = Predictor(c.width, c.predictor_width, c.energy_layers)
        self.pitch_embed = nn.ModuleList([Conv(1, c.width, CURVE_KERNEL)])
        self.energy_embed = nn.ModuleList([Conv(1, c.width, CURVE_KERNEL)])
        self.decoder = Transformer(c.width, c.decoder_heads, c.ffn, c.decoder_layers)
        self.to_mel = Linear(c.width, c.mels)

    def prosody(self, tokens: Tensor, speaker: Tensor, style: Tensor, content: Tensor, span: Span) -> Prosody:
        """Ids [B, T], speaker [B, D], text vectors [B, bert_width] each."""
        encoded = self.encoder(self.src_word_emb(tokens), span)  # [B, T, D]
        manner = torch.cat([speaker, style, content], dim=-1)[:, None].expand(-1, tokens.shape[1], -1)
        text = span.clean(self.embed_projection1(torch.cat([encoded, manner], dim=-1)))
        return Prosody(
            text,
            self.pitch_predictor(text, span),
            self.energy_predictor(text, span),
            self.duration_predictor(text, span),
        )

    def mel(
        self, text: Tensor, pitch: Tensor, energy: Tensor, durations: Tensor, tokens: Span, frames: Span
    ) -> Tensor:
        """Each token's `text` [B, T, D], pitch, energy and float frames [B, T] -> [B, F, mels]."""
        x = text + self.pitch_embed[0](pitch[..., None]) + self.energy_embed[0](energy[..., None])
        return self.to_mel(self.decoder(upsampled(x, durations, tokens, frames), frames))


def upsampled(x: Tensor, durations: Tensor, tokens: Span, frames: Span) -> Tensor:
    """Each frame a mean of tokens [B, T, C], the nearer a token's centre the more -> [B, F, C].

    `durations` [B, T] may be 0 and are 0 beyond a row's end: such a token still has a centre.
    """
    centres = durations.cumsum(1) - durations / 2  # [B, T]
    times = torch.arange(frames.longest, device=x.device, dtype=durations.dtype)
    distances = (times[None, :, None] - centres[:, None, :]).square()  # [B, F, T]
    closeness = -GAUSSIAN_DECAY * distances
    if tokens.mask is not None:
        closeness = closeness.masked_fill(tokens.mask.transpose(1, 2) == 0, float("-inf"))
    return F.softmax(closeness, dim=-1) @ x
