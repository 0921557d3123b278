"""Surnames that sound otherwise than the word written alike: 任 of 任先生, 单 of 姓单.

Truth: 现代汉语词典, 7th edition (entries marked 姓); 中国姓氏大辞典 for the rarer ones.
"""

import re

SURNAMES = {
    "任": "ren2", "仇": "qiu2", "单": "shan4", "查": "zha1", "翟": "zhai2", "曾": "zeng1",
    "解": "xie4", "区": "ou1",
    "盖": "ge3", "朴": "piao2", "燕": "yan1", "华": "hua4", "乐": "yue4", "种": "chong2",
    "覃": "qin2", "缪": "miao4",
    "葛": "ge3", "洗": "xian3", "员": "yun4", "折": "she2", "繁": "po2", "盛": "sheng4",
    "纪": "ji3", "隗": "wei3", "牟": "mou2", "薄": "bo2", "藏": "zang1", "曲": "qu1",
    "乜": "nie4", "谌": "chen2", "句": "gou1", "秘": "bi4", "石": "shi2", "召": "shao4",
    "幺": "yao1", "晟": "cheng2", "佴": "nai4", "祭": "zhai4", "沈": "shen3",
}  # fmt: skip
#: Surnames that a guessed word of three characters begins with.
_COMMON = frozenset("任仇单查翟曾解盖朴燕华覃缪葛牟隗")
#: Those that stand after 老, 小 and 阿, where others are given names.
_FAMILIAR = frozenset("任仇单查翟曾解朴覃缪")
_FAMILIAR_WORDS = frozenset(("小解", "老解", "小单"))
#: Those that are verbs, adverbs or parts of compounds too: more must speak for a name.
_VERBS = frozenset("任单查曾解区盖华种折藏乐石洗祭召员")

_OFFICE = r"[校院局处科厅部队团连营班组县市镇村所船]长|主任|主席|书记|经理|教授|总管|统领"
_TITLE = re.compile(
    r"总(?=$|[来说好您的])|先生|小姐|女士|太太|夫人|师傅|老师|师[父兄姐弟妹叔伯]|大人|将军(?!队)"
    r"|公子|姑娘"
    r"|掌柜|老板|大侠|少侠|女侠|道长|真人|长老|掌门|帮主|教主|庄主"
    r"|堂主|医生|大夫|博士|警官|探长|律师|法官|叔|伯|阿姨|爷|奶奶|大[哥姐爷妈娘婶叔]|[哥姐](?!们)|嫂|兄"
    r"|老[爷弟兄太](?!们)|少爷|员外|秀才|举人|状元"
    r"|捕[头快]|都头|教头|校尉|都尉|丞相|太守|刺史|县令|知[县府州]|御史|尚书|侍郎|太[傅师后妃]|皇后"
    r"|贵[妃人]|婆婆|道士|神医|半仙|族长|家主"
    r"|舰长|[上中少]校|[上中少]尉|[上中少]将|元帅|大帅|爵士|同学|同志|女侠|仙子|仙姑|前辈|护法|镖头|贼"
    rf"|{_OFFICE}"
)
_CLAN = re.compile(r"[某氏]|家[人庄村堡军祖的大小](?!里)|家$|府[上中的]|府$")
_CLANS = frozenset("任仇翟曾朴燕葛缪覃")
_TERM = re.compile(
    rf"(?:{_OFFICE})(?:期间|以来|之前|之后|时|的?时候|一职|之职|多年|[一二两三四五六七八九十]年)"
)
_AFTER_NAMING = re.compile(
    r"(?:^|姓|[叫是找跟和与及同被把让向对问请给听见陪随救杀谢像有过]|[我你他她您](?:们|家)?|这位"
    r"|那位|这|那"
    r"|的|了|名叫|在下|小女子?|老夫)$"
)
_AFTER_OFFICE = re.compile(r"[曾历新现兼原前担出升上在]$")
_BEFORE_TALK = re.compile(r"$|[说道问答喊叫笑哭怒冷叹是来去在和与也、死杀走跑]")
_SPEAKS = re.compile(r"..?(?:说道|问道|笑道|怒道|道$|冷笑|大怒|来了|拔|点头|摇头|抱拳|一笑|大笑|沉声)")
_ELDER = re.compile(r"[二三四五六七八九十大][爷娘叔伯哥姐嫂公婆妹姑]")
_NO_NAME = re.compile(
    r"[不一了着过去来起下上开得的他你我它她这那个子到出完清看想见说是有在们人么什为被把岂必未报深选]"
)


def surname(word: str, known: bool, before: str, after: str) -> tuple[int, str] | None:
    """Where in `word` a surname with a reading of its own stands, and that reading; None for other words.

    `known` is whether the dictionary has the word, and not as a name; `before` and `after` are its neighbours
    in the clause.
    """
    if word[0] in SURNAMES and _is_name(word, known, before, after):
        return 0, SURNAMES[word[0]]
    if len(word) == 2 and word[1] in SURNAMES and (word[0] == "姓" or _is_familiar(word)):
        return 1, SURNAMES[word[1]]
    return None


def _is_familiar(word: str) -> bool:
    return word[0] in "老小阿" and word[1] in _FAMILIAR and word not in _FAMILIAR_WORDS


def _is_name(word: str, known: bool, before: str, after: str) -> bool:
    if not known and (before.endswith("姓") or _is_full_name(word, before, after)):
        return True
    if len(word) == 1 and (_is_spoken_of(word, before, after) or _is_familiar(before + word)):
        return True
    return _has_title(word, known, before, after)


def _is_full_name(word: str, before: str, after: str) -> bool:
    if len(word) == 1 or word[0] not in _COMMON or _NO_NAME.search(word[1:]):
        return False
    if len(word) == 3:
        return True
    return (
        len(word) == 2 and _AFTER_NAMING.search(before) is not None and _BEFORE_TALK.match(after) is not None
    )


def _is_spoken_of(word: str, before: str, after: str) -> bool:
    """A surname cut off from the name behind it: 仇|千山."""
    if word not in _COMMON or _NO_NAME.match(after) or not _AFTER_NAMING.search(before):
        return False
    if _ELDER.match(after):
        return True
    return _SPEAKS.match(after) is not None or (len(after) > 1 and word in "仇翟朴缪覃")


def _has_title(word: str, known: bool, before: str, after: str) -> bool:
    first, rest = word[0], word[1:] + after
    if len(word) > 1 and not _TITLE.match(word[1:]) and not _CLAN.match(rest):
        return False
    if rest[:1] in ("某", "氏") or (first in _CLANS and _CLAN.match(rest)):
        return True
    if not _TITLE.match(rest) or _TERM.match(rest) or _AFTER_OFFICE.search(before):
        return False
    is_one = len(word) > 1 and not known and _TITLE.fullmatch(word[1:]) is not None
    return is_one or first not in _VERBS or _AFTER_NAMING.search(before) is not None
