"""A model's speakers, and what a request may call them: name, index, blend or raw numbers."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sidecar.engines.base import SpeakerChoice
from sidecar.prosody.plan import Floats, Reals, Speaker
from sidecar.protocol.errors import BadRequest, UnknownSpeaker, did_you_mean

#: A number may lie so many times as far from the middle as those of known voices do; all of them together,
#: as a root mean square, once. Measured on Kokoro-82M: its voices reach 0.63 of that, a voice that the others
#: do not know 0.70 with single numbers at 2.3. At 1 all that was tried is still speech, at 1.7 it is noise.
REACH, TOGETHER = 3.0, 1.0


@dataclass(frozen=True, eq=False)
class Reach:
    """Where a network knows voices: `middle` and `half` the range of each number of an embedding [width]."""

    middle: Floats
    half: Floats

    @classmethod
    def of(cls, tables: Iterable[Floats]) -> "Reach":
        """By known voices, each [rows, width]. Few voices tell less: no range is under their mean size."""
        ranges = [(table.min(axis=0), table.max(axis=0), float(np.square(table).mean())) for table in tables]
        low, high = np.min([row[0] for row in ranges], axis=0), np.max([row[1] for row in ranges], axis=0)
        size = math.sqrt(math.fsum(row[2] for row in ranges) / len(ranges))
        return cls((low + high) / 2, np.maximum((high - low) / 2, np.float32(max(size, 1e-6))))

    def within(self, columns: slice) -> "Reach":
        """The same for some of the columns."""
        return Reach(self.middle[columns], self.half[columns])

    def complaint(self, table: Reals) -> str | None:
        """What is out of reach in rows [rows, width] of finite numbers, and the nearest that is not."""
        far = (table - self.middle) / self.half
        row, column = np.unravel_index(np.abs(far).argmax(), far.shape)
        if abs(far[row, column]) > REACH:
            low, high = (self.middle[column] + side * REACH * self.half[column] for side in (-1, 1))
            value = table[row, column]
            return (
                f"number {column} is {value:.4g}, expected {low:.4g} to {high:.4g}, "
                f"the nearest is {min(max(value, low), high):.4g}"
            )
        together = float(np.sqrt(np.square(far).mean(axis=1)).max())
        if together > TOGETHER:
            return (
                f"all numbers together are {together:.2f} times as far from known voices as they may be, "
                f"the nearest is 1: blend it with a known voice"
            )
        return None


class Speakers(ABC):
    """Named tables of `width` columns. Tables are put together when first asked for."""

    width: int

    @cached_property
    def reach(self) -> Reach:
        """What a raw embedding may be; by default as far as the tables go."""
        return Reach.of(self.named(name).table for name in self.names)

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._speakers: dict[str, Speaker] = {}

    @abstractmethod
    def table(self, name: str) -> Floats:
        """The embeddings [rows, width] of one of `names`."""

    def layers(self, _name: str) -> Floats | None:
        """What a speaker adds to its timbre in each layer of the network, [layers, width of the timbre]."""
        return None

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
            raise UnknownSpeaker(
                f"unknown speaker {name[:80]!r}{did_you_mean(name, self.names)}", field="speaker"
            )
        if name not in self._speakers:
            self._speakers[name] = Speaker(name, self.table(name), self.layers(name))
        return self._speakers[name]

    def indexed(self, index: int) -> Speaker:
        if not 0 <= index < len(self.names):
            raise UnknownSpeaker(f"speaker index {index} is not in 0..{len(self.names) - 1}", field="speaker")
        return self.named(self.names[index])

    def blend(self, weights: Mapping[str, float]) -> Speaker:
        """The weighted mean of several speakers; weights are scaled to sum to 1. Layers that are not there
        are zeros."""
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
        layers = [part.layers * np.float32(share) for part, share in parts if part.layers is not None]
        return Speaker(
            "+".join(f"{part.name}:{share:.3g}" for part, share in parts),
            np.asarray(table),
            np.sum(layers, axis=0, dtype=np.float32) if layers else None,
        )

    def raw(self, numbers: Sequence[float]) -> Speaker:
        """An embedding given number by number, used for phrases of every length."""
        try:
            row = np.asarray(numbers, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise BadRequest(f"a raw speaker is {self.width} numbers: {error}", field="speaker") from error
        if row.shape != (self.width,) or not np.isfinite(row).all():
            raise BadRequest(
                f"a raw speaker is {self.width} finite numbers, got shape {row.shape}", field="speaker"
            )
        if complaint := self.reach.complaint(row[None]):
            raise BadRequest(f"a raw speaker must be near known voices: {complaint}", field="speaker")
        return Speaker("custom", row[None].astype(np.float32))
