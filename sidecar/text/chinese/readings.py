"""Readings of characters with several pronunciations, where pypinyin's own choice is wrong.

`WORDS` holds whole words; `IN_CONTEXT` holds words whose reading depends on their
neighbours in the clause. Truth is 现代汉语词典, 7th edition. Readings are pinyin with
the tone as a digit, 5 for neutral. Everything absent from here is read by pypinyin.
"""

import re
from dataclasses import dataclass

_WORD_TABLE = """
    弹 tan2|倒 dao3|削 xiao1|嚼 jiao2|咯 lo5|喽 lou5|教 jiao1|盛 cheng2|剥 bao1|脏 zang1|王都 wang2 du1
    魔都 mo2 du1|都护 du1 hu4|皇都 huang2 du1|弹奏 tan2 zou4|弹跳 tan2 tiao4|弹开 tan2 kai1
    动弹 dong4 tan5|流血 liu2 xue4|重来 chong2 lai2|重铸 chong2 zhu4|重塑 chong2 su4|重燃 chong2 ran2
    重置 chong2 zhi4|重访 chong2 fang3|重归 chong2 gui1|重蹈 chong2 dao3|重试 chong2 shi4|重开 chong2 kai1
    重见 chong2 jian4|重造 chong2 zao4|重拾 chong2 shi2|重写 chong2 xie3|长弓 chang2 gong1|长路 chang2 lu4
    长刀 chang2 dao1|长鞭 chang2 bian1|很长 hen3 chang2|太长 tai4 chang2|长得 zhang3 de5|切开 qie1 kai1
    切下 qie1 xia4|切成 qie1 cheng2|打量 da3 liang5|尽在 jin4 zai4|中箭 zhong4 jian4|中枪 zhong4 qiang1
    中邪 zhong4 xie2|猜中 cai1 zhong4|射中 she4 zhong4|刺中 ci4 zhong4|少主 shao4 zhu3|系上 ji4 shang4
    落下 luo4 xia4|猪圈 zhu1 juan4|大喝一声 da4 he4 yi1 sheng1|丧尸 sang1 shi1|马尾 ma3 wei3
    利爪 li4 zhao3|炸鸡 zha2 ji1|妻子 qi1 zi5|肚子 du4 zi5|别扭 bie4 niu5|大夫 dai4 fu5
    待会儿 dai1 hui4 er5|待在 dai1 zai4|行当 hang2 dang5|着实 zhuo2 shi2|着地 zhuo2 di4
    睡不着 shui4 bu4 zhao2|找不着 zhao3 bu4 zhao2|用不着 yong4 bu4 zhao2|够不着 gou4 bu4 zhao2
    摸得着 mo1 de5 zhao2|为敌 wei2 di2|化为 hua4 wei2|沦为 lun2 wei2|视为 shi4 wei2|尤为 you2 wei2
    何为 he2 wei2|身为 shen1 wei2|数钱 shu3 qian2|数到 shu3 dao4|数着 shu3 zhe5|降将 xiang2 jiang4
    宁死 ning4 si3|变得 bian4 de5|不得了 bu4 de2 liao3|了不得 liao3 bu5 de5|舍不得 she3 bu5 de5
    恨不得 hen4 bu5 de5|怪不得 guai4 bu5 de5|巴不得 ba1 bu5 de5|受得了 shou4 de5 liao3
    多得多 duo1 de5 duo1|夺得 duo2 de2|分得 fen1 de2|所得 suo3 de2|失而复得 shi1 er2 fu4 de2
    背着 bei1 zhe5|斧头 fu3 tou5|相公 xiang4 gong5|说得对 shuo1 de5 dui4
    重重地 zhong4 zhong4 de5
"""

WORDS: dict[str, tuple[str, ...]] = {
    word: tuple(syllables)
    for word, *syllables in (entry.split() for entry in re.split(r"[|\n]", _WORD_TABLE) if entry.strip())
}

_NUMERAL = "一二两三四五六七八九十百千万几多半"
_PRONOUN = "我你您他她它们咱谁"

#: Readings of the last character matched, in any word.
_INSIDE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"[{_NUMERAL}这那哪每]只"), "zhi1"),
    (re.compile(r"[一二两三四五六七八九十百千万]重"), "chong2"),
    (re.compile(r"(?<=[^不])得(?=[起出来上下开住见到动过及通])"), "de5"),
    (re.compile(r"[米尺丈]长$"), "chang2"),
    (re.compile(r"^弹(?=[那这一几完得着了过])"), "tan2"),
    (re.compile(r"(?<!仿)佛"), "fo2"),
    (re.compile(r"(.)\1地$"), "de5"),
)


def corrected(word: str, syllables: tuple[str, ...]) -> tuple[str, ...]:
    """`syllables`, as pypinyin reads `word`, with our corrections."""
    if word in WORDS:
        return WORDS[word]
    if len(syllables) != len(word):
        return syllables  # a character without a reading: positions no longer tell which
    fixed = list(syllables)
    for pattern, reading in _INSIDE:
        for match in pattern.finditer(word):
            fixed[match.end() - 1] = reading
    return tuple(fixed)


