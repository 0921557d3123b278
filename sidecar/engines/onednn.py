"""Convolutions in 8 bits by oneDNN, as PyTorch carries it for its own quantised models.

The operators are private to PyTorch: this module is all that knows them, and `is_there` says whether this
build has them. Source: https://github.com/pytorch/pytorch, `aten/src/ATen/native/quantized/cpu/qconv.cpp`.
"""

import torch
from torch import Tensor

from sidecar.engines.layers import Conv

ZERO = 128  #: the step that stands for 0
LARGEST = 127  #: the furthest from it, either way


def is_there() -> bool:
    """Whether PyTorch has the operators, and this processor instructions that make them worth their while."""
    names = ("qconv_prepack", "qconv2d_pointwise")
    fast = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
    return fast and torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.onednn, n) for n in names)


class QuantizedConv:
    """A convolution over steps of 8 bits, [T, C] uint8 -> [T, C'] float32, with the padding of its original.

    Step q of channel c stands for ``(q - ZERO) * unit[c]``. The units are folded into the weights, which
    have one scale for each channel of the result; sums are whole numbers. `largest` [C] is the absolute
    maximum that a channel is expected to reach: what lies beyond is clipped.
    """

    def __init__(self, original: Conv, largest: Tensor) -> None:
        self.unit = largest.float().clamp_min(1e-6) / LARGEST  # [C]
        weight = original.weight.detach().float() * self.unit[:, None, None]  # [C', C, 1, kernel]
        self._scales = weight.abs().amax((1, 2, 3)).clamp_min(1e-12) / LARGEST
        self._zeros = torch.zeros(len(weight), dtype=torch.int32)
        self._bias = None if original.bias is None else original.bias.detach().float()
        self._shape = ([1, original.stride], [0, original.padding], [1, original.dilation], 1)
        whole = (weight / self._scales[:, None, None, None]).round().to(torch.int8)
        self._packed = torch.ops.onednn.qconv_prepack(
            whole.contiguous(memory_format=torch.channels_last), self._scales, 1.0, ZERO, *self._shape, None
        )

    def __call__(self, steps: Tensor) -> Tensor:
        result = torch.ops.onednn.qconv2d_pointwise(
            as_image(steps), 1.0, ZERO, self._packed, self._scales, self._zeros, self._bias, *self._shape,
            1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return result.permute(0, 2, 3, 1).flatten(0, 2)

    def add_to(self, total: Tensor, steps: Tensor) -> None:
        """Add the result to `total` [T, C'], float32 and contiguous."""
        torch.ops.onednn.qconv2d_pointwise.binary(
            as_image(steps), 1.0, ZERO, self._packed, self._scales, self._zeros, as_image(total), self._bias,
            *self._shape, 1.0, 0, torch.float32, 1.0, 0, "sum", 1.0, "none", [], "",
        )  # fmt: skip


def as_image(rows: Tensor) -> Tensor:
    """[T, C] -> [1, C, 1, T] in channels-last memory, without a copy."""
    return rows[None, None].permute(0, 3, 1, 2)
