"""Semantic versions (semver.org 2.0.0) and which of two is the higher."""

import re
from dataclasses import dataclass
from functools import total_ordering

MAX_CHARACTERS = 64
_NUMBER = r"(?:0|[1-9]\d{0,8})"
_LABEL = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
#: Also in `manifest.schema.json`; a test keeps the two alike.
PATTERN = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_LABEL}(?:\.{_LABEL})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_VERSION = re.compile(PATTERN, re.ASCII)


@total_ordering
@dataclass(frozen=True)
class Version:
    """`1.2.3-beta.4`: a pre-release comes before its release; build metadata (`+...`) has no rank."""

    numbers: tuple[int, int, int]
    labels: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Raises `ValueError` for text that is not a semantic version."""
        if not is_version(text):
            raise ValueError(f"{text!r} is not a semantic version such as 1.2.3 or 1.2.3-beta.1")
        core, _, tail = text.partition("+")[0].partition("-")
        major, minor, patch = (int(number) for number in core.split("."))
        return cls((major, minor, patch), tuple(tail.split(".")) if tail else ())

    def __lt__(self, other: "Version") -> bool:
        return self._rank() < other._rank()

    def _rank(self) -> tuple[object, ...]:
        labels = tuple((0, int(x), "") if x.isdecimal() else (1, 0, x) for x in self.labels)
        return self.numbers, not labels, labels


def is_version(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MAX_CHARACTERS and bool(_VERSION.fullmatch(text))
