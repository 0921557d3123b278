"""PL-BERT: an ALBERT encoder over phonemes (Lan et al. 2020; Li et al. 2023). One layer, applied 12 times."""

import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.layers import NORM_EPS, Embedding, Linear, Span


class Embeddings(nn.Module):
    """Token, position and segment embeddings: [B, T] -> [B, T, bert_embedding]."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.word_embeddings = Embedding(config.n_token, config.bert_embedding)
        self.position_embeddings = Embedding(config.bert_positions, config.bert_embedding)
        self.token_type_embeddings = Embedding(2, config.bert_embedding)
        self.LayerNorm = nn.LayerNorm(config.bert_embedding, eps=NORM_EPS)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: tokens.shape[1]]
        x = self.word_embeddings(tokens) + self.token_type_embeddings.weight[0]
        return self.LayerNorm(x + positions)


class Attention(nn.Module):
    """Multi-head self-attention with its residual and layer norm."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (Linear(hidden, hidden) for _ in range(3))
        self.dense = Linear(hidden, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=NORM_EPS)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, heads, T, head]

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        q, k, v = (self.split(project(x)) for project in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        return self.LayerNorm(x + self.dense(y.transpose(1, 2).flatten(2)))


class AlbertLayer(nn.Module):
    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.attention = Attention(config.bert_hidden, config.bert_heads)
        self.ffn = Linear(config.bert_hidden, config.bert_ffn)
        self.ffn_output = Linear(config.bert_ffn, config.bert_hidden)
        self.full_layer_layer_norm = nn.LayerNorm(config.bert_hidden, eps=NORM_EPS)

    def forward(self, x: Tensor, allowed: Tensor | None) -> Tensor:
        x = self.attention(x, allowed)
        y = self.ffn_output(F.gelu(self.ffn(x), approximate="tanh"))
        return self.full_layer_layer_norm(x + y)


class Albert(nn.Module):
    """[B, T] phoneme ids -> [B, T, bert_hidden]."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.embedding_hidden_mapping_in = Linear(config.bert_embedding, config.bert_hidden)
        self.layer = AlbertLayer(config)
        self.depth = config.bert_layers

    def forward(self, tokens: Tensor, span: Span) -> Tensor:
        allowed = None if span.mask is None else span.mask[:, None, None, :, 0] > 0  # [B, 1, 1, T]
        x = self.embedding_hidden_mapping_in(self.embeddings(tokens))
        for _ in range(self.depth):
            x = self.layer(x, allowed)
        return x
