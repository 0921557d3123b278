"""Money in figures: signs before and behind, countries' letters, codes, magnitudes, ranges.

The sign and the words follow the Chicago Manual of Style, chapter 9; a comma before one or two digits beside
a sign is a decimal one, as it is written on the Continent.
"""

import re

from . import numbers
from .scan import Scan, word_set
from .units import CURRENCIES, money

_SIGN = "(?:" + "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True)) + ")"
_AMOUNT = (
    r"\d{1,3}(?:\.\d{3})+,\d{2}(?!\d)|\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?: 000)+(?!\d)"
    r"|\d+,\d{1,2}(?!\d|,)|\d+(?:\.\d+)?|\.\d+"
)
_SCALES = {
    "k": "thousand", "m": "million", "mm": "million", "mn": "million", "mio": "million", "mil": "million",
    "b": "billion", "bn": "billion", "t": "trillion", "tn": "trillion", "trn": "trillion",
}  # fmt: skip
SCALE = r"hundred|thousand|million|billion|trillion|mil|mio|mm|mn|bn|trn|tn|[kKmMbBtT]|MM|BN|Bn|MN"
_COUNTRIES = {
    "US": "US", "A": "Australian", "AU": "Australian", "C": "Canadian", "CA": "Canadian", "NZ": "New Zealand",
    "HK": "Hong Kong", "S": "Singapore", "SG": "Singapore", "NT": "New Taiwan", "TW": "New Taiwan",
    "J": "Jamaican",
}  # fmt: skip
_COUNTRY = "|".join(sorted(_COUNTRIES, key=len, reverse=True))
#: ISO 4217's codes: the sign, and whose where several countries share it.
_CODES: dict[str, tuple[str, str | None]] = {
    "USD": ("$", None), "EUR": ("€", None), "GBP": ("£", None), "JPY": ("¥", None), "INR": ("₹", None),
    "RUB": ("₽", None), "KRW": ("₩", None), "CNY": ("RMB", None), "RMB": ("RMB", None), "BRL": ("R$", None),
    "MXN": ("MX$", None), "AUD": ("$", "Australian"), "CAD": ("$", "Canadian"), "NZD": ("$", "New Zealand"),
    "HKD": ("$", "Hong Kong"), "SGD": ("$", "Singapore"), "TWD": ("$", "New Taiwan"),
    "CHF": ("CHF", None),
}  # fmt: skip
_CODE = "|".join(_CODES)

_BEFORE = re.compile(
    rf"(?P<country>(?:{_COUNTRY})(?=\$))?(?P<sign>{_SIGN}) ?(?P<low>{_AMOUNT})"
    rf"(?: ?(?P<lowscale>{SCALE})(?![\w]))?"
    rf"(?: ?(?P<link>[-–]| to ) ?(?P<sign2>{_SIGN})? ?(?P<high>{_AMOUNT})"
    rf"(?: ?(?P<scale>{SCALE})(?![\w]))?(?![\d%]))?"
)
BEHIND = re.compile(
    rf"(?P<low>{_AMOUNT})(?:(?P<link>[-–])(?P<high>{_AMOUNT}))?(?: ?(?P<scale>{SCALE}))?"
    rf" ?(?P<sign>{_SIGN}|(?:{_CODE})(?!\w))(?! ?\d)"
)
_CODED = re.compile(rf"(?P<code>{_CODE}) ?(?P<low>{_AMOUNT})(?: ?(?P<scale>{SCALE})(?!\w))?")
_NOUN_BEHIND = re.compile(r" ([a-z]{3,20})(?![\w'])")
_DETERMINERS = word_set("a an another the this that his her my your our their its every each")
_NOT_NOUNS = word_set(
    "is was are were has had goes went comes came makes made lies sits buys gets got we you he she they "
    "i it who owed paid lost spent earned stolen missing million billion still might may must should in "
    "on at of to for and or but from with per each the that this then now more less off bill's will "
    "would can could if when than into onto over under today tonight again too plus only back right "
    "here there extra tax total apiece"
)


