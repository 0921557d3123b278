"""Everything that begins with a digit or a currency sign: numbers, money, measures, fractions.

Dates and times of day are in `dates`. A rule is a pattern and a function from
the match to the index behind what it read, or None to let the next rule try.
"""

import re
from collections.abc import Callable

from . import measures, models, money, numbers, phones
from .scan import Scan, is_letter, word_set
from .units import CURRENCIES, unit_after

Rule = tuple[re.Pattern[str], Callable[[Scan, re.Match[str]], int | None]]

#: Groups of three by spaces: "12 500", not a number beside another ("2 100").
_NUMBER = (
    r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?: 000)+(?!\d)|"
    r"(?<![\d.,:/-])(?<!\d )[1-9]\d{0,2}(?: \d{3})+(?![\d-]| \d|[.,]\d)"
    r"|\d{1,3}(?:['_]\d{3})+(?![\w'])|\d+(?:\.\d+)?|\.\d+)"
)
_SCALED = re.compile(
    r"(\d+(?:\.\d+)?)( ?(?:bn|mn|mil|tn)|(?<=\d)m(?= [a-z]+s\b| people| gold| men))(?![\w'])"
)
_SCALES = {"bn": "billion", "mn": "million", "mil": "million", "tn": "trillion", "m": "million"}
#: What has a length: "1.5m waves" are waves of that height, "1.5m views" are many views.
_MEASURED = word_set(
    "waves walls poles strides steps spears planks ropes cables boards lengths pipes is was his has as "
    "across versus"
)
_VULGAR = dict(zip("½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒", [
    "1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "2/5", "3/5", "4/5", "1/6", "5/6", "1/7", "1/8", "3/8",
    "5/8", "7/8", "1/9", "1/10",
], strict=True))  # fmt: skip
_HALVED = frozenset({*range(2, 10), 16, 32, 64})  #: denominators that make a fraction
_FIXED_SLASHES = {
    "24/7": "twenty four seven", "50/50": "fifty fifty", "9/11": "nine eleven", "20/20": "twenty twenty",
}  # fmt: skip

_BEFORE_YEAR = word_set("ad in since year circa until till anno during before after early late mid around")
_BEFORE_COUNT = word_set(
    "only over about nearly almost than total least level number pay pays give gives take takes cost "
    "costs deal deals have has need needs exactly roughly another these those plus minus times"
)
_COUNTED = word_set(
    "gold silver copper men women people damage hp xp gp mana million thousand hundred percent feet "
    "children horse infantry strong"
)  # fmt: skip
_SPLITS = word_set(
    "split chance odds share deal mix blend rule shot proposition cut partner partnership custody tie"
)
_SECOND_DECADE = re.compile(r"(-|–| and | or | to | & | through )'?(\d{3}0|\d0)'?s(?!\w)")
_ERA = re.compile(r" ?(AD|BCE?|CE|A\.D\.|B\.C\.(?:E\.)?|C\.E\.)(?![\w])")
_POWER_OF_TEN = re.compile(r" ?10[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹^]")
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


def _scaled(scan: Scan, found: re.Match[str]) -> int | None:
    """ "1.5m views", "2bn people"."""
    scale = found.group(2).strip()
    behind = _NEXT_WORD.match(scan.text, found.end())
    if scale == "m" and (behind is None or behind.group(1) in _MEASURED):
        return None
    scan.say([*numbers.decimal(found.group(1)), _SCALES[scale]], *found.span())
    return found.end()


def _ratio(scan: Scan, found: re.Match[str]) -> int | None:
    """Shares of a hundred ("a 60-40 split", "80/20") and contests ("2-on-1", "1v1")."""
    left, link, right = found.groups()
    if link in "-–/":
        behind = _NEXT_WORD.match(scan.text, found.end())
        word = behind.group(1).lower() if behind else ""
        together = int(left) + int(right)
        shares = (together in (10, 100) and word in _SPLITS) or word in ("vote", "tie")
        if not shares and not (together == 100 and int(left) >= int(right)):
            return None
        link = ""
    scan.say(numbers.cardinal(left), *found.span(1))
    if link.strip("-") in ("v", "V"):
        scan.spell("V", *found.span(2))
    elif link:
        scan.say(link.strip("-"), *found.span(2))
    scan.say(numbers.cardinal(right), *found.span(3))
    return found.end()


