"""Chinese characters to tokens: numbers and symbols spelled out, words found by jieba.

A line is folded (full-width digits and letters to ASCII, traditional characters to
simplified ones, invisible characters away), scanned once from left to right by the
rules of `rules`, and the hanzi between two marks are cut into words together,
spelled-out numbers included: "3个人" is cut as 三个|人. Every token's span covers the
characters of the original line that its hanzi came from, so "340" gives words that
share a span.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from sidecar.text.chinese.rules import HANZI, SCANNER, spell_out
from sidecar.text.chinese.traditional import DISTINCT, simplified
from sidecar.text.chinese.words import cut
from sidecar.text.tokens import Token, TokenKind

_MARK_OF = {
    mark: mark_symbol
    for mark_symbol, marks in {
        ",": "，、,､",
        ".": "。.｡",
        "!": "！!",
        "?": "？?",
        ";": "；;",
        ":": ":",
        "…": "…",
        "—": "—",
        "“": "“「『《〈«‘【〖",
        "”": "”」』》〉»’】〗",
        '"': '"',
        "(": "（(〔",
        ")": "）)〕",
    }.items()
    for mark in marks
}
#: Marks that say nothing more when they come again before the next word.
_PAUSES = frozenset(",.!?;:…—")

_HANZI = re.compile(HANZI)
_SPACED_NUMBER = re.compile(rf"(?<=[0-9%]) (?={HANZI})|(?<={HANZI}) (?=[0-9])")
_SAME_AS = {
    char: plain
    for plain, chars in {
        ":": "：",
        ".": "．",
        "-": "−－",
        "~": "～〜⁓∼",
        "…": "⋯",
        "—": "―⸺",
        "^-": "⁻",
    }.items()
    for char in chars
}
_SUPERSCRIPT = re.compile("[⁰¹²³⁴-⁹]")
#: The full-width comma separates a list and must not be taken for the one in "1,000".
_KEPT = frozenset("，。！？；（）｡､")


@dataclass(frozen=True, slots=True)
class _Line:
    """A folded line: `sources[i]` is where `text[i]` stood in the original, `written[i]` what it was before
    it was simplified."""

    text: str
    written: str
    sources: list[int]


@dataclass(slots=True)
class _Run:
    """Hanzi waiting to be cut into words, with what was written and the span each came from."""

    chars: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, text: str, written: str, start: int, end: int) -> None:
        self.chars.extend(text)
        self.written.extend(written)
        self.starts.extend([start] * len(text))
        self.ends.extend([end] * len(text))

    def take(self) -> list[Token]:
        tokens, position = [], 0
        for word in cut("".join(self.chars)):
            last = position + len(word) - 1
            said = self.written[position] if len(word) == 1 and self.written[position] in DISTINCT else word
            tokens.append(Token(said, self.starts[position], self.ends[last]))
            position += len(word)
        for column in (self.chars, self.written, self.starts, self.ends):
            column.clear()
        return tokens


def normalise(text: str, offset: int = 0, before: str = "") -> list[Token]:
    """Words of hanzi, marks, and Latin letters as `LETTERS` ("T" in T恤), in order.

    `offset` is added to every span; `before` is what stands before `text` in its line and may decide how a
    number is read ("HP" before 30/100). Characters that are neither spoken nor a mark (emoji, decoration,
    other scripts) are dropped. Never raises.
    """
    line = _fold(before + text)
    known = sum(1 for source in line.sources if source < len(before))
    return _scanned(line, known, offset - len(before))


def _scanned(line: _Line, known: int, offset: int) -> list[Token]:
    tokens: list[Token] = []
    run = _Run()
    read_to = known
    for match in SCANNER.finditer(line.text, known):
        if match.start() > read_to:
            tokens += run.take()
        read_to = match.end()
        start = line.sources[match.start()] + offset
        end = line.sources[match.end() - 1] + 1 + offset
        if match.lastgroup == "hanzi":
            for index in range(match.start(), match.end()):
                source = line.sources[index] + offset
                run.add(line.text[index], line.written[index], source, source + 1)
        elif match.lastgroup == "latin":
            tokens += run.take()
            tokens.append(Token(match.group(), start, end, TokenKind.LETTERS))
        elif match.lastgroup == "mark":
            tokens += run.take()
            _add_mark(tokens, match.group(), start, end)
        else:
            said = spell_out(match)
            run.add(said, said, start, end)
    return tokens + run.take()


def _add_mark(tokens: list[Token], written: str, start: int, end: int) -> None:
    """Appends one mark, unless the same pause was already made since the last word."""
    if written[0] == "\n":
        if not tokens or tokens[-1].kind is TokenKind.MARK:
            return
        symbol = "."
    elif len(written) > 1 and written[0] in "。.":
        symbol = "…"
    else:
        symbol = "—" if written[0] in "~-" else _MARK_OF[written[0]]
    if symbol in _PAUSES and _already_paused(tokens, symbol):
        return
    tokens.append(Token(symbol, start, end, TokenKind.MARK))


def _already_paused(tokens: list[Token], symbol: str) -> bool:
    for token in reversed(tokens):
        if token.kind is not TokenKind.MARK or token.text not in _PAUSES:
            return False
        if token.text == symbol:
            return True
    return False


def _fold(text: str) -> _Line:
    chars: list[str] = []
    sources: list[int] = []
    for index, char in enumerate(text):
        plain = _plain(char)
        if "/" in plain and char != "/" and chars and chars[-1][-1:].isdigit():
            plain = "又" + plain  # 2½
        chars.append(plain)
        sources.extend([index] * len(plain))
    folded = "".join(chars)
    spaces = {match.start() for match in _SPACED_NUMBER.finditer(folded)}
    if spaces:
        kept = [index for index in range(len(folded)) if index not in spaces]
        folded, sources = "".join(folded[index] for index in kept), [sources[index] for index in kept]
    return _Line(simplified(folded), folded, sources)


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    """What a character is taken for: itself, a compatible spelling ("㎏": "kg"), a space, or nothing."""
    if char in _SAME_AS:
        return _SAME_AS[char]
    if "\u4e00" <= char <= "\u9fff" or char in _KEPT or char in _MARK_OF or "Ⅰ" <= char <= "ⅿ":
        return char
    if _SUPERSCRIPT.match(char):
        return f"^{unicodedata.digit(char)}"
    if char in "\n\r\v\f\x85\u2028\u2029":
        return "\n"
    category = unicodedata.category(char)
    if category in ("Cf", "Mn", "Me"):
        return ""
    if category in ("Zs", "Cc"):
        return " "
    if category in ("Nd", "Nl", "No", "So", "Lo") or "\uff01" <= char <= "\uffe6":
        return _compatible(char)
    return char


def _compatible(char: str) -> str:
    """The character's compatibility form, where that is plain letters, digits or hanzi."""
    if "⓫" <= char <= "➓":  # numbers on black, which have no plain form
        value = unicodedata.numeric(char, None)
        return char if value is None else f" {value:.0f}"
    folded = unicodedata.normalize("NFKC", char).replace("⁄", "/")
    if folded == char or not all(part.isascii() or _HANZI.match(part) or part in "°¥£" for part in folded):
        return char
    # Numbers in circles are items of a list: ①② is not 12.
    return f" {folded}" if char >= "①" and unicodedata.category(char) == "No" else folded
