"""Telephone numbers: digit by digit, in their groups (E.123 and the North American plan)."""

import re

from . import numbers
from .scan import Scan, word_set

_INTERNATIONAL = re.compile(r"\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\d)")
_AMERICAN = re.compile(r"1[-. ]\d{3}[-. ]\d{3}[-. ]\d{4}(?!\d)|(?:1[-. ])?\d{3}[-. ]\d{3}[-.]\d{4}(?!\d)")
_BRACKETED = re.compile(r"\(\d{3}\) ?\d{3}[-. ]\d{4}(?!\d)")
_LOCAL = re.compile(r"\d{3}-\d{4}(?!\d)")
_TRUNK = re.compile(r"0\d{4} \d{6}(?!\d)|0\d{2,4}[ -]\d{3,4}(?:[ -]\d{3,4})?(?![\d-])")
SHORT = re.compile(r"\d{3,7}(?![\w%/:]|[.,]\d)")
_GROUP = re.compile(r"\d+")
_DIALLED = word_set(
    "call dial ring phone calls calling dialed dialled dialing dialling called rang ringing text fax "
    "extension ext"
)
_COUNTED = re.compile(r" (?:more |of )?([a-z]+)")
_NOT_COUNTED = word_set(
    "now for if and or to on when at in from before until as please instead again first then tonight today"
)

PATTERNS = (_AMERICAN, _LOCAL, _TRUNK)


def read(scan: Scan, found: re.Match[str]) -> int | None:
    """One of `PATTERNS`; the index behind, or None where it is more likely a range."""
    if found.re is _LOCAL and found.group().endswith("00"):
        return None
    _say_groups(scan, found)
    return found.end()


def read_international(scan: Scan, index: int) -> int | None:
    """ "+44 20 7946 0123" at its sign."""
    found = _INTERNATIONAL.match(scan.text, index)
    if found is None or scan.before(index).isalnum() or sum(map(str.isdigit, found.group())) < 8:
        return None
    scan.say("plus", index, index + 1)
    _say_groups(scan, found)
    return found.end()


def read_bracketed(scan: Scan, index: int) -> int | None:
    """ "(555) 123-4567" at its bracket."""
    found = _BRACKETED.match(scan.text, index)
    if found is None:
        return None
    _say_groups(scan, found)
    return found.end()


def read_short(scan: Scan, found: re.Match[str]) -> int | None:
    """ "Dial 911", but "call 300 men"."""
    if scan.last_word().lower() not in _DIALLED:
        return None
    counted = _COUNTED.match(scan.text, found.end())
    if counted is not None and counted.group(1) not in _NOT_COUNTED:
        return None
    scan.say(_digits(found.group()), *found.span())
    return found.end()


def _digits(text: str) -> list[str]:
    """The zero of a telephone number is "oh"."""
    return ["oh" if word == "zero" else word for word in numbers.digits(text)]


def _say_groups(scan: Scan, found: re.Match[str]) -> None:
    """A pause between groups, but not behind the 1 of a long-distance number."""
    for number, group in enumerate(_GROUP.finditer(scan.text, *found.span())):
        long_distance = number == 1 and scan.text[found.start() : group.start()].strip("+-. ") == "1"
        if number and not long_distance:
            scan.mark(",", group.start() - 1, group.start())
        free = long_distance and group.group().endswith("00")  # "1-800"
        scan.say(numbers.cardinal(group.group()) if free else _digits(group.group()), *group.span())
