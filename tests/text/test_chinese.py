"""What Chinese words sound like, against dictionaries and against what the model was trained on."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.contrib.tone_convert import to_tone3

from sidecar.text.chinese.normalise import normalise
from sidecar.text.chinese.reader import ChineseReader, syllable_phonemes
from sidecar.text.chinese.readings import IN_CONTEXT, WORDS
from sidecar.text.tokens import Mark, Spoken, Token, TokenKind, Word

CASES = Path(__file__).parent / "data" / "chinese_cases.tsv"

#: The symbols of Kokoro v1.0 that a Chinese word can be made of (vocabulary of its config.json).
SYMBOLS = frozenset("abcdefhijklmnopqrstuvwxyzŋɕəɚɛɤɥɨɔɻʂʊʦʨꭧʰ→↗↓↘")

#: Lines whose every word our corrections leave alone.
PLAIN = """今天天气很好|我们去城里买东西|魔法学院的大门已经关闭|请告诉我你的名字|国王昨天晚上死在王座上
森林里传来奇怪的声音|小心前面有陷阱|他是最勇敢的骑士|月亮升起来|这把剑属于我的父亲|欢迎来到我们的酒馆
没有人能活着离开这里|你听见风的声音吗|女巫住在山顶的木屋|精灵和矮人从来不是朋友|飞船即将进入轨道
氧气不足请立即撤离|凶手就在这个房间里|我不相信命运|船长命令全体船员上甲板|商人从东方带来丝绸
孩子们在广场上唱歌|老人点燃蜡烛|雨越下越大|黑暗正在逼近|我们的粮食快吃完了|她的眼睛像星星一样明亮
战争已经结束|我愿意跟随你直到世界尽头|请把门关上|图书馆的钥匙不见了|龙在云中咆哮|士兵们在墙上巡逻
谁敢动我的酒|明天太阳会照常升起|欢迎回家英雄|谢谢你救了我的女儿|城墙已经被攻破|我从未见过这么多雪
传说中的英雄终于出现|海上的雾越来越浓|魔王的军队包围城市|十四头石狮子|老板给我来一碗面|宇宙无边无际
嗯我知道你是谁|哎呀别推我|诅咒需要用银币解除""".replace("\n", "|").split("|")


@pytest.fixture(scope="module")
def reader() -> ChineseReader:
    return ChineseReader()


@pytest.fixture(scope="module")
def trained_on() -> Callable[[str], str]:
    """A line in the phonemes of the model's training data."""
    zh = pytest.importorskip("misaki.zh", reason="misaki[zh] is not installed")
    return lambda line: zh.ZHG2P()(line)[0]


def read(reader: ChineseReader, line: str) -> list[Spoken]:
    return reader.read([token for token in normalise(line) if token.kind is not TokenKind.LETTERS])


def phonemes(spoken: list[Spoken], between: str = "") -> str:
    return between.join(part.phonemes for part in spoken if isinstance(part, Word))


def pinyin_cases() -> list[tuple[str, str]]:
    with CASES.open(encoding="utf-8", newline="") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["input"], row["expected"]) for row in rows if row["kind"] == "pinyin"]


def syllables() -> set[str]:
    """Every syllable of the dictionary of characters, without tones."""
    readings = {reading for readings in PINYIN_DICT.values() for reading in readings.split(",")}
    return {to_tone3(reading).rstrip("12345") for reading in readings}


@pytest.mark.parametrize(("line", "pinyin"), pinyin_cases())
def test_line_is_read_as_the_dictionary_says(reader: ChineseReader, line: str, pinyin: str) -> None:
    assert phonemes(read(reader, line)) == "".join(map(syllable_phonemes, pinyin.split()))


@pytest.mark.parametrize(
    ("pinyin", "expected"),
    [
        ("ma1", "ma→"),
        ("xue2", "ɕɥe↗"),
        ("zhuang4", "ꭧwa↘ŋ"),
        ("shi4", "ʂɨ↘"),
        ("si4", "sɨ↘"),
        ("ri4", "ɻɨ↘"),
        ("nv3", "ny↓"),
        ("jun1", "ʨy→n"),
        ("liu2", "ljou↗"),
        ("yuan2", "ɥɛ↗n"),
        ("er5", "ɚ"),
        ("ng2", "ŋ↗"),
        ("hng5", "hŋ"),
        ("x9", ""),
        ("", ""),
    ],
)
def test_syllable_has_its_initial_final_and_tone(pinyin: str, expected: str) -> None:
    assert syllable_phonemes(pinyin) == expected


def test_every_syllable_and_tone_equals_what_the_model_was_trained_on() -> None:
    zh = pytest.importorskip("misaki.zh", reason="misaki[zh] is not installed")
    known = syllables()
    assert len(known) >= 410
    # U+032F, a mark under a vowel, is dropped by misaki only after whole lines.
    names = [name + tone for name in known for tone in "12345"]
    expected = {name: zh.ZHG2P.py2ipa(name).replace("\u032f", "") for name in names}
    assert {name: syllable_phonemes(name) for name in expected} == expected


@pytest.mark.parametrize("line", PLAIN)
def test_plain_line_equals_what_the_model_was_trained_on(
    reader: ChineseReader, trained_on: Callable[[str], str], line: str
) -> None:
    assert phonemes(read(reader, line), between=" ") == trained_on(line)


def test_every_reading_in_the_dictionaries_stays_in_the_alphabet() -> None:
    phrases = {reading for phrase in PHRASES_DICT.values() for readings in phrase for reading in readings}
    spelled = {to_tone3(reading, neutral_tone_with_five=True) for reading in phrases}
    spelled |= {name + tone for name in syllables() for tone in "12345"}
    sounds = {name: syllable_phonemes(name) for name in spelled}
    assert [name for name, sound in sounds.items() if not sound or set(sound) - SYMBOLS] == []


def test_correction_has_one_known_syllable_for_each_character() -> None:
    in_context = [(word, rule.reading) for word, rules in IN_CONTEXT.items() for rule in rules]
    corrections = [*WORDS.items(), *in_context]
    wrong = [
        word
        for word, reading in corrections
        if len(reading) != len(word) or not all(syllable_phonemes(name) for name in reading)
    ]
    assert wrong == []


def test_marks_stay_where_they_are(reader: ChineseReader) -> None:
    assert read(reader, "走！") == [Word("走", "ʦou↓", 0, 1), Mark("!", 1, 2)]


def test_character_without_a_reading_is_left_out(reader: ChineseReader) -> None:
    assert reader.read([Token("\U0003134a", 0, 1), Token("好", 1, 2)]) == [Word("好", "xau↓", 1, 2)]


def test_clause_ends_at_a_mark(reader: ChineseReader) -> None:
    """得 after a pronoun is děi only if the pronoun is in the same clause."""
    joined = [token for token in normalise("我得走")]
    parted = [token for token in normalise("我，得走")]
    assert phonemes(reader.read(joined)) == "wo↓tei↓ʦou↓"
    assert phonemes(reader.read(parted)) == "wo↓tɤ↗ʦou↓"


@settings(max_examples=300, deadline=None)
@given(line=st.text(alphabet=st.characters(min_codepoint=0x2E80, max_codepoint=0x323AF), max_size=30))
def test_any_hanzi_give_symbols_of_the_alphabet_in_order(line: str) -> None:
    spoken = read(ChineseReader(), line)
    for part in spoken:
        assert isinstance(part, Mark) or (part.phonemes and not set(part.phonemes) - SYMBOLS)
    assert [part.start for part in spoken] == sorted(part.start for part in spoken)