def _years(scan: Scan, found: re.Match[str]) -> int | None:
    """ "1998/1999", "2023/24"."""
    first, second = found.groups()
    if not 1000 <= int(first) <= 2199:
        return None
    last = int(second) if len(second) == 4 else int(first[:2] + second)
    if not 0 < last - int(first) <= 20:
        return None
    said = (
        numbers.year(last)
        if last // 100 != int(first) // 100 or last % 100 < 10
        else numbers.cardinal(str(last % 100))
    )
    scan.say([*numbers.year(int(first)), "to", *said], *found.span())
    return found.end()


def _ordinal_fraction(scan: Scan, found: re.Match[str]) -> int | None:
    """ "1/5th", "2/3rds"."""
    top, bottom = found.groups()
    if int(bottom) < 2:
        return None
    scan.say(numbers.fraction(top, bottom), *found.span())
    return found.end()


def _mixed_fraction(scan: Scan, found: re.Match[str]) -> int | None:
    """ "2 1/2" and "2½"."""
    whole = found.group(1)
    top, bottom = (_VULGAR.get(found.group(2)) or found.group(2)).split("/")
    if not _is_fraction(top, bottom):
        return None
    words = [*numbers.cardinal(whole), "and", *_fraction_with_a(top, bottom)]
    scan.say(words, *found.span())
    return measures.say_unit(scan, found.end(), singular=False)


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
        return measures.say_unit(scan, found.end(), singular=True)
    middle = "out of" if int(top) <= int(bottom) else "over"
    scan.say([*numbers.cardinal(top), *middle.split(), *numbers.cardinal(bottom)], *found.span())
    return found.end()


def _vulgar(scan: Scan, found: re.Match[str]) -> int:
    scan.say(numbers.fraction(*_VULGAR[found.group()].split("/")), *found.span())
    return measures.say_unit(scan, found.end(), singular=True)


def _decade(scan: Scan, found: re.Match[str]) -> int | None:
    text = found.group(1)
    before = scan.last_word().lower()
    ages = (
        "the",
        "my",
        "your",
        "his",
        "her",
        "our",
        "their",
        "early",
        "mid",
        "late",
        "eighties",
        "nineties",
        "seventies",
    )
    if (
        len(text) == 2
        and "'" not in found.group()
        and before not in ages
        and scan.before(found.start()) != "'"
    ):
        return None
    scan.say(numbers.decade(int(text)), *found.span())
    return _decades(scan, found.end())


def _decades(scan: Scan, end: int) -> int:
    """ "1970s-90s", "'60s and 70s": the second of two."""
    second = _SECOND_DECADE.match(scan.text, end)
    if second is None:
        return end
    link = second.group(1).strip()
    start = second.start(1) + (second.group(1)[0] == " ")
    scan.say("to" if link in "-–" else link, start, start + len(link))
    scan.say(numbers.decade(int(second.group(2))), *second.span(2))
    return second.end()


def _ordinal(scan: Scan, found: re.Match[str]) -> int:
    scan.say(numbers.ordinal(found.group(1).replace(",", "")), *found.span())
    return found.end()


def _dimension(scan: Scan, found: re.Match[str]) -> int:
    """ "3x3" is "three by three"."""
    scan.say(numbers.cardinal(found.group(1)), *found.span(1))
    scan.say("times" if _POWER_OF_TEN.match(scan.text, found.end()) else "by", found.end(1), found.end())
    return found.end()


def _multiple(scan: Scan, found: re.Match[str]) -> int:
    """ "3x" is "three times"."""
    scan.say(numbers.decimal(found.group(1)), *found.span(1))
    scan.say("times", found.end(1), found.end())
    return found.end()


def _number(scan: Scan, found: re.Match[str]) -> int:
    """Any other number, with the unit behind it if there is one."""
    start, end = found.span()
    text = re.sub("[, '_]", "", found.group())
    unit = unit_after(scan.text, end, singular=text == "1")
    if unit is not None and unit[0] != ["percent"] and measures.is_attribute(scan, start, unit[1]):
        unit = unit_after(scan.text, end, singular=True)
    if unit is None and len(text) == 4 and found.group().isdecimal() and _is_year(scan, start, end):
        scan.say(numbers.year(int(text)), start, end)
        return _era(scan, end)
    words = numbers.decimal(text)
    scan.say(words, start, end)
    if unit is not None:
        scan.say(unit[0], end, unit[1])
    return _era(scan, end) if unit is None else unit[1]


