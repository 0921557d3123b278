"""Numbers that count and measure: shares, money, fractions, scores, ranges, units.

Sources: GB/T 15835-2011 (ranges), GB 3100-1993 (names of units), 现代汉语八百词 (两 before measure words).
"""

import re

from sidecar.text.chinese.figures import left, right
from sidecar.text.chinese.numbers import number
from sidecar.text.chinese.units import CURRENCIES, MEASURE, OPERATORS, SYMBOLS, THOUSANDS, UNITS

#: Two numbers after one of these are a score or a proportion.
_RATIO_BEFORE = re.compile(
    r"(?:比分|比例|比率|比数|赔率|概率|战成|打成|大胜|完胜|险胜|惨败|取胜|战胜|击败|领先|落后|赢了?|输了?"
    r"|胜|负|以)[^0-9]{0,2}$"
)
_RATIO_AFTER = re.compile(
    r"(?:获胜|取胜|战胜|大胜|完胜|险胜|胜|击败|领先|落后|告负|战平|平局|打平|逆转|惨败|输|赢)"
)
#: What is left of a whole is said beside it, not as a fraction: HP 30/100.
_GAUGE_BEFORE = re.compile(
    r"(?:[A-Za-z]|血量?|体力|生命值?|魔力|法力|蓝量?|进度|经验值?|弹药|子弹|人数|耐久度?|能量|怒气|容量"
    r"|当前|得分)[:： 值还剩]{0,3}$"
)
_WATT_AFTER = re.compile(r"灯|功率|充电|快充|电|瓦|风扇|音箱|适配|的?充电")


def ratio(match: re.Match[str]) -> str:
    return "比".join(number(part.strip()) for part in match.group().split(":"))


def percent(match: re.Match[str]) -> str:
    sign, literal, symbol = match["percent_sign"], match["percent_n"], match["percent_symbol"]
    return _share(("-" if sign else "") + literal, symbol)


def percents(match: re.Match[str]) -> str:
    symbol = match["percents_symbol"]
    return f"{_share(match['percents_a'], symbol)}到{_share(match['percents_b'], symbol)}"


def _share(literal: str, symbol: str) -> str:
    sign, literal = ("负", literal[1:]) if literal[0] == "-" else ("", literal)
    if symbol == "‰":
        return f"{sign}千分之{number(literal)}"
    return f"{sign}百分之{'百' if literal == '100' else number(literal)}"


def money(match: re.Match[str]) -> str:
    literal = match["money_n"]
    big = match["money_big"] or ""
    return _amount(literal, big, match["money_c"])


def paid(match: re.Match[str]) -> str:
    """20$."""
    return _amount(match["paid_n"], "", match["paid_c"])


def _amount(literal: str, big: str, currency: str) -> str:
    if "." in literal:
        literal = literal.rstrip("0").rstrip(".")
    return f"{number(literal, counted=True)}{THOUSANDS.get(big, big)}{CURRENCIES[currency]}"


def fraction(match: re.Match[str]) -> str:
    above, below = match["fraction_a"], match["fraction_b"]
    if _GAUGE_BEFORE.search(left(match)):
        return f"{number(above)}比{number(below)}"
    return f"{number(below)}分之{number(above)}"


def span(match: re.Match[str]) -> str:
    """3-5天 is 三到五天; 比分3-5 is 三比五; 5-3=2 is a subtraction."""
    following = right(match)
    unit = _unit(match["range_unit"] or "", following)
    counted = bool(unit) or MEASURE.match(following) is not None
    low, high = (_signed(match[name], counted) for name in ("range_a", "range_b"))
    first_unit = _unit(match["range_first"] or "", following)
    return f"{low}{first_unit}{_joint(match, following)}{high}{unit}"


def _joint(match: re.Match[str], following: str) -> str:
    if following.lstrip().startswith("="):
        return "减"
    return "比" if is_score(match) else "到"


def is_score(match: re.Match[str]) -> bool:
    """Whether the words around two numbers say that they are a score."""
    return _RATIO_BEFORE.search(left(match)) is not None or _RATIO_AFTER.match(right(match)) is not None


def _signed(literal: str, counted: bool) -> str:
    sign = "负" if literal[0] == "-" else ""
    return sign + number(literal.lstrip("-"), counted=counted)


def _unit(written: str, following: str) -> str:
    """The name of a unit, or of the thousands typed as a letter."""
    if written == "W" and _WATT_AFTER.match(following):
        return "瓦"
    return UNITS.get(written) or THOUSANDS.get(written, "")


def measured(match: re.Match[str]) -> str:
    return number(match["measured_n"], counted=True) + UNITS[match["measured_u"]]


def unit(match: re.Match[str]) -> str:
    """m² without a number."""
    return UNITS[match.group()]


def thousands(match: re.Match[str]) -> str:
    """300w票 is 三百万票, 1.5k is 一千五百."""
    literal, letter = match["thousands_n"], match["thousands_k"]
    if letter in "kK":
        return number(f"{float(literal.replace(',', '')) * 1000:.0f}")
    return number(literal, counted=True) + _unit(letter, right(match))


def power(match: re.Match[str]) -> str:
    exponent = match["power_e"].replace("^", "")
    base, name = number(match["power_n"]), {"2": "平方", "3": "立方"}.get(exponent)
    if name:
        return f"{base}的{name}"
    return f"{base}的{_signed(exponent, False)}次方"


def more(match: re.Match[str]) -> str:
    """100+人 is 一百多人, 18+ is 十八加."""
    return "多" if MEASURE.match(right(match)) else "加"


def until(match: re.Match[str]) -> str:
    return "到"


def operator(match: re.Match[str]) -> str:
    return OPERATORS[match.group().strip()]


def sign(match: re.Match[str]) -> str:
    return "负" if match.group() == "-" else OPERATORS[match.group()]


def symbol(match: re.Match[str]) -> str:
    return SYMBOLS[match.group()]
