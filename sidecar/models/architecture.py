"""What a pack of each architecture must hold, checked by names and shapes alone. Works without PyTorch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sidecar.audio.mel import BANDS
from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.config_check import checked_config as checked_emotivoice
from sidecar.engines.emotivoice.config_check import joint_shapes, style_shapes
from sidecar.engines.kokoro.config import SPOKEN_LANGUAGES, KokoroConfig
from sidecar.engines.kokoro.config_check import checked_config as checked_kokoro
from sidecar.engines.kokoro.config_check import tensor_shapes
from sidecar.models.file_names import LISTS, PROBE, STYLE, VOICES, WEIGHTS
from sidecar.models.manifest import Manifest
from sidecar.models.safetensors_header import TensorEntry
from sidecar.protocol.reasons import Reason, refusal

KOKORO, EMOTIVOICE = "kokoro", "emotivoice"
Header = Mapping[str, TensorEntry]
Shape = tuple[int, ...]

_STYLE_WIDTH = 256
_MOST_ROWS, _HIGHEST_RANK = 1024, 256
_MOST_PROBE_FRAMES = 2400  # a minute


@dataclass(frozen=True)
class Architecture:
    """The files that a pack must have, those of weights among them, and the check of their headers."""

    tensor_files: tuple[str, ...]
    weight_files: tuple[str, ...]
    lists: tuple[str, ...]
    check_config: Callable[[Manifest], object]
    check_tensors: Callable[[Manifest, Mapping[str, Header]], None]


def architecture_of(manifest: Manifest) -> Architecture:
    """Raises `ModelRejected` for one that is not known."""
    found = _ARCHITECTURES.get(manifest.architecture)
    if found is None:
        known = " or ".join(repr(name) for name in _ARCHITECTURES)
        raise refusal(
            Reason.ARCHITECTURE, f"architecture {manifest.architecture!r} is not known: expected {known}"
        )
    return found


def kokoro_config(manifest: Manifest) -> KokoroConfig:
    """The manifest's `config`. Raises `ModelRejected` unless it is sound."""
    try:
        return checked_kokoro(manifest.config)
    except ValueError as error:
        raise refusal(Reason.CONFIG, f"manifest: {error}") from error


def emotivoice_config(manifest: Manifest) -> EmotiVoiceConfig:
    """The manifest's `config`. Raises `ModelRejected` unless it is sound."""
    try:
        return checked_emotivoice(manifest.config)
    except ValueError as error:
        raise refusal(Reason.CONFIG, f"manifest: {error}") from error


def check_description(manifest: Manifest) -> None:
    """Architecture, configuration, languages and the set of files. Raises `ModelRejected`."""
    architecture = architecture_of(manifest)
    architecture.check_config(manifest)
    if odd := sorted(set(manifest.languages) - set(SPOKEN_LANGUAGES)):
        known = ", ".join(SPOKEN_LANGUAGES)
        raise refusal(
            Reason.MANIFEST_FIELD, f"manifest: language {odd[0]!r} cannot be read: known are {known}"
        )
    needed = {*architecture.tensor_files, *architecture.lists}
    for name in (*architecture.tensor_files, *architecture.lists):
        manifest.file(name)
    for file in manifest.files:
        if (file.name.endswith(".safetensors") or file.name in LISTS) and file.name not in needed:
            raise refusal(Reason.EXTRA_FILE, f"a {manifest.architecture} pack has no place for {file.name}")


def check_headers(manifest: Manifest, headers: Mapping[str, Header]) -> None:
    """Every tensor's name, shape and type, by file. Raises `ModelRejected` naming the first at fault."""
    architecture_of(manifest).check_tensors(manifest, headers)
    _check_probe(headers[PROBE], len(manifest.probe.lines))


def check_weights_of(manifest: Manifest, weights: Header) -> None:
    check_weights(weights, tensor_shapes(kokoro_config(manifest)))


def check_weights(header: Header, expected: Mapping[str, Shape], file: str = WEIGHTS) -> None:
    if missing := sorted(expected.keys() - header.keys()):
        raise refusal(
            Reason.TENSOR_MISSING, f"{file} lacks tensor {missing[0]!r} ({len(missing)} are missing)"
        )
    if odd := sorted(header.keys() - expected.keys()):
        raise refusal(
            Reason.TENSOR_UNEXPECTED, f"{file} has an unexpected tensor {odd[0]!r} ({len(odd)} in all)"
        )
    for name, shape in expected.items():
        _expect_shape(file, header[name], shape)


