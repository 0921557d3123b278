"""A checkpoint in any of its published forms, single voices, or both -> the files of a Kokoro pack."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.engines.arrays import Array, save_arrays, write_halves
from sidecar.engines.family import WEIGHTS, Contents
from sidecar.engines.kokoro.config import VOICES, KokoroConfig
from sidecar.engines.kokoro.config_check import compact_tensors, tensor_shapes
from sidecar.engines.kokoro.onnx_import import read_compact, read_onnx
from sidecar.engines.kokoro.voices import write_published
from sidecar.protocol.errors import ModelRejected

if TYPE_CHECKING:
    from sidecar.engines.kokoro import single_voices


def convert(sources: Sequence[Path], folder: Path) -> Contents:
    """Voices alone, or one model with the published voices and those that come with it, which win. Run it in
    a child process. Raises `ModelRejected` unless every tensor of a model is found, `OSError`.
    """
    from sidecar.engines.kokoro import single_voices  # with PyTorch, without which an export is read

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
    write_halves(tensors, folder / WEIGHTS)
    speakers = single_voices.join_published(folder)
    return Contents(asdict(KokoroConfig()), speakers, brought.added, brought.notes)


def _voices_in(source: Path) -> "single_voices.Tensors | None":
    from sidecar.engines.kokoro import single_voices

    return None if _is_onnx(source) else single_voices.tensors_in(source)


def _model_in(source: Path) -> Mapping[str, Array]:
    if _is_onnx(source):
        return arrays_from_onnx(source.read_bytes(), source.name)
    if source.suffix.lower() == ".safetensors":
        raise ModelRejected(
            f"{source.name} is a model in safetensors, which need not be imported: call it {WEIGHTS}, in a "
            "folder of its own, and run `npc-voice pack make`"
        )
    from sidecar.engines.kokoro.checkpoint_import import read_checkpoint  # with PyTorch

    found = read_checkpoint(source, tensor_shapes(KokoroConfig()))
    return {name: tensor.numpy() for name, tensor in found.items()}


def _is_onnx(source: Path) -> bool:
    return source.suffix.lower() == ".onnx"


def arrays_from_onnx(model: bytes, file_name: str) -> Mapping[str, Array]:
    """Raises `ModelRejected` unless every tensor is found."""
    return read_onnx(model, file_name, tensor_shapes(KokoroConfig()))


def compact_from_onnx(model: bytes, file_name: str) -> Mapping[str, Array]:
    """The int8 export as it is. Raises as `arrays_from_onnx`."""
    config = KokoroConfig()
    return read_compact(model, file_name, tensor_shapes(config), compact_tensors(config))


def write_compact(arrays: Mapping[str, Array], folder: Path) -> Contents:
    """As `write_files` for what `compact_from_onnx` gives."""
    save_arrays(arrays, folder / WEIGHTS)
    return Contents(asdict(KokoroConfig()), write_published(folder / VOICES))


def write_files(arrays: Mapping[str, Array], folder: Path) -> Contents:
    """The weights as float16, half the disk and ten times finer than the int8 steps of the default voice;
    and the published voices.

    Raises `ModelRejected` for a value that is not finite or beyond float16, `OSError` when the disk refuses.
    """
    write_halves(arrays, folder / WEIGHTS)
    return Contents(asdict(KokoroConfig()), write_published(folder / VOICES))
