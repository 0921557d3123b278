"""Our phonemes -> EmotiVoice's tokens.

Lines reach every engine as the phonemes that `text/` writes: IPA with Kokoro's conventions, words apart by
spaces, marks. EmotiVoice was trained on ARPAbet in brackets for English and on initials and toned finals
for Mandarin, with tokens for the pauses between syllables, words and clauses. Symbols and tokens do not
correspond one to one (a stress mark and its vowel are one token, a syllable's end and the pause after it
are two), so they are matched in groups.

A symbol of Unicode's private area stands for a token by number: so can any token be asked for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from sidecar.engines.emotivoice.lists import BOUNDARY
from sidecar.protocol.errors import BadRequest

PRIVATE = 0xE000  #: the symbol of token 0

ENGLISH, CHINESE = "en", "zh"
SPACE, CLAUSE = {ENGLISH: "engsp1", CHINESE: "sp1"}, {ENGLISH: "engsp4", CHINESE: "sp3"}
SYLLABLE, TO_CHINESE = "sp0", "eng_cn_sp"
_PAUSES, _QUIET = ";:,.!?—…", ' "()“”'

_STRESS = {"": "0", "ˈ": "1", "ˌ": "2"}
_VOWELS = {
    "A": "EY", "I": "AY", "O": "OW", "Q": "OW", "W": "AW", "Y": "OY", "a": "AE", "æ": "AE", "e": "EH",
    "i": "IY", "o": "OW", "u": "UW", "ɐ": "AH", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "ə": "AH", "ɚ": "ER",
    "ɛ": "EH", "ɜ": "ER", "ɪ": "IH", "ʊ": "UH", "ʌ": "AH", "ᵊ": "AH", "ᵻ": "IH",
}  # fmt: skip
_CONSONANTS = {
    "b": "B", "d": "D", "f": "F", "h": "HH", "j": "Y", "k": "K", "l": "L", "m": "M", "n": "N", "p": "P",
    "s": "S", "t": "T", "v": "V", "w": "W", "z": "Z", "T": "T", "ð": "DH", "ŋ": "NG", "ɡ": "G", "ɹ": "R",
    "ɾ": "T", "ʃ": "SH", "ʒ": "ZH", "ʔ": "T", "ʤ": "JH", "ʧ": "CH", "θ": "TH",
}  # fmt: skip
_ENGLISH = re.compile(rf"([ˈˌ]?)(ɜɹ|əɹ|[{''.join(_VOWELS)}])(ː?)|([{''.join(_CONSONANTS)}])|.")

_TONES = {"→": "1", "↗": "2", "↓": "3", "↘": "4", "": "5"}
_INITIALS = {
    "pʰ": "p", "tʰ": "t", "kʰ": "k", "ʨʰ": "q", "ꭧʰ": "ch", "ʦʰ": "c", "p": "b", "t": "d", "k": "g", "ʨ": "j",
    "ꭧ": "zh", "ʦ": "z", "m": "m", "f": "f", "n": "n", "l": "l", "x": "h", "ɕ": "x", "ʂ": "sh", "ɻ": "r",
    "s": "s", "": "",
}  # fmt: skip
#: Phonemes before the tone, and after it -> final. What comes first wins where two fit.
_FINALS = {
    ("jɛ", "n"): "ian", ("ja", "ŋ"): "iang", ("jʊ", "ŋ"): "iong", ("wa", "ŋ"): "uang", ("wə", "ŋ"): "ueng",
    ("ɥɛ", "n"): "van", ("wa", "n"): "uan", ("wə", "n"): "uen", ("jau", ""): "iao", ("jou", ""): "iou",
    ("wai", ""): "uai", ("wei", ""): "uei", ("a", "ŋ"): "ang", ("ə", "ŋ"): "eng", ("ʊ", "ŋ"): "ong",
    ("i", "ŋ"): "ing", ("a", "n"): "an", ("ə", "n"): "en", ("i", "n"): "in", ("y", "n"): "vn",
    ("ja", ""): "ia", ("je", ""): "ie", ("wa", ""): "ua", ("wo", ""): "uo", ("ɥe", ""): "ve",
    ("ai", ""): "ai", ("ei", ""): "ei", ("au", ""): "ao", ("ou", ""): "ou", ("a", ""): "a", ("ɤ", ""): "e",
    ("i", ""): "i", ("u", ""): "u", ("y", ""): "v", ("ɨ", ""): "ii", ("ɚ", ""): "er", ("ɔ", ""): "o",
    ("ɛ", ""): "ei", ("m", ""): "en", ("n", ""): "en", ("ŋ", ""): "eng",
}  # fmt: skip
#: Phonemes that no English word has.
_ONLY_CHINESE = frozenset("→↗↓↘ɤɨɕɥɻʂꭧʦʨʰ")
_VOWEL_START = "aeijouwyæɑɔəɚɛɤɥɨʊ"

#: Every symbol that can be spelled.
SYMBOLS = frozenset(
    [*_VOWELS, *_CONSONANTS, *"ˈˌː→↗↓↘", *_PAUSES, *_QUIET]
    + [char for initial in _INITIALS for char in initial]
    + [char for final in _FINALS for part in final for char in part]
)


class Group(NamedTuple):
    """Tokens, and how many symbols in a row they stand for; the `main`th of those is the longest."""

    tokens: tuple[str, ...]
    symbols: int
    main: int = 0


@dataclass(frozen=True)
class _Piece:
    """A word, the gap between two, or a token by number."""

    text: str
    language: str | None = None  #: of a word


class Speller:
    """Spells phonemes in a model's tokens. Raises `BadRequest` for one that the model lacks."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = ids
        self._by_number = {chr(PRIVATE + number): token for token, number in ids.items()}
        self.alphabet = SYMBOLS | self._by_number.keys()

    def symbols(self, tokens: tuple[str, ...]) -> str:
        """Tokens by name -> symbols of the private area, one each. Raises `BadRequest`."""
        return "".join(chr(PRIVATE + self.id(token)) for token in tokens)

    def id(self, token: str) -> int:
        if token not in self._ids:
            raise BadRequest(f"the model has no token {token!r}", field="text")
        return self._ids[token]

    def spelled(self, phonemes: str) -> tuple[Group, ...]:
        """The groups in order, silences around included: together len(phonemes) + 2 symbols."""
        groups, waiting = [Group((BOUNDARY,), 1)], 0
        for group in self._inner(phonemes):
            if not group.tokens and len(groups) == 1:  # a mark that nothing comes before
                waiting += group.symbols
            elif not group.tokens:
                groups[-1] = groups[-1]._replace(symbols=groups[-1].symbols + group.symbols)
            else:
                groups.append(group._replace(symbols=group.symbols + waiting, main=group.main + waiting))
                waiting = 0
        return (*groups, Group((BOUNDARY,), 1 + waiting, waiting))

    def _inner(self, phonemes: str) -> Iterator[Group]:
        pieces = self._pieces(phonemes)
        spoken = [piece.language for piece in pieces]
        for at, piece in enumerate(pieces):
            if piece.language is None:
                before, after = (
                    next((x for x in side if x), None) for side in (spoken[:at][::-1], spoken[at:])
                )
                yield Group(self._pause(piece.text, before, after), len(piece.text))
            elif piece.text in self._by_number:
                yield Group((self._by_number[piece.text],), 1)
            elif piece.language == CHINESE:
                yield from (self._known(group) for group in chinese(piece.text) or ())
            else:
                yield from english(piece.text)

    def _pieces(self, phonemes: str) -> list[_Piece]:
        pieces: list[_Piece] = []
        gap, private = re.escape(_PAUSES + _QUIET), f"{chr(PRIVATE)}-{chr(0xF8FF)}"
        language = None
        for match in re.finditer(rf"[{gap}]+|[{private}]|[^{gap}{private}]+", phonemes):
            text = match.group()
            if text[0] in _PAUSES + _QUIET:
                pieces.append(_Piece(text))
                continue
            if not private[0] <= text[0] <= private[2]:
                language = language_of(text, language)
            pieces.append(_Piece(text, language or ENGLISH))
        return pieces

    def _pause(self, text: str, before: str | None, after: str | None) -> tuple[str, ...]:
        """Nothing at the ends: there the silence around stands for the mark."""
        if before is None or after is None:
            return ()
        if (before, after) == (ENGLISH, CHINESE):
            return (TO_CHINESE,)
        is_clause = any(mark in _PAUSES for mark in text) or (before == CHINESE and text.strip(" ") != "")
        return (CLAUSE[before] if is_clause else SPACE[before],)

    def _known(self, group: Group) -> Group:
        """A rare final that the model has in other tones only is said in one of those."""
        return group._replace(tokens=tuple(self._nearest(token) for token in group.tokens))

    def _nearest(self, token: str) -> str:
        others = (token[:-1] + tone for tone in "51234")
        return next((t for t in (token, *others) if t in self._ids), token)


