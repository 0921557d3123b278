"""The sample dialogue is what its users build on: a fixed shape, known moods, one voice a speaker."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from sidecar.baking.cast import read_cast
from sidecar.baking.orders import Orders, Output
from sidecar.baking.script import read_script
from sidecar.prosody.change import NONE

DIALOGUE = Path(__file__).parents[1] / "samples" / "dialogue.csv"
COLUMNS = ["id", "speaker", "voice", "language", "mood", "text"]
MOODS = {
    "neutral", "happy", "excited", "sad", "angry", "fearful", "surprised", "disgusted", "calm", "bored",
    "tender", "whispering", "shouting",
}  # fmt: skip
#: First letter of a Kokoro voice -> the language it speaks.
LANGUAGES = {"a": "en-US", "b": "en-GB", "z": "zh-CN"}
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def lines() -> list[dict[str, str]]:
    with DIALOGUE.open(encoding="utf-8", newline="") as table:
        reader = csv.DictReader(table, strict=True)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    return rows


def test_hundred_lines_have_a_value_in_every_column(lines: list[dict[str, str]]) -> None:
    assert len(lines) == 100
    assert [line["id"] for line in lines if set(line) != set(COLUMNS) or not all(line.values())] == []


def test_ids_and_texts_are_unique(lines: list[dict[str, str]]) -> None:
    for column in ("id", "text"):
        assert [value for value, times in Counter(line[column] for line in lines).items() if times > 1] == []


def test_seventy_lines_are_english_and_thirty_chinese(lines: list[dict[str, str]]) -> None:
    assert Counter(line["language"][:2] for line in lines) == {"en": 70, "zh": 30}
    with_hanzi = {line["id"] for line in lines if HAN.search(line["text"])}
    assert with_hanzi == {line["id"] for line in lines if line["language"] == "zh-CN"}


def test_some_chinese_lines_hold_english_words(lines: list[dict[str, str]]) -> None:
    mixed = [line for line in lines if HAN.search(line["text"]) and re.search("[A-Za-z]{3}", line["text"])]
    assert len(mixed) >= 3


def test_moods_are_known_and_each_is_heard(lines: list[dict[str, str]]) -> None:
    assert {line["mood"] for line in lines} == MOODS


def test_voice_speaks_the_language_of_its_line(lines: list[dict[str, str]]) -> None:
    wrong = [
        line["id"]
        for line in lines
        if not re.fullmatch("[abz][fm]_[a-z]+", line["voice"])
        or LANGUAGES[line["voice"][0]] != line["language"]
    ]
    assert wrong == []


def test_speaker_keeps_one_voice_of_their_own(lines: list[dict[str, str]]) -> None:
    pairs = {(line["speaker"], line["voice"]) for line in lines}
    assert len(pairs) == len({speaker for speaker, _ in pairs}) == len({voice for _, voice in pairs})


def test_first_three_speakers_are_keeper_guard_and_witch(lines: list[dict[str, str]]) -> None:
    assert [line["speaker"] for line in lines[:3]] == [
        "Mara the tavern keeper",
        "Sergeant Holt",
        "Old Nettle",
    ]
    assert all(line["language"].startswith("en") for line in lines[:3])


def test_texts_are_short_enough_for_one_line_of_dialogue(lines: list[dict[str, str]]) -> None:
    assert [line["id"] for line in lines if len(line["text"]) >= 250] == []
    counts = {line["id"]: len(HAN.findall(line["text"])) or len(line["text"].split()) for line in lines}
    assert [name for name, words in counts.items() if not 2 <= words <= 40] == []


def test_the_script_to_bake_and_its_cast_can_be_spoken() -> None:
    samples = DIALOGUE.parent
    script = read_script(samples / "bake_script.csv")
    orders, failures = Orders(
        read_cast(samples / "bake_cast.json"), Output(), samples, lambda clip, baseline: NONE
    ).of(script.rows)
    assert len(orders) == len(script.rows) > 5 and not failures and script.unread == ("notes",)
    assert {order.character for order in orders} == {
        "Mara", "Sergeant Holt", "Old Nettle", "Grix", "The Miller"
    }  # fmt: skip
    effects = {order.id: order.effect for order in orders if order.effect is not None}
    assert list(effects) == ["well-01", "well-02", "gate-04"] and len(set(effects.values())) == 3
