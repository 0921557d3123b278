"""SimBERT: a BERT encoder (Devlin et al. 2019) whose pooled output says how a text feels and what it says.

Modules are named as the published tensors are.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.layers import NORM_EPS, Embedding, Linear, Span


class Embeddings(nn.Module):
    """[B, T] ids -> [B, T, W]. All text is of the first segment."""

    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        self.word_embeddings = Embedding(config.bert_vocabulary, config.bert_width)
        self.position_embeddings = Embedding(config.bert_positions, config.bert_width)
        self.token_type_embeddings = Embedding(2, config.bert_width)
        self.LayerNorm = nn.LayerNorm(config.bert_width, eps=NORM_EPS)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.word_embeddings(tokens) + self.token_type_embeddings.weight[0]
        return self.LayerNorm(x + self.position_embeddings.weight[: tokens.shape[1]])


class Projections(nn.Module):
    """Query, key and value of `heads` heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, heads, T, W / heads]
            for project in (self.query, self.key, self.value)
        )
        return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2).flatten(2)


class Dense(nn.Module):
    """A linear layer under the name that BERT gives it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x)


class Joined(nn.Module):
    """A linear layer, the shortcut around it and what came before, and the norm after it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.dense = Linear(inputs, outputs)
        self.LayerNorm = nn.LayerNorm(outputs, eps=NORM_EPS)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + shortcut)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self = Projections(width, heads)
        self.output = Joined(width, width)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        return self.output(self.self(x, allowed), x)


class Layer(nn.Module):
    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        self.attention = Attention(config.bert_width, config.bert_heads)
        self.intermediate = Dense(config.bert_width, config.bert_ffn)
        self.output = Joined(config.bert_ffn, config.bert_width)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        x = self.attention(x, allowed)
        return self.output(F.gelu(self.intermediate(x)), x)


class Encoder(nn.Module):
    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.bert_layers))

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        for layer in self.layer:
            x = layer(x, allowed)
        return x


class Bert(nn.Module):
    """[B, T] ids -> the pooled output [B, W] in -1..1 of each row's first token."""

    def __init__(self, config: EmotiVoiceConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.pooler = Dense(config.bert_width, config.bert_width)

    def forward(self, tokens: Tensor, span: Span) -> Tensor:
        allowed = None if span.mask is None else span.mask[:, None, None, :, 0] > 0  # [B, 1, 1, T]
        x = self.encoder(self.embeddings(tokens), allowed)
        return self.pooler(x[:, 0]).tanh()
