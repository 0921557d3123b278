"""The int8 ONNX export of Kokoro-82M -> float tensors under their published names.

Quantised weights keep their names only in part; for the others the name of the *node* is
the module's path. Scales are named after the weight, zero points may be shared and are
therefore read from the node's inputs (ONNX operators ConvInteger, MatMulInteger and
DequantizeLinear; ONNX Runtime contrib operator DynamicQuantizeLSTM).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sidecar.engines.compact import Compact
from sidecar.protocol.errors import ModelRejected

Array = npt.NDArray[np.float32]
_PREDICTOR_ROOTS = ("F0.", "N.", "F0_proj", "N_proj", "shared")


def read_onnx(model: bytes, file_name: str, expected: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    """All `expected` tensors (published name -> shape) of a serialised graph, dequantised to float32.

    Raises `ModelRejected` when one is missing or of another shape.
    """
    found: dict[str, Any] = {
        name: each.restored() if isinstance(each, Compact) else each
        for name, each in _found(model, file_name, expected).items()
    }
    for name, shape in expected.items():
        if found[name].shape != shape:
            raise ModelRejected(f"{file_name}: {name} has shape {found[name].shape}, expected {shape}")
        found[name] = np.array(found[name], dtype=np.float32)  # writable
    return found


def read_compact(
    model: bytes, file_name: str, expected: dict[str, tuple[int, ...]], may_be_compact: frozenset[str]
) -> dict[str, npt.NDArray[Any]]:
    """The same without loss: int8 with scales as the graph has them, the rest as float32."""
    tensors: dict[str, npt.NDArray[Any]] = {}
    for name, each in _found(model, file_name, expected).items():
        if isinstance(each, Compact) and name in may_be_compact:
            tensors |= each.parts(name)
        else:
            exact = each.restored() if isinstance(each, Compact) else each
            tensors[name] = np.array(exact.reshape(expected[name]), dtype=np.float32)
    return tensors


def _found(
    model: bytes, file_name: str, expected: dict[str, tuple[int, ...]]
) -> "dict[str, Array | Compact]":
    graph = Graph(model, file_name)
    found = {name: each for name, each in graph.tensors() if name in expected}
    missing = sorted(expected.keys() - found.keys())
    if missing:
        raise ModelRejected(
            f"{file_name}: {len(missing)} tensors not found in the graph, first {missing[0]!r}"
        )
    return found


def module_path(node_name: str) -> str:
    """ "/encoder/F0.1/conv1/Conv_quant" -> "predictor.F0.1.conv1"."""
    scope, *path = node_name.strip("/").split("/")
    path = path[:-1]  # the operator's own name
    if scope == "encoder" and path and path[0].startswith(_PREDICTOR_ROOTS):
        path.insert(0, "predictor")
    inner = [*path[1:], ""]  # "cnn.0/cnn.0.0" names one module twice
    return ".".join(part for at, part in enumerate(path) if not inner[at].startswith(part + "."))


class Graph:
    """Weights of an ONNX graph, looked up by the module they belong to."""

    def __init__(self, model: bytes, file_name: str) -> None:
        import onnx  # 0.3 s to import, needed only when a voice is installed

        try:
            graph = onnx.load_model_from_string(model).graph
        except Exception as error:  # protobuf raises its own family
            raise ModelRejected(f"{file_name} is not an ONNX file: {error}") from error
        self.nodes = graph.node
        self.stored = {tensor.name: tensor for tensor in graph.initializer}

    def array(self, name: str) -> npt.NDArray[Any]:
        from onnx import numpy_helper

        return numpy_helper.to_array(self.stored[name])

    def convolution(self, weight: str, scale: str, zero_point: str) -> Compact:
        """One scale and zero point for all."""
        return Compact.of(self.array(weight), self.array(scale), self.array(zero_point))

    def matrix(self, weight: str, scale: str, zero_point: str) -> Compact:
        """[in, out] with one scale and zero point for all or a column -> [out, in]."""
        return Compact.of(self.array(weight).T, self.array(scale), self.array(zero_point))

    def tensors(self) -> "Iterator[tuple[str, Array | Compact]]":
        """Every weight and bias that can be named, as (published name, array)."""
        for name in self.stored:
            scope, _, rest = name.partition(".")
            if scope in ("encoder", "decoder") and self.stored[name].data_type == 1:
                yield rest, self.array(name)
        for node in self.nodes:
            yield from self.node_tensors(node)

    def node_tensors(self, node: Any) -> "Iterator[tuple[str, Array | Compact]]":
        path, weight = module_path(node.name), node.input[1] if len(node.input) > 1 else ""
        scale = weight.replace("_quantized", "_scale")
        if node.op_type == "DynamicQuantizeLSTM":
            yield from self.lstm_tensors(path, list(node.input))
        elif node.op_type == "ConvInteger":
            yield f"{path}.weight", self.convolution(weight, scale, node.input[3])
        elif node.op_type == "MatMulInteger" and weight in self.stored:
            yield f"{path}.weight", self.matrix(weight, scale, node.input[3])
        elif node.op_type in ("Conv", "ConvTranspose") and weight in self.stored:
            yield f"{path}.weight", self.array(weight)
        elif node.op_type == "MatMul" and weight in self.stored:
            yield f"{path}.weight", self.array(weight).T
        elif node.op_type == "DequantizeLinear" and node.name.endswith("Gather_quant_DequantizeLinear"):
            table = f"{scale.removesuffix('_scale')}_quantized"
            name = table.removesuffix("_quantized").partition(".")[2]
            yield name, self.convolution(table, scale, node.input[2])

    def lstm_tensors(self, path: str, inputs: list[str]) -> "Iterator[tuple[str, Array | Compact]]":
        """Inputs: X, W [2, in, 4H], R [2, H, 4H], B [2, 8H], ..., and scales and zero points at 8-11."""
        for direction, suffix in enumerate(("", "_reverse")):
            for kind, at, scale_at in (("ih", 1, 8), ("hh", 2, 10)):
                weight = self.array(inputs[at])[direction].T  # [4H, in]
                scale, zero = (self.array(inputs[of])[direction] for of in (scale_at, scale_at + 1))
                every = Compact.of(weight, scale, zero)
                parts = (torch_gates(part) for part in (every.q, every.scale, every.zero))
                yield f"{path}.weight_{kind}_l0{suffix}", Compact(*parts)
            for kind, bias in zip(("ih", "hh"), np.split(self.array(inputs[3])[direction], 2), strict=True):
                yield f"{path}.bias_{kind}_l0{suffix}", torch_gates(bias)


def torch_gates(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Reorder gates along axis 0 from ONNX (i, o, f, c) to torch (i, f, g, o)."""
    i, o, f, c = np.split(x, 4)
    return np.concatenate([i, f, c, o])
