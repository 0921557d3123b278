"""Kokoro-82M as a family: one file of weights, one of voice tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.engines.family import WEIGHTS, Alone, Contents, Family, Importing, Joining, SingleVoices
from sidecar.engines.kokoro.config import ARCHITECTURE, CAPABILITIES, VOICES, KokoroConfig, language_of
from sidecar.engines.kokoro.config_check import checked_config, compact_tensors, tensor_shapes
from sidecar.engines.kokoro.pack_check import check_tables, check_values
from sidecar.engines.shapes import Shape
from sidecar.text.languages import LANGUAGES

if TYPE_CHECKING:
    from sidecar.engines.base import Engine
    from sidecar.engines.placement import Placement
    from sidecar.engines.speakers import Speakers
    from sidecar.engines.tunable import Tunable

_MODELS = (".pth", ".pt", ".onnx")
_VOICES = (".pt", ".pth", ".bin", ".npy", ".npz")
_MOST_VOICE_BYTES = 128 << 20


def _shapes(config: KokoroConfig) -> Mapping[str, Mapping[str, Shape]]:
    return {WEIGHTS: tensor_shapes(config)}


def _load(folder: Path, _speakers: tuple[str, ...], config: KokoroConfig, placement: "Placement") -> "Engine":
    if placement.runtime == "onnx":
        from sidecar.engines.kokoro.graph_engine import KokoroGraphEngine

        return KokoroGraphEngine.load(folder / WEIGHTS, folder / VOICES, config)
    from sidecar.engines.kokoro.engine import KokoroEngine

    engine = KokoroEngine.load(folder / WEIGHTS, folder / VOICES, config, placement)
    return engine.in_8_bits() if placement.int8 else engine


def _read(voices: Path) -> "Speakers":
    from sidecar.engines.kokoro.voices import Voices

    return Voices.load(voices)


def _join_engine(engine: "Engine", more: Sequence["Speakers"]) -> "Engine":
    from sidecar.engines.kokoro.description import WithVoices
    from sidecar.engines.kokoro.voices import Voices

    assert isinstance(engine, WithVoices)
    return engine.with_voices([voices for voices in more if isinstance(voices, Voices)])


def _tune(engine: "Engine") -> "Tunable":
    from sidecar.engines.kokoro.engine import KokoroEngine
    from sidecar.engines.kokoro.tuning import KokoroTuning

    assert isinstance(engine, KokoroEngine)
    return KokoroTuning(engine)


def _takes(sources: Sequence[Path]) -> bool:
    return all(source.suffix.lower() in (*_MODELS, *_VOICES, ".safetensors") for source in sources)


def _convert(sources: Sequence[Path], folder: Path) -> Contents:
    from sidecar.engines.kokoro.pack_files import convert

    return convert(sources, folder)


def _may_be_voice(file: Path) -> bool:
    try:
        return file.suffix.lower() in _VOICES and file.stat().st_size <= _MOST_VOICE_BYTES
    except OSError:  # gone
        return False


def _read_voices(files: Sequence[Path], folder: Path) -> Contents:
    from sidecar.engines.kokoro.single_voices import read

    return read(files, folder)


def _join(folder: Path, other: Path) -> tuple[str, ...]:
    from sidecar.engines.kokoro.single_voices import join

    return join(folder, other)


def _complete(folder: Path) -> tuple[str, ...]:
    """The published voices, unless there are others, which are brought into single precision."""
    from sidecar.engines.kokoro.single_voices import settle
    from sidecar.engines.kokoro.voices import write_published

    voices = folder / VOICES
    return settle(voices) if voices.exists() else write_published(voices)


KOKORO = Family(
    name=ARCHITECTURE,
    title="Kokoro",
    languages=LANGUAGES,
    language_of=language_of,
    capabilities=CAPABILITIES,
    weight_files=(WEIGHTS,),
    table_files=(VOICES,),
    lists=(),
    checked_config=checked_config,
    shapes=_shapes,
    check_tables=check_tables,
    check_values=check_values,
    load=_load,
    importing=Importing(
        published="kokoro-v1_0.pth or its ONNX export, voices (.pt, .bin, .npy, .npz), or both",
        expected=f"a model or voices, in files ending in {', '.join(dict.fromkeys(_MODELS + _VOICES))} "
        "or .safetensors",
        pack_name="kokoro-82m-float",
        takes=_takes,
        convert=_convert,
    ),
    alone=Alone(KokoroConfig(), _complete),
    voices=SingleVoices(
        expected=f"a voice ending in {', '.join(_VOICES)}", takes=_may_be_voice, read=_read_voices, join=_join
    ),
    joining=Joining(_read, _join_engine),
    tune=_tune,
    may_be_compact=compact_tensors,
)
