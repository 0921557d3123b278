"""The user's entries as they stand in a line, before its figures, capitals and abbreviations are read."""

import re
from typing import TYPE_CHECKING

from .scan import LETTER, Scan, is_letter

if TYPE_CHECKING:
    from ..lexicon import UserLexicon

_ENDING = re.compile(rf"'(?:s|ll|ve|re|d|m)(?!{LETTER})", re.IGNORECASE)


def read(scan: Scan, index: int, user: "UserLexicon") -> int | None:
    """Read the longest entry at `index`, with "'s" or another such ending; the index behind it, or None."""
    if not _may_begin(scan, index):
        return None
    size = user.longest_at(scan.text, index)
    if not size or not _may_end(scan, index, index + size):
        return None
    ending = _ENDING.match(scan.text, index + size)
    end = ending.end() if ending else index + size
    scan.entry(scan.text[index:end], index, end)
    if scan.before(end) == "." and scan.at(end) in '\n"”':
        scan.mark(".", end - 1, end)
    return end


def _may_begin(scan: Scan, index: int) -> bool:
    char = scan.text[index]
    if char.isspace():
        return False
    return not (char.isalnum() and (scan.before(index).isalnum() or _binds(scan, index - 1)))


def _may_end(scan: Scan, start: int, end: int) -> bool:
    """Not in the middle of a word, nor before a hyphen that makes a plain word part of another."""
    if not scan.text[end - 1].isalnum():
        return True
    if scan.at(end).isalnum() or (
        scan.at(end) == "'" and is_letter(scan.at(end + 1)) and not _ENDING.match(scan.text, end)
    ):
        return False
    return not (scan.text[start:end].isalpha() and _binds(scan, end))


def _binds(scan: Scan, index: int) -> bool:
    """Whether the character at `index` is a hyphen or an apostrophe between letters."""
    inside = is_letter(scan.before(index)) and is_letter(scan.at(index + 1))
    return index > 0 and inside and scan.at(index) in "-'"
