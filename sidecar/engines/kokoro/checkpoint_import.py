"""The published float checkpoint `kokoro-v1_0.pth` -> tensors under their published names.

Layout: a dict with the keys `bert`, `bert_encoder`, `predictor`, `text_encoder` and `decoder`,
each a state dict whose keys may start with ``module.`` and whose convolutions are weight-normed.
"""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from sidecar.engines.checkpoint import folded, load, placed
from sidecar.protocol.errors import ModelRejected

PARTS = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
_UNUSED = ("bert.pooler.", "bert.embeddings.position_ids")


def read_checkpoint(path: Path, expected: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """All `expected` tensors, float32, weight norm folded. Run it in a child process.

    Raises `ModelRejected` when the file is no such checkpoint, or a tensor is missing,
    misshapen or left over.
    """
    found = folded(flattened(load(path), path.name))
    found = {name: tensor for name, tensor in found.items() if not is_unused(name, tensor)}
    return placed(found, expected, path.name)


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
                raise ModelRejected(f"{file_name}: {part}.{name} is not a tensor")
            tensors[f"{part}.{name.removeprefix('module.')}"] = tensor
    return tensors


def is_unused(name: str, tensor: Tensor) -> bool:
    """The pooler, position numbers, and the affine part of instance norms where it is the identity."""
    if name.startswith(_UNUSED):
        return True
    if name.endswith(".norm.weight"):
        return bool((tensor == 1).all())
    return name.endswith(".norm.bias") and bool((tensor == 0).all())
