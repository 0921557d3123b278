"""What a pack's voice tables must be: by their header, without PyTorch, and by their numbers."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from sidecar.engines import speaker_names
from sidecar.engines.headers import Header, TensorEntry, check_shape
from sidecar.engines.kokoro.config import PARTS, VOICES, WIDTH, KokoroConfig, voice_of
from sidecar.engines.shapes import Shape
from sidecar.protocol.reasons import Reason, refusal

MOST_ROWS = 1024  #: of a voice
_HIGHEST_RANK = 256
_LAYER_TYPES = ("F16", "F32")


def check_tables(config: KokoroConfig, speakers: tuple[str, ...], headers: Mapping[str, Header]) -> None:
    """A voice for each speaker and no other. Raises `ModelRejected`."""
    voices: dict[str, dict[str, TensorEntry]] = defaultdict(dict)
    for key, entry in headers[VOICES].items():
        voices[voice_of(key)][key] = entry
    if dotted := next((name for name in voices if "." in name), None):
        raise refusal(
            Reason.TENSOR_UNEXPECTED,
            f"{VOICES}: {dotted!r} is neither a voice's name ({speaker_names.RULE}; the nearest is "
            f"{speaker_names.fitting(dotted)!r}) nor one with .{', .'.join(PARTS)} behind it",
        )
    if odd := sorted(voices.keys() ^ set(speakers)):
        where = f"in {VOICES} only" if odd[0] in voices else "in the manifest only"
        raise refusal(Reason.SPEAKERS_DIFFER, f"speaker {odd[0]!r} is {where}")
    for name in speakers:
        entries = dict(voices[name])
        if layers := entries.pop(f"{name}.layers", None):
            _check_layers(layers, (config.timbre_layers, config.style))
        _check_voice(name, entries)


def check_values(folder: Path) -> None:
    """Every row of every table must lie where the network knows voices, as a raw speaker of a request must.

    Raises `ModelRejected` naming the first voice at fault.
    """
    from sidecar.engines.kokoro.voices import Voices  # NumPy is not needed to refuse most packs

    voices = Voices.load(folder / VOICES)
    for name in voices.names:
        if complaint := voices.complaint(name):
            raise refusal(Reason.OUT_OF_RANGE, f"{VOICES}: voice {name}: {complaint}")


def _check_layers(entry: TensorEntry, shape: Shape) -> None:
    if entry.dtype not in _LAYER_TYPES:
        raise refusal(
            Reason.TENSOR_DTYPE, f"{VOICES}: {entry.name!r} is of type {entry.dtype}, expected F16 or F32"
        )
    check_shape(VOICES, entry, shape)


def _check_voice(name: str, entries: Header) -> None:
    """Either a table, or a mean and two factors."""
    parts = {key[len(name) + 1 :] for key in entries}
    for entry in entries.values():
        if entry.dtype != "F32":
            raise refusal(
                Reason.TENSOR_DTYPE, f"{VOICES}: {entry.name!r} is of type {entry.dtype}, expected F32"
            )
    if parts == {""}:
        rows, *rest = entries[name].shape
        fits = rows <= MOST_ROWS and rest in ([WIDTH], [1, WIDTH])
    elif parts == set(PARTS):
        mean, length, style = (entries[f"{name}.{part}"].shape for part in PARTS)
        fits = mean == (WIDTH,) and len(length) == len(style) == 2 and style[1] == WIDTH
        fits = fits and length[0] <= MOST_ROWS and length[1] == style[0] <= _HIGHEST_RANK
    else:
        raise refusal(Reason.TENSOR_UNEXPECTED, f"{VOICES}: {name!r} has the parts {sorted(parts)!r:.80}")
    if not fits:
        shapes = {key: list(entry.shape) for key, entry in entries.items()}
        raise refusal(
            Reason.TENSOR_SHAPE,
            f"{VOICES}: {shapes!r:.120}, expected [n, {WIDTH}] or its mean, length and style",
        )
