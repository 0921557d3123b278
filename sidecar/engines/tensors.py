"""A pack's safetensors files -> tensors that fit a network."""

import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sidecar.protocol.errors import ModelRejected

_LARGE_BYTES = 1 << 17  #: what is smaller leaves no holes that matter
#: Ours alone, where systems tell: what a limit on a process's data counts.
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All by their own names, int8 ones as float32. Raises `ModelRejected` for a file that is not whole."""
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise ModelRejected(f"{path.name} is not a valid safetensors file: {error}") from error
    return {name: _restored(tensors, name) for name in tensors if not _is_part(tensors, name)}


def _is_part(tensors: Mapping[str, Tensor], name: str) -> bool:
    """Whether it belongs to an int8 tensor (`compact.py`)."""
    of, _, kind = name.rpartition(".")
    return kind in ("scale", "zero") and of in tensors and tensors[of].dtype == torch.int8


def _restored(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    tensor = tensors[name]
    if tensor.dtype != torch.int8 or f"{name}.scale" not in tensors or f"{name}.zero" not in tensors:
        return tensor
    column = (-1, *[1] * (tensor.dim() - 1))
    zero, scale = (tensors[name + part].float().view(column) for part in (".zero", ".scale"))
    return (tensor.float() - zero) * scale


def write_tensors(tensors: Mapping[str, Tensor], path: Path, precision: torch.dtype) -> None:
    """Save in `precision`. Raises `ModelRejected` for a value that it cannot hold, `OSError` when the disk
    refuses."""
    exact = {name: tensor.to(precision).contiguous() for name, tensor in tensors.items()}
    for name, tensor in exact.items():
        if not torch.isfinite(tensor).all():
            raise ModelRejected(f"{name} holds values that are not finite, or too large to be weights")
    try:
        save_file(exact, path)
    except SafetensorError as error:  # carries the system's error as text only
        raise OSError(str(error)) from error


def check_fit(tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raises `ModelRejected` for the first tensor that is missing, unexpected, misshapen or not finite."""
    if odd := sorted(expected.keys() ^ tensors.keys()):
        kind = "missing" if odd[0] in expected else "unexpected"
        raise ModelRejected(f"weights do not fit the architecture: {kind} tensor {odd[0]!r} (of {len(odd)})")
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != expected[name]:
            raise ModelRejected(f"{name} has shape {list(tensor.shape)}, expected {list(expected[name])}")
        if not tensor.is_floating_point() or not torch.isfinite(tensor.sum(dtype=torch.float32)):
            raise ModelRejected(f"{name} holds values that are not finite numbers")


def in_memory_of_its_own(network: nn.Module) -> None:
    """Move the weights of a network on the CPU out of the C library's heap, in place.

    There, those that come and go leave holes among smaller things, and more memory is taken with every other
    load. A mapping goes back to the system whole, with its tensor. Raises `MemoryError`.
    """
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.nbytes >= _LARGE_BYTES and _is_dense(tensor):
            flat = torch.frombuffer(_mapped(tensor.nbytes), dtype=tensor.dtype)
            tensor.data = flat.as_strided(tensor.shape, tensor.stride()).copy_(tensor)


def _is_dense(tensor: Tensor) -> bool:
    """Whether it takes as many bytes as it has values, in any order."""
    reach = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return reach == tensor.numel()


def _mapped(size_bytes: int) -> mmap.mmap:
    try:
        return mmap.mmap(-1, size_bytes, **_PRIVATE)
    except OSError as error:
        raise MemoryError(f"no mapping of {size_bytes} bytes can be had") from error


def padded(rows: Sequence[np.ndarray]) -> Tensor:
    """Arrays of different lengths -> one tensor, zero beyond each row's end."""
    longest = max(len(row) for row in rows)
    together = np.zeros((len(rows), longest, *rows[0].shape[1:]), dtype=rows[0].dtype)
    for target, row in zip(together, rows, strict=True):
        target[: len(row)] = row
    return torch.from_numpy(together)
