"""Everything that begins with a digit or a currency sign: numbers, money, measures, fractions.

Dates and times of day are in `english_dates`. A rule is a pattern and a function from
the match to the index behind what it read, or None to let the next rule try.
"""

import re
from collections.abc import Callable

from . import numbers
from .scan import Scan, is_letter, word_set
from .units import CURRENCIES, money, unit_after

Rule = tuple[re.Pattern[str], Callable[[Scan, re.Match[str]], int | None]]

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?: 000)+(?!\d)|\d+(?:\.\d+)?|\.\d+)"
_SIGN = "[" + re.escape("".join(CURRENCIES)) + "]"
_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "mn": "million", "bn": "billion",
           "B": "billion", "T": "trillion"}  # fmt: skip
_SCALE = "hundred|thousand|million|billion|trillion|[kKMBT]|mn|bn"
_VULGAR = dict(zip("½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒", [
    "1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "2/5", "3/5", "4/5", "1/6", "5/6", "1/7", "1/8", "3/8",
    "5/8", "7/8", "1/9", "1/10",
], strict=True))  # fmt: skip
_HALVED = frozenset({*range(2, 10), 16, 32, 64})  #: denominators that make a fraction
_FIXED_SLASHES = {
    "24/7": "twenty four seven", "50/50": "fifty fifty", "9/11": "nine eleven", "20/20": "twenty twenty",
}  # fmt: skip

_BEFORE_YEAR = word_set("in since year circa until till anno during before after early late mid around")
_BEFORE_COUNT = word_set(
    "only over about nearly almost than total least level number pay pays give gives take takes cost "
    "costs deal deals have has need needs exactly roughly another these those plus minus times"
)
_COUNTED = word_set(
    "gold silver copper men women people damage hp xp gp mana million thousand hundred percent feet "
    "children horse infantry strong"
)  # fmt: skip
_NOT_PLURALS = word_set("was is has his as this yes us its does versus thus")
_NEXT_WORD = re.compile(r" ([^\W\d_]{1,30})")
_RANGE_AFTER = re.compile(r"[-–](?:\d{4}|\d{2})(?!\d)")
_RANGE_BEFORE = re.compile(r"(?<!\d)\d{4}[-–]")


def _versions(scan: Scan, found: re.Match[str]) -> int | None:
    """ "1.2.3" is read with "point"; four parts and more, as in an address, with "dot"."""
    parts = found.group().split(".")
    grouped = all(part == "000" for part in parts[1:])  # "1.000.000" is one number
    words = numbers.cardinal("".join(parts) if grouped else parts[0])
    for part in parts[1:] if not grouped else ():
        words += ["point" if len(parts) == 3 else "dot", *numbers.cardinal(part)]
    scan.say(words, *found.span())
    return found.end()


def _countdown(scan: Scan, found: re.Match[str]) -> int:
    """ "3-2-1": the hyphens are silent."""
    for part in re.finditer(r"\d+", found.group()):
        start = found.start() + part.start()
        scan.say(numbers.cardinal(part.group()), start, start + len(part.group()))
    return found.end()


def _phone(scan: Scan, found: re.Match[str]) -> int | None:
    if found.group().endswith("00"):  # more likely a range
        return None
    index = found.start()
    for number, group in enumerate(re.finditer(r"\d+", found.group())):
        start, end = index + group.start(), index + group.end()
        if number:
            scan.mark(",", start - 1, start)
        scan.say(numbers.digits(group.group()), start, end)
    return found.end()


def _money(scan: Scan, found: re.Match[str]) -> int:
    symbol, number, scale = found.group("sign"), found.group("number").replace(",", ""), found.group("scale")
    scan.say(_money_words(symbol, number, _SCALES.get(scale, scale)), *found.span())
    return found.end()


