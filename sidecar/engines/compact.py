"""Weights as int8: a tensor NAME [rows, ...] with `NAME.scale` [rows], float32, and `NAME.zero` [rows], int8.

A value is (q - zero) * scale. NumPy only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sidecar.engines.arrays import Array
from sidecar.engines.shapes import Shape
from sidecar.protocol.errors import ModelRejected

SCALE, ZERO = ".scale", ".zero"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Compact:
    """`q` int8 [rows, ...], `scale` float32 [rows], `zero` int8 [rows]."""

    q: npt.NDArray[np.int8]
    scale: Floats
    zero: npt.NDArray[np.int8]

    @classmethod
    def of(cls, q: Array, scale: Array, zero: Array) -> "Compact":
        """Of int8 or uint8; `scale` and `zero` are one for all rows or one each."""
        shift = 128 if q.dtype == np.uint8 else 0
        rows = (len(q),)
        return cls(
            (q.astype(np.int16) - shift).astype(np.int8),
            np.broadcast_to(np.asarray(scale, np.float32), rows).copy(),
            (np.broadcast_to(zero, rows).astype(np.int16) - shift).astype(np.int8),
        )

    @classmethod
    def rounded(cls, values: Array) -> "Compact":
        """The nearest to values [rows, ...], symmetric: half a 127th of a row's largest at most."""
        rows = values.astype(np.float32).reshape(len(values), -1)
        scale = np.maximum(np.abs(rows).max(axis=1), np.float32(1e-12)) / np.float32(127)
        q = np.rint(rows / scale[:, None]).astype(np.int8)
        return cls(q.reshape(values.shape), scale, np.zeros(len(values), np.int8))

    def restored(self) -> Floats:
        """The values."""
        column = (-1, *[1] * (self.q.ndim - 1))
        return (self.q.astype(np.float32) - self.zero.reshape(column)) * self.scale.reshape(column)

    def parts(self, name: str) -> dict[str, Array]:
        """As they are stored."""
        return {name: self.q, name + SCALE: self.scale, name + ZERO: self.zero}


def compact_in(arrays: Mapping[str, Array]) -> Iterator[str]:
    """The names of int8 tensors that have their scale and zero beside them."""
    return (
        name
        for name, array in arrays.items()
        if array.dtype == np.int8 and name + SCALE in arrays and name + ZERO in arrays
    )


def compact(arrays: Mapping[str, Array], name: str) -> Compact:
    return Compact(arrays[name], arrays[name + SCALE], arrays[name + ZERO])


def restored(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """All tensors by their own names, int8 ones as float32."""
    found = dict(arrays)
    for name in list(compact_in(arrays)):
        found[name] = compact(arrays, name).restored()
        del found[name + SCALE], found[name + ZERO]
    return found


def check_arrays(
    arrays: Mapping[str, Array], expected: Mapping[str, Shape], may_be_compact: frozenset[str] = frozenset()
) -> None:
    """Raises `ModelRejected` for the first tensor that is missing, unexpected, misshapen, not finite, or of
    another type than it may be."""
    shapes = _own_shapes(arrays, may_be_compact)
    if odd := sorted(expected.keys() ^ shapes.keys()):
        kind = "missing" if odd[0] in expected else "unexpected"
        raise ModelRejected(f"weights do not fit the architecture: {kind} tensor {odd[0]!r} (of {len(odd)})")
    for name, shape in shapes.items():
        if shape != expected[name]:
            raise ModelRejected(f"{name} has shape {list(shape)}, expected {list(expected[name])}")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float32)):
            raise ModelRejected(f"{name} holds values that are not finite numbers")


def _own_shapes(arrays: Mapping[str, Array], may_be_compact: frozenset[str]) -> dict[str, Shape]:
    """Of all tensors by their own names."""
    shapes = {name: array.shape for name, array in arrays.items()}
    parts = set()
    for name in list(compact_in(arrays)):
        one = compact(arrays, name)
        rows = one.q.shape[:1]
        fits = one.scale.shape == one.zero.shape == rows and one.scale.dtype == np.float32
        if name not in may_be_compact or not fits or one.zero.dtype != np.int8:
            raise ModelRejected(f"{name} may not be int8, or has no float32 scale and int8 zero a row")
        parts |= {name, name + ZERO}
        del shapes[name + SCALE], shapes[name + ZERO]
    for name, array in arrays.items():
        if array.dtype.kind != "f" and name not in parts:
            raise ModelRejected(f"{name} is {array.dtype}, expected floating point numbers")
    return shapes
