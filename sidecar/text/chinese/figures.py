"""Numbers that name: years, dates, codes, telephones. Most are said digit by digit.

Source: GB/T 15835-2011 (years and codes digit by digit); common usage for the slang of digits.
"""

import re
from unicodedata import normalize

from sidecar.text.chinese.numbers import cardinal, digit_by_digit, number, roman
from sidecar.text.chinese.units import MEASURE

_AGO = re.compile(
    r"年(?:了(?=$|[，。！？,!?])|以前|之前|以上|之久|前|来|间|后|的?(?:历史|寿命|阳寿|道行|修为|功力|时间"
    r"|时光|光阴)|有余|多|左右|一遇|难遇|老|文明)"
)
_LASTING = re.compile(
    r"(?:[了过近约满达足整用花等守睡活熬历共存仅才只每这那几]|需要?|还要|只要|要等|还有|已有|没有|约有|沉睡"
    r"|封印|整整|足足|长达|将近|大约|超过"
    r"|至少|不到|不足|持续|修炼|存在|相隔|相距|前后|上下|长|隔|再|又|再过|等[你我他她它]们?|寿命|刑期|徒刑"
    r"|保质期|绵延)$"
)
_IN = re.compile(r"(?:在|于|自|从|自从|公元|公元前|截至|截止|到了|直到)$")

_PHONE_BEFORE = re.compile(
    r"(?:电话|手机|热线|拨打|拨|致电|分机|报警|客服|短信发|联系)[^0-9]{0,3}$|(?:打|叫|呼)(?:了|过|个)?$"
)
_SERVICE = re.compile(r"1[12][0-9]|911|999|1[0-2][0-9]{3}|9[56][0-9]{3}|400[0-9]{7}")
_SERVICE_AFTER = re.compile(r"急救|报警|热线|救护|消防|警察|指挥|客服|接线|中心")
_CODE_BEFORE = re.compile(
    r"(?:密码|编号|代号|代码|账号|帐号|验证码|口令|房号|车牌|邮编|工号|序号|号码|QQ|尾号|群号|QQ群|学号"
    r"|卡号|单号|警号|暗号|型号"
    r"|门牌|航班|车次|微信|ID|id|UID|uid|频道|频段|罪犯|囚犯|实验体|特工|机型|区号|段号|[Nn]o\."
    r"|批号)[^0-9]{0,3}$"
)
_CODE_AFTER = re.compile(
    r"室|房|(?:号?(?:公交|公共汽车|国道|省道|高铁|航班|大促|购物节|晚会|事件|工作制|线公交))|路(?:公交"
    r"|公共汽车|车|巴士)"
    r"|号(?:房|包厢|包间|病房|教室|室|牢|囚|病床|机组|公路|航班)|次(?:列车|航班|高铁|动车|特快)|高校|院校"
    r"|大学毕业"
)
_SLANG = re.compile(
    r"6{3,}|5{4,}|2{1}3{2,}|52[01]|1314|5201314|886|996|985|211|404|9527|7456|748|94(?:87)?|88|3166|9494"
    r"|1024|007|3q"
)
_SLANG_AFTER = re.compile(r"$|[，。！？,!?；;、～~…—\s”’」』）)]|[了啊呀哦喔吧呢啦的，]|快乐|表白|告白")
_ALONE = re.compile(
    r"(?:^|[，。！？,!?；;～~…—“‘「『（(：:]|拜拜|再见|下次见|见|下了|撤了|溜了|闪了|我走了|铁|真|太|玩"
    r"|操作|说)\s*$"
)
_FOOL = re.compile(r"(?:个|真是|[你他她]是|就是|这|那|大|你|他|她)$")
_COUNTED_BEFORE = re.compile(r"(?:[共有计约近达满超为是到了过第加减剩仅花赚卖值]|[A-Za-z] ?|金币|等级|血量)$")
_KINGS = re.compile(
    r"(?:亨利|查理|路易|爱德华|乔治|伊丽莎白|威廉|约翰|保罗|拿破仑|尼古拉|腓力|詹姆斯|理查|凯瑟琳|亚历山大"
    r"|彼得|奥托)$"
)
#: Numbers behind Latin letters that count rather than name: "HP100" has a hundred points.
_STAT = re.compile(
    r"(?:HP|MP|SP|XP|EXP|ATK|DEF|STR|DEX|INT|AGI|CON|WIS|CHA|VIT|LUK|LUCK|DMG|DPS|CD|BUFF|SAN|LV|BOSS|AP|TP"
    r"|FPS|GDP|IQ|EQ|TOP|WIN)[.: ]?$",
    re.IGNORECASE,
)


_LETTER_BEFORE = re.compile("[A-Za-z]-?$")
_FOUR_DIGITS = re.compile("[0-9]{4}")


def left(match: re.Match[str]) -> str:
    """What stands before a match, as far as it can matter."""
    return match.string[max(0, match.start() - 8) : match.start()]


def right(match: re.Match[str]) -> str:
    """What follows a match, as far as it can matter."""
    return match.string[match.end() : match.end() + 8]


def phone(match: re.Match[str]) -> str:
    return digit_by_digit(match.group(), phone=True)


def digits(match: re.Match[str]) -> str:
    return digit_by_digit(match.group())


def date(match: re.Match[str]) -> str:
    year, month, day = match["date_y"], int(match["date_m"]), int(match["date_d"])
    return f"{digit_by_digit(year)}年{cardinal(month)}月{cardinal(day)}日"


