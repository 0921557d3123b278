"""English characters to tokens: `normalise` says what is to be spoken, not yet how it sounds.

Numbers, dates, abbreviations and symbols become words; capitals that may be an
abbreviation stay as written for the reader to look up. The work is linear in the
length of the line: one scan from left to right, each pattern bounded or greedy
without nesting.
"""

from typing import TYPE_CHECKING

from ..tokens import Token
from . import chat, dates, entries, marks, measures, models, money, phones, quantities
from .scan import Scan, fold, is_letter
from .units import CURRENCIES
from .words import read_word

if TYPE_CHECKING:
    from ..lexicon import UserLexicon

_NUMBER_RULES = dates.RULES + quantities.RULES
_STARTS_NUMBER = frozenset("0123456789½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒") | frozenset(CURRENCIES)


def normalise(text: str, offset: int = 0, user: "UserLexicon | None" = None) -> list[Token]:
    """The tokens of `text` in order; `offset` is added to every span. Entries of `user` are taken whole.

    Spans never go backwards. A text without anything to say gives an empty list; no
    text raises.
    """
    scan = fold(text, offset)
    index = 0
    while index < len(scan.text):
        index = (entries.read(scan, index, user) if user else None) or _read(scan, index)
    return scan.tokens


def _read(scan: Scan, index: int) -> int:
    """Read one thing at `index`; the index behind it, always further on."""
    char = scan.text[index]
    if char.isspace():
        return marks.read_newlines(scan, index)
    if is_letter(char):
        return marks.read_link(scan, index) or money.read(scan, index) or read_word(scan, index)
    if char.isdecimal() and (end := chat.read(scan, index)) is not None:
        return end
    if char in _STARTS_NUMBER or (char == "." and _is_decimal_point(scan, index)):
        end = _read_number(scan, index)
        if end is not None:
            return end
    return _read_between_words(scan, index)


def _is_decimal_point(scan: Scan, index: int) -> bool:
    return scan.at(index + 1).isdecimal() and not (scan.before(index).isalnum() or scan.before(index) == ".")


def _read_number(scan: Scan, index: int) -> int | None:
    rules = _NUMBER_RULES if scan.text[index].isdecimal() else quantities.RULES_WITHOUT_DIGIT
    for pattern, say in rules:
        found = pattern.match(scan.text, index)
        end = say(scan, found) if found else None
        if end is not None:
            return end
    return None


def _read_between_words(scan: Scan, index: int) -> int:
    readers = (
        measures.read_power,
        models.read_dice,
        phones.read_international,
        phones.read_bracketed,
        marks.read_emoticon,
        marks.read_stops,
        marks.read_mark,
        marks.read_quote,
        marks.read_dash,
        marks.read_symbol,
    )
    for read in readers:
        end = read(scan, index)
        if end is not None:
            return end
    return index + 1
