"""Dates and times of day in figures.

ISO 8601 dates are year-month-day; with slashes the month comes first, as Americans
write, unless only the other order makes a date. Each is read whole, so all its words
share one span.
"""

import re

from . import numbers
from .quantities import Rule
from .scan import LETTER, Scan

_NAMES = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
]  # fmt: skip
#: By the first three letters, in order.
MONTHS = {name[:3]: name for name in _NAMES}
MONTH_NAMES = frozenset(_NAMES)
_MONTH = "|".join(_NAMES)


def _iso_date(scan: Scan, found: re.Match[str]) -> int | None:
    year, month, day = found.groups()
    return _say_date(scan, found, year, month, day)


def _slash_date(scan: Scan, found: re.Match[str]) -> int | None:
    first, second, year = found.groups()
    if int(first) > 12 or "." in found.group():  # day first, also with points: 23.11.2024
        first, second = second, first
    return _say_date(scan, found, year, first, second)


def _say_date(scan: Scan, found: re.Match[str], year: str, month: str, day: str) -> int | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    words = [_NAMES[int(month) - 1], *numbers.ordinal(day)]
    said = numbers.year(int(year)) if int(year) >= 1000 else numbers.cardinal(year)
    scan.say(words + said, *found.span())
    return found.end()


def _day_before_month(scan: Scan, found: re.Match[str]) -> int | None:
    """ "3 March" is "the third of March"."""
    if not 1 <= int(found.group(1)) <= 31:
        return None
    the = [] if scan.last_words(1)[:1] == ["the"] else ["the"]
    scan.say([*the, *numbers.ordinal(found.group(1)), "of"], *found.span(1))
    return found.end(1)


def _day_after_month(scan: Scan, found: re.Match[str]) -> int | None:
    """ "March 3" is "March third"."""
    before = scan.last_words(1)
    if not before or before[0] not in MONTH_NAMES or not 1 <= int(found.group()) <= 31:
        return None
    scan.say(numbers.ordinal(found.group()), *found.span())
    return found.end()


def _clock(scan: Scan, found: re.Match[str]) -> int | None:
    hour, minute, second, half = found.group("hour", "minute", "second", "half")
    if int(hour) > 24 or int(minute) > 59 or (second and int(second) > 59):
        return None
    end = found.end("second") if second else found.end("minute")
    scan.say(_clock_words(int(hour), int(minute), second, half), found.start(), end)
    return _say_half(scan, found)


def _clock_words(hour: int, minute: int, second: str | None, half: str | None) -> list[str]:
    if (hour, minute, second) == (0, 0, None):
        return ["midnight"]
    words = numbers.cardinal(str(hour))
    if minute or second:
        words += _two_digits(minute)
    elif half is None:
        words += ["hundred"] if hour > 12 else ["o'clock"]
    return words + (_two_digits(int(second)) if second else [])


def _two_digits(number: int) -> list[str]:
    """Minutes or seconds: 5 is "oh five", 0 is "oh oh"."""
    if number == 0:
        return ["oh", "oh"]
    words = numbers.cardinal(str(number))
    return ["oh", *words] if number < 10 else words


def _hour(scan: Scan, found: re.Match[str]) -> int | None:
    """ "10 a.m.", "3PM"."""
    if int(found.group("hour")) > 12:
        return None
    scan.say(numbers.cardinal(found.group("hour")), *found.span("hour"))
    return _say_half(scan, found)


def _say_half(scan: Scan, found: re.Match[str]) -> int:
    """ "a.m." behind a time; its last point also ends the sentence where nothing else can."""
    if found.group("half") is None:
        return found.end()
    end = found.end()
    breaks_off = scan.at(end) in '\n"”' or (scan.at(end) == " " and scan.at(end + 1).isupper())
    ends_sentence = scan.before(end) == "." and breaks_off
    scan.spell(found.group("half").upper() + "M", found.start("half"), end - ends_sentence)
    if ends_sentence:
        scan.mark(".", end - 1, end)
    return end


_HALF = rf"(?: ?(?P<half>[AaPp])(?:\. ?[Mm]\.?|[Mm])(?!{LETTER}))"

RULES: tuple[Rule, ...] = (
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})(?![\d-])"), _iso_date),
    (re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?!\d)"), _slash_date),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2})(?![\d/])"), _slash_date),
    (
        re.compile(rf"(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?::(?P<second>\d{{2}}))?(?![\d:]){_HALF}?"),
        _clock,
    ),
    (re.compile(rf"(?P<hour>\d{{1,2}}){_HALF}"), _hour),
    (re.compile(rf"(\d{{1,2}}) (?={_MONTH})(?!May [a-z])"), _day_before_month),
    (re.compile(r"\d{1,2}(?![\w:/-]|[.,]\d| ?%)"), _day_after_month),
)
