"""Measures that stand before a noun ("a 9 mm pistol"), feet and inches by their signs, calibers, powers."""

import re

from . import numbers
from .scan import Scan, is_letter, word_set
from .units import unit_after

_DETERMINERS = word_set(
    "a an the this that his her my your our their its each every one another no any old new single"
)
_NO_NOUN = word_set(
    "of in on to at from away long tall deep high wide thick apart off up down and or but by for with "
    "is was are were will can could would per a an the that this it he she we they you i if so as than "
    "then more less above below under over across through into past behind ahead back left right before "
    "after between until till when where which who has had have each only later ago out now here there "
    "around about we'd we've you'd i'd again tomorrow today wins remain remains come came go goes went "
    "make made seem feel take took fell ran run lie lay stand stood once twice downstream upstream "
    "inland outside inside beyond near apiece total old not also just still even maybe north south east "
    "west now's means weighs looks separates was's"
)
_AMMUNITION = re.compile(
    r" (?:pistols?|rounds?|bullets?|ammo|guns?|shells?|cannons?|casings?|rifles?|handguns?|revolvers?"
    r"|cartridges?|lens|film|magazines?)(?!\w)"
)
_BY = re.compile(r" ?([x×])(?= ?\d)")
_RAISED = re.compile("([⁺⁻]?)([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9})")
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_NEXT_WORD = re.compile(r" ([^\W\d_]{1,30})")

CALIBER = re.compile(
    r"\.(\d{2,3})(?=[- ]?(?:cal|caliber|calibre|Magnum|magnum|ACP|rifles?|pistols?|revolvers?|Colt)(?!\w))"
)


def feet_and_inches(scan: Scan, found: re.Match[str]) -> int:
    feet, inches = (numbers.cardinal(group) for group in found.groups())
    middle = found.end(1) + 1
    attribute = is_attribute(scan, found.start(), found.end())
    scan.say([*feet, "foot" if attribute or feet == ["one"] else "feet"], found.start(), middle)
    scan.say([*inches, "inch" if attribute or inches == ["one"] else "inches"], found.start(2), found.end())
    return found.end()


def feet(scan: Scan, found: re.Match[str]) -> int | None:
    """ "the 10' pit"; not where the sign closes a quotation."""
    if scan.in_single_quotes:
        return None
    number = found.group(1)
    words = numbers.cardinal(number)
    singular = words == ["one"] or is_attribute(scan, found.start(), found.end())
    scan.say([*words, "foot" if singular else "feet"], *found.span())
    return found.end()


def inches(scan: Scan, found: re.Match[str]) -> int | None:
    """ "the 1\" gap"; not where the sign closes a quotation."""
    if scan.in_double_quotes:
        return None
    words = numbers.decimal(found.group(1))
    singular = words == ["one"] or is_attribute(scan, found.start(), found.end())
    scan.say([*words, "inch" if singular else "inches"], *found.span())
    by = _BY.match(scan.text, found.end())
    if by is None:
        return found.end()
    scan.say("by", by.start(1), by.end(1))
    return by.end(1)


def is_attribute(scan: Scan, start: int, end: int) -> bool:
    """Whether a measure belongs to the noun behind it: "a 9 mm pistol", not "the 5 km to town"."""
    behind = _NEXT_WORD.match(scan.text, end)
    if (
        behind is None
        or len(behind.group(1)) < 2
        or not behind.group(1).islower()
        or behind.group(1) in _NO_NOUN
    ):
        return False
    before = scan.last_word().lower()
    if before in _DETERMINERS or before.endswith("'s") or _AMMUNITION.match(scan.text, end):
        return True
    return not behind.group(1).endswith(("s", "ed", "ly", "ing", "er"))


def caliber(scan: Scan, found: re.Match[str]) -> int | None:
    """ ".45 caliber"."""
    scan.say(
        numbers.cardinal(found.group(1)) if found.group(1)[0] != "0" else numbers.digits(found.group(1)),
        *found.span(),
    )
    return found.end()


def read_power(scan: Scan, index: int) -> int | None:
    """Raised figures: "10⁶", "x⁴", "m⁻¹". Behind a word they point to a note and say nothing."""
    found = _RAISED.match(scan.text, index)
    if found is None:
        return None
    before, sign, digits = scan.before(index), found.group(1), found.group(2).translate(_LOWERED)
    if all(is_letter(scan.before(at)) for at in (index, index - 1, index - 2)):
        return found.end()
    if not before.isalnum() and before not in ")":
        scan.say(numbers.cardinal(digits), *found.span())
    elif not sign and digits in ("2", "3"):
        scan.say("squared" if digits == "2" else "cubed", *found.span())
    else:
        minus = ["minus"] if sign == "⁻" else []
        scan.say(
            ["to", "the", *minus, *(numbers.cardinal(digits) if minus else numbers.ordinal(digits))],
            *found.span(),
        )
    return say_unit(scan, found.end(), singular=False) if before.isdecimal() else found.end()


def say_unit(scan: Scan, index: int, singular: bool) -> int:
    unit = unit_after(scan.text, index, singular)
    if unit is None:
        return index
    scan.say(unit[0], index, unit[1])
    return unit[1]
