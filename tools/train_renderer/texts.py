"""What the teacher says: sentences of a game's people, drawn from patterns. All words are our own.

A pattern names lists in braces; `sentence` fills each with a word by chance, so that few lines of source give
many thousands of sentences, and no sound of the language is rare.
"""

import random
import re
from collections.abc import Mapping, Sequence

_SLOT = re.compile(r"\{(\w+)\}")

ENGLISH_WORDS: Mapping[str, Sequence[str]] = {
    "who": (
        "the blacksmith", "my grandmother", "a hooded stranger", "the harbour master", "Captain Voss",
        "that thief", "the old wizard", "Lady Ashworth", "our youngest scout", "the judge", "a ghost",
        "the beekeeper", "Brother Yorick", "my cousin Jasper", "the queen's physician", "every child here",
        "the ferryman", "nobody", "the whole village", "a troll with a toothache", "Professor Quibble",
        "the night watch", "Zora the fletcher", "the butcher's boy", "your father", "the innkeeper's wife",
        "some fool", "the archduke", "the cheese merchant", "Huxley", "a choir of monks", "the guild",
    ),
    "thing": (
        "a rusty key", "the northern gate", "a jar of honey", "the golden chalice", "an owl feather",
        "this cursed ring", "two barrels of ale", "the tax ledger", "a loaf of rye bread", "your shield",
        "the lighthouse lamp", "a jewelled dagger", "the missing page", "a fishing boat", "the bell rope",
        "six silver spoons", "an unsigned letter", "the drawbridge", "a pair of leather boots", "the vault",
        "an azure gemstone", "the treasure map", "a wheel of cheese", "the dragon's egg", "a broken lute",
        "the last torch", "a vial of poison", "the prison wagon", "a measure of fresh thyme", "my best axe",
        "the oyster beds", "a yellow umbrella", "the judge's wig", "a cushion", "the engine room",
    ),
    "place": (
        "under the old bridge", "behind the chapel", "in the marsh", "beyond the mountains", "by the river",
        "at the crossroads", "inside the tower", "near the ruined mill", "on the south road", "at the quay",
        "in the emperor's garden", "below the cellar", "among the reeds", "outside the city walls",
        "up on the ridge", "between the two oaks", "at the fair", "in the throne room", "down by the docks",
        "in a cave full of bats", "across the border", "through the thick fog", "where the ice is thin",
    ),
    "did": (
        "found", "hid", "stole", "sold", "carried", "guarded", "painted", "burned", "buried", "borrowed",
        "repaired", "mentioned", "dropped", "measured", "touched", "cleaned", "forged", "watched", "lost",
        "threw away", "wrapped up", "described", "chose", "swallowed", "enchanted", "fetched", "missed",
    ),
    "do": (
        "find", "hide", "bring", "sell", "carry", "guard", "paint", "open", "bury", "borrow", "repair",
        "describe", "fetch", "measure", "break", "clean", "forge", "watch", "follow", "choose", "steal",
        "defend", "lift", "throw away", "leave behind", "give back", "trade", "reach", "smash", "shield",
    ),
    "how": (
        "quietly", "at once", "very slowly", "without a word", "as usual", "by mistake", "in a hurry",
        "with both hands", "twice a year", "for a small fee", "before breakfast", "just in time", "again",
        "out of pure spite", "like a proper fool", "in broad daylight", "with great pleasure", "for years",
    ),
    "is": (
        "thirsty", "awake", "ancient", "treacherous", "strangely warm", "colder than iron", "worthless",
        "beautiful", "heavier than it looks", "blue", "empty", "poisonous", "unusual", "ready", "far away",
        "cheap", "huge", "smooth as glass", "perfectly safe", "rather noisy", "hollow", "overjoyed", "wrong",
        "mighty", "vague", "loyal", "fragile", "dangerous", "younger than the moon", "a measure too short",
    ),
    "when": (
        "tonight", "tomorrow at dawn", "after the storm", "three days ago", "when the bell rings", "by noon",
        "last winter", "once the moon is up", "on the first of May", "before the harvest", "every Thursday",
        "in a month or two", "at half past seven", "while you were asleep", "since the war", "forever",
    ),
    "number": ("two", "five", "eleven", "14", "26", "a hundred", "340", "1,200", "seventy-five", "9"),
    "name": (
        "Ava", "Bartholomew", "Cedric", "Dame Ursula", "Ethan", "Fiona", "Geoffrey", "Ingrid", "Judith",
        "Kai", "Lorenzo", "Morgana", "Nigel", "Oliver", "Priya", "Ruth", "Sergeant Choi", "Theo", "Xavier",
        "Yolanda", "friend", "sir", "madam", "stranger", "little one", "my lord", "captain", "child",
    ),
    "oh": (
        "Halt!", "Well,", "Listen,", "Hush.", "Ha!", "Oh,", "No.", "Yes, yes.", "Look out!", "Hmm.", "Wait.",
        "Thank goodness!", "By the gods!", "Nonsense.", "Please,", "Honestly,", "Curious.", "Shh!", "Aye,",
        "Run!", "What?", "Good evening.", "Enough!", "Sorry,", "Really?", "Cheers!", "So,", "Fine.",
    ),
}  # fmt: skip

