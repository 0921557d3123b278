"""How digits and symbols in a Chinese line are read: one pattern and one function a rule.

`SCANNER` finds the next piece of a folded line; the name of the group that matched
is the rule. Rules stand in the order in which they are tried. Quantifiers before a
required tail are bounded, so that no line takes more than linear time.

Sources: GB/T 15835-2011 (years and codes digit by digit, ranges), GB 3100-1993 (names
of units), 现代汉语八百词 (两 before measure words), common usage for the rest.
"""

import re
from collections.abc import Callable

from sidecar.text.chinese.numbers import cardinal, digit_by_digit, number, roman

#: Han characters with a possible reading: 〇, the unified ideographs and their extensions.
HANZI = "[〇\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]"

_UNITS = {
    "km/h": "公里每小时", "m/s": "米每秒", "km2": "平方公里", "m2": "平方米", "m3": "立方米",
    "km": "公里", "cm": "厘米", "mm": "毫米", "m": "米", "kg": "公斤", "mg": "毫克", "g": "克", "t": "吨",
    "mL": "毫升", "ml": "毫升", "L": "升", "l": "升", "min": "分钟", "ms": "毫秒", "s": "秒", "h": "小时",
    "kW": "千瓦", "kHz": "千赫", "MHz": "兆赫", "Hz": "赫兹", "MB": "兆",
    "°C": "摄氏度", "°F": "华氏度", "°": "度",
}  # fmt: skip
_CURRENCIES = {"¥": "元", "$": "美元", "€": "欧元", "£": "英镑"}
_OPERATORS = {
    "+": "加", "-": "减", "×": "乘", "*": "乘", "÷": "除以", "=": "等于", "<": "小于", ">": "大于",
    "≤": "小于等于", "≥": "大于等于", "≈": "约等于", "±": "正负",
}  # fmt: skip
_SYMBOLS = {"&": "和", "@": "艾特"}

#: Words that count things: before them a bare 2 is 两. 月, 号, 日, 级, 楼, 星 name things: there it stays 二.
_MEASURE = re.compile(
    r"个|只|条|张|把|本|件|位|名|人|天|年(?!级)|周|小时|分钟|秒|刻|分(?!之)|点|次(?![元方])|回|遍|趟|下|步|块|元|米|公里|千米|厘米"
    r"|公斤|千克|克|斤|吨|里|升|度|倍|层|岁|头|匹|座|间|所|家|支|枝|根|颗|粒|滴|瓶|杯|碗|盘|桶|箱|袋|包|盒|双|对|副"
    r"|套|组|队|群|排|行|股|阵|场|顿|份|种|样|类|项|句|段|篇|首|幅|枚|发|门|艘|架|辆|台|部|面|口|扇|道|处|片|朵|棵"
    r"|株|束|串|堆|丝|者|边|百|千|万|亿|金币|银币|铜币|美元|欧元|英镑"
)
_PHONE_BEFORE = re.compile(r"(?:电话|手机|热线|拨打|拨|致电|分机|报警)[^0-9]{0,3}$")
_CODE_BEFORE = re.compile(
    r"(?:密码|编号|代号|代码|账号|帐号|验证码|口令|房号|车牌|邮编|工号|序号|号码|QQ)[^0-9]{0,3}$"
)
_RATIO_BEFORE = re.compile(r"(?:比分|比例|比率|比数|赔率|概率|战成|以)[^0-9]{0,2}$")
_AGO = re.compile(r"年(?:以前|之前|前|来|的?历史)")
_KINGS = re.compile(
    r"(?:亨利|查理|路易|爱德华|乔治|伊丽莎白|威廉|约翰|保罗|拿破仑|尼古拉|腓力|詹姆斯|理查|凯瑟琳|亚历山大|彼得|奥托)$"
)

_INT = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,5}(?![0-9])|[0-9]+)"
_NUM = rf"{_INT}(?:\.[0-9]+)?"
_SHORT = r"[0-9]{1,6}(?:\.[0-9]{1,4})?"
_UNIT = "(?:" + "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True)) + ")(?![A-Za-z])"
_MINUS = r"(?<![0-9A-Za-z])-"

_Reader = Callable[[re.Match[str]], str]


def _phone(match: re.Match[str]) -> str:
    return digit_by_digit(match.group(), phone=True)


def _digits(match: re.Match[str]) -> str:
    return digit_by_digit(match.group())


def _date(match: re.Match[str]) -> str:
    year, month, day = match["date_y"], int(match["date_m"]), int(match["date_d"])
    return f"{digit_by_digit(year)}年{cardinal(month)}月{cardinal(day)}日"


def _years(match: re.Match[str]) -> str:
    return f"{digit_by_digit(match['years_a'])}到{digit_by_digit(match['years_b'])}"


