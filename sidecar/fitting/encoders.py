"""The two speaker encoders that a voice is fitted by, with their weights, which this package carries.

Weights are kept as whole numbers of 8 bits and a scale for each row (`tools/pack_speaker_encoders.py`).
Both are under the Apache License 2.0: see NOTICE.
"""

from collections.abc import Callable, Mapping
from importlib import resources

import torch
from safetensors.torch import load
from torch import Tensor, nn

from sidecar.fitting.campplus import CamPlus
from sidecar.fitting.ge2e import GE2E

SCALE = "@scale"  #: ends the name of what the rows of a tensor are multiplied by

_LEAST, _EXACT = 4096, ("head.", "xvector.tdnn.")  # the first layers of CAM++

#: Samples [1, N] at 16 kHz -> the embedding of unit length, then what the layers inside are like.
Encoder = Callable[[Tensor], list[Tensor]]

_KINDS: dict[str, type[nn.Module]] = {GE2E.name: GE2E, CamPlus.name: CamPlus}
NAMES = tuple(_KINDS)


def load_encoders(names: tuple[str, ...], device: torch.device) -> dict[str, Encoder]:
    """Encoders by name, on `device`. Takes a tenth of a second and 60 MB."""
    return {name: _KINDS[name](_tensors(name, device)).to(device) for name in names}


def _tensors(name: str, device: torch.device) -> dict[str, Tensor]:
    content = (resources.files("sidecar.fitting") / "data" / f"{name}.safetensors").read_bytes()
    return {key: value.to(device) for key, value in unpacked(load(content)).items()}


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large tensors of two axes or more as 8 bits by rows; others, and what errors grow from, in float16."""
    result = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or tensor.numel() < _LEAST or name.startswith(_EXACT):
            result[name] = tensor.half()
            continue
        scale = tensor.float().flatten(1).abs().amax(1).clamp_min(1e-12) / 127
        result[name] = torch.round(tensor.float() / _along_rows(scale, tensor)).to(torch.int8)
        result[f"{name}{SCALE}"] = scale
    return result


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `packed` was given, in float32, to half a step of each row."""
    return {
        name: tensor.float() * _along_rows(tensors[f"{name}{SCALE}"], tensor)
        if f"{name}{SCALE}" in tensors
        else tensor.float()
        for name, tensor in tensors.items()
        if not name.endswith(SCALE)
    }


def _along_rows(scale: Tensor, like: Tensor) -> Tensor:
    return scale.view(-1, *(1,) * (like.ndim - 1))
