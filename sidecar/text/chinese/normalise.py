"""Chinese characters to tokens: numbers and symbols spelled out, words found by jieba.

A line is folded (full-width digits and letters to ASCII, invisible characters
away), scanned once from left to right by the rules of `chinese_rules`, and the
hanzi between two marks are cut into words together, spelled-out numbers included:
"3个人" is cut as 三个|人. Every token's span covers the characters of the original
line that its hanzi came from, so "340" gives words that share a span.
"""

import logging
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

import jieba

from sidecar.text.chinese.rules import HANZI, SCANNER, spell_out
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
    for plain, chars in {":": "：", ".": "．", "-": "−－", "~": "～〜⁓∼", "…": "⋯", "—": "―⸺"}.items()
    for char in chars
}
_LONGEST_RUN = 1000
#: The full-width comma separates a list and must not be taken for the one in "1,000".
_KEPT = frozenset("，。！？；（）｡､")


@dataclass(frozen=True, slots=True)
class _Line:
    """A folded line: `sources[i]` is where `text[i]` stood in the original."""

    text: str
    sources: list[int]


@dataclass(slots=True)
class _Run:
    """Hanzi waiting to be cut into words, with the span each came from."""

    chars: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, text: str, start: int, end: int) -> None:
        self.chars.extend(text)
        self.starts.extend([start] * len(text))
        self.ends.extend([end] * len(text))

    def take(self) -> list[Token]:
        tokens, position = [], 0
        for word in _cut("".join(self.chars)):
            last = position + len(word) - 1
            tokens.append(Token(word, self.starts[position], self.ends[last]))
            position += len(word)
        self.chars.clear()
        self.starts.clear()
        self.ends.clear()
        return tokens


def normalise(text: str, offset: int = 0) -> list[Token]:
    """Words of hanzi, marks, and Latin letters as `LETTERS` ("T" in T恤), in order.

    `offset` is added to every span. Characters that are neither spoken nor a mark
    (emoji, decoration, other scripts) are dropped. Never raises.
    """
    line = _fold(text)
    tokens: list[Token] = []
    run = _Run()
    read_to = 0
    for match in SCANNER.finditer(line.text):
        if match.start() > read_to:
            tokens += run.take()
        read_to = match.end()
        start = line.sources[match.start()] + offset
        end = line.sources[match.end() - 1] + 1 + offset
        if match.lastgroup == "hanzi":
            for index in range(match.start(), match.end()):
                run.add(line.text[index], line.sources[index] + offset, line.sources[index] + 1 + offset)
        elif match.lastgroup == "latin":
            tokens += run.take()
            tokens.append(Token(match.group(), start, end, TokenKind.LETTERS))
        elif match.lastgroup == "mark":
            tokens += run.take()
            _add_mark(tokens, match.group(), start, end)
        else:
            run.add(spell_out(match), start, end)
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
        chars.append(plain)
        sources.extend([index] * len(plain))
    folded = "".join(chars)
    spaces = {match.start() for match in _SPACED_NUMBER.finditer(folded)}
    if not spaces:
        return _Line(folded, sources)
    kept = [index for index in range(len(folded)) if index not in spaces]
    return _Line("".join(folded[index] for index in kept), [sources[index] for index in kept])


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    """What a character is taken for: itself, a compatible spelling ("㎏": "kg"), a space, or nothing."""
    if char in _SAME_AS:
        return _SAME_AS[char]
    if "\u4e00" <= char <= "\u9fff" or char in _KEPT or char in _MARK_OF:
        return char
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
    folded = unicodedata.normalize("NFKC", char).replace("⁄", "/")
    if folded == char or not all(part.isascii() or _HANZI.match(part) or part in "°¥£" for part in folded):
        return char
    # Numbers in circles are items of a list: ①② is not 12.
    return f" {folded}" if char >= "①" and unicodedata.category(char) == "No" else folded


def _cut(run: str) -> list[str]:
    """A run of hanzi as words, joined back they give the run."""
    cutter = word_cutter()
    # jieba's time grows with the square of a run; no sentence comes near the limit.
    pieces = (run[at : at + _LONGEST_RUN] for at in range(0, len(run), _LONGEST_RUN))
    return [part for piece in pieces for word in cutter.cut(piece) for part in _parts(word, cutter)]


def _parts(word: str, cutter: jieba.Tokenizer) -> list[str]:
    """Splits particles off guessed words: jieba takes 高兴地笑 for 高兴|地笑."""
    guessed = len(word) == 2 and not cutter.FREQ.get(word)
    return list(word) if guessed and (word[0] == "地" or word[1] == "得") else [word]


@lru_cache(maxsize=1)
def word_cutter() -> jieba.Tokenizer:
    """jieba with its dictionary in memory, shared by all threads (it is only read).

    The dictionary is built here, in about a second: jieba's own start would load a
    marshalled copy from the temporary folder, where any user can plant one.
    """
    logging.getLogger("jieba").setLevel(logging.WARNING)
    cutter = jieba.Tokenizer()
    cutter.FREQ, cutter.total = jieba.Tokenizer.gen_pfdict(cutter.get_dict_file())
    cutter.initialized = True
    return cutter
