"""The published float checkpoint `kokoro-v1_0.pth` -> tensors under their published names.

Layout: a dict with the keys `bert`, `bert_encoder`, `predictor`, `text_encoder` and `decoder`,
each a state dict whose keys may start with ``module.`` and whose convolutions are weight-normed.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sidecar.protocol.errors import ModelRejected

PARTS = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
#: Weight normalisation in the spellings of torch before and since 2.0: (gain, direction).
_SPELLINGS = (
    (".weight_g", ".weight_v"),
    (".parametrizations.weight.original0", ".parametrizations.weight.original1"),
)
_UNUSED = ("bert.pooler.", "bert.embeddings.position_ids")


def read_checkpoint(path: Path, expected: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """All `expected` tensors, float32, weight norm folded. Run it in a child process.

    Raises `ModelRejected` when the file is no such checkpoint, or a tensor is missing,
    misshapen or left over.
    """
    found = folded(flattened(load(path), path.name))
    found = {name: tensor for name, tensor in found.items() if not is_unused(name, tensor)}
    if odd := sorted(found.keys() ^ expected.keys()):
        kind = "lacks" if odd[0] in expected else "has an unexpected tensor"
        raise ModelRejected(f"{path.name} {kind} {odd[0]!r} ({len(odd)} differ in all)")
    for name, shape in expected.items():
        if tuple(found[name].shape) != shape:
            raise ModelRejected(
                f"{path.name}: {name} has shape {list(found[name].shape)}, expected {list(shape)}"
            )
    return {name: found[name].contiguous() for name in expected}


def load(path: Path) -> object:
    with path.open("rb") as stream:
        if stream.read(len(b"version https://git-lfs")) == b"version https://git-lfs":
            raise ModelRejected(f"{path.name} is a Git LFS pointer, not the file itself: run `git lfs pull`")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling foreign data fails in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelRejected(f"{path.name} is not a plain PyTorch checkpoint: {reason}") from error


def flattened(checkpoint: object, file_name: str) -> dict[str, Tensor]:
    if not isinstance(checkpoint, Mapping) or set(checkpoint) != set(PARTS):
        keys = (
            sorted(map(str, checkpoint))[:6] if isinstance(checkpoint, Mapping) else type(checkpoint).__name__
        )
        raise ModelRejected(f"{file_name}: expected the parts {', '.join(PARTS)}, found {keys}")
    tensors = {}
    for part in PARTS:
        for name, tensor in checkpoint[part].items():
            if not isinstance(tensor, Tensor):
                raise ModelRejected(f"{file_name}: {part}.{name} is no tensor")
            tensors[f"{part}.{name.removeprefix('module.')}"] = tensor
    return tensors


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


def is_unused(name: str, tensor: Tensor) -> bool:
    """The pooler, position numbers, and the affine part of instance norms where it is the identity."""
    if name.startswith(_UNUSED):
        return True
    if name.endswith(".norm.weight"):
        return bool((tensor == 1).all())
    return name.endswith(".norm.bias") and bool((tensor == 0).all())
