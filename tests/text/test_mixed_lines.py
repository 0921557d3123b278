"""Lines of both languages: a number is read in one of them, and no line takes long."""

import csv
from pathlib import Path

import pytest

from sidecar.text.languages import dialect
from sidecar.text.lexicon import PHONEMES
from sidecar.text.reader import LineReader
from sidecar.text.tokens import Break, Mark, Spoken, Word
from tests.timing import least_cpu_s

CASES = Path(__file__).parent / "data" / "chinese_cases.tsv"
LONG, ALLOWED_S = 2000, 0.3


@pytest.fixture(scope="module")
def reader() -> LineReader:
    """Warm: dictionaries are loaded by the first line."""
    reader = LineReader(PHONEMES)
    reader.read("你好 hello 3", dialect("zh-CN"))
    return reader


def mixed_cases() -> list[tuple[str, str]]:
    with CASES.open(encoding="utf-8", newline="") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["input"], row["expected"]) for row in rows if row["kind"] == "mixed"]


def said(parts: list[Spoken | Break]) -> str:
    return "".join(
        part.symbol if isinstance(part, Mark) else part.text for part in parts if not isinstance(part, Break)
    )


@pytest.mark.parametrize(("line", "expected"), mixed_cases())
def test_number_is_read_in_the_language_of_its_sentence(reader: LineReader, line: str, expected: str) -> None:
    assert said(reader.read(line, dialect("zh-CN"))) == expected


@pytest.mark.parametrize("line", ["HP 30/100，快喝药。", "速度BUFF 1.5倍", "①开门", "占地120m²", "第Ⅲ章"])
def test_tag_does_not_change_a_chinese_sentence(reader: LineReader, line: str) -> None:
    assert said(reader.read(line, dialect("en-US"))) == said(reader.read(line, dialect("zh-CN")))


@pytest.mark.parametrize(
    ("line", "expected"),
    [("She has 3 剑.", "Shehasthree剑."), ("Level 5 勇者", "Levelfive勇者"), ("340", "threehundredforty")],
)
def test_number_of_an_english_sentence_stays_english(reader: LineReader, line: str, expected: str) -> None:
    assert said(reader.read(line, dialect("en-US"))) == expected


@pytest.mark.parametrize(
    "unit",
    [
        "1", "9,", "1.", "1-", "1/", "1:", "3%", "1、",
        "5kg", "m²", "½", "²", "①", "Ⅲ", "1w", "90后", "打110", "+", "~",
        "我", "长", "得", "重重", "任", "姓任", "曾先生", "銀行", "著", "沈默", "龘", "\U0003134a",
        "，", "（", "【", "“", "[",
        "。", "!?", "😀", "a1", "中a", "A", "hello我", "HP 30/100，", "I am 我", "www.", "a@",
    ],
)  # fmt: skip
def test_two_thousand_characters_of_one_kind_are_read_in_time(reader: LineReader, unit: str) -> None:
    line = (unit * LONG)[:LONG]
    assert least_cpu_s(lambda: reader.read(line, dialect("zh-CN"))) <= ALLOWED_S


def test_a_word_in_traditional_characters_is_told_as_it_was_written(reader: LineReader):
    line = "我們去東京。"
    words = [item for item in reader.read(line, dialect("zh-CN")) if isinstance(item, Word)]
    assert all(word.text == line[word.start : word.end] for word in words)
    assert "".join(word.text for word in words) == "我們去東京"
