"""A pack's safetensors files as NumPy arrays, without PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from sidecar.engines.shapes import Shape
from sidecar.protocol.errors import ModelRejected

Array = npt.NDArray[Any]


def read_arrays(path: Path) -> dict[str, Array]:
    """Raises `ModelRejected` when the file is not whole, valid safetensors."""
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise ModelRejected(f"{path.name} is not a valid safetensors file: {error}") from error


def check_arrays(arrays: Mapping[str, Array], expected: Mapping[str, Shape]) -> None:
    """Raises `ModelRejected` for the first array that is missing, unexpected, misshapen or not finite."""
    if odd := sorted(expected.keys() ^ arrays.keys()):
        kind = "missing" if odd[0] in expected else "unexpected"
        raise ModelRejected(f"weights do not fit the architecture: {kind} tensor {odd[0]!r} (of {len(odd)})")
    for name, array in arrays.items():
        if array.shape != expected[name]:
            raise ModelRejected(f"{name} has shape {list(array.shape)}, expected {list(expected[name])}")
        if array.dtype.kind != "f" or not np.isfinite(array.sum(dtype=np.float32)):
            raise ModelRejected(f"{name} holds values that are not finite numbers")


def write_halves(arrays: Mapping[str, Array], path: Path) -> None:
    """Save as float16. Raises `ModelRejected` for a value that it cannot hold, `OSError` when the disk
    refuses."""
    with np.errstate(over="ignore"):
        halves = {name: np.ascontiguousarray(array, np.float16) for name, array in arrays.items()}
    for name, array in halves.items():
        if not np.isfinite(array).all():
            raise ModelRejected(f"{name} holds values that are not finite, or too large to be weights")
    try:
        save_file(halves, path)
    except SafetensorError as error:  # carries the system's error as text only
        raise OSError(str(error)) from error
