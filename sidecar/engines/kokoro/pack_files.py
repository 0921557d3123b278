"""A checkpoint in any of its published forms -> the weights of a Kokoro pack."""

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from sidecar.engines.kokoro.checkpoint_import import read_checkpoint
from sidecar.engines.kokoro.config import SPOKEN_LANGUAGES, KokoroConfig
from sidecar.engines.kokoro.names import expected_shapes
from sidecar.engines.kokoro.onnx_import import read_onnx
from sidecar.engines.tensors import write_tensors

ARCHITECTURE = "kokoro"
LANGUAGES = SPOKEN_LANGUAGES


def config_as_json() -> dict[str, object]:
    return asdict(KokoroConfig())


def tensors_from_onnx(model: bytes, file_name: str) -> dict[str, Tensor]:
    """Raises `ModelRejected` unless every tensor is found."""
    arrays = read_onnx(model, file_name, expected_shapes(KokoroConfig()))
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def tensors_from_checkpoint(path: Path) -> dict[str, Tensor]:
    """Raises `ModelRejected` unless every tensor is found and none is left over."""
    return read_checkpoint(path, expected_shapes(KokoroConfig()))


def write_weights(tensors: dict[str, Tensor], path: Path) -> None:
    """Save as float16: half the disk, and ten times finer than the int8 steps of the default voice.

    Raises `ModelRejected` for a value that is not finite or beyond float16, `OSError` when the disk refuses.
    """
    write_tensors(tensors, path, torch.float16)
