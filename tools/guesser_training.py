"""The network that reads unknown words as it is trained, in PyTorch, and how its weights are written.

`sidecar/text/guesser_network.py` runs it, without PyTorch, and says what lies on disk.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sidecar.text.guesser_network import FORMAT, Shape


class Network(nn.Module):
    """Reads a word letter by letter: P(chunk of letter t | all letters, chunks of the letters before t).

    A bidirectional LSTM sees the whole spelling; an LSTM decoder walks over the
    letters and is told at each what the one before said. In training all words of a
    batch have the same length.
    `B` words, `T` letters, `C` chunks, `E` and `D` the widths of encoder and decoder.
    """

    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__()
        self.start = shape.chunks  # "nothing said yet", one past the last chunk
        self.letters = nn.Embedding(shape.letters, shape.letter_width)
        self.chunks = nn.Embedding(shape.chunks + 1, shape.chunk_width)
        self.encoder = nn.LSTM(
            shape.letter_width,
            shape.encoder_width,
            shape.encoder_layers,
            batch_first=True,
            bidirectional=True,
            dropout=dropout,
        )
        self.decoder = nn.LSTM(
            2 * shape.encoder_width + shape.chunk_width, shape.decoder_width, batch_first=True
        )
        self.out = nn.Linear(shape.decoder_width, shape.chunks)
        self.dropout = nn.Dropout(dropout)

    def forward(self, letters: Tensor, chunks: Tensor) -> Tensor:
        """Logits [B, T, C] for letters [B, T] whose true chunks [B, T] are known."""
        start = chunks.new_full((len(chunks), 1), self.start)
        previous = torch.cat([start, chunks[:, :-1]], dim=1)  # [B, T]
        context = self.dropout(self.encoder(self.letters(letters))[0])  # [B, T, 2E]
        heard = torch.cat([context, self.chunks(previous)], dim=-1)  # [B, T, 2E + W]
        logits: Tensor = self.out(self.dropout(self.decoder(heard)[0]))
        return logits


def save(path: Path, network: Network, shape: Shape, letters: Sequence[str], chunks: Sequence[str]) -> None:
    """Write weights rounded to eight bits, and what their numbers mean."""
    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if value.ndim == 2:
            scale = value.abs().amax(dim=1).clamp(min=1e-12) / 127
            tensors[name] = (value / scale[:, None]).round().to(torch.int8)
            tensors[name + ".scale"] = scale.contiguous()
        else:
            tensors[name] = value.contiguous()
    metadata = {
        "format": FORMAT,
        "shape": json.dumps(asdict(shape)),
        "letters": json.dumps(letters),
        "chunks": json.dumps(chunks, ensure_ascii=False),
    }
    save_file(tensors, path, metadata)
