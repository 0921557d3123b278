"""Units and currencies as they are written after or before a number, and how they are said.

Symbols follow NIST SP 811 (spaced or not); the words are American.
"""

import re

_SINGULAR = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer",
    "kg": "kilogram", "g": "gram", "mg": "milligram", "lb": "pound", "lbs": "pound", "oz": "ounce",
    "ft": "foot", "in.": "inch", "in": "inch", "yd": "yard", "yds": "yard", "mi": "mile",
    "mph": "mile per hour", "kph": "kilometer per hour", "km/h": "kilometer per hour",
    "m/s": "meter per second", "km/s": "kilometer per second", "fps": "frame per second",
    "s": "second", "sec": "second", "secs": "second", "ms": "millisecond", "min": "minute", "mins": "minute",
    "h": "hour", "hr": "hour", "hrs": "hour", "l": "liter", "L": "liter", "ml": "milliliter",
    "mL": "milliliter", "gal": "gallon", "°": "degree", "°C": "degree Celsius", "°F": "degree Fahrenheit",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "kWh": "kilowatt hour", "V": "volt", "Hz": "hertz",
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "dB": "decibel", "KB": "kilobyte",
    "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "m²": "square meter",
    "m/s²": "meter per second squared", "km/s²": "kilometer per second squared",
    "m/s^2": "meter per second squared",
    "ft/s": "foot per second", "cm²": "square centimeter", "mm²": "square millimeter",
    "cm³": "cubic centimeter",
    "km³": "cubic kilometer", "rpm": "revolution per minute", "kb": "kilobyte", "lbs.": "pound",
    "lb.": "pound",
    "oz.": "ounce", "mA": "milliamp", "mV": "millivolt", "kV": "kilovolt", "Nm": "newton meter",
    "psi": "pound per square inch",
    "mi²": "square mile", "sq ft": "square foot", "sq. ft.": "square foot", "sq mi": "square mile",
    "cc": "cubic centimeter",
    "km²": "square kilometer", "m³": "cubic meter", "ft²": "square foot", "px": "pixel",
}  # fmt: skip
_IRREGULAR = {"foot": "feet", "inch": "inches", "hertz": "hertz", "kilohertz": "kilohertz",
              "megahertz": "megahertz", "gigahertz": "gigahertz"}  # fmt: skip
#: "6 in the morning" and "2 s" are words, so these are units only when they touch the number.
_TOUCHING_ONLY = frozenset({"in", "s", "h", "l", "V", "W", "g", "L"})

_PATTERN = re.compile(
    r"([ -]?)("
    + "|".join(re.escape(u) for u in sorted(_SINGULAR, key=len, reverse=True))
    + r"|%|°\s[CF])(?![\w'⁰-⁹²³]|/[a-z])"
)

_POINT_INSIDE = re.compile(r"\.(?= [a-z])")  #: "3 ft. of rope"

CURRENCIES = {
    "$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", ""),
    "₹": ("rupee", "paisa"), "₽": ("ruble", "kopeck"), "₩": ("won", ""), "¢": ("cent", ""),
    "R$": ("real", "centavo"), "MX$": ("peso", "centavo"), "RMB": ("yuan", ""), "CN¥": ("yuan", ""),
    "JP¥": ("yen", ""), "CHF": ("franc", "centime"), "₱": ("peso", "centavo"), "₺": ("lira", ""),
    "₴": ("hryvnia", ""), "฿": ("baht", ""), "₫": ("dong", ""),
}  # fmt: skip
_PLURAL_MONEY = {
    "penny": "pence", "yen": "yen", "won": "won", "paisa": "paise", "real": "reais", "yuan": "yuan",
    "baht": "baht", "dong": "dong", "hryvnia": "hryvnias",
}  # fmt: skip


def unit_after(text: str, index: int, singular: bool) -> tuple[list[str], int] | None:
    """The unit written at ``text[index:]`` in words, and the index behind it."""
    found = _PATTERN.match(text, index)
    if found is None:
        return None
    space, symbol = found.groups()
    if symbol == "%":
        return ["percent"], found.end()
    if space and symbol in _TOUCHING_ONLY:
        return None
    end = found.end() + (_POINT_INSIDE.match(text, found.end()) is not None)
    return unit_words(
        symbol if symbol in _SINGULAR else symbol.replace(" ", ""), singular or space == "-"
    ), end


def unit_words(symbol: str, singular: bool) -> list[str]:
    """ "km/h" as ["kilometers", "per", "hour"]."""
    words = _SINGULAR[symbol].split()
    if singular:
        return words
    noun = 1 if words[0] in ("square", "cubic", "kilowatt") and len(words) > 1 else 0
    words[noun] = _IRREGULAR.get(words[noun], words[noun] + "s")
    return words


def money(symbol: str, part: int, singular: bool) -> str:
    """The name of a currency's unit (`part` 0) or its hundredth (1; "" where it has none)."""
    name = CURRENCIES[symbol][part]
    return name if singular or not name else _PLURAL_MONEY.get(name, name + "s")