def _money_words(symbol: str, number: str, scale: str | None) -> list[str]:
    whole, _, part = number.partition(".")
    if scale or (part and len(part) != 2) or not CURRENCIES[symbol][1]:
        words = numbers.decimal(number) + ([scale] if scale else [])
        return [*words, money(symbol, 0, singular=words == ["one"])]
    units = numbers.cardinal(whole or "0")
    words = [*units, money(symbol, 0, singular=units == ["one"])]
    if not part.strip("0"):
        return words
    parts = numbers.cardinal(part.lstrip("0"))
    parts = [*parts, money(symbol, 1, singular=parts == ["one"])]
    return parts if units == ["zero"] else [*words, "and", *parts]


def _feet(scan: Scan, found: re.Match[str]) -> int:
    feet, inches = (numbers.cardinal(group) for group in found.groups())
    middle = found.end(1) + 1
    scan.say([*feet, "foot" if feet == ["one"] else "feet"], found.start(), middle)
    scan.say([*inches, "inch" if inches == ["one"] else "inches"], found.start(2), found.end())
    return found.end()


def _mixed_fraction(scan: Scan, found: re.Match[str]) -> int | None:
    """ "2 1/2" and "2½"."""
    whole = found.group(1)
    top, bottom = (_VULGAR.get(found.group(2)) or found.group(2)).split("/")
    if not _is_fraction(top, bottom):
        return None
    words = [*numbers.cardinal(whole), "and", *_fraction_with_a(top, bottom)]
    scan.say(words, *found.span())
    return _say_unit(scan, found.end(), singular=False)


def _fraction_with_a(top: str, bottom: str) -> list[str]:
    words = numbers.fraction(top, bottom)
    return ["a", *words[1:]] if words[0] == "one" and bottom in ("2", "4") else words


def _is_fraction(top: str, bottom: str) -> bool:
    return 0 < int(top) < int(bottom) and int(bottom) in _HALVED


def _slash(scan: Scan, found: re.Match[str]) -> int:
    """A fraction where it is a usual one, else "n out of m" ("30/100")."""
    top, bottom = found.groups()
    fixed = _FIXED_SLASHES.get(found.group())
    if fixed:
        scan.say(fixed.split(), *found.span())
        return found.end()
    is_progress = scan.before(found.start()) in "([" and scan.at(found.end()) in ")]"
    if _is_fraction(top, bottom) and not is_progress:
        scan.say(numbers.fraction(top, bottom), *found.span())
        return _say_unit(scan, found.end(), singular=True)
    middle = "out of" if int(top) <= int(bottom) else "over"
    scan.say([*numbers.cardinal(top), *middle.split(), *numbers.cardinal(bottom)], *found.span())
    return found.end()


def _vulgar(scan: Scan, found: re.Match[str]) -> int:
    scan.say(numbers.fraction(*_VULGAR[found.group()].split("/")), *found.span())
    return _say_unit(scan, found.end(), singular=True)


def _decade(scan: Scan, found: re.Match[str]) -> int | None:
    text = found.group(1)
    before = (scan.last_words(1) or [""])[0].lower()
    ages = ("the", "my", "your", "his", "her", "our", "their", "early", "mid", "late")
    if (
        len(text) == 2
        and "'" not in found.group()
        and before not in ages
        and scan.before(found.start()) != "'"
    ):
        return None
    scan.say(numbers.decade(int(text)), *found.span())
    return found.end()


def _ordinal(scan: Scan, found: re.Match[str]) -> int:
    scan.say(numbers.ordinal(found.group(1).replace(",", "")), *found.span())
    return found.end()


def _dimension(scan: Scan, found: re.Match[str]) -> int:
    """ "3x3" is "three by three"."""
    scan.say(numbers.cardinal(found.group(1)), *found.span(1))
    scan.say("by", found.end(1), found.end())
    return found.end()


def _multiple(scan: Scan, found: re.Match[str]) -> int:
    """ "3x" is "three times"."""
    scan.say(numbers.decimal(found.group(1)), *found.span(1))
    scan.say("times", found.end(1), found.end())
    return found.end()