def _year(match: re.Match[str]) -> str:
    """2024年 is a name, 1200年前 and 3000年 are lengths of time."""
    value = int(match.group())
    named = 1900 <= value <= 2100 and value != 2000
    if not named and (_AGO.match(match.string, match.end()) or (value >= 3000 and value % 100 == 0)):
        return cardinal(value)
    return digit_by_digit(match.group())


def _time(match: re.Match[str]) -> str:
    if _RATIO_BEFORE.search(_left(match)):
        return _ratio(match)
    hour = number(str(int(match["time_h"])), counted=True)
    minute, second = match["time_m"], match["time_s"]
    spoken = f"{hour}点" + ("" if minute == "00" and second in (None, "00") else f"{number(minute)}分")
    return spoken + (f"{number(second)}秒" if second and second != "00" else "")


def _ratio(match: re.Match[str]) -> str:
    return "比".join(number(part.strip()) for part in match.group().split(":"))


def _percent(match: re.Match[str]) -> str:
    sign, literal, symbol = match["percent_sign"], match["percent_n"], match["percent_symbol"]
    return _share(("-" if sign else "") + literal, symbol)


def _percents(match: re.Match[str]) -> str:
    symbol = match["percents_symbol"]
    return f"{_share(match['percents_a'], symbol)}到{_share(match['percents_b'], symbol)}"


def _share(literal: str, symbol: str) -> str:
    sign, literal = ("负", literal[1:]) if literal[0] == "-" else ("", literal)
    if symbol == "‰":
        return f"{sign}千分之{number(literal)}"
    return f"{sign}百分之{'百' if literal == '100' else number(literal)}"


def _money(match: re.Match[str]) -> str:
    literal = match["money_n"]
    if "." in literal:
        literal = literal.rstrip("0").rstrip(".")
    return f"{number(literal, counted=True)}{match['money_big'] or ''}{_CURRENCIES[match['money_c']]}"


def _fraction(match: re.Match[str]) -> str:
    return f"{number(match['fraction_b'])}分之{number(match['fraction_a'])}"


def _range(match: re.Match[str]) -> str:
    """3-5天 is 三到五天; 比分3-5 is 三比五; 5-3=2 is a subtraction."""
    following = _right(match)
    unit = _UNITS.get(match["range_unit"] or "", "")
    counted = bool(unit) or _MEASURE.match(following) is not None
    if following.lstrip().startswith("="):
        joint = "减"
    else:
        joint = "比" if _RATIO_BEFORE.search(_left(match)) else "到"
    low, high = (_signed(match[name], counted) for name in ("range_a", "range_b"))
    first_unit = _UNITS.get(match["range_first"] or "", "")
    return f"{low}{first_unit}{joint}{high}{unit}"


def _signed(literal: str, counted: bool) -> str:
    sign = "负" if literal[0] == "-" else ""
    return sign + number(literal.lstrip("-"), counted=counted)


def _until(match: re.Match[str]) -> str:
    return "到"


def _operator(match: re.Match[str]) -> str:
    return _OPERATORS[match.group().strip()]


def _sign(match: re.Match[str]) -> str:
    return "负" if match.group() == "-" else _OPERATORS[match.group()]


def _numbered(match: re.Match[str]) -> str:
    return f"{number(match['numbered_n'])}号"


def _measured(match: re.Match[str]) -> str:
    return number(match["measured_n"], counted=True) + _UNITS[match["measured_u"]]


def _version(match: re.Match[str]) -> str:
    return "点".join(number(part) for part in match.group().split("."))


def _plain_number(match: re.Match[str]) -> str:
    literal, before, after = match.group(), _left(match), _right(match)
    if literal.isdigit():
        if _PHONE_BEFORE.search(before):
            return digit_by_digit(literal, phone=True)
        if _CODE_BEFORE.search(before) or re.match("室|房", after):
            return digit_by_digit(literal)
        if len(literal) >= 9 and not literal.endswith("0000") and not _MEASURE.match(after):
            return digit_by_digit(literal)
    counted = not before.endswith("第") and _MEASURE.match(after) is not None
    return number(literal, counted=counted)


def _roman_numeral(match: re.Match[str]) -> str:
    """亨利VIII is 亨利八世, 第III章 is 第三章; letters that make no numeral are left out."""
    value = roman(match.group())
    if value is None:
        return ""
    named_king = _KINGS.search(_left(match)) and not _right(match).startswith("世")
    return cardinal(value) + ("世" if named_king else "")


def _symbol(match: re.Match[str]) -> str:
    return _SYMBOLS[match.group()]


def _left(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - 8) : match.start()]


def _right(match: re.Match[str]) -> str:
    return match.string[match.end() : match.end() + 6]


