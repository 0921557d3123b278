"""The compatible front end gives upstream's tokens, mistakes included; the tokenizer gives BERT's ids."""

import json
from collections.abc import Mapping
from typing import Any

import jieba
import pytest
from pypinyin import Style, lazy_pinyin

from sidecar.engines.emotivoice.compat import CompatReader, reading, split
from sidecar.engines.emotivoice.lists import numbered, published_tokens, read_list
from sidecar.engines.emotivoice.wordpiece import WordPieces
from sidecar.protocol.errors import BadRequest
from tests.engines.emotivoice_fixture import FOLDER, VOCABULARY

RECORDED: dict[str, Any] = json.loads((FOLDER / "frontend_cases.json").read_text("utf-8"))
SPLIT: dict[str, Any] = json.loads((FOLDER / "pinyin_split.json").read_text("utf-8"))
STYLES: list[dict[str, Any]] = json.loads((FOLDER / "style_cases.json").read_text("utf-8"))
IDS = numbered(published_tokens())
#: Words that upstream's phrases of CC-CEDICT read otherwise than pypinyin alone.
OTHER_PINYIN = {"月亮", "那儿", "一起", "一点", "谢谢", "不要", "哪儿"}


def recorded_reader(case: Mapping[str, Any]) -> CompatReader:
    """Upstream's libraries as they answered for this case."""
    parts = {part["part"]: part["segments"] for part in case["chinese_parts"]}
    words = {
        word: syllables
        for part in case["chinese_parts"]
        for word, syllables in zip(part["segments"], part["pinyin"], strict=True)
    }
    return CompatReader(
        parts.__getitem__, words.__getitem__, RECORDED["lexicon"], case["oov_g2p"].__getitem__
    )


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["text"])
def test_tokens_are_upstreams(case: dict[str, Any]):
    if case.get("error"):
        reader = CompatReader(list, list, {}, list)
        with pytest.raises(BadRequest, match="cannot be read"):
            reader.tokens(case["text"])
        return
    tokens = recorded_reader(case).tokens(case["text"])
    assert list(tokens) == case["tokens"]
    assert [IDS.get(token) for token in tokens] == case["ids"] or case["unknown"]
    assert [token for token in tokens if token not in IDS] == case["unknown"]


def test_our_libraries_cut_and_read_as_upstreams_but_for_its_phrases():
    parts = [part for case in RECORDED["cases"] for part in case.get("chinese_parts") or ()]
    assert (len(RECORDED["cases"]), len(parts)) == (66, 50)
    read_otherwise = set()
    for part in parts:
        assert list(jieba.cut(part["part"])) == part["segments"]
        for word, recorded in zip(part["segments"], part["pinyin"], strict=True):
            if lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True) != recorded:
                read_otherwise.add(word)
    assert read_otherwise == OTHER_PINYIN


@pytest.mark.parametrize("syllable", SPLIT["map"])
def test_every_syllable_is_split_as_upstream_does(syllable: str):
    expected = SPLIT["map"][syllable]
    if expected is None:
        with pytest.raises(BadRequest):
            split(syllable)
    else:
        assert list(split(syllable)) == expected


@pytest.mark.parametrize(("number", "said"), SPLIT["numbers"].items())
def test_numbers_are_read_as_upstream_does(number: str, said: str):
    assert reading(number) == said


@pytest.mark.parametrize("style", STYLES, ids=lambda style: str(style["index"]))
def test_style_texts_have_berts_ids(style: dict[str, Any]):
    assert WordPieces(read_list(VOCABULARY)).ids(style["text"], 64) == style["input_ids"]


def test_a_text_too_long_is_cut_and_still_ends():
    pieces = WordPieces(read_list(VOCABULARY))
    ids = pieces.ids("你好" * 300, 64)
    assert len(ids) == 64 and ids[0] == 2 and ids[-1] == 3
