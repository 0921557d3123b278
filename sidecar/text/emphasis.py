"""What the way a line is written asks of its words: CAPITALS, *stars*, <b>tags</b>, streeetched letters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.text.markup.marked import MarkedText
from sidecar.text.tokens import Spoken, Word

_STRETCHED = re.compile(r"([^\W\d_])\1{2,}", re.IGNORECASE)
_NUCLEUS = re.compile("[AIOQWYᵊaeiouɑɐɒæɔəɚɛɜɪʊʌᵻ]+")
SHOUTED_SHARE, SHOUTED_WEIGHT = 0.6, 0.5  #: of words that stand out, from where no single one stands out
LONGEST_RUN = 8


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Of one word or mark, 0..1: how much it is stressed (`weight`), and how drawn out (`stretch`)."""

    weight: float = 0.0
    stretch: float = 0.0


PLAIN = Emphasis()


def emphases(line: MarkedText, items: Sequence[Spoken]) -> tuple[Emphasis, ...]:
    """One for each item, by what stands at its span of `line`."""
    words = [item for item in items if isinstance(item, Word)]
    loud = _weights([word for word in words if in_capitals(word, line)], len(words))
    tagged = _weights([word for word in words if _is_stressed(word, line)], len(words))
    return tuple(
        Emphasis(
            max(loud.get(item, 0.0), tagged.get(item, 0.0)),
            stretch(line.plain.between(item.start, item.end)),
        )
        if isinstance(item, Word)
        else PLAIN
        for item in items
    )


def _weights(stressed: Sequence[Word], words: int) -> dict[Word, float]:
    """Less for each where most of so many words are stressed."""
    most = len(stressed) > 1 and len(stressed) >= SHOUTED_SHARE * words
    return dict.fromkeys(stressed, SHOUTED_WEIGHT if most else 1.0)


def _is_stressed(word: Word, line: MarkedText) -> bool:
    return any(start < word.end and word.start < end for start, end in line.stressed)


def in_capitals(word: Word, line: MarkedText) -> bool:
    """Written in capitals, and not because it is spelled out: FBI has a vowel for every letter."""
    letters = [symbol for symbol in line.plain.between(word.start, word.end) if symbol.isalpha()]
    if len(letters) < 2 or not all(symbol.isupper() for symbol in letters):
        return False
    return len(_NUCLEUS.findall(word.phonemes.replace("ː", ""))) < len(letters)


def stretch(written: str) -> float:
    """0 for a word without a run of three equal letters, 1 for a run of eight."""
    longest = max((len(match.group()) for match in _STRETCHED.finditer(written)), default=0)
    return min(longest, LONGEST_RUN) / LONGEST_RUN if longest else 0.0
