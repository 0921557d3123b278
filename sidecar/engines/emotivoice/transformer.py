"""The transformer stack of encoder and decoder: pre-norm self-attention and a convolutional feed-forward.

Source: FastSpeech 2 (Ren et al. 2021) in ESPnet's form. Modules are named as the published tensors are.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.engines.layers import NORM_EPS, Conv, Linear, Span

FFN_KERNEL = 3


class Positions(nn.Module):
    """x [B, T, D] + alpha * sinusoids; `alpha` [1] is learnt. Any length fits."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.alpha * sinusoids(x.shape[1], x.shape[2], x.device)


def sinusoids(steps: int, width: int, device: torch.device) -> Tensor:
    """[steps, width]: sine in even and cosine in odd columns, of wavelengths from 2 pi to 20000 pi."""
    time = torch.arange(steps, device=device, dtype=torch.float32)[:, None]
    pulsation = torch.exp(torch.arange(0, width, 2, device=device).float() * -(math.log(10000.0) / width))
    angles = time * pulsation  # [T, D / 2]
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear_q, self.linear_k, self.linear_v, self.linear_out = (
            Linear(width, width) for _ in range(4)
        )

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, heads, T, D / heads]
            for project in (self.linear_q, self.linear_k, self.linear_v)
        )
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        return self.linear_out(y.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two convolutions over time with a GELU between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.w_1, self.w_2 = Conv(width, inner, FFN_KERNEL), Conv(inner, width, FFN_KERNEL)

    def forward(self, x: Tensor, span: Span) -> Tensor:
        return self.w_2(span.clean(F.gelu(self.w_1(span.clean(x)))))


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(width, heads)
        self.feed_forward = FeedForward(width, inner)
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=NORM_EPS) for _ in range(2))

    def forward(self, x: Tensor, span: Span, allowed: Tensor | None) -> Tensor:
        x = x + self.self_attn(self.norm1(x), allowed)
        return x + self.feed_forward(self.norm2(x), span)


class Transformer(nn.Module):
    """[B, T, D] -> [B, T, D]. What lies beyond a row's end is neither seen nor meaningful."""

    def __init__(self, width: int, heads: int, inner: int, depth: int) -> None:
        super().__init__()
        self.embed = nn.ModuleList([Positions()])
        self.encoders = nn.ModuleList(Layer(width, heads, inner) for _ in range(depth))
        self.after_norm = nn.LayerNorm(width, eps=NORM_EPS)

    def forward(self, x: Tensor, span: Span) -> Tensor:
        allowed = None if span.mask is None else span.mask[:, None, None, :, 0] > 0  # [B, 1, 1, T]
        x = self.embed[0](x)
        for layer in self.encoders:
            x = layer(x, span, allowed)
        return self.after_norm(x)