ENGLISH_PATTERNS: Sequence[str] = (
    "{oh} {who} {did} {thing} {place}.",
    "{who} {did} {thing} {how}, and {who} {did} {thing}.",
    "Did {who} really {do} {thing} {place}?",
    "Who {did} {thing} {when}?",
    "If you {do} {thing} {when}, {who} will {do} {thing}.",
    "I saw {who} {place} {when}.",
    "{oh} you must {do} {thing} {when}, {name}!",
    "{name}, {do} {thing}, or {who} will {do} it for you!",
    "Why would {who} {do} {thing}?",
    "They say {thing} is {is}, but {who} never {did} it.",
    "{thing} costs {number} coins, and {thing} costs {number}.",
    "{number} of them {did} {thing} {place}, {how}.",
    "{oh}",
    "{oh} {name}!",
    "{oh} It is {is}.",
    "{oh} where is {thing}, {name}?",
    "{who} is {is}, {thing} is {is}, and I am {is}.",
    "Nothing {place} is {is} {when}.",
    "We {did} {thing} {how}; {who} was {is}.",
    "I never {did} {thing}. I only {did} {thing} {place}!",
    "Go {place}, {do} {thing}, and come back {when}.",
    "Could you {do} {thing} for me, {name}? I would {do} {thing} in return.",
    "{when}, {who} {did} {thing} {place}, where {who} {did} {thing} and {thing} {how}.",
    "It was {who}, not {who}, who {did} {thing}.",
    "What a {is} morning, {name}!",
    "You are {is}. Truly {is}.",
    "There are {number} ways to {do} {thing}, and {number} of them are {is}.",
    "{do} it! {do} it {how}, {name}, while it is still {is}...",
    "My {number} brothers {did} {thing}, and then - {how} - they {did} {thing}.",
    "Either {who} will {do} {thing} or we shall {do} {thing} {when}.",
)

