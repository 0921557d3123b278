"""A pack's tensors -> what the graphs of `tools/export_graphs.py` ask for, by name. NumPy only.

A graph's initializer has a tensor's published name. Behind it may stand how it is arranged: `#gates` for a
recurrent layer's, in ONNX's order of gates and both directions in one, `#steps` for a transposed
convolution's, as a convolution over two steps. Large ones come as float32, or as int8 with `.scale` and
`.zero`, one a row: the value is (q - zero) * scale.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sidecar.engines.arrays import Array
from sidecar.engines.compact import compact_in, restored


@dataclass(frozen=True)
class PackWeights:
    """The tensors of a pack's file, as it has them: F16, F32 or int8 with scales."""

    tensors: Mapping[str, Array]
    is_int8: bool = False

    @classmethod
    def of(cls, tensors: Mapping[str, Array], may_be_compact: frozenset[str]) -> "PackWeights":
        """As they are where all are int8 that may be, else all as floating point numbers."""
        if may_be_compact and may_be_compact <= set(compact_in(tensors)):
            return cls(tensors, is_int8=True)
        return cls(restored(tensors))

    def initializer(self, name: str) -> Array:
        """What a graph calls `name`, contiguous."""
        tensor, _, change = name.partition("#")
        change, _, part = change.partition(".") if change else ("", "", "")
        if not change:
            return self._plain(tensor)
        suffix = f".{part}" if part else ""
        return np.ascontiguousarray(_ARRANGED[change](self, tensor, suffix))

    def _plain(self, name: str) -> Array:
        array = self.tensors[name]
        return np.ascontiguousarray(array, np.float32 if array.dtype == np.float16 else array.dtype)

    def gates(self, name: str, suffix: str) -> Array:
        """Of `STEM.weight_ih_l0` [4H, in] both directions, [8H, in]; of `STEM.bias` all four, [2, 8H]."""
        if not name.endswith(".bias"):
            return np.concatenate(
                [_onnx_gates(self._plain(f"{name}{way}{suffix}")) for way in ("", "_reverse")]
            )
        stem = name.removesuffix(".bias")
        return np.stack(
            [
                np.concatenate(
                    [_onnx_gates(self._plain(f"{stem}.bias_{kind}_l0{way}")) for kind in ("ih", "hh")]
                )
                for way in ("", "_reverse")
            ]
        )

    def steps(self, name: str, _suffix: str) -> Array:
        """[in, out, 2 * stride] -> [out * stride, in, 2]: what the step before gives, and the step itself."""
        weight = self._plain(name)
        inputs, outputs, kernel = weight.shape
        pairs = weight.reshape(inputs, outputs, 2, kernel // 2).transpose(1, 3, 0, 2)[..., ::-1]
        return pairs.reshape(-1, inputs, 2)


_ARRANGED: dict[str, Callable[[PackWeights, str, str], Array]] = {
    "gates": PackWeights.gates,
    "steps": PackWeights.steps,
}


def _onnx_gates(rows: Array) -> Array:
    """From torch's order of gates (i, f, g, o) along axis 0 to ONNX's (i, o, f, g)."""
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([i, o, f, g])