def language_of(word: str, before: str | None) -> str:
    """Toneless syllables ("ma") look like English: they are Chinese after a Chinese word."""
    is_possible = before == CHINESE or not _ONLY_CHINESE.isdisjoint(word)
    return CHINESE if is_possible and chinese(word) is not None else ENGLISH


@lru_cache(maxsize=8192)
def english(word: str) -> tuple[Group, ...]:
    """ARPAbet, its vowels with their stress: 0 none, 1 primary, 2 secondary. Mandarin's own sounds are silent
    here."""
    groups: list[Group] = []
    for match in _ENGLISH.finditer(word):
        stress, vowel, _, consonant = match.groups()
        symbols = len(match.group())
        if consonant:
            groups.append(Group((f"[{_CONSONANTS[consonant]}]",), symbols))
        elif vowel:
            name = "ER" if vowel in ("ɜɹ", "əɹ") else _VOWELS[vowel]
            groups.append(Group((f"[{name}{_STRESS[stress]}]",), symbols, len(stress)))
        else:
            groups.append(Group((), symbols))
    return tuple(groups)


@lru_cache(maxsize=8192)
def chinese(word: str) -> tuple[Group, ...] | None:
    """Initials and toned finals, syllables apart by `sp0`; None where it is not a Chinese word."""
    found = _syllables(word, 0)
    if not found:
        return None
    return (*found[:-1], found[-1]._replace(tokens=found[-1].tokens[:-1]))