_RULES: tuple[tuple[str, str, _Reader | None], ...] = (
    ("hanzi", f"{HANZI}+", None),
    (
        "phone",
        r"(?<![0-9A-Za-z.])(?:(?:\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}|0[0-9]{2,3}-[0-9]{7,8}"
        r"|[48]00-[0-9]{3,4}-[0-9]{3,4})(?![0-9])",
        _phone,
    ),
    ("long", r"[0-9]{13,}", _digits),
    (
        "date",
        r"(?<![0-9])(?P<date_y>[0-9]{4})(?P<date_s>[-/.])(?P<date_m>0?[1-9]|1[0-2])(?P=date_s)"
        r"(?P<date_d>0?[1-9]|[12][0-9]|3[01])(?![0-9])",
        _date,
    ),
    ("years", r"(?<![0-9])(?P<years_a>[0-9]{4}) ?[-~–—]{1,2} ?(?P<years_b>[0-9]{4})(?=年)", _years),
    (
        "year",
        r"(?<![0-9.,])(?:[0-9]{4}(?=年(?!级))|[0-9]{2}(?=年[0-9]{1,2}月)|(?:(?<=公元)|(?<=公元前))[0-9]{1,3}(?=年))",
        _year,
    ),
    (
        "time",
        r"(?<![0-9:.])(?P<time_h>[01]?[0-9]|2[0-4]):(?P<time_m>[0-5][0-9])(?::(?P<time_s>[0-5][0-9]))?(?![0-9:])",
        _time,
    ),
    ("ratio", rf"(?<![0-9:.]){_SHORT}(?: ?: ?{_SHORT}){{1,4}}(?![0-9:])", _ratio),
    (
        "percents",
        rf"(?P<percents_a>{_NUM})[%‰]?[-~–—] ?(?P<percents_b>{_NUM})(?P<percents_symbol>[%‰])",
        _percents,
    ),
    ("percent", rf"(?P<percent_sign>{_MINUS})?(?P<percent_n>{_NUM}) ?(?P<percent_symbol>[%‰])", _percent),
    ("money", rf"(?P<money_c>[¥$€£]) ?(?P<money_n>{_NUM})(?P<money_big>[百千万亿]{{1,2}})?元?", _money),
    ("fraction", r"(?<![0-9/.])(?P<fraction_a>[0-9]{1,4})/(?P<fraction_b>[0-9]{1,4})(?![0-9/.])", _fraction),
    ("code", r"(?<![0-9.])[0-9]{1,6}(?:-[0-9]{1,6}){2,6}(?![0-9])", _digits),
    (
        "range",
        rf"(?P<range_a>(?:{_MINUS})?{_NUM})(?P<range_first>{_UNIT})?(?:[-–—]| ?~{{1,2}} ?)"
        rf"(?P<range_b>-?{_NUM})(?![0-9:])(?P<range_unit>{_UNIT})?",
        _range,
    ),
    ("operator", r"(?<=[0-9%]) ?[+×*÷=<>≤≥≈±] ?(?=[-0-9])|(?<=[0-9]) - (?=[0-9])", _operator),
    ("until", r"(?<=[0-9日月年号点时分秒天元%°])[-~–—](?=[0-9])", _until),
    ("sign", r"(?<![0-9A-Za-z)\]])-(?=[0-9])|[+±×](?=[0-9])", _sign),
    ("numbered", rf"#(?P<numbered_n>{_INT})", _numbered),
    ("measured", rf"(?P<measured_n>{_NUM}) ?(?P<measured_u>{_UNIT})", _measured),
    ("version", r"(?<![0-9.])[0-9]{1,6}(?:\.[0-9]{1,6}){2,4}(?![0-9])", _version),
    ("number", _NUM, _plain_number),
    # At least one I or V: XX is how a name is left blank.
    ("roman", rf"(?<={HANZI})(?=X*[IV])[IVX]{{2,7}}(?![A-Za-z0-9])", _roman_numeral),
    ("symbol", "[&@]", _symbol),
    ("latin", r"[A-Za-z]+(?:['’][A-Za-z]+)*", None),
    (
        "mark",
        r"\n[\s]*|[。.]+|[~]+|—+|--+|…+|[，、,！!？?；;:“”「」『』《》〈〉«»‘’【】〖〗\"()（）〔〕｡､]",
        None,
    ),
)

#: Group names are the rules', plus "hanzi", "latin" and "mark", which spell themselves.
SCANNER = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern, _ in _RULES))
_READERS = {name: reader for name, _, reader in _RULES if reader is not None}


def spell_out(match: re.Match[str]) -> str:
    """The hanzi that a match of `SCANNER` is read as; only for rules that have a reader."""
    return _READERS[match.lastgroup or ""](match)
