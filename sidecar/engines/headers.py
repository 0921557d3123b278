"""What a safetensors header says of its tensors, against what a family expects. Works without PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.engines.shapes import Shape
from sidecar.protocol.reasons import Reason, refusal


@dataclass(frozen=True)
class TensorEntry:
    """One tensor: bytes `[start, end)` of the file."""

    name: str
    dtype: str
    shape: Shape
    start: int
    end: int


Header = Mapping[str, TensorEntry]  #: by name


def check_shapes(file: str, header: Header, expected: Mapping[str, Shape]) -> None:
    """Exactly the `expected` tensors. Raises `ModelRejected` for one missing, left over or misshapen."""
    if missing := sorted(expected.keys() - header.keys()):
        raise refusal(
            Reason.TENSOR_MISSING, f"{file} lacks tensor {missing[0]!r} ({len(missing)} are missing)"
        )
    if odd := sorted(header.keys() - expected.keys()):
        raise refusal(
            Reason.TENSOR_UNEXPECTED, f"{file} has an unexpected tensor {odd[0]!r} ({len(odd)} in all)"
        )
    for name, shape in expected.items():
        check_shape(file, header[name], shape)


def check_shape(file: str, entry: TensorEntry, shape: Shape) -> None:
    """Raises `ModelRejected`."""
    if entry.shape != shape:
        raise refusal(
            Reason.TENSOR_SHAPE,
            f"{file}: {entry.name} has shape {list(entry.shape)}, expected {list(shape)}",
        )