def _check_kokoro(manifest: Manifest, headers: Mapping[str, Header]) -> None:
    check_weights_of(manifest, headers[WEIGHTS])
    _check_voices(headers[VOICES], manifest.speakers)


def _check_emotivoice(manifest: Manifest, headers: Mapping[str, Header]) -> None:
    config = emotivoice_config(manifest)
    check_weights(headers[WEIGHTS], joint_shapes(config))
    check_weights(headers[STYLE], style_shapes(config), STYLE)
    if len(manifest.speakers) != config.n_speaker:
        raise refusal(
            Reason.SPEAKERS_DIFFER,
            f"the manifest names {len(manifest.speakers):,} speakers, the table has {config.n_speaker:,}",
        )


_ARCHITECTURES = {
    KOKORO: Architecture((WEIGHTS, VOICES, PROBE), (WEIGHTS,), (), kokoro_config, _check_kokoro),
    EMOTIVOICE: Architecture(
        (WEIGHTS, STYLE, PROBE), (WEIGHTS, STYLE), LISTS, emotivoice_config, _check_emotivoice
    ),
}


def _check_voices(header: Header, speakers: tuple[str, ...]) -> None:
    names = {name.partition(".")[0] for name in header}
    if odd := sorted(names ^ set(speakers)):
        where = f"in {VOICES} only" if odd[0] in names else "in the manifest only"
        raise refusal(Reason.SPEAKERS_DIFFER, f"speaker {odd[0]!r} is {where}")
    for name in speakers:
        _check_voice(name, {key: e for key, e in header.items() if key.partition(".")[0] == name})


def _check_voice(name: str, entries: Header) -> None:
    """Either a table, or a mean and two factors."""
    parts = {key.partition(".")[2] for key in entries}
    for entry in entries.values():
        if entry.dtype != "F32":
            raise refusal(
                Reason.TENSOR_DTYPE, f"{VOICES}: {entry.name!r} is of type {entry.dtype}, expected F32"
            )
    if parts == {""}:
        rows, *rest = entries[name].shape
        fits = rows <= _MOST_ROWS and rest in ([_STYLE_WIDTH], [1, _STYLE_WIDTH])
    elif parts == {"mean", "length", "style"}:
        mean, length, style = (entries[f"{name}.{part}"].shape for part in ("mean", "length", "style"))
        fits = mean == (_STYLE_WIDTH,) and len(length) == len(style) == 2 and style[1] == _STYLE_WIDTH
        fits = fits and length[0] <= _MOST_ROWS and length[1] == style[0] <= _HIGHEST_RANK
    else:
        raise refusal(Reason.TENSOR_UNEXPECTED, f"{VOICES}: {name!r} has the parts {sorted(parts)!r:.80}")
    if not fits:
        shapes = {key: list(entry.shape) for key, entry in entries.items()}
        raise refusal(
            Reason.TENSOR_SHAPE,
            f"{VOICES}: {shapes!r:.120}, expected [n, {_STYLE_WIDTH}] or its mean, length and style",
        )


def _check_probe(header: Header, lines: int) -> None:
    expected = {f"line.{number}" for number in range(lines)}
    if odd := sorted(expected ^ header.keys()):
        missing = odd[0] in expected
        reason = Reason.TENSOR_MISSING if missing else Reason.TENSOR_UNEXPECTED
        raise refusal(reason, f"{PROBE} {'lacks' if missing else 'has an unexpected tensor'} {odd[0]!r}")
    for entry in header.values():
        frames = min(max(entry.shape[0], 1), _MOST_PROBE_FRAMES)
        _expect_shape(PROBE, entry, (frames, BANDS))


def _expect_shape(file: str, entry: TensorEntry, shape: Shape) -> None:
    if entry.shape != shape:
        raise refusal(
            Reason.TENSOR_SHAPE,
            f"{file}: {entry.name} has shape {list(entry.shape)}, expected {list(shape)}",
        )
