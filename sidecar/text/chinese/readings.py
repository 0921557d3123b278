"""Readings of characters with several pronunciations, where pypinyin's own choice is wrong.

`WORDS` holds whole words; `IN_CONTEXT` holds words whose reading depends on their
neighbours in the clause. Truth is 现代汉语词典, 7th edition. Readings are pinyin with
the tone as a digit, 5 for neutral. Everything absent from here is read by pypinyin.
"""

import re
from dataclasses import dataclass
from importlib.resources import files


def _lines(name: str) -> list[str]:
    text = (files("sidecar.text") / "data" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


WORDS: dict[str, tuple[str, ...]] = {
    word: tuple(syllables) for word, *syllables in (line.split() for line in _lines("readings_zh.txt"))
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
    # 子 is a person or a master here, and no suffix.
    (
        re.compile(
            r"[天才孔孟世皇男女父母电原浪游赤养独童西仙质粒量孝逆犬义次幼公王弟太君墨荀列夫]子|(?:鬼谷"
            r"|韩非)子|孙子(?=兵法)|^子(?=.)"
        ),
        "zi3",
    ),
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


_DEGREE = r"很|太|多|不|更|最|么|够|好|真|如此|又|还|越|极|特别|非常|有点|变|拉|拖|全|身|一样"
_GROWS = (
    r"[大高出满胖老成]|得(?!很|要命|多)|着(?!呢)|个[子头]|越|了[毛草芽个一]|什么|记性|眼|心"
    r"|教训|见识|志气|在|于"
)
_VERB_OF_ABILITY = r"(?<=[算来走吃打逃跑管受饶忍活去做干救帮拿当离改变成少免躲瞒骗听担住进出挡拦])"
_SOLD_BY_DOZEN = r"鸡蛋|啤酒|毛巾|铅笔|玫瑰|袜|酒"
_QUANTITY = r"[0-9一二两三四五六七八九十百千万几数半]"

#: The first rule that holds decides; where none does, `WORDS` and pypinyin do. Those of single characters
#: hold inside words too, if no dictionary says how the word is read.
IN_CONTEXT: dict[str, tuple[Rule, ...]] = {
    # 慢慢地走: the adverb's particle follows two or more characters that are not a place or a pointer.
    "地": (_rule(r"[^这那此该各每之的块片处在是有了][^这那此该各每之的块片处在是有了]", r".", "de5"),),
    "得": (
        _rule(_VERB_OF_ABILITY, r"了(?:[吗么呢吧你我他她它谁几多什啊]|$)", "de5"),
        _rule(r"就", r"了(?:$|吧)", "de2"),
        _rule(rf"[{_PRONOUN}]|^", r"到|了|知|胜|救", "de2"),
        _rule(rf"[{_PRONOUN}还也又才刚都已曾]", r"了", "de2"),
        _rule(r"[获取赢夺博求所难应两先岂焉]", r"", "de2"),
        _rule(
            rf"[{_PRONOUN}]|总|还|就|都|可|也|必|人家|今[天晚后日]|明[天日早]|必须|恐怕|看来|估计|大概|又"
            rf"|终究|[早晚迟]|至少|起码|才|便|以后|下次|反正",
            r"(?!到|了|知|胜|救|手).",
            "dei3",
        ),
        _rule(r"[这那]", r"花|用|多少|看|等|问|靠|怎|几|要|让|先|去|从|由|好好|赶|你|我|他", "dei3"),
        _rule(r".", r"", "de5"),
    ),
    "得了": (
        _rule(r"^|就|也就|这就", r"$|吧", "de2 le5"),
        _rule(r"[^不了的就]", r"(?:[吗么呢的你我他]|$)", "de5 liao3"),
    ),
    "了": (
        _rule(r"[^记觉懂晓显]得", r"[吗么呢]", "liao3"),
        _rule(_VERB_OF_ABILITY + "得", r"(?:[吗么呢吧你我他她它谁几多什啊]|$)", "liao3"),
        _rule(r"(?<!而)[已未]", r"$", "liao3"),
        _rule(r"", r"了(?:[一这那此你我他她]|心)|此(?:残生|一生|余生|心愿|桩|事)", "liao3"),
    ),
    "还": (
        _rule(
            r"",
            r"给|钱|债|清|命|一个人情|乡|魂|俗|[我你他她].{0,2}(?:命|人情|清白|公道|自由|钱|债|账|剑|刀"
            r"|女儿|儿子)",
            "huan2",
        ),
        _rule(r"", r"了|不起|不清(?!楚)|得起", "huan2"),
        _rule(r".", r"[的吗吧呢啊上]?$", "huan2"),
        _rule(r"把.{1,6}|将.{1,6}|偿|血债|有借有", r"[我你他她]", "huan2"),
        _rule(rf"[{_PRONOUN}]", rf"[{_PRONOUN}]$", "huan2"),
    ),
    "都": (
        _rule(r"[神帝京陪]", r"(?![是有在会能要来去没不很被把说看死])", "du1"),
        _rule(r"(?<![一决必肯确注])[定建迁]", r"(?![是有在会能要来去没不得很听想])", "du1"),
        _rule(r"^|大", r"[护督尉统]", "du1"),
    ),
    "大都": (_rule(r"", r"[是有会能来在不已为很没喜被由]", "da4 dou1"),),
    "定都": (_rule(r"", r"[会要能是有不来去得很没]", "ding4 dou1"),),
    "着": (
        _rule(r"", r"了[魔火迷凉道]|什么[急慌忙]", "zhao2"),
        _rule(r"睡|找|猜|点", r"了", "zhao2"),
        _rule(r"[找够摸睡用犯碰见买逮抓沾挨猜听][不得]", r"", "zhao2"),
        _rule(r"[还在正]", r"着|呢", "zhao2"),
        _rule(r"[这那每第].?[一二两三几]|[高绝妙险]|^一", r"棋|妙|不慎|$", "zhao1"),
    ),
    "觉": (_rule(r"睡.{0,3}|一|懒|午|好", r"", "jiao4"),),
    "为": (
        _rule(
            r"",
            r"父.*(?:报仇|雪恨|争光|分忧|守孝)|师[父傅门兄姐妹弟娘]|[王主]人|王[国子妃上]|官[府军]"
            r"|将[军来士]|臣民",
            "wei4",
        ),
        _rule(
            r"(?:以|视|奉|尊|被|把|将|拜|封|立|认|选|命名|令|胜|败|一分|贵|合).{0,6}"
            r"|[称名命化变任分合改定升沦聚凝引算指推贬降誉译转结]",
            r".",
            "wei2",
        ),
        _rule(r"", r"人[正善处师臣子父厚豪耿老低阴]", "wei2"),
        _rule(
            r"",
            r"[首敌伴友王生止期例准先主妙难师奴官将臣夫证凭限荣耻伍鉴]|父(?!母|亲)|时[已尚过不]"
            r"|.{1,6}所[^有以]|所[欲动困]",
            "wei2",
        ),
        _rule(r"[有无所大妄敢作行何不]", r"$|[者而有之]", "wei2"),
        _rule(r"", r".", "wei4"),
    ),
    "为主": (_rule(r"", r"人", "wei4 zhu3"),),
    "咳": (_rule(r"^", r"$", "hai1"),),
    "宁": (
        _rule(
            r"(?<![安丁康归靖济南西咸江海辽])", r"[可愿肯死为折缺教负信要做我你他吃当]|有.{0,3}乎", "ning4"
        ),
    ),
    "扎": (
        _rule(
            r"",
            r"[着了过上好]?(?:一下|[一两个条根小]{0,3})(?:头发|辫|马尾|绷带|腰带|蝴蝶结|发髻|丸子头|领带"
            r"|裤[脚腿]|发带|纱布|头巾|带子|绳)",
            "za1",
        ),
        _rule(r"(?:头发|长发|辫子|马尾|发带|绷带|腰带|裤脚|袖口|一起|绳子).{0,2}", r"", "za1"),
    ),
    "一扎": (_rule(r"", r"啤|鲜", "yi1 zha1"),),
    "待": (
        _rule(
            r"(?<![等期善亏招款接相厚薄看优虐慢对])",
            r"一(?![切旦])|[几两半](?!军|者)|[了过](?![你我他她])|着|在|[不得][住下]|会|够|腻|多久|上[一几]",
            "dai1",
        ),
    ),
    "只": (_rule(rf"[{_NUMERAL}这那哪每]", r"(?![是有能会要好不想剩为])", "zhi1"),),
    "重": (
        _rule(rf"[{_NUMERAL}双]", r"(?![伤病])", "chong2"),
        _rule(
            r"(?<![很太好不更最真么多越体沉这])",
            r"[又回归走做来建返选写开活生获拾见现启播读讲学练组装铸修编排登演聚遇叠入画印测考签订塑造跑整拍抄温游逢访夺振燃置]",
            "chong2",
        ),
    ),
    "重重": (
        _rule(
            r"",
            r"[地打摔落砸关敲跪击踢撞挨叹哼甩压责罚谢赏踩磕拍推跌放]|的?一[拳脚击掌下巴声记摔撞锤刀剑]|有赏",
            "zhong4 zhong4",
        ),
    ),
    "长": (
        _rule(r"", rf"{_QUANTITY}+[多余]?[米尺丈里寸公厘英分毫平立海光]", "chang2"),
        _rule(_DEGREE, rf"(?!{_GROWS})", "chang2"),
        _rule(r"比.{1,5}", r"$|[些点]|了?[一两半]|得多", "chang2"),
        _rule(r"米|尺|丈|里", r"", "chang2"),
        _rule(r"", r"[又而]|着呢|[些点]|了[些点]", "chang2"),
        _rule(r"", r"的(?:那|这|绳|路|剑|刀|枪|时间|队)", "chang2"),
        _rule(r"[村族家镇乡县市国邦队帮门派城州郡]之", r"$", "zhang3"),
    ),
    "长得": (_rule(r"", r"很$|要命|不得了|离谱|惊人|出奇|可怕|看不[到见]|没有?尽", "chang2 de5"),),
    "长长": (_rule(r"头发|指甲|胡子|毛|草|枝叶", r"了", "chang2 zhang3"),),
    "中": (
        _rule(r"", r"了?[毒箭计枪弹邪]|了一", "zhong4"),
        _rule(r"打|射|击|看|猜|刺|砍|抽|选|砸|踢|咬|捅|劈|料|押|考", r"了|[我你他她它]|要害|$", "zhong4"),
        _rule(r"(?<![小传学解述])说", r"了", "zhong4"),
    ),
    "种": (_rule(r"", r"[了下着满过在]|树|花|田", "zhong4"),),
    "倒": (_rule(r"", r"了?[一两半几]?[杯碗点些壶]|了?[水酒茶]|[是有也真会想要像不希]", "dao4"),),
    "空": (_rule(r"", r"[出下]", "kong4"),),
    "背着": (_rule(r"", rf"[{_PRONOUN}人手]", "bei4 zhe5"),),
    "系": (_rule(r"", r"[着好紧在上了]", "ji4"),),
    "转": (_rule(r"打|团团", r"", "zhuan4"), _rule(r"", r"[了着]?.{0,2}圈|来转去", "zhuan4")),
    "数": (_rule(r"", r"[到一了着三清钱数]", "shu3"), _rule(r"数[一了]|来", r"", "shu3")),
    "当": (_rule(r"[把将].{1,6}", r"", "dang4"),),
    "吐": (_rule(r"", r"了?.{0,2}血|了一地", "tu4"),),
    "挨": (_rule(r"", r"[了过]?.{0,2}[打揍骂拳刀饿顿冻]", "ai2"),),
    "行": (
        _rule(rf"[{_NUMERAL}]", r"字|诗|[热清眼]?泪|代码|脚印|白鹭|大雁|小字|台词|文字", "hang2"),
        _rule(rf"第[{_NUMERAL}]+", r"", "hang2"),
        _rule(r"(?:[这那哪干各本每换入]|别的)一", rf"(?!人|{_QUANTITY}+[人个名位])", "hang2"),
        _rule(r"[这那哪]", r"[的里讲干做混当最规饭水]|有|没有|多年|几年|出身", "hang2"),
        _rule(r"[干做入混].{0,2}[这那哪]|[干做]同|在", r"里|的|$", "hang2"),
    ),
    "一行": (
        _rule(r"", r"字|诗|[热清眼]?泪|代码|脚印|白鹭|大雁|小字|台词|文字", "yi1 hang2"),
        _rule(r"[这那哪干各本每换入]|别的", rf"(?!人|{_QUANTITY}+[人个名位])", "yi1 hang2"),
    ),
    "教": (_rule(r"信|入|邪|魔|本|的", r"", "jiao4"),),
    "率": (_rule(r"", r"[领军兵众部队人]", "shuai4"),),
    "干": (
        _rule(r"", r"了?[这那]?[一半]?[杯碗坛壶]", "gan1"),
        _rule(r"[晒晾烘烤擦吹拧榨抽喝流哭饮阴沥挤舔吸烧蒸熬放].?", r"$|[了净的透]", "gan1"),
        _rule(
            r"(?:衣服|血|泪|嘴|口|嗓子|墨|漆|皮肤|河|井|泉)(?:都|也|已经?|快|还?没|全|就|有点|很|太|又)?",
            r"$|[了裂透巴燥枯着得涸]",
            "gan1",
        ),
    ),
    "干将": (_rule(r"", r"[与和、]?莫邪|之?剑|铸", "gan1 jiang4"),),
    "夫": (_rule(r"^|[若且故今嗟]", r"[^人妻君婿家]", "fu2"),),
    "担": (_rule(rf"[{_NUMERAL}]", r"[米水柴粮谷麦盐菜土]", "dan4"),),
    "石": (_rule(rf"[{_NUMERAL}]", r"[米粮谷麦弓粟豆俸]|[的之硬强]弓|大米", "dan4"),),
    "扇": (
        _rule(
            r"(?<![一这那几两每])",
            r"[了过]?(?:[他她你我它]|自己|死|烂|一|两|几).{0,3}|[了过]?.{0,2}(?:耳光|巴掌|嘴巴|风|翅)",
            "shan1",
        ),
    ),
    "打": (_rule(r"[一两几半]", _SOLD_BY_DOZEN, "da2"),),
    "一打": (_rule(r"", _SOLD_BY_DOZEN, "yi1 da2"),),
    "服": (_rule(r"[一两几这那每]", r"药|中药|汤药|见效|下去", "fu4"),),
    "倔": (_rule(r"[很真太挺够么]|脾气", r"", "jue4"), _rule(r"", r"脾气|老头|驴", "jue4")),
    "冲": (_rule(r"", r"着", "chong4"),),
}


def in_context(word: str, before: str, after: str) -> tuple[str, ...] | None:
    """How `word` is read between its neighbours in the clause, where a rule says so."""
    for rule in IN_CONTEXT.get(word, ()):
        if rule.before.search(before) and rule.after.match(after):
            return rule.reading
    return None
