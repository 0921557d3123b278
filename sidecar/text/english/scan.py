"""The line under the normaliser's finger: folded characters, their origin, and the tokens so far.

Folding makes look-alikes one character (full-width letters, curly apostrophes, Arabic
digits) while every folded character keeps the half-open span of the original line that
it came from. All patterns of the English normaliser run over the folded text.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..tokens import Token, TokenKind

#: A letter, as a character class of `re`. Fractions and superscripts count as \w for Python; not here.
LETTER = r"[^\W\d_⁰¹²³⁴⁵⁶⁷⁸⁹½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚⅐⅑⅒]"

#: Marks that end or break a clause, weakest first. Of several in a row the strongest is kept.
PAUSES = ",—:;.…!?"

_KEPT = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻½¼¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚⅐⅑⅒…№")
_ALIKE = {
    **dict.fromkeys("‘’‚‛ʼʹ′´`＇ʻ", "'"),
    **dict.fromkeys("″〃", '"'),
    **dict.fromkeys("“„‟«‹「『《", "“"),
    **dict.fromkeys("”»›」』》", "”"),
    **dict.fromkeys("‐‑⁃﹣", "-"),
    **dict.fromkeys("‒–", "–"),
    **dict.fromkeys("—―⸺⸻", "—"),
    **dict.fromkeys("。｡", "."),
    **dict.fromkeys("、､", ","),
    **dict.fromkeys("\r\v\f\x85\u2028\u2029", "\n"),
    **dict.fromkeys("•·™®©¿¡", " "),
    "⁄": "/", "‽": "?", "\t": " ", "−": "−",
}  # fmt: skip
_CIRCLED = re.compile("[①-⒛⓵-⓾❶-➓⓪㉑-㉟㊱-㊿]")
_LONGEST_CLUSTER = 8  # characters: canonical ordering is quadratic in a pile of accents
_LONGEST_SINGLE_QUOTATION = 400  # characters
_CLOSING_SINGLE = re.compile(r"(?<=[\w.,!?…—-])'(?![^\W_])")
_LETTER_RE = re.compile(LETTER)


def word_set(words: str) -> frozenset[str]:
    """The words of a string, as a set: tables of words read better without quotes."""
    return frozenset(words.split())


@dataclass(slots=True)
class Scan:
    """`text` is folded; ``starts[i]`` and ``ends[i]`` bound the original of ``text[i]``, offset included."""

    text: str
    starts: list[int]
    ends: list[int]
    tokens: list[Token] = field(default_factory=list)
    #: A single quotation mark that opened and has not closed yet.
    in_single_quotes: bool = False
    in_double_quotes: bool = False
    #: Where a single quotation could close, in order.
    single_quote_ends: list[int] = field(default_factory=list)

    def say(self, words: str | Iterable[str], start: int, end: int) -> None:
        """Append words that all come from ``text[start:end]``."""
        for word in [words] if isinstance(words, str) else words:
            self._append(word, start, end, TokenKind.WORD)

    def spell(self, letters: str, start: int, end: int) -> None:
        """Append letters to be said one by one."""
        self._append(letters, start, end, TokenKind.LETTERS)

    def entry(self, written: str, start: int, end: int) -> None:
        """Append an entry of the user's lexicon."""
        self._append(written, start, end, TokenKind.ENTRY)

    def stutter(self, letters: str, start: int, end: int) -> None:
        """Append the beginning of a word that is broken off."""
        self._append(letters, start, end, TokenKind.STUTTER)

    def mark(self, symbol: str, start: int, end: int) -> None:
        """Append a mark; next to another pause, only the stronger of the two stays."""
        last = self.tokens[-1] if self.tokens else None
        if last is None or last.kind is not TokenKind.MARK or symbol not in PAUSES or last.text not in PAUSES:
            self._append(symbol, start, end, TokenKind.MARK)
            return
        strongest = max(last.text, symbol, key=PAUSES.index)
        self.tokens[-1] = Token(strongest, last.start, self.ends[end - 1], TokenKind.MARK)

    def _append(self, text: str, start: int, end: int, kind: TokenKind) -> None:
        self.tokens.append(Token(text, self.starts[start], self.ends[end - 1], kind))

    def before(self, index: int) -> str:
        """The folded character before `index`; a newline at the start of the line."""
        return self.text[index - 1] if index > 0 else "\n"

    def at(self, index: int) -> str:
        """The folded character at `index`; a newline past the end."""
        return self.text[index] if index < len(self.text) else "\n"

    def last_words(self, count: int) -> list[str]:
        """The last `count` spoken words of this clause, nearest first. Marks end the search."""
        found: list[str] = []
        for token in reversed(self.tokens):
            if token.kind is TokenKind.MARK or len(found) == count:
                break
            found.append(token.text)
        return found

    def last_word(self) -> str:
        """The last spoken word of this clause, "" where none was said yet."""
        return next(iter(self.last_words(1)), "")

    def closes_single_quote_after(self, index: int) -> bool:
        """Whether a single quotation that opens at `index` can close within its paragraph."""
        place = bisect_right(self.single_quote_ends, index + 1)
        if place == len(self.single_quote_ends):
            return False
        return self.single_quote_ends[place] <= index + _LONGEST_SINGLE_QUOTATION

    def clause_is_open(self) -> bool:
        """Whether something was said since the last pause."""
        for token in reversed(self.tokens):
            if token.kind is not TokenKind.MARK:
                return True
            if token.text in PAUSES:
                return False
        return False


def is_letter(char: str) -> bool:
    """Whether the folded character `char` belongs to words."""
    return _LETTER_RE.match(char) is not None


def fold(text: str, offset: int = 0) -> Scan:
    """A fresh scan of `text`, whose first code point is number `offset` of the original line."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    index = 0
    while index < len(text):
        end = index + 1
        while end < len(text) and not text[end].isascii() and unicodedata.category(text[end])[0] == "M":
            end += 1
        for char in _folded(text[index:end]):
            chars.append(char)
            starts.append(offset + index)
            ends.append(offset + end)
        index = end
    folded = "".join(chars)
    closings = [found.start() for found in _CLOSING_SINGLE.finditer(folded)]
    return Scan(folded, starts, ends, single_quote_ends=closings)


def folded(text: str) -> str:
    """`text` with look-alikes made one, as the patterns and the user's entries see it."""
    return fold(text).text


def _folded(cluster: str) -> str:
    """A base character with its combining marks, as zero or more characters of the folded text."""
    if len(cluster) == 1 and cluster in _ALIKE:
        return _ALIKE[cluster]
    if cluster.isascii():
        return cluster if cluster.isprintable() or cluster == "\n" else " "
    if cluster[0] in _KEPT:
        return {"…": "...", "№": "No."}.get(cluster[0], cluster[0])
    if unicodedata.category(cluster[0]) == "Cf":  # zero-width and direction marks join their neighbours
        return ""
    if _CIRCLED.match(cluster):  # apart from one another and from what they count
        return f" {unicodedata.numeric(cluster[0]):.0f} "
    composed = unicodedata.normalize("NFKC", cluster[:_LONGEST_CLUSTER])
    if len(composed) > _LONGEST_CLUSTER:  # ligatures that are whole phrases
        return " "
    return "".join(_plain(char) for char in composed)


def _plain(char: str) -> str:
    if char in _ALIKE:
        return _ALIKE[char]
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind[0] == "M":
        return ""
    return " " if kind in ("No", "Nl", "Cc", "Zs", "Cs", "Cn", "Co") else char
