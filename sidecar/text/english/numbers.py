"""Numbers as English words, American usage (no "and" before the tens).

Every function takes digits or a non-negative int and returns a list of words, none
of them hyphenated: 22 is ``["twenty", "two"]``. Years and decades follow the Chicago
Manual of Style, chapter 9: 1905 is "nineteen oh five", 2007 "two thousand seven".
"""

#: Numbers with more digits than this are read digit by digit.
LONGEST_CARDINAL_DIGITS = 36

_UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = [
    "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion",
    "septillion", "octillion", "nonillion", "decillion",
]  # fmt: skip
_IRREGULAR_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth",
    "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def digits(text: str) -> list[str]:
    """Each digit of `text` by name; other characters are passed over."""
    return [_UNITS[int(char)] for char in text if char.isdecimal()]


def cardinal(text: str) -> list[str]:
    """`text`, a run of decimal digits, as a whole number.

    A number with leading zeros ("007"), or too long to have a name, is read digit by digit.
    """
    if len(text) > LONGEST_CARDINAL_DIGITS or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    return _whole(int(text))


def _whole(number: int) -> list[str]:
    if number < 1000:
        return _below_thousand(number) or ["zero"]
    groups: list[int] = []
    while number:
        number, group = divmod(number, 1000)
        groups.append(group)
    words: list[str] = []
    for power in range(len(groups) - 1, -1, -1):
        if groups[power]:
            words += _below_thousand(groups[power])
            words += [_SCALES[power - 1]] if power else []
    return words


def _below_thousand(number: int) -> list[str]:
    """0 is no words at all."""
    hundreds, rest = divmod(number, 100)
    words = [_UNITS[hundreds], "hundred"] if hundreds else []
    if rest >= 20:
        words.append(_TENS[rest // 10])
        rest %= 10
    return [*words, _UNITS[rest]] if rest else words


def decimal(text: str) -> list[str]:
    """`text` is digits with at most one point: "3.14" is "three point one four", ".5" "point five"."""
    whole, point, fraction = text.partition(".")
    words = cardinal(whole) if whole else []
    return [*words, "point", *digits(fraction)] if point else words


def ordinal(text: str) -> list[str]:
    """`text`, a run of decimal digits, as a rank: "22" is "twenty second"."""
    words = cardinal(text.lstrip("0") or "0")
    return [*words[:-1], _ordinal_of(words[-1])]


def _ordinal_of(word: str) -> str:
    if word in _IRREGULAR_ORDINALS:
        return _IRREGULAR_ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"


def year(number: int) -> list[str]:
    """A year of four digits, 1000 to 9999."""
    century, rest = divmod(number, 100)
    if century % 10 == 0 and rest < 10:  # 2000 to 2009, 1000 to 1009
        return _whole(number)
    if rest == 0:
        return [*_whole(century), "hundred"]
    return _whole(century) + (["oh", _UNITS[rest]] if rest < 10 else _whole(rest))


def decade(number: int) -> list[str]:
    """The plural of a year or a ten: 1980 is "nineteen eighties", 1800 "eighteen hundreds", 90 "nineties"."""
    words = year(number) if number >= 1000 else _whole(number)
    return [*words[:-1], plural(words[-1])]


def plural(noun: str) -> str:
    """Regular plural of a word this package itself writes ("six" to "sixes", "twenty" to "twenties")."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch")) else "s")


def fraction(numerator: str, denominator: str) -> list[str]:
    """ "1", "2" is "one half"; "3", "4" "three quarters"; "2", "3" "two thirds"."""
    count = cardinal(numerator)
    name = {"2": ["half"], "4": ["quarter"]}.get(denominator) or ordinal(denominator)
    if count == ["one"]:
        return count + name
    last = "halves" if name == ["half"] else plural(name[-1])
    return [*count, *name[:-1], last]


def roman(text: str) -> int | None:
    """The value of a well-formed Roman numeral in capitals, or None ("IIII", "IC", "MIX it" aside)."""
    if not text or len(text) > 15 or any(char not in _ROMAN for char in text):
        return None
    values = [_ROMAN[char] for char in text]
    total = sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
    return total if _to_roman(total) == text else None


def _to_roman(number: int) -> str:
    steps = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    )
    text = ""
    for value, symbol in steps:
        count, number = divmod(number, value)
        text += symbol * count
    return text
