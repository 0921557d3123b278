"""What a safetensors header says of its tensors, against what a family expects. Works without PyTorch."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sidecar.engines.shapes import Shape
from sidecar.protocol.reasons import Reason, refusal

FLOATS, COMPACT = frozenset({"F16", "F32"}), "I8"


@dataclass(frozen=True)
class TensorEntry:
    """One tensor: bytes `[start, end)` of the file."""

    name: str
    dtype: str
    shape: Shape
    start: int
    end: int


Header = Mapping[str, TensorEntry]  #: by name


def check_shapes(
    file: str, header: Header, expected: Mapping[str, Shape], may_be_compact: frozenset[str] = frozenset()
) -> None:
    """Exactly the `expected` tensors, those of `may_be_compact` also as int8 with scales (`compact.py`).
    Raises `ModelRejected` for one missing, left over, misshapen or of another type."""
    header = _without_scales(file, header, may_be_compact)
    if missing := sorted(expected.keys() - header.keys()):
        raise refusal(
            Reason.TENSOR_MISSING, f"{file} lacks tensor {missing[0]!r} ({len(missing)} are missing)"
        )
    if odd := sorted(header.keys() - expected.keys()):
        raise refusal(
            Reason.TENSOR_UNEXPECTED, f"{file} has an unexpected tensor {odd[0]!r} ({len(odd)} in all)"
        )
    for name, shape in expected.items():
        check_shape(file, header[name], shape, FLOATS | ({COMPACT} if name in may_be_compact else set()))


def _without_scales(file: str, header: Header, may_be_compact: frozenset[str]) -> Header:
    """The same without what belongs to int8 tensors, which must fit them."""
    rest = dict(header)
    for name in may_be_compact & header.keys():
        if header[name].dtype == COMPACT:
            for part, kind in ((f"{name}.scale", "F32"), (f"{name}.zero", COMPACT)):
                if part not in header:
                    raise refusal(Reason.TENSOR_MISSING, f"{file} lacks tensor {part!r} of an int8 one")
                check_shape(file, rest.pop(part), header[name].shape[:1], {kind})
    return rest


def check_shape(file: str, entry: TensorEntry, shape: Shape, types: AbstractSet[str] = FLOATS) -> None:
    """Raises `ModelRejected`."""
    if entry.dtype not in types:
        raise refusal(
            Reason.TENSOR_DTYPE,
            f"{file}: {entry.name} is of type {entry.dtype}, expected {' or '.join(sorted(types))}",
        )
    if entry.shape != shape:
        raise refusal(
            Reason.TENSOR_SHAPE,
            f"{file}: {entry.name} has shape {list(entry.shape)}, expected {list(shape)}",
        )
