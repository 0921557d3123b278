"""Dates and times of day in figures.

ISO 8601 dates are year-month-day; with slashes the month comes first, as Americans
write, unless only the other order makes a date. Each is read whole, so all its words
share one span.
"""

import re

from . import numbers
from .calendar import MONTH_NAMES, MONTHS
from .quantities import Rule
from .scan import LETTER, Scan, word_set

_NAMES = list(MONTHS.values())
_SHORT_MONTH = "|".join([*MONTHS, "Sept"])
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
    the = [] if scan.last_word() == "the" else ["the"]
    scan.say([*the, *numbers.ordinal(found.group(1)), "of"], *found.span(1))
    return found.end(1)


def _day_after_month(scan: Scan, found: re.Match[str]) -> int | None:
    """ "March 3" is "March third"."""
    if scan.last_word() not in MONTH_NAMES or not 1 <= int(found.group()) <= 31:
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


def _point_clock(scan: Scan, found: re.Match[str]) -> int | None:
    """ "8.45pm", as the British write."""
    hour, minute = int(found.group("hour")), int(found.group("minute"))
    if not 1 <= hour <= 12 or minute > 59:
        return None
    scan.say(_clock_words(hour, minute, None, found.group("half")), found.start(), found.end("minute"))
    return _say_half(scan, found)


def _point_clock_alone(scan: Scan, found: re.Match[str]) -> int | None:
    """ "at 7.30 tonight", "9.30-11am"."""
    hour, minute = int(found.group("hour")), int(found.group("minute"))
    if not 1 <= hour <= 12 or minute > 59:
        return None
    scan.say(_clock_words(hour, minute, None, None), *found.span())
    return found.end()


def _military(scan: Scan, found: re.Match[str]) -> int | None:
    """ "0430 hours", "at 0600": a leading zero is "oh", full hours are hundreds."""
    hour, minute, behind = found.group(1), found.group(2), found.group(3)
    before = scan.last_word().lower()
    timed = before in _BEFORE_TIME or (behind and before not in _BEFORE_DURATION)
    if int(hour) > 24 or int(minute) > 59 or not timed:
        return None
    if not behind and hour[0] != "0" and not (before == "at" and _ENDS.match(scan.text, found.end())):
        return None
    words = ["oh"] * (hour[0] == "0") + numbers.cardinal(str(int(hour)))
    if hour == "00":
        words = ["zero", "zero"] if minute != "00" else ["zero"]
    words += ["hundred"] if minute == "00" else _two_digits(int(minute))
    scan.say(words, found.start(1), found.end(2))
    return found.end(2) if not behind else _say_hours(scan, found)


def _say_hours(scan: Scan, found: re.Match[str]) -> int:
    scan.say("hours", *found.span(3))
    return found.end()


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

_ENDS = re.compile(r"\s*(?:$|[.,;!?)]|(?:sharp|tomorrow|tonight|today)\b)")
_BEFORE_TIME = word_set("at by until till from to before after since around between and")
_BEFORE_DURATION = word_set(
    "for over about nearly took take takes spent spend worked walked played logged waited slept almost "
    "than some another those these last past next total all of"
)

RULES: tuple[Rule, ...] = (
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})(?![\d-])"), _iso_date),
    (re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?!\d)"), _slash_date),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2})(?![\d/])"), _slash_date),
    (
        re.compile(rf"(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})(?::(?P<second>\d{{2}}))?(?![\d:]){_HALF}?"),
        _clock,
    ),
    (re.compile(rf"(?P<hour>\d{{1,2}})\.(?P<minute>\d{{2}}){_HALF}"), _point_clock),
    (
        re.compile(r"(?P<hour>\d{1,2})\.(?P<minute>\d{2})(?=[-–]\d{1,2}(?:\.\d{2})? ?[ap]\.?m)"),
        _point_clock_alone,
    ),
    (
        re.compile(r"(?P<hour>\d{1,2})\.(?P<minute>[0-5][05])(?= (?:tonight|tomorrow|today|sharp|in the))"),
        _point_clock_alone,
    ),
    (re.compile(r"(\d{2})(\d{2})(?: ?(hours|hrs?|h)(?! of)(?!\w))?(?![\w:/%-]|[.,]\d)"), _military),
    (re.compile(rf"(?P<hour>\d{{1,2}}){_HALF}"), _hour),
    (
        re.compile(rf"(\d{{1,2}}) (?=(?:{_MONTH})(?!\w)|(?:{_SHORT_MONTH})(?:\.|(?= \d{{4}})))(?!May [a-z])"),
        _day_before_month,
    ),
    (re.compile(r"\d{1,2}(?![\w:/-]|[.,]\d| ?%)"), _day_after_month),
)