@lru_cache(maxsize=8192)
def _syllables(word: str, start: int) -> tuple[Group, ...]:
    """Groups for the rest of the word, every final followed by `sp0`; nothing where it cannot be cut.

    Remembered, so that a word that cannot be cut is found to be one in linear time.
    """
    if start == len(word):
        return ()
    for initial, name in _INITIALS.items():
        if not word.startswith(initial, start):
            continue
        for final, match in _finals(word, start + len(initial)):
            rest = _syllables(word, match.end())
            if match.end() < len(word) and not rest:
                continue
            return (*_syllable(initial, name, final, match), *rest)
    return ()


def _syllable(initial: str, name: str, final: str, match: re.Match[str]) -> list[Group]:
    """One group for the initial, one for the final with its tone."""
    if final == "uo" and name in ("b", "p", "m", "f"):
        final = "o"
    elif final == "ii" and name in ("zh", "ch", "sh"):
        final = "iii"
    groups = [Group((name,), len(initial))] if initial else []
    onset = ("y",) if final == "ve" and not initial else ()  # as the model was trained
    tokens = (*onset, final + _TONES[match.group(1)], SYLLABLE)
    main = 1 if match.group()[0] in "jwɥ" else 0
    return [*groups, Group(tokens, len(match.group()), main)]


def _finals(word: str, start: int) -> Iterator[tuple[str, re.Match[str]]]:
    """What can be a final here, the likeliest first: n before a vowel begins the next syllable."""
    found = [(name, match) for name, pattern in _patterns() if (match := pattern.match(word, start))]
    ambiguous = [
        (name, match)
        for name, match in found
        if match.group()[-1] == "n" and word[match.end() : match.end() + 1] in tuple(_VOWEL_START)
    ]
    yield from (pair for pair in found if pair not in ambiguous)
    yield from ambiguous


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    tone = "([→↗↓↘]?)"
    return tuple((name, re.compile(before + tone + after)) for (before, after), name in _FINALS.items())