def _number(scan: Scan, found: re.Match[str]) -> int:
    """Any other number, with the unit behind it if there is one."""
    start, end = found.span()
    text = found.group().replace(",", "").replace(" ", "")
    unit = unit_after(scan.text, end, singular=text == "1")
    if unit is None and len(text) == 4 and found.group().isdecimal() and _is_year(scan, start, end):
        scan.say(numbers.year(int(text)), start, end)
        return end
    words = numbers.decimal(text)
    if unit is None and scan.at(end) in CURRENCIES and not scan.at(end + 1).isdecimal():
        unit = ([money(scan.at(end), 0, singular=words == ["one"])], end + 1)
    scan.say(words, start, end)
    if unit is not None:
        scan.say(unit[0], end, unit[1])
    return end if unit is None else unit[1]


def _say_unit(scan: Scan, index: int, singular: bool) -> int:
    unit = unit_after(scan.text, index, singular)
    if unit is None:
        return index
    scan.say(unit[0], index, unit[1])
    return unit[1]


def _is_year(scan: Scan, start: int, end: int) -> bool:
    """Whether the four digits ``text[start:end]`` are a year, by what they count or what precedes them."""
    number = int(scan.text[start:end])
    if number < 1000 or is_letter(scan.at(end)) or scan.before(start) in "+-−#$£€":
        return scan.before(start) in "-–" and _RANGE_BEFORE.match(scan.text, max(0, start - 5)) is not None
    before = (scan.last_words(1) or [""])[0].lower()
    if _RANGE_AFTER.match(scan.text, end):
        return True
    following = _NEXT_WORD.match(scan.text, end)
    word = following.group(1).lower() if following else ""
    if word in _COUNTED or (word.endswith("s") and word not in _NOT_PLURALS):
        return False
    if before in _BEFORE_YEAR:
        return True
    return 1500 <= number <= 2099 and before not in _BEFORE_COUNT


RULES: tuple[Rule, ...] = (
    (re.compile(r"\d{3}[-. )]{1,2}\d{3}[-.]\d{4}(?!\d)|\d{3}-\d{4}(?!\d)"), _phone),
    (re.compile(rf"(?P<sign>{_SIGN}) ?(?P<number>{_NUMBER})(?: ?(?P<scale>{_SCALE})(?!\w))?"), _money),
    (re.compile(r"(\d{1,2})' ?(\d{1,2})(?:\"|''|(?<='\d)(?![\w']))"), _feet),
    (re.compile(r"(\d{1,9}) ?([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒])"), _mixed_fraction),
    (re.compile(r"(\d{1,9})[ -](\d{1,2}/\d{1,2})(?![\d/])"), _mixed_fraction),
    (re.compile(r"(\d{1,9})/(\d{1,9})(?![\d/])"), _slash),
    (re.compile(r"[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒]"), _vulgar),
    (re.compile(r"(\d{3}0|\d0)'?s(?!\w)"), _decade),
    (re.compile(r"(\d{1,3}(?:,\d{3}){1,11}|\d{1,36})(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)"), _ordinal),
    (re.compile(r"\d{1,4}(?:\.\d{1,4}){2,5}(?!\d|\.\d)"), _versions),
    (re.compile(r"\d{1,6}(?:-\d{1,6}){2,8}(?![\d-])"), _countdown),
    (re.compile(r"(\d{1,9}) ?[x×](?= ?\d)"), _dimension),
    (re.compile(r"(\d{1,9}(?:\.\d{1,9})?)[xX×](?!\w)"), _multiple),
    (re.compile(_NUMBER), _number),
)  # fmt: skip
#: The rules that can apply where no digit stands first: "$5", "½", ".5".
RULES_WITHOUT_DIGIT = tuple(rule for rule in RULES if rule[1] in (_money, _vulgar, _number))
