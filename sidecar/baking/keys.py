"""What decides how a line sounds and what its files hold, as one hash: a line with the same key is not made
again. Its id and its place in the script are no part of it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

import numpy as np

from sidecar.audio.encode import ENCODING
from sidecar.baking.orders import Order
from sidecar.baking.subtitles import plain
from sidecar.models.loader import Model
from sidecar.synthesis import PreparedLine
from sidecar.text.tokens import Word
from sidecar.version import __version__

#: What of a prepared line is its writing, of which other parts are the reading; and how long that took.
_AS_WRITTEN = ("line", "spoken", "text_ms")


def model_key(model: Model) -> str:
    """Of what speaks: the weights, the engine with its settings and version, the kind of device."""
    manifest, engine = model.manifest, model.engine.description
    device = engine.device.partition(":")[0]
    return digest(
        (manifest.name, manifest.version, manifest.architecture, manifest.sha256, dict(manifest.config)),
        (engine.sample_rate_hz, device, engine.precision, engine.runtime, __version__, ENCODING),
    )


def line_key(model: str, prepared: PreparedLine, order: Order) -> str:
    """Of a line: its phonemes and the voice's numbers rather than their names, so that only what a changed
    lexicon, pack or table of emotions touches is made again. `model` is `model_key`."""
    pauses = [(phrase.resumes, phrase.pauses, phrase.before_s, phrase.after_s) for phrase in prepared.spoken]
    words = [item.text for phrase in prepared.spoken for item in phrase.items if isinstance(item, Word)]
    line = prepared.line
    read = [getattr(prepared, field.name) for field in fields(PreparedLine) if field.name not in _AS_WRITTEN]
    return digest(
        (model, read, pauses),
        (line.pitch_semitones, line.sample_rate_hz, line.loudness_lufs, order.format, order.marked),
        (order.lips, order.subtitles, words, plain(line.text)),
    )


def digest(*values: object) -> str:
    """64 hexadecimal digits. Equal for equal values, arrays and records inside them too."""
    hashed = hashlib.sha256()
    for value in values:
        for piece in _pieces(value):
            hashed.update(len(piece).to_bytes(8, "big") + piece)
    return hashed.hexdigest()


def _pieces(value: object) -> Iterator[bytes]:
    if isinstance(value, np.ndarray):
        yield f"{value.dtype}{value.shape}".encode()
        yield value.tobytes()
    elif is_dataclass(value):
        yield type(value).__name__.encode()
        for field in fields(value):
            yield from _pieces(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _pieces(sorted((str(key), item) for key, item in value.items()))
    elif isinstance(value, list | tuple):
        yield f"{len(value)} items".encode()
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, bool | int | float | str | None):
        yield repr(value).encode("utf-8", "surrogatepass")
    else:
        raise TypeError(f"no key is made of {type(value).__name__}")
