"""A checkpoint in any of its published forms -> the files of a Kokoro pack."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from sidecar.engines.family import WEIGHTS, Contents
from sidecar.engines.kokoro.checkpoint_import import read_checkpoint
from sidecar.engines.kokoro.config import VOICES, KokoroConfig
from sidecar.engines.kokoro.names import expected_shapes
from sidecar.engines.kokoro.onnx_import import read_onnx
from sidecar.engines.kokoro.voices import write_published
from sidecar.engines.tensors import write_tensors


def convert(source: Path, folder: Path) -> Contents:
    """Run it in a child process. Raises `ModelRejected` unless every tensor is found, `OSError`."""
    if source.suffix.lower() == ".onnx":
        return write_files(tensors_from_onnx(source.read_bytes(), source.name), folder)
    return write_files(read_checkpoint(source, expected_shapes(KokoroConfig())), folder)


def tensors_from_onnx(model: bytes, file_name: str) -> dict[str, Tensor]:
    """Raises `ModelRejected` unless every tensor is found."""
    arrays = read_onnx(model, file_name, expected_shapes(KokoroConfig()))
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def write_files(tensors: Mapping[str, Tensor], folder: Path) -> Contents:
    """The weights as float16, half the disk and ten times finer than the int8 steps of the default voice;
    and the published voices.

    Raises `ModelRejected` for a value that is not finite or beyond float16, `OSError` when the disk refuses.
    """
    write_tensors(tensors, folder / WEIGHTS, torch.float16)
    return Contents(asdict(KokoroConfig()), write_published(folder / VOICES))
