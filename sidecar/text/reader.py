"""A line of dialogue -> spoken words and marks with phonemes, in English, Chinese or both."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, cached_property

from sidecar.protocol.errors import BadRequest
from sidecar.text.chinese import normalise as chinese_normalise
from sidecar.text.chinese.reader import ChineseReader
from sidecar.text.chinese.traditional import simplified
from sidecar.text.english import normalise as english_normalise
from sidecar.text.english.reader import EnglishReader
from sidecar.text.guesser import Guesser
from sidecar.text.languages import CHINESE, Dialect, Run, runs
from sidecar.text.lexicon import MAX_PHONEMES, Lexicon, UserLexicon
from sidecar.text.markup.marked import MarkedText, marked
from sidecar.text.tokens import Break, Spoken, Token, TokenKind, Word

OVERRIDE = re.compile(r"\[\[([^\[\]|]{1,200})\|([^\[\]|]{1,200})\]\]")

#: Characters before a Chinese run that may decide how its first number is read.
_SEEN_BEFORE = 8

_HALF_OVERRIDE = re.compile(r"\[\[[^\[\]|]{0,200}\|")


@cache
def dictionary(british: bool) -> Lexicon:
    """One for all voices, which come and go; it takes 25 to 40 MB."""
    return Lexicon(british)


@cache
def guesser() -> Guesser:
    """The same."""
    return Guesser.load()


class Guesses:
    """How the words of one line sound that no dictionary has. Not thread-safe.

    They are read together, in a tenth of the time: a word that nobody has read yet waits, and sounds like
    `STAND_IN` until `settle`.
    """

    STAND_IN = "ə"

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._waiting: dict[str, None] = {}

    def __call__(self, word: str) -> str:
        said = self._said[word] if word in self._said else guesser().recall(word)
        if said is None:
            self._waiting[word] = None
            return self.STAND_IN
        return said

    def settle(self) -> bool:
        """Read what waits; whether anything did, so that the line has to be read again."""
        words = [*self._waiting]
        self._waiting = {}
        if words:
            self._said |= zip(words, guesser().read_all(words), strict=True)
        return bool(words)

    def clear(self) -> None:
        """Before another line."""
        self._said, self._waiting = {}, {}


class LineReader:
    """Reads lines. Dictionaries are loaded when a line first needs them. Not thread-safe."""

    def __init__(self, alphabet: frozenset[str], user: UserLexicon | None = None) -> None:
        self._alphabet, self._user = alphabet, user
        self._english: dict[bool, EnglishReader] = {}
        self._guesses = Guesses()

    def read(self, line: str | MarkedText, dialect: Dialect) -> list[Spoken | Break]:
        """All of the line's words, marks and pauses, with spans. Raises `BadRequest` for a malformed override
        or break."""
        known = marked(line) if isinstance(line, str) else line
        self._guesses.clear()
        read = self._read(known.plain.text, known.breaks(), dialect)
        while self._guesses.settle():
            read = self._read(known.plain.text, known.breaks(), dialect)
        return known.placed(read)

    def _read(self, text: str, breaks: list[Break], dialect: Dialect) -> list[Spoken | Break]:
        if odd := _HALF_OVERRIDE.search(OVERRIDE.sub("", text)):
            raise BadRequest(f"{odd.group()[:40]!r}: an override is [[word|phonemes]]", field="text")
        given: list[Word | Break] = [*map(self._overridden, OVERRIDE.finditer(text)), *breaks]
        result: list[Spoken | Break] = []
        position = 0
        for item in sorted(given, key=lambda item: (item.start, item.end)):
            result += self._read_span(text, position, item.start, dialect)
            result.append(item)
            position = item.end
        return result + self._read_span(text, position, len(text), dialect)

    def _overridden(self, match: re.Match[str]) -> Word:
        word, phonemes = match.group(1).strip(), match.group(2).strip()
        unknown = sorted(set(phonemes) - self._alphabet)
        if unknown or not phonemes:
            wrong = unknown[0] if unknown else "nothing"
            raise BadRequest(f"[[{word}|{phonemes}]]: {wrong!r} is no phoneme of this model", field="text")
        if len(phonemes) > MAX_PHONEMES:
            raise BadRequest(
                f"[[{word[:40]}|{phonemes[:20]}…]]: {len(phonemes)} phonemes, the most is {MAX_PHONEMES}",
                field="text",
            )
        return Word(word, phonemes, match.start(), match.end())

    def _read_span(self, text: str, start: int, end: int, dialect: Dialect) -> list[Spoken]:
        return [
            item
            for run in runs(text, start, end, dialect.language)
            for item in self._read_run(text, run, dialect)
        ]

    def _read_run(self, text: str, run: Run, dialect: Dialect) -> Iterator[Spoken]:
        part = text[run.start : run.end]
        if run.language != CHINESE:
            yield from self._in_english(
                english_normalise.normalise(part, run.start, self._user), dialect.british
            )
            return
        before = text[max(0, run.start - _SEEN_BEFORE) : run.start]
        for is_letters, tokens in _grouped(chinese_normalise.normalise(part, run.start, before)):
            if is_letters:
                yield from self._in_english(tokens, dialect.british)
            else:
                yield from (as_written(item, text) for item in self._chinese.read(tokens))

    def _in_english(self, tokens: list[Token], british: bool) -> list[Spoken]:
        if british not in self._english:
            self._english[british] = EnglishReader(
                dictionary(british), self._guesses, self._user, british=british
            )
        return self._english[british].read(tokens)

    @cached_property
    def _chinese(self) -> ChineseReader:
        return ChineseReader()


def as_written(item: Spoken, text: str) -> Spoken:
    """A word that was looked up in simplified characters, as the line has it."""
    written = text[item.start : item.end]
    if isinstance(item, Word) and item.text != written and simplified(written) == item.text:
        return replace(item, text=written)
    return item


def without_overrides(text: str) -> str:
    """As it would be written for people: ``[[word|phonemes]]`` is the word."""
    return OVERRIDE.sub(r"\1", text)


def _grouped(tokens: list[Token]) -> Iterator[tuple[bool, list[Token]]]:
    """Neighbouring tokens that are, or are not, to be spelled out."""
    group: list[Token] = []
    for token in tokens:
        if group and (group[0].kind is TokenKind.LETTERS) != (token.kind is TokenKind.LETTERS):
            yield group[0].kind is TokenKind.LETTERS, group
            group = []
        group.append(token)
    if group:
        yield group[0].kind is TokenKind.LETTERS, group
