"""The network that reads unknown words, and its weights on disk. NumPy on the CPU.

A bidirectional LSTM sees the whole spelling; an LSTM decoder walks over the letters and is told at each what
the one before said: P(chunk of letter t | all letters, chunks of the letters before t). It is trained in
`tools/train_guesser.py`. `B` words, `T` letters, `C` chunks, `E` and `D` the widths of encoder and decoder.

On disk (safetensors) every matrix is int8 with one float32 scale a row (`NAME.scale`),
every vector float32. The metadata carry `format`, and as JSON `shape` (the fields of
`Shape`), `letters` (what letter number i is) and `chunks` (what chunk number i says).
Loading is strict: no missing, no unexpected tensor, no other type or size.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from ..protocol.errors import ModelRejected, StorageError

FORMAT = "npc-voice-guesser-1"

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]
State = tuple[Floats, Floats]
Weights = Mapping[str, Floats]

_WAYS = ("", "_reverse")


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of the network; they travel with its weights."""

    letters: int
    chunks: int
    letter_width: int
    chunk_width: int
    encoder_width: int
    encoder_layers: int
    decoder_width: int

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Of every weight, by name; names and the order of gates (i, f, g, o) are PyTorch's."""
        found = {
            "letters.weight": (self.letters, self.letter_width),
            "chunks.weight": (self.chunks + 1, self.chunk_width),
            "out.weight": (self.chunks, self.decoder_width),
            "out.bias": (self.chunks,),
        }
        context = 2 * self.encoder_width
        for layer in range(self.encoder_layers):
            inputs = context if layer else self.letter_width
            for way in _WAYS:
                found |= _lstm_sizes(f"encoder.{{}}_l{layer}{way}", inputs, self.encoder_width)
        return found | _lstm_sizes("decoder.{}_l0", context + self.chunk_width, self.decoder_width)


def _lstm_sizes(name: str, inputs: int, width: int) -> dict[str, tuple[int, ...]]:
    gates = 4 * width
    return {
        name.format("weight_ih"): (gates, inputs),
        name.format("weight_hh"): (gates, width),
        name.format("bias_ih"): (gates,),
        name.format("bias_hh"): (gates,),
    }


class Encoder:
    """Letters -> contexts."""

    def __init__(self, weights: Weights, layers: int) -> None:
        self._letters = weights["letters.weight"]
        self._layers = [
            tuple(Recurrent.of(weights, f"encoder.{{}}_l{layer}{way}") for way in _WAYS)
            for layer in range(layers)
        ]

    def __call__(self, words: Sequence[Sequence[int]]) -> list[Floats]:
        """Letter numbers of words, longest first -> for each t, contexts [n, 2E] of the letters t of the n
        words that have one."""
        steps = [self._letters[[word[t] for word in words if len(word) > t]] for t in range(len(words[0]))]
        for forward, backward in self._layers:
            heard = zip(forward.forwards(steps), backward.backwards(steps), strict=True)
            steps = [np.concatenate(both, axis=1) for both in heard]
        return steps


@dataclass(frozen=True)
class Recurrent:
    """One direction of an LSTM: `from_input` [in, 4E], `from_state` [E, 4E], `bias` [4E]."""

    from_input: Floats
    from_state: Floats
    bias: Floats

    @classmethod
    def of(cls, weights: Weights, name: str) -> "Recurrent":
        both = weights[name.format("bias_ih")] + weights[name.format("bias_hh")]
        return cls(weights[name.format("weight_ih")].T, weights[name.format("weight_hh")].T, both)

    def forwards(self, steps: Sequence[Floats]) -> list[Floats]:
        """[n, in] of each letter -> [n, E]; n falls where words end."""
        state, said = zeros(len(steps[0]), len(self.from_state)), []
        for x in steps:
            state = self._step(x, (state[0][: len(x)], state[1][: len(x)]))
            said.append(state[0])
        return said

    def backwards(self, steps: Sequence[Floats]) -> list[Floats]:
        """As `forwards`, from each word's last letter to its first."""
        state, said = zeros(0, len(self.from_state)), []
        for x in reversed(steps):
            new = zeros(len(x) - len(state[0]), len(self.from_state))
            state = self._step(x, (np.concatenate([state[0], new[0]]), np.concatenate([state[1], new[1]])))
            said.append(state[0])
        return said[::-1]

    def _step(self, x: Floats, state: State) -> State:
        return gated(x @ self.from_input + state[0] @ self.from_state + self.bias, state[1])


def zeros(count: int, width: int) -> State:
    """The state of `count` words [count, width] before their first letter."""
    return np.zeros((count, width), np.float32), np.zeros((count, width), np.float32)


