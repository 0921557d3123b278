"""Arabic numerals read aloud in Chinese.

Sources: GB/T 15835-2011 (general rules for writing numerals in publications) for
which forms are said digit by digit; 现代汉语八百词 (Lü Shuxiang), entries 二 and 两,
for the choice between the two words for 2.

Of 二百 and 两百, both correct, this module says 两百: at the head of a number speech
prefers 两 before 千, 万 and 亿, and one rule for all four units is the easiest to
predict. Inside a number it is always 二 (两千二百), and 二十 never changes.
"""

_DIGITS = "零一二三四五六七八九"
_PLACES = ("千", "百", "十", "")
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def digit_by_digit(text: str, *, phone: bool = False) -> str:
    """Each digit on its own, other characters left out.

    `phone` says 幺 for 1, which over a telephone is not taken for 七.
    """
    digits = "".join(_DIGITS[int(char)] for char in text if char in "0123456789")
    return digits.replace("一", "幺") if phone else digits


def cardinal(value: int) -> str:
    """A whole number as it is counted: 101000 is 十万一千. `value` must not be negative."""
    text = _sections(value) or "零"
    if text.startswith("一十"):
        return text[1:]
    if text[0] == "二" and text[1:2] in ("百", "千", "万", "亿"):
        return "两" + text[1:]
    return text


def number(literal: str, *, counted: bool = False) -> str:
    """A literal such as "1,234", "0.50" or "007".

    `counted` says that a measure word follows, so that a bare 2 is 两. A leading
    zero shows a code rather than a quantity: it is said digit by digit.
    """
    whole, point, decimals = literal.replace(",", "").partition(".")
    spoken = digit_by_digit(whole) if len(whole) > 1 and whole[0] == "0" else cardinal(int(whole))
    if point:
        return f"{spoken}点{digit_by_digit(decimals)}"
    return "两" if counted and spoken == "二" else spoken


def roman(numeral: str) -> int | None:
    """The value of a Roman numeral up to XXXIX, or None if it is not written as the rules ask."""
    values = [_ROMAN[char] for char in numeral]
    total = sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
    return total if _as_roman(total) == numeral else None


def _as_roman(value: int) -> str:
    units = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    return "X" * (value // 10) + units[value % 10]


def _sections(value: int) -> str:
    """Sections of four places; zeros at a section's end are not said, zeros inside are said once."""
    for size, name, full in ((10**8, "亿", 10**7), (10**4, "万", 10**3)):
        if value >= size:
            high, low = divmod(value, size)
            gap = "零" if 0 < low < full else ""
            return _sections(high) + name + gap + _sections(low)
    return _four_places(value)


def _four_places(value: int) -> str:
    spoken = ""
    for digit, place in zip(f"{value:04d}", _PLACES, strict=True):
        spoken += _DIGITS[int(digit)] + place if digit != "0" else "零"
    while "零零" in spoken:
        spoken = spoken.replace("零零", "零")
    return spoken.strip("零")
