"""Are the numbers in a pack's tensors ones that a voice can be made of? Reads our own copy only."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from sidecar.engines.compact import SCALE, ZERO, Compact
from sidecar.engines.headers import COMPACT, Header, TensorEntry
from sidecar.protocol.reasons import Reason, refusal

#: Kokoro-82M: largest 12.2 (a bias); matrices have an RMS of 0.0027 to 1.02.
LARGEST = 100.0
MATRIX_RMS = (1e-4, 10.0)
_HALF_INFINITY_BITS, _HALF_MAGNITUDE_BITS = 0x7C00, 0x7FFF
_HALF_LARGEST = 65504.0
_NUMPY_TYPES = {"F16": np.float16, "F32": np.float32, "I8": np.int8}

Floats = npt.NDArray[np.float32]


def check_values(file: Path, header: Header, *, are_weights: bool) -> None:
    """Finite, within half precision, of a plausible size; matrices of weights neither empty nor wild.

    Raises `ModelRejected` naming the first tensor at fault.
    """
    with file.open("rb") as stream:
        for entry in sorted(header.values(), key=lambda entry: entry.start):
            numbers = _numbers(stream, entry)
            if entry.dtype == COMPACT:
                if f"{entry.name}{SCALE}" not in header:
                    continue  # zeros, which are looked at with their tensor
                scale, zero = (_numbers(stream, header[entry.name + part]) for part in (SCALE, ZERO))
                _check_size(file.name, header[entry.name + SCALE], largest_magnitude(scale))
                numbers = Compact(numbers.reshape(entry.shape), scale, zero).restored().ravel()
            _check_size(file.name, entry, largest_magnitude(numbers))
            if are_weights and sum(size > 1 for size in entry.shape) > 1:
                _check_matrix(file.name, entry, numbers)


def _numbers(stream: BinaryIO, entry: TensorEntry) -> npt.NDArray[Any]:
    stream.seek(entry.start)
    raw = stream.read(entry.end - entry.start)
    return np.frombuffer(raw, dtype=np.dtype(_NUMPY_TYPES[entry.dtype]).newbyteorder("<"))


def largest_magnitude(numbers: npt.NDArray[np.floating]) -> float:
    """NaN or infinity if one is there. Half precision is compared as whole numbers: much faster."""
    if numbers.dtype.itemsize == 2:
        bits = int((numbers.view("<u2") & _HALF_MAGNITUDE_BITS).max())
        if bits > _HALF_INFINITY_BITS:
            return float("nan")
        return float(np.array(bits, dtype=np.uint16).view(np.float16))
    return float(np.maximum(numbers.max(), -numbers.min()))  # NaN wins in both


def _check_size(file: str, entry: TensorEntry, largest: float) -> None:
    if not np.isfinite(largest):
        raise refusal(Reason.NOT_FINITE, f"{file}: {entry.name} holds {largest}, expected finite numbers")
    if largest > _HALF_LARGEST:
        raise refusal(
            Reason.HALF_OVERFLOW, f"{file}: {entry.name} reaches {largest:.3g}, half precision ends at 65504"
        )
    if largest > LARGEST:
        raise refusal(
            Reason.OUT_OF_RANGE, f"{file}: {entry.name} reaches {largest:.3g}, expected at most {LARGEST:g}"
        )


def _check_matrix(file: str, entry: TensorEntry, numbers: npt.NDArray[np.floating]) -> None:
    exact: Floats = numbers.astype(np.float32)
    rms = float(np.sqrt(np.dot(exact, exact) / len(exact)))
    lowest, highest = MATRIX_RMS
    if rms == 0:
        raise refusal(Reason.ALL_ZERO, f"{file}: {entry.name} is zero throughout")
    if not lowest <= rms <= highest:
        raise refusal(
            Reason.OUT_OF_RANGE,
            f"{file}: {entry.name} has RMS {rms:.3g}, expected {lowest:g} to {highest:g}",
        )
