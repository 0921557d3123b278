"""A pack's safetensors files as NumPy arrays, without PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from sidecar.protocol.errors import ModelRejected

Array = npt.NDArray[Any]


def read_arrays(path: Path) -> dict[str, Array]:
    """Raises `ModelRejected` when the file is not whole, valid safetensors."""
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise ModelRejected(f"{path.name} is not a valid safetensors file: {error}") from error


def write_halves(arrays: Mapping[str, Array], path: Path) -> None:
    """Save as float16. Raises `ModelRejected` for a value that it cannot hold, `OSError` when the disk
    refuses."""
    with np.errstate(over="ignore"):
        halves = {name: np.asarray(array, np.float16) for name, array in arrays.items()}
    for name, array in halves.items():
        if not np.isfinite(array).all():
            raise ModelRejected(f"{name} holds values that are not finite, or too large to be weights")
    save_arrays(halves, path)


def save_arrays(arrays: Mapping[str, Array], path: Path) -> None:
    """As they are. Raises `OSError` when the disk refuses."""
    try:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    except SafetensorError as error:  # carries the system's error as text only
        raise OSError(str(error)) from error
