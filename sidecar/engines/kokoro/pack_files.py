"""A checkpoint in any of its published forms, single voices, or both -> the files of a Kokoro pack."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from sidecar.engines.family import WEIGHTS, Contents
from sidecar.engines.kokoro import single_voices
from sidecar.engines.kokoro.checkpoint_import import read_checkpoint
from sidecar.engines.kokoro.config import VOICES, KokoroConfig
from sidecar.engines.kokoro.names import expected_shapes
from sidecar.engines.kokoro.onnx_import import read_onnx
from sidecar.engines.kokoro.voices import write_published
from sidecar.engines.tensors import write_tensors
from sidecar.protocol.errors import ModelRejected


def convert(sources: Sequence[Path], folder: Path) -> Contents:
    """Voices alone, or one model with the published voices and those that come with it, which win. Run it in
    a
    child process. Raises `ModelRejected` unless every tensor of a model is found, `OSError`.
    """
    held = {source: _voices_in(source) for source in sources}
    models = [source for source, voices in held.items() if voices is None]
    if len(models) > 1:
        raise ModelRejected(f"{models[0].name} and {models[1].name} are both models: import one at a time")
    found = {source: voices for source, voices in held.items() if voices is not None}
    brought = single_voices.write(found, folder) if found else None
    if not models:
        assert brought is not None
        return brought
    tensors = _model_in(models[0])
    if brought is None:
        return write_files(tensors, folder)
    _write_weights(tensors, folder)
    speakers = single_voices.join_published(folder)
    return Contents(asdict(KokoroConfig()), speakers, brought.added, brought.notes)


def _voices_in(source: Path) -> single_voices.Tensors | None:
    return None if _is_onnx(source) else single_voices.tensors_in(source)


def _model_in(source: Path) -> dict[str, Tensor]:
    if _is_onnx(source):
        return tensors_from_onnx(source.read_bytes(), source.name)
    if source.suffix.lower() == ".safetensors":
        raise ModelRejected(
            f"{source.name} is a model in safetensors, which need not be imported: call it {WEIGHTS}, in a "
            "folder of its own, and run `npc-voice pack make`"
        )
    return read_checkpoint(source, expected_shapes(KokoroConfig()))


def _is_onnx(source: Path) -> bool:
    return source.suffix.lower() == ".onnx"


def tensors_from_onnx(model: bytes, file_name: str) -> dict[str, Tensor]:
    """Raises `ModelRejected` unless every tensor is found."""
    arrays = read_onnx(model, file_name, expected_shapes(KokoroConfig()))
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def write_files(tensors: Mapping[str, Tensor], folder: Path) -> Contents:
    """The weights as float16, half the disk and ten times finer than the int8 steps of the default voice;
    and the published voices.

    Raises `ModelRejected` for a value that is not finite or beyond float16, `OSError` when the disk refuses.
    """
    _write_weights(tensors, folder)
    return Contents(asdict(KokoroConfig()), write_published(folder / VOICES))


def _write_weights(tensors: Mapping[str, Tensor], folder: Path) -> None:
    write_tensors(tensors, folder / WEIGHTS, torch.float16)