def _era(scan: Scan, end: int) -> int:
    """ "512 AD": letters."""
    found = _ERA.match(scan.text, end)
    if found is None:
        return end
    ends_sentence = found.group().endswith(".") and scan.at(found.end()) in '\n"”'
    scan.spell(found.group(1).replace(".", ""), found.start(1), found.end() - ends_sentence)
    if ends_sentence:
        scan.mark(".", found.end() - 1, found.end())
    return found.end()


def _is_year(scan: Scan, start: int, end: int) -> bool:
    """Whether the four digits ``text[start:end]`` are a year, by what they count or what precedes them."""
    number = int(scan.text[start:end])
    if number < 1000 or is_letter(scan.at(end)) or scan.before(start) in "+-−#$£€":
        return scan.before(start) in "-–" and _RANGE_BEFORE.match(scan.text, max(0, start - 5)) is not None
    before = scan.last_word().lower()
    if _RANGE_AFTER.match(scan.text, end):
        return True
    following = _NEXT_WORD.match(scan.text, end)
    word = following.group(1).lower() if following else ""
    if word in _COUNTED or (word.endswith("s") and word not in _NOT_PLURALS):
        return False
    if before in _BEFORE_YEAR:
        return True
    return 1500 <= number <= 2099 and before not in _BEFORE_COUNT


def _money(scan: Scan, found: re.Match[str]) -> int | None:
    return money.read(scan, found.start())


RULES: tuple[Rule, ...] = (
    *((pattern, phones.read) for pattern in phones.PATTERNS),
    (phones.SHORT, phones.read_short),
    (re.compile("[" + re.escape("".join(sign for sign in CURRENCIES if len(sign) == 1)) + "]"), _money),
    (money.BEHIND, money.read_behind),
    (re.compile(r"(\d{1,2})' ?(\d{1,2})(?:\"|''|(?<='\d)(?![\w']))"), measures.feet_and_inches),
    (re.compile(r"(\d{1,3})'(?= [a-z]|[,.;!?)]|$)"), measures.feet),
    (re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\"(?= [a-z])"), measures.inches),
    (re.compile(r"(\d{1,9}) ?([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒])"), _mixed_fraction),
    (re.compile(r"(\d{1,9})[ -](\d{1,2}/\d{1,2})(?![\d/])"), _mixed_fraction),
    (re.compile(r"(\d{1,2})/(\d{1,3})(?:st|nd|rd|th)s?(?!\w)"), _ordinal_fraction),
    (re.compile(r"(\d{4})/(\d{4}|\d{2})(?![\d/])"), _years),
    (re.compile(r"(\d{1,2})(/|-|–|-on-|-in-|v|V)(\d{1,2})(?![\w/-]|[.,:]\d|%)"), _ratio),
    (re.compile(r"(\d{1,9})/(\d{1,9})(?![\d/])"), _slash),
    (re.compile(r"[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒]"), _vulgar),
    (re.compile(r"(\d{3}0|\d0)'?s(?!\w)"), _decade),
    (re.compile(r"(\d{1,4})s(?!\w)"), models.several_models),
    (re.compile(r"(\d{1,3}(?:,\d{3}){1,11}|\d{1,36})(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)"), _ordinal),
    (re.compile(r"\d{1,4}(?:\.\d{1,4}){2,5}(?!\d|\.\d)"), _versions),
    (re.compile(r"\d{1,6}(?:-\d{1,6}){2,8}(?![\d-])"), _countdown),
    (re.compile(r"(\d{1,9}) ?[x×](?= ?\d)"), _dimension),
    (re.compile(r"(\d{1,9}(?:\.\d{1,9})?)[xX×](?!\w)"), _multiple),
    (re.compile(r"\d{3,4}(?![\w:/]|[.,]\d)"), models.model),
    (_SCALED, _scaled),
    (measures.CALIBER, measures.caliber),
    (re.compile(_NUMBER), _number),
)  # fmt: skip
#: The rules that can apply where no digit stands first: "$5", "½", ".5".
RULES_WITHOUT_DIGIT = tuple(rule for rule in RULES if rule[1] in (_money, _vulgar, measures.caliber, _number))
