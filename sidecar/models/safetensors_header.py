"""The header of a safetensors file, read with limits and without trust.

Layout: 8 bytes little-endian length, that many bytes of JSON ``{name: {dtype, shape, data_offsets}}``,
then the tensors. Ours is stricter than the format: half and single precision and int8 only, no empty
dimension, and the tensors fill the rest of the file exactly.
"""

import math
import re
from pathlib import Path
from typing import Any

from sidecar.engines.headers import TensorEntry
from sidecar.models.manifest import read_json
from sidecar.protocol.reasons import Reason, refusal

ITEM_BYTES = {"F16": 2, "F32": 4, "I8": 1}
MAX_HEADER_BYTES = 2 << 20
MAX_TENSORS = 8192
MAX_DIMENSIONS = 6
MAX_ELEMENTS = 1 << 31
_LENGTH_BYTES = 8
_TENSOR_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}", re.ASCII)


def read_header(path: Path) -> dict[str, TensorEntry]:
    """By name. Raises `ModelRejected` naming the file and the tensor at fault."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES + 2 or not 2 <= length <= min(MAX_HEADER_BYTES, size - _LENGTH_BYTES):
            raise refusal(
                Reason.HEADER_LENGTH,
                f"{path.name}: a header of {length:,} bytes in a file of {size:,} is not safetensors "
                f"(at most {MAX_HEADER_BYTES:,})",
            )
        text = stream.read(length)
    entries = _entries(path.name, text, _LENGTH_BYTES + length)
    _check_layout(path.name, entries, _LENGTH_BYTES + length, size)
    return {entry.name: entry for entry in entries}


def _entries(file: str, text: bytes, data_start: int) -> list[TensorEntry]:
    if not text.startswith(b"{"):
        raise refusal(Reason.HEADER_JSON, f"{file}: the header must start with '{{'")
    data = read_json(text, f"{file}: the header", Reason.HEADER_JSON, MAX_HEADER_BYTES)
    metadata = data.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise refusal(Reason.HEADER_JSON, f"{file}: __metadata__ must map text to text")
    if not 0 < len(data) <= MAX_TENSORS:
        raise refusal(Reason.HEADER_JSON, f"{file}: {len(data)} tensors, expected 1 to {MAX_TENSORS}")
    return [_entry(file, name, value, data_start) for name, value in data.items()]


def _entry(file: str, name: str, value: Any, data_start: int) -> TensorEntry:
    def odd(message: str) -> Exception:
        return refusal(Reason.HEADER_TENSOR, f"{file}: tensor {name[:80]!r} {message}")

    if not _TENSOR_NAME.fullmatch(name):
        raise odd("has an odd name")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise odd("needs dtype, shape and data_offsets, and no more")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise odd(f"is of type {dtype!r:.40}, expected F16, F32 or I8")
    if not _are_whole(shape) or not 0 < len(shape) <= MAX_DIMENSIONS or min(shape) < 1:
        raise odd(f"has shape {shape!r:.80}, expected 1 to {MAX_DIMENSIONS} dimensions above 0")
    if max(shape) > MAX_ELEMENTS or math.prod(shape) > MAX_ELEMENTS:
        raise odd(f"of shape {shape!r:.80} is larger than any tensor can be")
    if not _are_whole(offsets) or len(offsets) != 2:
        raise odd(f"has offsets {offsets!r:.80}, expected two whole numbers")
    if offsets[1] - offsets[0] != math.prod(shape) * ITEM_BYTES[dtype]:
        raise odd(f"takes bytes {offsets!r:.80}, but its shape needs {math.prod(shape) * ITEM_BYTES[dtype]}")
    return TensorEntry(name, dtype, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _are_whole(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_layout(file: str, entries: list[TensorEntry], data_start: int, size: int) -> None:
    at = data_start
    for entry in sorted(entries, key=lambda entry: entry.start):
        if entry.start != at:
            kind = "overlaps the one before" if entry.start < at else "leaves a gap before it"
            raise refusal(Reason.HEADER_LAYOUT, f"{file}: tensor {entry.name!r} {kind}")
        at = entry.end
    if at != size:
        raise refusal(Reason.HEADER_LAYOUT, f"{file}: tensors end at byte {at:,}, the file at {size:,}")
