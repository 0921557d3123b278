"""A model's speakers, and what a request may call them: name, index, blend or raw numbers."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from sidecar.engines.base import SpeakerChoice
from sidecar.prosody.plan import Floats, Speaker
from sidecar.protocol.errors import BadRequest, UnknownSpeaker, did_you_mean


class Speakers(ABC):
    """Named tables of `width` columns. Tables are put together when first asked for."""

    width: int

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._speakers: dict[str, Speaker] = {}

    @abstractmethod
    def table(self, name: str) -> Floats:
        """The embeddings [rows, width] of one of `names`."""

    def choose(self, choice: SpeakerChoice) -> Speaker:
        """A speaker by name, index, blend or raw numbers. Raises `UnknownSpeaker` or `BadRequest`."""
        if isinstance(choice, str):
            return self.named(choice)
        if isinstance(choice, bool):
            raise BadRequest("speaker must be a name, an index, a blend or an embedding", field="speaker")
        if isinstance(choice, int):
            return self.indexed(choice)
        if isinstance(choice, Mapping):
            return self.blend(choice)
        return self.raw(choice)

    def named(self, name: str) -> Speaker:
        if name not in self.names:
            raise UnknownSpeaker(f"unknown speaker {name!r}{did_you_mean(name, self.names)}", field="speaker")
        if name not in self._speakers:
            self._speakers[name] = Speaker(name, self.table(name))
        return self._speakers[name]

    def indexed(self, index: int) -> Speaker:
        if not 0 <= index < len(self.names):
            raise UnknownSpeaker(f"speaker index {index} is not in 0..{len(self.names) - 1}", field="speaker")
        return self.named(self.names[index])

    def blend(self, weights: Mapping[str, float]) -> Speaker:
        """The weighted mean of several speakers; weights are scaled to sum to 1."""
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

    def raw(self, numbers: Sequence[float]) -> Speaker:
        """An embedding given number by number, used for phrases of every length."""
        try:
            row = np.asarray(numbers, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise BadRequest(f"a raw speaker is {self.width} numbers: {error}", field="speaker") from error
        if row.shape != (self.width,) or not np.isfinite(row).all() or np.abs(row).max() > 100:
            raise BadRequest(
                f"a raw speaker is {self.width} finite numbers within ±100, got shape {row.shape}",
                field="speaker",
            )
        return Speaker("custom", row[None])
