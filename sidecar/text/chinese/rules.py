"""How digits and symbols in a Chinese line are read: one pattern and one function a rule.

`SCANNER` finds the next piece of a folded line; the name of the group that matched
is the rule. Rules stand in the order in which they are tried. Quantifiers before a
required tail are bounded, so that no line takes more than linear time.
"""

import re
from collections.abc import Callable

from sidecar.text.chinese import figures, quantities
from sidecar.text.chinese.numbers import number
from sidecar.text.chinese.units import CURRENCIES, UNITS

#: Han characters with a possible reading: 〇, the unified ideographs and their extensions.
HANZI = "[〇\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]"

_INT = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,5}(?![0-9])|[0-9]+)"
_NUM = rf"{_INT}(?:\.[0-9]+)?"
_SHORT = r"[0-9]{1,6}(?:\.[0-9]{1,4})?"
_UNIT = (
    "(?:" + "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True)) + r")(?![A-Za-z/^])"
)
_PIXELS = "画质|屏|电视|分辨率|视频|高清|超清|蓝光|影|显示|画面|投影|直播|修复"
_THOUSANDS = r"[wWkK](?![A-Za-z0-9])"
_MINUS = r"(?<![0-9A-Za-z])-"
_MONEY = "(?:" + "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True)) + ")"

_Reader = Callable[[re.Match[str]], str]


def _time(match: re.Match[str]) -> str:
    return quantities.ratio(match) if quantities.is_score(match) else figures.time(match)


