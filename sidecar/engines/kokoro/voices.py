"""Voice tables: [510, 256] numbers a voice, one row for each length of phrase.

The first 128 numbers of a row are timbre, the last 128 manner. A file holds a voice either as
a plain table ``name`` or in low rank as ``name.mean`` [256], ``name.length`` [510, r] and
``name.style`` [r, 256], with table = mean + length @ style. Beside either may stand
``name.layers`` [58, 128]: what is added to the timbre in each layer of the decoder, in the order of
`Decoder.timbre_layers`.
"""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, load_file

from sidecar.engines.kokoro.config import PARTS, WIDTH, voice_of
from sidecar.engines.speakers import Reach, Speakers
from sidecar.prosody.plan import Floats
from sidecar.protocol.errors import ModelRejected
from sidecar.protocol.reasons import Reason

TIMBRE = slice(0, 128)
MANNER = slice(128, 256)


class Voices(Speakers):
    """The voices of one pack, and behind them, in their order, those of others."""

    width = WIDTH

    def __init__(self, tensors: Mapping[str, Floats], more: "Sequence[Voices]" = ()) -> None:
        self._tensors = dict(tensors)
        names = sorted(set(map(voice_of, tensors)))
        for voices in more:
            names += voices.names
            self._tensors |= voices._tensors
        super().__init__(names)

    def before(self, more: "Sequence[Voices]") -> "Voices":
        """With other voices behind these. Raises `ModelRejected` for a name that is given twice."""
        joined = Voices(self._tensors, more)
        if twice := [name for name in joined.names if joined.names.count(name) > 1]:
            raise ModelRejected(f"two voices are called {twice[0]!r}", reason=Reason.SPEAKER_TAKEN.value)
        return joined

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

    @cached_property
    def reach(self) -> Reach:
        """As far as the published voices go, whatever a pack's are: with those the network was trained."""
        return published_reach()

    def table(self, name: str) -> Floats:
        try:
            if name in self._tensors:
                table = self._tensors[name].reshape(-1, WIDTH)
            else:
                mean, length, style = (self._tensors[f"{name}.{part}"] for part in PARTS)
                table = mean + length @ style
        except KeyError as error:
            raise ModelRejected(
                f"voice {name!r} lacks {error}: it is a table, or {', '.join(PARTS)}"
            ) from error
        except ValueError as error:
            raise ModelRejected(f"voice {name!r}: {error}") from error
        if table.ndim != 2 or len(table) == 0 or table.shape[1] != WIDTH or not np.isfinite(table).all():
            raise ModelRejected(f"voice {name!r} is not a finite table of {WIDTH} columns")
        return np.ascontiguousarray(table, dtype=np.float32)

    def layers(self, name: str) -> Floats | None:
        """[layers, 128] in float32, or None for a voice whose timbre is the same in all layers."""
        if (offsets := self._tensors.get(f"{name}.layers")) is None:
            return None
        if offsets.shape[1:] != (TIMBRE.stop,) or not np.isfinite(offsets).all():
            raise ModelRejected(f"voice {name!r}: layers are not finite rows of {TIMBRE.stop} numbers")
        return offsets.astype(np.float32)

    def complaint(self, name: str) -> str | None:
        """What of a voice lies beyond where the network knows voices, in its rows or in a layer."""
        speaker = self.named(name)
        if (wrong := self.reach.complaint(speaker.table)) or speaker.layers is None:
            return wrong
        reach, timbre = self.reach.within(TIMBRE), speaker.table[:, TIMBRE]
        for layer, offset in enumerate(speaker.layers):
            if wrong := reach.complaint(timbre + offset):
                return f"in layer {layer}, {wrong}"
        return None


@cache
def published_reach() -> Reach:
    """Of the 54 published voices; some hundredths of a second, once."""
    voices = Voices(load(published()))
    return Reach.of(map(voices.table, voices.names))


def published() -> bytes:
    """The file of the 54 published voices, in low rank."""
    return (resources.files("sidecar.engines.kokoro") / "data" / "voices.safetensors").read_bytes()


def write_published(path: Path) -> tuple[str, ...]:
    """Write the 54 published voices, carried with this package in low rank; their names."""
    path.write_bytes(published())
    return names_in(path)


def names_in(path: Path) -> tuple[str, ...]:
    """The speakers of a file of voice tables. Raises `ModelRejected` when it is none."""
    return Voices.load(path).names
