"""A word begun and broken off before it is said: "W… what", "b- but", "N—no"."""

import re

from .scan import LETTER, Scan, word_set

_BEGUN = re.compile(rf"({LETTER}{{1,3}})(?= ?(?:-{{1,3}}|\.{{2,6}}|[–—]+)(?: {{0,2}})\1)", re.IGNORECASE)
_HYPHEN = re.compile(rf"{LETTER}{{1,3}}-{LETTER}")
_NOT_BEGUN = word_set("i no so go do we he me be by my to oh ha ho hm mm on in it is as at an or us up of if")
_VOWELS = frozenset("aeiouy")


def read(scan: Scan, index: int, named: bool) -> int | None:
    """Read the broken-off beginning at `index`; the index behind it, or None. `named` tells that the word
    before is one that a letter stands behind ("plan B… but")."""
    if named or scan.before(index).isalnum() or scan.before(index) in "'.":
        return None
    found = _BEGUN.match(scan.text, index)
    if found is None or not _is_stutter(scan, found):
        return None
    scan.stutter(found.group(1), *found.span(1))
    return found.end(1)


def _is_stutter(scan: Scan, found: re.Match[str]) -> bool:
    begun = found.group(1).lower()
    if begun in _NOT_BEGUN or _HYPHEN.match(scan.text, found.start()):  # a hyphen makes a compound of it
        return False
    if len(begun) > 1 and _VOWELS.intersection(begun.replace("qu", "q")):
        return False
    return begun != "a" or scan.at(found.end()) != "." or scan.text[found.start()] == "A"