_RULES: tuple[tuple[str, str, _Reader | None], ...] = (
    ("hanzi", f"{HANZI}+", None),
    (
        "phone",
        r"(?<![0-9A-Za-z.])(?:(?:\+?86[- ]?)?1[3-9][0-9][- ]?[0-9]{4}[- ]?[0-9]{4}|0[0-9]{2,3}-[0-9]{7,8}"
        r"|[48]00-[0-9]{3,4}-[0-9]{3,4})(?![0-9])",
        figures.phone,
    ),
    ("long", r"[0-9]{13,}", figures.digits),
    (
        "date",
        r"(?<![0-9])(?P<date_y>[0-9]{4})(?P<date_s>[-/.])(?P<date_m>0?[1-9]|1[0-2])(?P=date_s)"
        r"(?P<date_d>0?[1-9]|[12][0-9]|3[01])(?![0-9])",
        figures.date,
    ),
    (
        "month",
        r"(?<![0-9.])(?P<month_y>(?:19|20)[0-9]{2})[-/](?P<month_m>0[1-9]|1[0-2])(?![0-9.,/:=-])(?!年|月|元"
        r"|个|人|米)",
        figures.month,
    ),
    (
        "years",
        r"(?<![0-9])[0-9]{4} ?[-~–—]{1,2} ?[0-9]{4}(?=年|赛季|学年|财年)"
        r"|(?<![0-9])(?:(?:1[5-9]|20)[0-9]{2})[-–—~](?:(?:1[5-9]|20)[0-9]{2})(?![0-9=.])(?!个|人|元|米|块"
        r"|点)",
        figures.years,
    ),
    (
        "year",
        r"(?<![0-9.,])(?:[0-9]{4}(?=年(?!级))|[0-9]{2}(?=年[0-9]{1,2}月)|(?:(?<=公元)"
        r"|(?<=公元前))[0-9]{1,3}(?=年)"
        r"|[5-9][0-9](?=年(?:出生|生人|生的|毕业|入学|参军|世界杯|的夏天|的冬天|的春天|的秋天|夏天|冬天"
        r"|春天|秋天)))",
        figures.year,
    ),
    ("decade", r"(?<![0-9.])(?:1[0-9]|20)[0-9]0s(?![A-Za-z])", figures.decade),
    ("feast", r"(?<![0-9.])[0-9]{1,2}\.[0-9]{1,2}(?=晚会|事件|大促|购物节|活动)", figures.digits),
    ("generation", r"(?<![0-9.,])[0-9][05](?=后(?![面来天卫退方边续果半宫台者世裔]))", figures.digits),
    (
        "time",
        r"(?<![0-9:.])(?P<time_h>[01]?[0-9]|2[0-4]):(?P<time_m>[0-5][0-9])(?::(?P<time_s>[0-5][0-9]))?"
        r"(?: ?(?P<time_half>[ap]m|[AP]M)(?![A-Za-z]))?(?![0-9:])",
        _time,
    ),
    (
        "half_day",
        r"(?<![0-9.,:])(?P<half_day_n>1[0-2]|[1-9]) ?(?P<half_day_h>[ap]m|[AP]M)(?![A-Za-z])",
        figures.half_day,
    ),
    ("ratio", rf"(?<![0-9:.]){_SHORT}(?: ?: ?{_SHORT}){{1,4}}(?![0-9:])", quantities.ratio),
    (
        "percents",
        rf"(?P<percents_a>{_NUM})[%‰]?[-~–—] ?(?P<percents_b>{_NUM})(?P<percents_symbol>[%‰])",
        quantities.percents,
    ),
    (
        "percent",
        rf"(?P<percent_sign>{_MINUS})?(?P<percent_n>{_NUM}) ?(?P<percent_symbol>[%‰])",
        quantities.percent,
    ),
    (
        "money",
        rf"(?<![A-Za-z])(?P<money_c>{_MONEY}) ?(?P<money_n>{_NUM})"
        rf"(?P<money_big>[百千万亿]{{1,2}}|{_THOUSANDS})?元?",
        quantities.money,
    ),
    ("paid", rf"(?P<paid_n>{_NUM}) ?(?P<paid_c>{_MONEY})(?![0-9A-Za-z])", quantities.paid),
    (
        "fraction",
        r"(?<![0-9/.])(?P<fraction_a>[0-9]{1,6}) ?/ ?(?P<fraction_b>[0-9]{1,6})(?![0-9/.])",
        quantities.fraction,
    ),
    ("code", r"(?<![0-9.])[0-9]{1,6}(?:-[0-9]{1,6}){2,6}(?![0-9])", figures.digits),
    (
        "range",
        rf"(?P<range_a>(?:{_MINUS})?{_NUM})(?P<range_first>{_UNIT}|{_THOUSANDS})?(?:[-–—]| ?~{{1,2}} ?)"
        rf"(?P<range_b>-?{_NUM})(?![0-9:])(?P<range_unit> ?{_UNIT}|{_THOUSANDS})?",
        quantities.span,
    ),
    (
        "stopwatch",
        r"(?<![0-9.])(?P<stopwatch_m>[0-9]{1,2})['′’](?P<stopwatch_s>[0-5]?[0-9])(?:[\"″”]|''|’’)",
        figures.stopwatch,
    ),
    (
        "operator",
        r"(?<=[0-9%]) ?[+×*÷=<>≤≥≈±≠] ?(?=[-0-9])|(?<=[0-9]) - (?=[0-9])|(?<=[0-9])[xX](?=[0-9])",
        quantities.operator,
    ),
    ("more", r"(?<=[0-9万千亿wWkK])\+(?![0-9+])", quantities.more),
    ("until", r"(?<=[0-9日月年号点时分秒天元%°一二三四五六])[-~–—](?=[0-9周第])", quantities.until),
    ("hyphen", r"(?<=[歼轰风征舟娥宫旗苏格图])-(?=[0-9])", lambda _: ""),
    (
        "sign",
        r"(?<![0-9A-Za-z)\]])-(?=[0-9])|[+±×≥≤≈=<>](?=[0-9])|(?<![A-Za-z])[xX](?=[0-9])",
        quantities.sign,
    ),
    ("numbered", rf"#(?P<numbered_n>{_INT})", figures.numbered),
    ("power", rf"(?P<power_n>{_NUM})(?P<power_e>\^-?\^?[0-9]{{1,3}}(?:\^[0-9]){{0,3}})", quantities.power),
    ("volts", r"[0-9]{1,5}(?:\.[0-9])?V(?![A-Za-z0-9])", lambda match: f"{number(match.group()[:-1])}伏"),
    ("measured", rf"(?P<measured_n>{_NUM}) ?(?P<measured_u>{_UNIT})", quantities.measured),
    (
        "thousands",
        rf"(?![248][Kk](?:{_PIXELS})|(?:9|14|18|22|24)[Kk](?:金|黄金|白金|玫瑰|戒|项链)|[48]K(?:$"
        rf"|[，。！？,!? ]))(?P<thousands_n>{_NUM})(?P<thousands_k>{_THOUSANDS})",
        quantities.thousands,
    ),
    ("version", r"(?<![0-9.])[0-9]{1,6}(?:\.[0-9]{1,6}){2,4}(?![0-9])", figures.version),
    # 85折 is 八五折.
    ("discount", r"(?<![0-9.])[1-9](?:\.?[1-9])?(?=折(?![0-9返断磨腾叠扣]))", figures.digits),
    # 1米75, 3块5, 38度5: what follows the unit.
    (
        "small_unit",
        r"(?:(?<=[0-9一二两三四五六七八九][米块度尺斤丈])"
        r"|(?<=[0-9]m))[0-9]{1,2}(?![0-9.,:~-])(?![米块度尺斤丈寸两角毛分厘个人名])",
        figures.digits,
    ),
    (
        "next_to",
        r"(?<![0-9.、])(?P<next_a>[1-9])、(?P<next_b>[1-9])(?=[个天次年人位名条只点分岁里米杯步招遍回块句月周])",
        figures.next_to,
    ),
    ("number", _NUM, figures.plain_number),
    ("decimal", r"(?<![0-9A-Za-z.])\.[0-9]+", lambda match: f"零点{figures.digits(match)}"),
    # At least one I or V: XX is how a name is left blank.
    (
        "roman",
        rf"(?<=第)[IV](?![A-Za-z0-9])|(?<=[a-z] )[IVX]{{2,5}}(?![A-Za-z0-9])"
        rf"|(?<={HANZI})(?=X*[IV])[IVX]{{2,7}}(?![A-Za-z0-9])",
        figures.roman_numeral,
    ),
    ("roman_sign", "[Ⅰ-ⅿ]+", figures.roman_numeral),
    ("symbol", "[&@]", quantities.symbol),
    ("unit", r"(?<![A-Za-z0-9])[kcm]?m\^[23]|°[CF]", quantities.unit),
    ("per", r"(?<=[0-9元块斤人个次分秒天月年])/(?=[个件人天月年次斤米秒分时小公千位只张块])", lambda _: "每"),
    ("silent", r"(?<=[A-Za-z])\.(?=[0-9])", lambda _: ""),
    ("slang", r"(?<![A-Za-z0-9])[uU]1[sS]1(?![A-Za-z0-9])", lambda _: "有一说一"),
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
