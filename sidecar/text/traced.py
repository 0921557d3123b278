"""Characters that remember where in a line they came from."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class Replacement(Protocol):
    """Other words for the half-open span [start, end) of a text."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Traced:
    """`text`, whose character number i came from the half-open span [starts[i], ends[i]) of a line.

    Neither starts nor ends ever go backwards.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def whole(cls, line: str) -> "Traced":
        return cls(line, tuple(range(len(line))), tuple(range(1, len(line) + 1)))

    def replaced(self, replacements: Iterable[Replacement]) -> "Traced":
        """With other words in some places, which come in order and do not overlap. A new character's origin
        is all that it stands for."""
        texts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for new in replacements:
            first, last = self.origin(new.start, new.end)
            texts += (self.text[at : new.start], new.text)
            starts += (*self.starts[at : new.start], *[first] * len(new.text))
            ends += (*self.ends[at : new.start], *[last] * len(new.text))
            at = new.end
        return Traced(
            "".join((*texts, self.text[at:])), (*starts, *self.starts[at:]), (*ends, *self.ends[at:])
        )

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where in the line the characters [start, end) came from; at least one."""
        return self.starts[start], self.ends[end - 1]

    def index(self, place: int) -> int:
        """Of the first character that came from `place` of the line or from behind it."""
        return bisect_left(self.starts, place)

    def between(self, start: int, end: int) -> str:
        """The characters that came from [start, end) of the line."""
        return self.text[self.index(start) : self.index(end)]