def month(match: re.Match[str]) -> str:
    return f"{digit_by_digit(match['month_y'])}年{cardinal(int(match['month_m']))}月"


def years(match: re.Match[str]) -> str:
    return "到".join(map(digit_by_digit, _FOUR_DIGITS.findall(match.group())))


def year(match: re.Match[str]) -> str:
    """2024年 is a name; 1200年前, 3000年 and 等了1000年 are lengths of time."""
    literal, before = match.group(), left(match)
    if len(literal) == 2 and _LASTING.search(before):
        return cardinal(int(literal))
    return cardinal(int(literal)) if _lasts(int(literal), before, match) else digit_by_digit(literal)


def _lasts(value: int, before: str, match: re.Match[str]) -> bool:
    is_recent = 1900 <= value <= 2100 and value != 2000
    if value < 1000 or is_recent or _IN.search(before):
        return False
    if _AGO.match(match.string, match.end()) or _LASTING.search(before):
        return True
    return value >= 3000 and value % 100 == 0


def decade(match: re.Match[str]) -> str:
    """1980s."""
    return f"{digit_by_digit(match.group())}年代"


def time(match: re.Match[str]) -> str:
    hour = int(match["time_h"])
    minute, second, half = match["time_m"], match["time_s"], (match["time_half"] or "").lower()
    spoken = {"": "", "am": "上午", "pm": "下午"}[half] + f"{number(str(hour), counted=True)}点"
    spoken += "" if minute == "00" and second in (None, "00") else f"{number(minute)}分"
    return spoken + (f"{number(second)}秒" if second and second != "00" else "")


def half_day(match: re.Match[str]) -> str:
    """3pm."""
    name = "上午" if match["half_day_h"].lower() == "am" else "下午"
    return f"{name}{number(match['half_day_n'], counted=True)}点"


def stopwatch(match: re.Match[str]) -> str:
    """5'30"."""
    return f"{number(match['stopwatch_m'])}分{number(match['stopwatch_s'])}秒"


def numbered(match: re.Match[str]) -> str:
    return f"{number(match['numbered_n'])}号"


def version(match: re.Match[str]) -> str:
    parts = match.group().split(".")
    say = digit_by_digit if len(parts) == 4 and any(len(part) > 1 for part in parts) else number
    return "点".join(say(part) for part in parts)


def next_to(match: re.Match[str]) -> str:
    """2、3天 is 两三天."""
    first, second = match["next_a"], match["next_b"]
    return number(first, counted=first == "2") + number(second)


def plain_number(match: re.Match[str]) -> str:
    """A number that no other rule has taken."""
    literal, before, after = match.group(), left(match), right(match)
    counted = MEASURE.match(after) is not None and not _LETTER_BEFORE.search(before)
    if literal.isdigit():
        said = _code(literal, before, after, counted)
        if said is not None:
            return said
    return number(literal, counted=counted and not before.endswith("第"))


def _code(literal: str, before: str, after: str, counted: bool) -> str | None:
    """`literal` digit by digit, where it names something; else None."""
    if _is_phone(literal, before, after, counted):
        return digit_by_digit(literal, phone=True)
    if not counted and _is_slang(literal, before, after):
        return digit_by_digit(literal)
    if literal == "250" and not counted and _FOOL.search(before) and _SLANG_AFTER.match(after):
        return "二百五"
    if _is_code(literal, before, after, counted):
        return digit_by_digit(literal)
    if (
        _KINGS.search(before)
        and int(literal) < 40
        and not counted
        and not after.startswith(("世", "月", "号"))
    ):
        return f"{cardinal(int(literal))}世"
    return None


def _is_phone(literal: str, before: str, after: str, counted: bool) -> bool:
    if len(literal) < 3:
        return False
    if _SERVICE.fullmatch(literal) and _SERVICE_AFTER.match(after):
        return True
    if not _PHONE_BEFORE.search(before):
        return False
    return not (
        before.endswith(("打", "叫", "呼", "了", "过", "个")) and (counted or not _SERVICE.fullmatch(literal))
    )


def _is_slang(literal: str, before: str, after: str) -> bool:
    if not _SLANG.fullmatch(literal) or not _SLANG_AFTER.match(after):
        return literal in ("985", "211", "996") and not _COUNTED_BEFORE.search(before)
    if literal == "88":
        return _ALONE.search(before) is not None
    return _ALONE.search(before) is not None or not _COUNTED_BEFORE.search(before)


def _is_code(literal: str, before: str, after: str, counted: bool) -> bool:
    if _CODE_BEFORE.search(before) and not counted:
        return True
    if len(literal) > 2 and _CODE_AFTER.match(after):
        return True
    if len(literal) > 2 and _LETTER_BEFORE.search(before) and not counted and not _STAT.search(before):
        return True
    if (len(literal) > 3 and after.startswith("号")) or (
        before.endswith("-") and re.match("[室房号]", after)
    ):
        return True
    return len(literal) >= 9 and not literal.endswith("0000") and not counted


def roman_numeral(match: re.Match[str]) -> str:
    """亨利VIII is 亨利八世, 第III章 is 第三章; letters that make no numeral are left out."""
    value = roman(normalize("NFKC", match.group()).upper())
    if value is None:
        return ""
    named_king = _KINGS.search(left(match)) and not right(match).startswith("世")
    return cardinal(value) + ("世" if named_king else "")
