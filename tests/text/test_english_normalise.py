"""English characters to tokens: the table, spans, and the promise never to raise or to stall."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.text.english.normalise import normalise
from sidecar.text.tokens import MARKS, Token, TokenKind
from tests.timing import least_cpu_s

_CASES = [
    line.split("\t")[1:]
    for line in (Path(__file__).parent / "data" / "english_cases.tsv").read_text(encoding="utf-8").split("\n")
    if line.startswith("words\t")
]


def _said(line: str) -> str:
    shown = {TokenKind.LETTERS: "[{}]", TokenKind.STUTTER: "{}~"}
    return " ".join(shown.get(token.kind, "{}").format(token.text) for token in normalise(line))


@pytest.mark.parametrize(("line", "expected", "source"), _CASES)
def test_a_line_is_said_as_the_source_says(line: str, expected: str, source: str) -> None:
    assert _said(line.replace("\\n", "\n").replace("\\u200b", "\u200b")) == expected, source


def _check(tokens: list[Token], length: int, offset: int = 0) -> None:
    previous = offset
    for token in tokens:
        assert previous <= token.start < token.end <= offset + length
        previous = token.start
        assert token.text
        if token.kind is TokenKind.MARK:
            assert token.text in MARKS
        else:
            assert token.text.replace("'", "").isalpha(), token
            assert not any(char.isdecimal() for char in token.text)


@settings(deadline=None, max_examples=600)
@given(text=st.text(max_size=80), offset=st.integers(0, 1000))
def test_any_text_gives_ordered_tokens_within_it(text: str, offset: int) -> None:
    _check(normalise(text, offset), len(text), offset)


_PIECES = [
    "1", "0", "23", "1984", ",", ".", ":", "/", "-", "–", "—", "+", "$", "£", "€", "%", "'", '"', "(",
    ")", "*", "_", "#", "@", "&", "st", "nd", "th", "s", "x", "d", "km", "am", "p.m.", "Mr.", "St.",
    "No.", "IV", "A", "I", "½", "²", "°", "~", "\n", "a", "é", "́",
]  # fmt: skip


_REPEATED = [
    "1", "a", "(", ".", "1,", "1.", "1-", "a.", "a-", "a'", "'", '"', "A", "I", "M", "1/", "$", "1:", "a@",
    "-", "*", "_", "\u0301", "a\u0301", "\u200b", "\n", " ", "½", "😀", "www.", "IV ", "Mr. ", "aaab", "ﷺ",
    "'a ", "x1", "hm", "2 1/",
]  # fmt: skip


@settings(deadline=None, max_examples=1500)
@given(pieces=st.lists(st.sampled_from([*_PIECES, " "]), max_size=24))
def test_any_mix_of_figures_and_signs_gives_ordered_tokens_within_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    _check(normalise(text), len(text))


@pytest.mark.parametrize("piece", _REPEATED)
def test_a_hundred_thousand_characters_take_less_than_two_seconds(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert least_cpu_s(lambda: normalise(text)) < 2.0
    _check(normalise(text), len(text))


@pytest.mark.parametrize(
    ("line", "word", "span"),
    [
        ("pay 340 now", "hundred", (4, 7)),
        ("Ｈｉ there", "there", (3, 8)),
        ("e\u0301lan vital", "élan", (0, 5)),
        ("ﬁre!", "fire", (0, 3)),
        ("he\u200bllo you", "hello", (0, 6)),
        ("well-known", "well", (0, 5)),
        ("well-known", "known", (5, 10)),
        ("at 5 km/h", "hour", (4, 9)),
        ("😀 Hi", "Hi", (2, 4)),
        ("Mr. Smith", "mister", (0, 3)),
    ],
)
def test_a_span_counts_code_points_of_the_original_line(line: str, word: str, span: tuple[int, int]) -> None:
    token = next(token for token in normalise(line) if token.text == word)
    assert (token.start, token.end) == span


@pytest.mark.parametrize("line", ["", " \n\t", "😀🎉", "*_~", "\u200b\ufeff", "[]{}", "\ud800", "\x00\x01"])
def test_a_line_without_anything_to_say_gives_no_tokens(line: str) -> None:
    assert normalise(line) == []


def test_a_number_too_long_to_name_is_read_digit_by_digit() -> None:
    assert _said("1" * 37) == " ".join(["one"] * 37)
    assert _said("1" + "0" * 33) == "one decillion"


def test_an_endless_word_is_cut_into_speakable_pieces() -> None:
    tokens = normalise("abcd" * 100)
    assert max(len(token.text) for token in tokens) <= 48
    assert "".join(token.text for token in tokens) == "abcd" * 100
