"""What a line is made of on its way from characters to phonemes.

A line is read in two steps. A *normaliser* turns characters into `Token`s: spoken
words and marks, digits already spelled out. A *reader* turns tokens into `Word`s
with phonemes. Every token, word and mark carries the half-open span
``[start, end)``, counted in code points of the original line, that it came from:
"340" becomes three tokens that share one span.
"""

from dataclasses import dataclass
from enum import Enum

#: The marks the acoustic model knows. They shape pauses and intonation.
MARKS = frozenset(';:,.!?—…"()“”')


class TokenKind(Enum):
    """How a token is to be read."""

    WORD = "word"  #: looked up, or guessed from its letters
    LETTERS = "letters"  #: said letter by letter ("FBI")
    ENTRY = "entry"  #: an entry of the user's lexicon as it stands in the line, perhaps with "'s" behind
    STUTTER = "stutter"  #: said as the next word begins ("W… what")
    MARK = "mark"  #: one of `MARKS`


@dataclass(frozen=True, slots=True)
class Token:
    """One thing to be said, before it has a pronunciation."""

    text: str
    start: int
    end: int
    kind: TokenKind = TokenKind.WORD


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word: `text` as said ("forty"), `phonemes` in the model's alphabet, never empty."""

    text: str
    phonemes: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A pause or intonation mark: `symbol` is one of `MARKS`."""

    symbol: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Break:
    """A pause of a given length, in seconds."""

    pause_s: float
    start: int
    end: int


Spoken = Word | Mark
