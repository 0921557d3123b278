"""Voice tables: [510, 256] numbers a voice, one row for each length of phrase.

The first 128 numbers of a row are timbre, the last 128 manner. A file holds a voice either as
a plain table ``name`` or in low rank as ``name.mean`` [256], ``name.length`` [510, r] and
``name.style`` [r, 256], with table = mean + length @ style.
"""

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from sidecar.engines.base import SpeakerChoice
from sidecar.prosody.plan import Floats, Speaker
from sidecar.protocol.errors import BadRequest, ModelRejected, UnknownSpeaker, did_you_mean

WIDTH = 256
TIMBRE = slice(0, 128)
MANNER = slice(128, 256)

#: First letter of a voice's name -> the language of its recordings (source: hexgrad/Kokoro-82M, VOICES.md).
LANGUAGES = {
    "a": "en-US", "b": "en-GB", "e": "es", "f": "fr-FR", "h": "hi", "i": "it", "j": "ja",
    "p": "pt-BR", "z": "zh-CN",
}  # fmt: skip


class Voices:
    """The voices of one pack. Tables are put together when first asked for."""

    def __init__(self, tensors: Mapping[str, Floats]) -> None:
        self._tensors = tensors
        self.names = tuple(sorted({name.partition(".")[0] for name in tensors}))
        self._speakers: dict[str, Speaker] = {}

    @classmethod
    def load(cls, path: Path) -> "Voices":
        """Raises `ModelRejected` when a table lacks a part, has another shape or is not finite."""
        try:
            voices = cls(load_file(path))
        except (SafetensorError, ValueError) as error:
            raise ModelRejected(f"{path.name} is not a valid safetensors file: {error}") from error
        if not voices.names:
            raise ModelRejected(f"{path.name} holds no voice")
        for name in voices.names:
            voices.named(name)
        return voices

    def choose(self, choice: SpeakerChoice) -> Speaker:
        """A voice by name, index, blend or raw numbers. Raises `UnknownSpeaker` or `BadRequest`."""
        if isinstance(choice, str):
            return self.named(choice)
        if isinstance(choice, bool):
            raise BadRequest("speaker must be a name, an index, a blend or an embedding", field="speaker")
        if isinstance(choice, int):
            return self.indexed(choice)
        if isinstance(choice, Mapping):
            return self.blend(choice)
        return raw(choice)

    def named(self, name: str) -> Speaker:
        if name not in self.names:
            raise UnknownSpeaker(f"unknown speaker {name!r}{did_you_mean(name, self.names)}", field="speaker")
        if name not in self._speakers:
            self._speakers[name] = Speaker(name, self._table(name))
        return self._speakers[name]

    def indexed(self, index: int) -> Speaker:
        if not 0 <= index < len(self.names):
            raise UnknownSpeaker(f"speaker index {index} is not in 0..{len(self.names) - 1}", field="speaker")
        return self.named(self.names[index])

    def blend(self, weights: Mapping[str, float]) -> Speaker:
        """The weighted mean of several voices; weights are scaled to sum to 1."""
        for name, weight in weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1e6:
                raise BadRequest(
                    f"weight of speaker {name!r} is {weight!r}: expected a number from 0", field="speaker"
                )
        total = math.fsum(weights.values())
        if total <= 0:
            raise BadRequest("a blend of speakers needs at least one weight above 0", field="speaker")
        parts = [(self.named(name), weight / total) for name, weight in weights.items() if weight > 0]
        rows = min(len(part.table) for part, _ in parts)
        table = sum((part.table[:rows] * np.float32(share) for part, share in parts), np.float32(0))
        return Speaker("+".join(f"{part.name}:{share:.3g}" for part, share in parts), np.asarray(table))

    def _table(self, name: str) -> Floats:
        try:
            if name in self._tensors:
                table = self._tensors[name].reshape(-1, WIDTH)
            else:
                mean, length, style = (
                    self._tensors[f"{name}.{part}"] for part in ("mean", "length", "style")
                )
                table = mean + length @ style
        except (KeyError, ValueError) as error:
            raise ModelRejected(f"voice {name!r}: {error}") from error
        if table.ndim != 2 or len(table) == 0 or table.shape[1] != WIDTH or not np.isfinite(table).all():
            raise ModelRejected(f"voice {name!r} is not a finite table of {WIDTH} columns")
        return np.ascontiguousarray(table, dtype=np.float32)


def raw(numbers: Sequence[float]) -> Speaker:
    """An embedding given number by number, used for phrases of every length."""
    try:
        row = np.asarray(numbers, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise BadRequest(f"a raw speaker is {WIDTH} numbers: {error}", field="speaker") from error
    if row.shape != (WIDTH,) or not np.isfinite(row).all() or np.abs(row).max() > 100:
        raise BadRequest(
            f"a raw speaker is {WIDTH} finite numbers within ±100, got shape {row.shape}", field="speaker"
        )
    return Speaker("custom", row[None])


def language_of(name: str) -> str:
    """BCP 47 tag for a voice's name; English for names that follow no convention."""
    return LANGUAGES.get(name[:1], "en-US") if name[2:3] == "_" else "en-US"


def write_published(path: Path) -> tuple[str, ...]:
    """Write the 54 published voices, carried with this package in low rank; their names."""
    path.write_bytes((resources.files("sidecar.engines.kokoro") / "data" / "voices.safetensors").read_bytes())
    return names_in(path)


def names_in(path: Path) -> tuple[str, ...]:
    """The speakers of a file of voice tables. Raises `ModelRejected` when it is none."""
    return Voices.load(path).names