def read(scan: Scan, index: int) -> int | None:
    """Read an amount that begins with its sign, country or code at `index`; the index behind, or None."""
    if scan.text[index].isalpha() and scan.before(index).isalnum():
        return None
    coded = _CODED.match(scan.text, index)
    if coded is not None:
        return _say(scan, coded, *_CODES[coded["code"]], coded["scale"], None)
    found = _BEFORE.match(scan.text, index)
    if found is None:
        return None
    if found["sign2"]:
        return _say_two(scan, found)
    country = _COUNTRIES[found["country"]] if found["country"] else None
    if found["link"] and not _is_range(found):
        return _say(scan, found, found["sign"], country, found["lowscale"], None, end=_low_end(found))
    scale = found["scale"] if found["high"] else found["lowscale"]
    return _say(scan, found, found["sign"], country, scale, found["high"])


def read_behind(scan: Scan, found: re.Match[str]) -> int:
    """ "4 $", "2,50 €", "50 USD": the match of `BEHIND`."""
    symbol, country = _CODES.get(found["sign"], (found["sign"], None))
    return _say(scan, found, symbol, country, found["scale"], found["high"])


def _is_range(found: re.Match[str]) -> bool:
    """ "$3-4 million"; "$20 to 3 men" counts other things."""
    return found["link"] != " to " or found["scale"] is not None


def _low_end(found: re.Match[str]) -> int:
    return found.end("lowscale") if found["lowscale"] else found.end("low")


def _say_two(scan: Scan, found: re.Match[str]) -> int:
    """ "$100-$200", "$3m–$4m": each with its own unit, unless one magnitude serves both."""
    if found["scale"] and not found["lowscale"]:
        return _say(scan, found, found["sign"], None, found["scale"], found["high"])
    low = _words(found["sign"], found["low"], found["lowscale"], None)
    high = _words(found["sign2"], found["high"], found["scale"], None)
    scan.say([*low, "to", *high], *found.span())
    return found.end()


def _say(
    scan: Scan, found: re.Match[str], symbol: str, country: str | None, scale: str | None, high: str | None,
    end: int | None = None,
) -> int:  # fmt: skip
    start, end = found.start(), found.end() if end is None else end
    words = _words(symbol, high or found["low"], scale, country, _is_attribute(scan, end))
    if high:
        words = [*numbers.decimal(_plain(found["low"])), "to", *words]
    scan.say(words, start, end)
    return end


def _is_attribute(scan: Scan, end: int) -> bool:
    """ "a $5 bill" is "a five dollar bill"."""
    if scan.at(end) == "-" and scan.at(end + 1).isalpha() and not scan.text.startswith("-a-", end):
        return True
    before = scan.last_word().lower()
    behind = _NOUN_BEHIND.match(scan.text, end)
    return before in _DETERMINERS and behind is not None and behind.group(1) not in _NOT_NOUNS


def _plain(amount: str) -> str:
    """ "1,234.5" as "1234.5", "2,50" as "2.50"."""
    amount = amount.replace(" ", "")
    whole, comma, part = amount.rpartition(",")
    return f"{whole.replace('.', '')}.{part}" if comma and len(part) < 3 else amount.replace(",", "")


def _words(
    symbol: str, amount: str, scale: str | None, country: str | None, attribute: bool = False
) -> list[str]:
    number = _plain(amount)
    magnitude = _SCALES.get(scale.lower(), scale) if scale else None
    whole, _, part = number.partition(".")
    land = country.split() if country else []
    if magnitude or (part and len(part) != 2) or not CURRENCIES[symbol][1]:
        words = numbers.decimal(number) + ([magnitude] if magnitude else [])
        return [*words, *land, money(symbol, 0, singular=attribute or words == ["one"])]
    units = numbers.cardinal(whole or "0")
    words = [*units, *land, money(symbol, 0, singular=attribute or units == ["one"])]
    if not part.strip("0"):
        return words
    parts = numbers.cardinal(part.lstrip("0"))
    parts = [*parts, money(symbol, 1, singular=parts == ["one"])]
    return parts if units == ["zero"] else [*words, "and", *parts]