CHINESE_WORDS: Mapping[str, Sequence[str]] = {
    "who": (
        "老铁匠", "我的祖母", "那个陌生人", "船长", "小偷", "巫师", "村长", "年轻的猎人", "皇后", "医生",
        "守夜人", "卖鱼的姑娘", "将军", "书生", "那位女侠", "客栈老板", "孩子们", "和尚", "弓箭手", "国王",
    ),
    "thing": (
        "一把生锈的钥匙", "北门的锁", "一罐蜂蜜", "金杯", "猫头鹰的羽毛", "这枚戒指", "两桶酒", "账本",
        "半块月饼", "你的盾牌", "灯塔里的灯", "一封没有署名的信", "龙蛋", "一匹白马", "最后一支火把",
        "那张地图", "三碗热汤", "草药", "断了弦的琵琶", "玉佩", "旧雨伞", "一袋铜钱", "女儿红", "虎皮",
        "雪莲花",
    ),
    "place": (
        "在桥下", "在庙后面", "在沼泽里", "在山的另一边", "在河边", "在十字路口", "在塔里", "在集市上",
        "在城墙外", "在竹林深处", "在码头", "在悬崖上", "在花园里", "在地窖", "在去年住过的屋子里",
        "在驿站",
    ),
    "did": (
        "找到了", "藏起了", "偷走了", "卖掉了", "看守着", "烧毁了", "修好了", "丢了", "发现了", "买下了",
        "打碎了", "送来了", "带走了", "洗干净了", "忘记了", "抢走了", "换了", "收下了",
    ),
    "do": (
        "找到", "藏起", "带来", "卖掉", "守住", "打开", "修好", "放下", "拿走", "买下", "看看", "送回",
        "交出", "保护",
    ),
    "is": (
        "很危险", "真漂亮", "非常古老", "冷得像冰", "一点儿也不便宜", "空的", "安全的", "奇怪极了",
        "太吵了", "准备好了", "比山还高", "不值钱", "够热闹", "软绵绵的", "有毒", "挺好吃", "错的",
        "乱糟糟的",
    ),
    "when": (
        "今晚", "明天一早", "暴风雨过后", "三天前", "钟声响起的时候", "去年冬天", "月亮出来以后",
        "五月初一", "秋收之前", "每逢星期四", "昨天夜里", "过一会儿", "从前", "下午两点半",
    ),
    "number": ("两", "五", "十二", "26", "一百", "340", "七十五", "好几"),
    "oh": (
        "站住！", "嗯，", "听着，", "嘘！", "哈哈！", "哎呀，", "不。", "小心！", "等等。", "谢天谢地！",
        "胡说！", "请问，", "说实话，", "快跑！", "什么？", "晚上好。", "够了！", "对不起，", "真的吗？",
        "好吧。", "喂！",
    ),
}  # fmt: skip

CHINESE_PATTERNS: Sequence[str] = (
    "{oh}{who}{place}{did}{thing}。",
    "{when}，{who}{did}{thing}，{who}却{did}{thing}。",
    "{who}真的{did}{thing}吗？",
    "是谁{when}{did}{thing}？",
    "如果你{when}{do}{thing}，{who}就会{do}{thing}。",
    "我{when}{place}看见过{who}。",
    "{oh}你必须{when}{do}{thing}！",
    "为什么{who}要{do}{thing}呢？",
    "听说{thing}{is}，可是{who}从来没见过。",
    "{thing}要{number}个铜板，{thing}只要{number}个。",
    "{oh}",
    "{oh}这里{is}！",
    "{oh}{thing}到底在哪儿？",
    "{who}{is}，{thing}{is}，我也没有办法。",
    "先去{do}{thing}，再{do}{thing}，然后{when}回来见我。",
    "我没有拿{thing}，我只是{place}{did}{thing}。",
    "有{number}个人{place}{did}{thing}，{who}都吓坏了。",
    "不是{who}，是{who}{did}{thing}！",
)


def english(chance: random.Random) -> str:
    """One sentence or a few words, 2 to about 140 letters."""
    text = sentence(chance, ENGLISH_PATTERNS, ENGLISH_WORDS)
    return re.sub(r"(^|[.!?] )([a-z])", lambda found: found[1] + found[2].upper(), text)


def chinese(chance: random.Random) -> str:
    """One sentence or a few words, 2 to about 50 characters."""
    return sentence(chance, CHINESE_PATTERNS, CHINESE_WORDS)


def sentence(chance: random.Random, patterns: Sequence[str], words: Mapping[str, Sequence[str]]) -> str:
    return _SLOT.sub(lambda slot: chance.choice(words[slot[1]]), chance.choice(patterns))
