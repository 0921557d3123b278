"""Strangers' PyTorch checkpoints -> plain tensors. Opened with `weights_only=True`, in a child process."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sidecar.protocol.errors import ModelRejected

_CODE = re.compile(r"GLOBAL ([\w.]+) was not an allowed global")
_LFS = b"version https://git-lfs"
#: Weight normalisation in the spellings of torch before and since 2.0: (gain, direction).
_SPELLINGS = (
    (".weight_g", ".weight_v"),
    (".parametrizations.weight.original0", ".parametrizations.weight.original1"),
)


def refuse_pointer(path: Path) -> None:
    """Raises `ModelRejected` for a Git LFS pointer in the file's place."""
    with path.open("rb") as stream:
        if stream.read(len(_LFS)) == _LFS:
            raise ModelRejected(f"{path.name} is a Git LFS pointer, not the file itself: run `git lfs pull`")


def load(path: Path) -> object:
    """What the file holds, wherever it was saved from. Tensors stay on disk until they are used.

    Raises `ModelRejected` when it is cut short, or holds anything but plain tensors and numbers.
    """
    refuse_pointer(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # unpickling foreign data fails in any way
        raise ModelRejected(f"{path.name} is not a plain PyTorch checkpoint: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """PyTorch's words, but not its advice to open the file unsafely."""
    if code := _CODE.search(str(error)):
        return f"it asks for {code.group(1)}, which may be code"
    if "weights_only" in str(error):
        return "it holds more than tensors and numbers, or is damaged"
    return (str(error).splitlines() or [type(error).__name__])[0]


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Replace each pair (gain, direction) by the weight it stands for: gain * direction / |direction|."""
    result = {}
    for name, tensor in tensors.items():
        for gain, direction in _SPELLINGS:
            if name.endswith(direction) and (stem := name.removesuffix(direction)) + gain in tensors:
                length = tensor.float().flatten(1).norm(dim=1).view(-1, *[1] * (tensor.dim() - 1))
                unit = tensor.float() / length.clamp_min(torch.finfo(torch.float32).tiny)
                result[f"{stem}.weight"] = tensors[stem + gain].float() * unit
                break
            if name.endswith(gain) and name.removesuffix(gain) + direction in tensors:
                break
        else:
            result[name] = tensor.float() if tensor.is_floating_point() else tensor
    return result


def placed(
    found: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], file_name: str
) -> dict[str, Tensor]:
    """Exactly the `expected` tensors. Raises `ModelRejected` for one missing, left over or misshapen."""
    if odd := sorted(found.keys() ^ expected.keys()):
        kind = "lacks" if odd[0] in expected else "has an unexpected tensor"
        raise ModelRejected(f"{file_name} {kind} {odd[0]!r} ({len(odd)} differ in all)")
    for name, shape in expected.items():
        if tuple(found[name].shape) != shape:
            raise ModelRejected(
                f"{file_name}: {name} has shape {list(found[name].shape)}, expected {list(shape)}"
            )
    return {name: found[name].contiguous() for name in expected}
