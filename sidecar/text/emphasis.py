"""What the way a line is written asks of its words: CAPITALS, *stars*, streeetched letters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.text.tokens import Spoken, Word

_STARRED = re.compile(r"\*+([^*\n]{1,200})\*+")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}", re.IGNORECASE)
_NUCLEUS = re.compile("[AIOQWYᵊaeiouɑɐɒæɔəɚɛɜɪʊʌᵻ]+")
SHOUTED_SHARE, SHOUTED_WEIGHT = 0.6, 0.5  #: of words in capitals, from where no single one stands out
LONGEST_RUN = 8


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Of one word or mark, 0..1: how much it is stressed (`weight`), and how drawn out (`stretch`)."""

    weight: float = 0.0
    stretch: float = 0.0


PLAIN = Emphasis()


def emphases(line: str, items: Sequence[Spoken]) -> tuple[Emphasis, ...]:
    """One for each item, by what stands at its span of `line`."""
    starred = [match.span(1) for match in _STARRED.finditer(line)]
    words = [item for item in items if isinstance(item, Word)]
    loud = [word for word in words if in_capitals(word, line)]
    weight = SHOUTED_WEIGHT if len(loud) > 1 and len(loud) >= SHOUTED_SHARE * len(words) else 1.0
    spans = {(word.start, word.end) for word in loud}
    return tuple(
        Emphasis(
            max(
                weight if (item.start, item.end) in spans else 0.0,
                1.0 if any(start <= item.start and item.end <= end for start, end in starred) else 0.0,
            ),
            stretch(line[item.start : item.end]),
        )
        if isinstance(item, Word)
        else PLAIN
        for item in items
    )


def in_capitals(word: Word, line: str) -> bool:
    """Written in capitals, and not because it is spelled out: FBI has a vowel for every letter."""
    letters = [symbol for symbol in line[word.start : word.end] if symbol.isalpha()]
    if len(letters) < 2 or not all(symbol.isupper() for symbol in letters):
        return False
    return len(_NUCLEUS.findall(word.phonemes.replace("ː", ""))) < len(letters)


def stretch(written: str) -> float:
    """0 for a word without a run of three equal letters, 1 for a run of eight."""
    longest = max((len(match.group()) for match in _STRETCHED.finditer(written)), default=0)
    return min(longest, LONGEST_RUN) / LONGEST_RUN if longest else 0.0