def gated(gates: Floats, cell: Floats) -> State:
    """Gate inputs [n, 4D], in PyTorch's order, and cells [n, D] -> the state after (Gers et al. 2000)."""
    enter, forget, update, leave = np.split(gates, 4, axis=1)
    cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(update)
    return _sigmoid(leave) * np.tanh(cell), cell


def _sigmoid(x: Floats) -> Floats:
    return np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5)


class Decoder:
    """One letter at a time, with all products that can be made ahead made ahead.

    The input of the LSTM is (context, embedded chunk); its product with the input
    weights is the sum of one with the context and one with the embedding, and the
    latter is a table of C + 1 rows.
    """

    def __init__(self, weights: Weights) -> None:
        layer = Recurrent.of(weights, "decoder.{}_l0")
        chunks = weights["chunks.weight"]
        width = chunks.shape[1]
        self.start = len(chunks) - 1  # "nothing said yet", one past the last chunk
        self._from_context = layer.from_input[:-width]  # [2E, 4D]
        self._from_chunk = chunks @ layer.from_input[-width:]  # [C + 1, 4D]
        self._from_state, self._bias = layer.from_state, layer.bias
        self._out, self._out_bias = weights["out.weight"].T, weights["out.bias"]

    def prepare(self, context: Floats) -> Floats:
        """Contexts [n, 2E] -> what they add to the gates [n, 4D]."""
        return context @ self._from_context + self._bias

    def first_state(self, count: int) -> State:
        return zeros(count, len(self._from_state))

    def step(self, prepared: Floats, previous: Whole, state: State) -> tuple[Floats, State]:
        """Gate inputs [n, 4D] of words and chunks just said [n * K] by their beams -> log P(next chunk)
        [n * K, C] and the state after."""
        gates = self._from_chunk[previous].reshape(len(prepared), -1, prepared.shape[1])  # [n, K, 4D]
        gates = (gates + prepared[:, None]).reshape(-1, prepared.shape[1]) + state[0] @ self._from_state
        state = gated(gates, state[1])
        scores = state[0] @ self._out + self._out_bias
        scores -= scores.max(axis=1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), state


@dataclass(frozen=True)
class Trained:
    """Encoder and decoder, with the meaning of their numbers."""

    encoder: Encoder
    decoder: Decoder
    letters: tuple[str, ...]
    chunks: tuple[str, ...]


def load(path: Path) -> Trained:
    """Read what training wrote. Raises StorageError if there is no file, ModelRejected if it is not right."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    except OSError as error:
        raise StorageError(f"cannot read the guesser's weights: {error}") from error
    except SafetensorError as error:
        raise ModelRejected(f"{path.name} is not a safetensors file: {error}") from error
    if metadata.get("format") != FORMAT:
        raise ModelRejected(f"{path.name} has format {metadata.get('format')!r}, expected {FORMAT!r}")
    shape, letters, chunks = _described(metadata, path.name)
    weights = _restored(shape.sizes(), tensors, path.name)
    return Trained(Encoder(weights, shape.encoder_layers), Decoder(weights), letters, chunks)


def _described(metadata: Mapping[str, str], name: str) -> tuple[Shape, tuple[str, ...], tuple[str, ...]]:
    try:
        shape = Shape(**json.loads(metadata["shape"]))
        letters, chunks = (tuple(json.loads(metadata[key])) for key in ("letters", "chunks"))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelRejected(f"{name} does not describe itself: {error!r}") from error
    if (len(letters), len(chunks)) != (shape.letters, shape.chunks):
        raise ModelRejected(f"{name} names {len(letters)} letters and {len(chunks)} chunks, unlike {shape}")
    return shape, letters, chunks


def _restored(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, npt.NDArray[Any]], file: str
) -> dict[str, Floats]:
    """Full-precision weights by name; every tensor found must be one that was expected."""
    scales = {name + ".scale" for name, size in expected.items() if len(size) == 2}
    if set(found) != set(expected) | scales:
        odd = ", ".join(sorted(set(found) ^ (set(expected) | scales)))
        raise ModelRejected(f"{file} has missing or unexpected tensors: {odd}")
    restored = {}
    for name, size in expected.items():
        if len(size) == 2:
            rows = _checked(found, name, np.int8, size, file)
            scale = _checked(found, name + ".scale", np.float32, size[:1], file)
            restored[name] = rows.astype(np.float32) * scale[:, None]
        else:
            restored[name] = _checked(found, name, np.float32, size, file)
    return restored


def _checked(
    found: Mapping[str, npt.NDArray[Any]], name: str, dtype: type, size: tuple[int, ...], file: str
) -> npt.NDArray[Any]:
    tensor = found[name]
    if tensor.dtype != dtype or tensor.shape != size:
        have = f"{tensor.dtype} {tensor.shape}"
        raise ModelRejected(f"{file}: {name} is {have}, expected {np.dtype(dtype)} {size}")
    return tensor
