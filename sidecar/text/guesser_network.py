"""The network that reads unknown words, and its weights on disk.

On disk (safetensors) every matrix is int8 with one float32 scale a row (`NAME.scale`),
every vector float32. The metadata carry `format`, and as JSON `shape` (the fields of
`Shape`), `letters` (what letter number i is) and `chunks` (what chunk number i says).
Loading is strict: no missing, no unexpected tensor, no other type or size.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..protocol.errors import ModelRejected, StorageError

FORMAT = "npc-voice-guesser-1"

State = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of a `Network`; they travel with its weights."""

    letters: int
    chunks: int
    letter_width: int
    chunk_width: int
    encoder_width: int
    encoder_layers: int
    decoder_width: int


class Network(nn.Module):
    """Reads a word letter by letter: P(chunk of letter t | all letters, chunks of the letters before t).

    A bidirectional LSTM sees the whole spelling; an LSTM decoder walks over the
    letters and is told at each what the one before said. In training all words of a
    batch have the same length; words of several are packed, so there is no padding.
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

    def encode(self, letters: PackedSequence) -> PackedSequence:
        """Letter numbers of words, longest first -> contexts [letters, 2E], packed as they are."""
        context: PackedSequence = self.encoder(letters._replace(data=self.letters(letters.data)))[0]
        return context

    def forward(self, letters: Tensor, chunks: Tensor) -> Tensor:
        """Logits [B, T, C] for letters [B, T] whose true chunks [B, T] are known (training)."""
        start = chunks.new_full((len(chunks), 1), self.start)
        previous = torch.cat([start, chunks[:, :-1]], dim=1)  # [B, T]
        context = self.dropout(self.encoder(self.letters(letters))[0])  # [B, T, 2E]
        heard = torch.cat([context, self.chunks(previous)], dim=-1)  # [B, T, 2E + W]
        logits: Tensor = self.out(self.dropout(self.decoder(heard)[0]))
        return logits


class Decoder:
    """The decoder of a `Network`, one letter at a time, with all products that can be made ahead made ahead.

    The input of the LSTM is (context, embedded chunk); its product with the input
    weights is the sum of one with the context and one with the embedding, and the
    latter is a table of C + 1 rows.
    """

    def __init__(self, network: Network) -> None:
        weights = dict(network.decoder.named_parameters())
        width = network.chunks.embedding_dim
        self._from_context = weights["weight_ih_l0"][:, :-width].t().contiguous()  # [2E, 4D]
        self._from_state = weights["weight_hh_l0"].t().contiguous()  # [D, 4D]
        self._bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
        self._from_chunk = network.chunks.weight @ weights["weight_ih_l0"][:, -width:].t()  # [C + 1, 4D]
        self._out = network.out

    def prepare(self, context: Tensor) -> Tensor:
        """Contexts [N, 2E] -> what they add to the gates [N, 4D]."""
        return context @ self._from_context + self._bias

    def first_state(self, count: int) -> State:
        """The state of `count` words [count, D] before their first letter."""
        zeros = torch.zeros(count, self._from_state.shape[0])
        return zeros, zeros

    def step(self, prepared: Tensor, previous: Tensor, state: State) -> tuple[Tensor, State]:
        """Gate inputs [n, 4D] of words and chunks just said [n * K] by their beams -> log P(next chunk)
        [n * K, C] and the state after."""
        hidden, cell = state
        gates = self._from_chunk[previous].view(len(prepared), -1, prepared.shape[1])  # [n, K, 4D]
        gates = gates.add_(prepared[:, None]).flatten(0, 1).add_(hidden @ self._from_state)
        enter, forget, update, leave = gates.chunk(4, dim=-1)  # each [n * K, D], in torch's order
        cell = forget.sigmoid() * cell + enter.sigmoid() * update.tanh()
        hidden = leave.sigmoid() * cell.tanh()
        return self._out(hidden).log_softmax(dim=-1), (hidden, cell)


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with the meaning of its numbers."""

    network: Network
    letters: tuple[str, ...]
    chunks: tuple[str, ...]


def save(path: Path, trained: Trained, shape: Shape) -> None:
    """Write weights rounded to eight bits, and what belongs to them."""
    tensors: dict[str, Tensor] = {}
    for name, value in trained.network.state_dict().items():
        if value.ndim == 2:
            scale = value.abs().amax(dim=1).clamp(min=1e-12) / 127
            tensors[name] = (value / scale[:, None]).round().to(torch.int8)
            tensors[name + ".scale"] = scale.contiguous()
        else:
            tensors[name] = value.contiguous()
    metadata = {
        "format": FORMAT,
        "shape": json.dumps(asdict(shape)),
        "letters": json.dumps(trained.letters),
        "chunks": json.dumps(trained.chunks, ensure_ascii=False),
    }
    save_file(tensors, path, metadata)


def load(path: Path) -> Trained:
    """Read what `save` wrote. Raises StorageError if there is no file, ModelRejected if it is not right."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    except OSError as error:
        raise StorageError(f"cannot read the guesser's weights: {error}") from error
    except SafetensorError as error:
        raise ModelRejected(f"{path.name} is not a safetensors file: {error}") from error
    if metadata.get("format") != FORMAT:
        raise ModelRejected(f"{path.name} has format {metadata.get('format')!r}, expected {FORMAT!r}")
    shape, letters, chunks = _described(metadata, path.name)
    network = Network(shape)
    network.load_state_dict(_restored(network.state_dict(), tensors, path.name))
    network.eval().requires_grad_(False)
    return Trained(network, letters, chunks)


def _described(metadata: Mapping[str, str], name: str) -> tuple[Shape, tuple[str, ...], tuple[str, ...]]:
    try:
        shape = Shape(**json.loads(metadata["shape"]))
        letters, chunks = (tuple(json.loads(metadata[key])) for key in ("letters", "chunks"))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelRejected(f"{name} does not describe itself: {error!r}") from error
    if (len(letters), len(chunks)) != (shape.letters, shape.chunks):
        raise ModelRejected(f"{name} names {len(letters)} letters and {len(chunks)} chunks, unlike {shape}")
    return shape, letters, chunks


def _restored(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], file: str) -> dict[str, Tensor]:
    """Full-precision weights by name; every tensor found must be one that was expected."""
    scales = {name + ".scale" for name, value in expected.items() if value.ndim == 2}
    if set(found) != set(expected) | scales:
        odd = ", ".join(sorted(set(found) ^ (set(expected) | scales)))
        raise ModelRejected(f"{file} has missing or unexpected tensors: {odd}")
    restored = {}
    for name, value in expected.items():
        if value.ndim == 2:
            rows = _checked(found, name, torch.int8, value.shape, file)
            scale = _checked(found, name + ".scale", torch.float32, value.shape[:1], file)
            restored[name] = rows.float() * scale[:, None]
        else:
            restored[name] = _checked(found, name, torch.float32, value.shape, file)
    return restored


def _checked(
    found: Mapping[str, Tensor], name: str, dtype: torch.dtype, size: torch.Size, file: str
) -> Tensor:
    tensor = found[name]
    if tensor.dtype != dtype or tensor.shape != size:
        have = f"{tensor.dtype} {tuple(tensor.shape)}"
        raise ModelRejected(f"{file}: {name} is {have}, expected {dtype} {tuple(size)}")
    return tensor