@dataclass(frozen=True, slots=True)
class Rule:
    """`reading` holds where the clause before ends in `before` and the clause after starts with `after`."""

    before: re.Pattern[str]
    after: re.Pattern[str]
    reading: tuple[str, ...]


def _rule(before: str, after: str, reading: str) -> Rule:
    return Rule(re.compile(f"(?:{before})$"), re.compile(after), tuple(reading.split()))


#: The first rule that holds decides; where none does, `WORDS` and pypinyin do.
IN_CONTEXT: dict[str, tuple[Rule, ...]] = {
    # 慢慢地走: the adverb's particle follows two or more characters that are not a place or a pointer.
    "地": (_rule(r"[^这那此该各每之的块片处在是有了][^这那此该各每之的块片处在是有了]", r".", "de5"),),
    "得": (
        _rule(rf"[{_PRONOUN}]|^", r"到|了|知|胜|救", "de2"),
        _rule(rf"[{_PRONOUN}]|总|还|就|都|可|也|必|人家|今天|明天", r"(?!到|了|知|胜|救|手).", "dei3"),
        _rule(r".", r"", "de5"),
    ),
    "得了": (_rule(r"[^不了的]", r"(?:[吗么呢的你我他]|$)", "de5 liao3"),),
    "了": (_rule(r"[^记觉懂晓显]得", r"[吗么呢]", "liao3"),),
    "还": (
        _rule(r"", r"给|钱|债|清|命|一个人情|[我你他她].{0,2}(?:命|人情|清白|公道|自由|钱)", "huan2"),
        _rule(r"", r"了|不起|不清(?!楚)|得起", "huan2"),
        _rule(r"无一生|没|该|要|不|得", r"$", "huan2"),
        _rule(r"把.{1,6}|将.{1,6}|偿|血债|有借有", r"[我你他她]", "huan2"),
    ),
    "着": (_rule(r"", r"了[魔火迷凉道]", "zhao2"), _rule(r"睡|找|猜|点", r"了", "zhao2")),
    "觉": (_rule(r"睡.{0,3}|一|懒|午|好", r"", "jiao4"),),
    "为": (
        _rule(r"(?:以|视|奉|尊|被|把|将|拜|封|立|认|选|命名).{0,6}|[称名命化变任分合改定升沦]", r".", "wei2"),
        _rule(r"", r"[首敌伴友王生止期例准先主妙难师奴]", "wei2"),
        _rule(r"", r".", "wei4"),
    ),
    "只": (_rule(rf"[{_NUMERAL}这那哪每]", r"(?![是有能会要好不想剩为])", "zhi1"),),
    "重": (_rule(rf"[{_NUMERAL}双]", r"", "chong2"), _rule(r"", r"又|回|归", "chong2")),
    "重重": (_rule(r"", r"地", "zhong4 zhong4"),),
    "长": (_rule(r"很|太|多|不|更|最|么|够|好|真|如此|米|尺|丈|里", r"", "chang2"),),
    "中": (
        _rule(r"", r"了?[毒箭计枪弹邪]|了一", "zhong4"),
        _rule(r"打|射|击|看|猜|刺|砍|抽|选", r"了|[我你他她它]|要害|$", "zhong4"),
    ),
    "种": (_rule(r"", r"[了下着满过在]|树|花|田", "zhong4"),),
    "倒": (_rule(r"", r"了?[一两半几]?[杯碗点些壶]|了?[水酒茶]|[是有也真会想要像不希]", "dao4"),),
    "空": (_rule(r"", r"[出下]", "kong4"),),
    "背着": (_rule(r"", rf"[{_PRONOUN}人手]", "bei4 zhe5"),),
    "系": (_rule(r"", r"[着好紧在上了]", "ji4"),),
    "转": (_rule(r"打|团团", r"", "zhuan4"), _rule(r"", r"[了着]?.{0,2}圈|来转去", "zhuan4")),
    "数": (_rule(r"", r"[到一了着三清钱数]", "shu3"), _rule(r"数一|来", r"", "shu3")),
    "当": (_rule(r"[把将].{1,6}", r"", "dang4"),),
    "吐": (_rule(r"", r"了?.{0,2}血|了一地", "tu4"),),
    "挨": (_rule(r"", r"[了过]?.{0,2}[打揍骂拳刀饿顿冻]", "ai2"),),
    "行": (_rule(rf"[{_NUMERAL}]", r"字|诗|泪|代码|脚印", "hang2"),),
    "一行": (_rule(r"", r"字|诗|泪|代码|脚印", "yi1 hang2"),),
    "两行": (_rule(r"", r"字|诗|泪|代码|脚印", "liang3 hang2"),),
    "教": (_rule(r"信|入|邪|魔|本|的", r"", "jiao4"),),
    "率": (_rule(r"", r"[领军兵众部队人]", "shuai4"),),
}
