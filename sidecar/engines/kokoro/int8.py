"""The generator's residual blocks in 8 bits.

Nearly all of the rendering half's work are the 48 convolutions of these blocks. What goes into one is put
on 255 steps, the size of a step chosen for each channel by what it reached while a few phrases were spoken
(`observed`); the sums are exact. Six convolutions stay as they were: the second ones of the blocks that
bring the harmonic source in, which put more distance between the two sounds than all the others together.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import resources

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from sidecar.engines.kokoro.generator import ResBlock, Snake
from sidecar.engines.layers import Conv, Span
from sidecar.engines.onednn import LARGEST, ZERO, QuantizedConv

#: Values that pass through the activation at once. For one thread they stay in the cache; several would spend
#: more on waking each other for so little than they gain.
TILE, TILE_OF_SEVERAL_THREADS = 1 << 16, 1 << 21
#: sin(pi r) for r in -0.5..0.5 is ``r * (SINE[0] + SINE[1] * r^2 + SINE[2] * r^4)``, to 7e-5.
SINE = (3.140640011185644, -5.136904793578415, 2.299545254333336)

#: What is reached with the default voice's weights, recorded by `tools/record_int8_ranges.py`.
RECORDED = "int8_ranges.safetensors"
Largest = dict[str, Tensor]  #: by the name of a convolution: what each channel of its input reached, [C]


def eligible(decoder: nn.Module) -> dict[str, Conv]:
    """The convolutions that can run in 8 bits, by name."""
    return {
        name: conv
        for name, conv in decoder.named_modules()
        if isinstance(conv, Conv) and ".convs" in name and ".noise_res.convs2" not in name
    }


@contextmanager
def observed(decoder: nn.Module) -> Iterator[Largest]:
    """What is rendered inside fills the result."""
    largest: Largest = {}

    def note(name: str, x: Tensor) -> None:
        here = x.float().abs().amax((0, 1))
        largest[name] = torch.maximum(largest[name], here) if name in largest else here

    with ExitStack() as hooks:
        for name, conv in eligible(decoder).items():
            hook = conv.register_forward_pre_hook(lambda _, inputs, name=name: note(name, inputs[0]))
            hooks.callback(hook.remove)
        yield largest


def fingerprint(decoder: nn.Module) -> str:
    """SHA-256 of the last stage's blocks, in bfloat16, whatever they are kept in: 6 MB."""
    digest = hashlib.sha256()
    for name, conv in eligible(decoder).items():
        if ".stages.1." in f".{name}":
            weight = conv.weight.detach().to(torch.bfloat16).contiguous()
            digest.update(weight.view(torch.int16).numpy().tobytes())
    return digest.hexdigest()


def recorded(decoder: nn.Module) -> Largest | None:
    """What is known beforehand of just these weights; nothing of others."""
    source = resources.files("sidecar.engines.kokoro") / "data" / RECORDED
    with resources.as_file(source) as file, safe_open(file, "pt") as ranges:
        if ranges.metadata()["weights"] != fingerprint(decoder):
            return None
        return {name: ranges.get_tensor(name).float() for name in eligible(decoder)}


def quantize(decoder: nn.Module, largest: Mapping[str, Tensor]) -> None:
    """Put blocks of 8 bits in the place of the decoder's. Those that were there are let go."""
    blocks = {name: block for name, block in decoder.named_modules() if isinstance(block, ResBlock)}
    convs = {name: QuantizedConv(conv, largest[name]) for name, conv in eligible(decoder).items()}
    for name, block in blocks.items():
        parent, _, child = name.rpartition(".")
        own = {
            key.removeprefix(f"{name}."): conv for key, conv in convs.items() if key.startswith(f"{name}.")
        }
        setattr(decoder.get_submodule(parent), child, QuantizedResBlock(block, own))


class QuantizedResBlock(nn.Module):
    """A `ResBlock` whose convolutions run in 8 bits where `quantized` has one; [B, T, C] -> [B, T, C]."""

    def __init__(self, block: ResBlock, quantized: Mapping[str, QuantizedConv]) -> None:
        super().__init__()
        self.snakes1, self.snakes2 = block.snakes1, block.snakes2
        self._first = [quantized[f"convs1.{index}"] for index in range(len(block.convs1))]
        self._second = [quantized.get(f"convs2.{index}") for index in range(len(block.convs2))]
        self.convs2 = block.convs2 if None in self._second else None

    def forward(self, x: Tensor, s: Tensor, span: Span) -> Tensor:
        rows = [
            self._row(x[row, :steps].float(), s[row : row + 1], Span([steps], x.device))
            for row, steps in enumerate(span.lengths)
        ]
        return rows[0][None] if len(rows) == 1 else pad_sequence(rows, batch_first=True)

    def _row(self, x: Tensor, s: Tensor, span: Span) -> Tensor:
        """One phrase, [T, C]."""
        total = x.clone(memory_format=torch.contiguous_format)
        for index, (first, second) in enumerate(zip(self._first, self._second, strict=True)):
            y = first(activated(self.snakes1[index], total, s, span, first))
            if second is not None:
                second.add_to(total, activated(self.snakes2[index], y, s, span, second))
            else:
                assert self.convs2 is not None
                exact = self.convs2[index]
                total += exact(self.snakes2[index](y[None], s, span, exact.weight.dtype))[0]
        return total


def activated(snake: nn.Module, x: Tensor, s: Tensor, span: Span, target: QuantizedConv) -> Tensor:
    """AdaIN and Snake of `x` [T, C], in steps of `target`: uint8 [T, C].

    ``y + sin(alpha y)^2 / alpha`` with y = x * scale + shift; the sine's argument is counted in half turns,
    of which whole ones make no difference.
    """
    assert isinstance(snake, Snake)
    scale, shift = (part[0, 0] for part in snake.norm.affine(x[None], s, span))
    alpha, unit = snake.alpha.view(-1), target.unit
    turn = (alpha * shift / math.pi, alpha * scale / math.pi)
    line = (shift / unit + (ZERO + 0.5), scale / unit)  # half a step, since what follows cuts off
    height = 1 / (alpha * unit)
    steps = torch.empty(x.shape, dtype=torch.uint8)
    tile = TILE if torch.get_num_threads() == 1 else TILE_OF_SEVERAL_THREADS
    size = min(len(x), max(1, tile // x.shape[1]))
    scratch, squares = torch.empty(size, x.shape[1]), torch.empty(size, x.shape[1])
    for here, out in zip(x.split(size), steps.split(size), strict=True):
        y, square = scratch[: len(here)], squares[: len(here)]
        torch.addcmul(turn[0], here, turn[1], out=y)
        y.sub_(torch.round(y, out=square))
        torch.square(y, out=square)
        sine = torch.mul(square, SINE[2]).add_(SINE[1]).mul_(square).add_(SINE[0]).mul_(y)
        torch.addcmul(line[0], here, line[1], out=y)
        y.addcmul_(sine.square_(), height).clamp_(ZERO - LARGEST, ZERO + LARGEST + 0.5)
        out.copy_(y.to(torch.int16))
    return steps
