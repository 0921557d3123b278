"""Traditional characters as the simplified ones that words are looked up with. Lengths stay as they are.

The table is OpenCC's (`data/traditional_zh.txt`); of several simplified characters it gives the most common.
"""

import re
from functools import lru_cache
from importlib.resources import files

#: Where a character of its own table would be the wrong one, or where only the company tells.
_PHRASES = {
    "甚麼": "什么", "甚么": "什么", "彷彿": "仿佛", "沈默": "沉默", "沈沒": "沉没", "沈睡": "沉睡",
    "沈重": "沉重",
    "沈船": "沉船", "沈思": "沉思", "沈淪": "沉沦", "沈浸": "沉浸", "沈痛": "沉痛", "陰沈": "阴沉",
    "深沈": "深沉",
    "消沈": "消沉", "下沈": "下沉", "昏沈": "昏沉", "低沈": "低沉", "慰藉": "慰藉", "狼藉": "狼藉",
    "枕藉": "枕藉",
    "蘊藉": "蕴藉", "計畫": "计划", "反覆": "反复", "回覆": "回复", "答覆": "答复", "重覆": "重复",
    "傢俱": "家具",
    "項鍊": "项链", "鎖鍊": "锁链", "鐵鍊": "铁链", "手鍊": "手链", "乾坤": "乾坤", "乾隆": "乾隆",
    "乾清": "乾清",
    "乾元": "乾元", "乾卦": "乾卦", "康乾": "康乾", "乾陵": "乾陵", "宮商角徵羽": "宫商角徵羽",
    "樊於期": "樊於期",
}  # fmt: skip
_PHRASE = re.compile("|".join(map(re.escape, _PHRASES)))
#: 著 is 着 in traditional writing, but not in these words.
_KEPT_ZHU = re.compile(
    r"著(?=名|作|述|称|稱|书|書|者|录|錄|于世|於世)"
    r"|(?<=[显顯名编編原巨土卓昭论論专專拙遗遺新译譯合撰])著(?!了|急|火)"
)
#: Characters whose simplified form has several readings and they have one: as words of a single character
#: they keep the reading of what was written.
DISTINCT = {
    "隻": "zhi1", "乾": "gan1", "幹": "gan4", "鬥": "dou4", "髮": "fa4", "發": "fa1", "捲": "juan3",
    "儘": "jin3",
    "捨": "she3", "僕": "pu2", "穀": "gu3", "葉": "ye4", "術": "shu4", "衝": "chong1",
    "鬆": "song1", "麵": "mian4",
    "曬": "shai4", "嚇": "xia4", "薑": "jiang1", "祇": "zhi3", "衹": "zhi3", "盡": "jin4",
    "捱": "ai2", "徵": "zheng1",
    "係": "xi4", "餘": "yu2", "範": "fan4", "錶": "biao3", "醜": "chou3", "閤": "he2", "鉅": "ju4",
    "斃": "bi4",
}  # fmt: skip


def simplified(text: str) -> str:
    """`text` with as many characters, the traditional ones exchanged."""
    plain = text.translate(_table())
    is_traditional = plain != text
    for match in _PHRASE.finditer(text):
        plain = plain[: match.start()] + _PHRASES[match.group()] + plain[match.end() :]
    return _with_particle(plain, is_traditional) if "著" in plain else plain


def _with_particle(text: str, is_traditional: bool) -> str:
    """著 as 着, in a traditional line or before what only 着 stands before."""
    kept = {match.start() for match in _KEPT_ZHU.finditer(text)}
    if not is_traditional and not _PARTICLE.search(text):
        return text
    return "".join("着" if char == "著" and at not in kept else char for at, char in enumerate(text))


_PARTICLE = re.compile(
    r"[拿看等跟沿向朝随望坐站走笑哭想说听抱握背带穿活睡躺守盯顺接忙急迎摸追跑忍带叫]著"
    r"|著(?=了?[火急凉迷魔]"
    r"|陆|地|手|眼|想|落|实|力|装|色)"
)


@lru_cache(maxsize=1)
def _table() -> dict[int, str]:
    text = (files("sidecar.text") / "data" / "traditional_zh.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {ord(pair[0]): pair[1] for line in lines for pair in line.split()}
