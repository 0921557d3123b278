"""A mixed line is cut where its language changes, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.protocol.errors import UnknownLanguage
from sidecar.text.languages import dialect, runs


def cut(text: str, default: str = "en") -> list[tuple[str, str]]:
    return [(run.language, text[run.start : run.end]) for run in runs(text, 0, len(text), default)]


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("Halt!", "en", [("en", "Halt!")]),
        ("你好。", "en", [("zh", "你好。")]),
        ("340", "en", [("en", "340")]),
        ("340", "zh", [("zh", "340")]),
        ("有3位客人", "en", [("zh", "有3位客人")]),
        ("3位客人", "en", [("zh", "3位客人")]),
        ("Give me 3 apples", "zh", [("en", "Give me 3 apples")]),
        ("他说Hello，然后走了", "en", [("zh", "他说"), ("en", "Hello，"), ("zh", "然后走了")]),
        ("Level 5 勇者", "en", [("en", "Level 5 "), ("zh", "勇者")]),
        ("我有5kg铁", "en", [("zh", "我有5kg铁")]),
        ("亨利VIII来了", "en", [("zh", "亨利VIII来了")]),
        ("Hi “你好”", "en", [("en", "Hi "), ("zh", "“你好”")]),
        ("", "en", []),
    ],
)
def test_runs_are_cut_between_scripts(text: str, default: str, expected: list[tuple[str, str]]):
    assert cut(text, default) == expected


@given(
    st.text(alphabet=st.sampled_from("aB你好3.， “-¥[k°") | st.characters(), max_size=40),
    st.sampled_from(["en", "zh"]),
)
def test_runs_cover_any_text_without_gap_or_overlap(text: str, default: str):
    assert "".join(part for _, part in cut(text, default)) == text
    assert all(part for _, part in cut(text, default))


@pytest.mark.parametrize(
    ("tag", "language", "british"), [("en-gb", "en", True), ("zh_CN", "zh", False), ("EN", "en", False)]
)
def test_a_tag_says_how_to_read(tag: str, language: str, british: bool):
    assert (dialect(tag).language, dialect(tag).british) == (language, british)


def test_an_unknown_tag_is_refused():
    with pytest.raises(UnknownLanguage, match="known are en-US") as refusal:
        dialect("tlh")
    assert refusal.value.field == "language"
