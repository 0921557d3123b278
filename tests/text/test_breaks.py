"""Pauses of a given length: where they are found, what is refused, and what they do to phrases."""

import pytest

from sidecar.protocol.errors import BadRequest
from sidecar.text.markup.marked import marked
from sidecar.text.phrases import SpokenPhrase, phrases
from sidecar.text.tokens import Break, Mark, Spoken, Word


@pytest.mark.parametrize(
    ("text", "pauses_s"),
    [
        ('Wait. <break time="500ms"/> Now!', [0.5]),
        ("Wait.<BREAK  time = '1.5S' />Now!", [1.5]),
        ('<break time="0s"/>a<break time="10s">', [0.0, 10.0]),
        ("You break time and again, 3 <5, <breakfast>.", []),
    ],
)
def test_a_break_says_how_long_it_is(text: str, pauses_s: list[float]):
    found = marked(text).pauses
    assert [each.pause_s for each in found] == pauses_s
    assert all(text[each.start] == "<" and text[each.end - 1] == ">" for each in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a <break/> b", "a pause is <break time="),
        ('a <break time="500"/> b', "a pause is"),
        ('a <break time="-1s"/> b', "a pause is"),
        ('a <break strength="strong"/> b', "a pause is"),
        ('a <break time="1s" b', "a pause is"),
        ('a <break time="11s"/> b', "the nearest is 10s"),
        ('<break time="10s"/>' * 7, "70 s, at most 60 s"),
    ],
)
def test_a_break_that_cannot_be_kept_is_refused(text: str, words: str):
    with pytest.raises(BadRequest, match=words) as caught:
        marked(text)
    assert caught.value.field == "text"


def cut(text: str) -> list[tuple[str, bool, bool, float, float]]:
    """A toy text's phrases, digits being pauses of so many seconds."""
    items: list[Spoken | Break] = [
        Break(float(t), 0, 0) if t.isdigit() else Mark(t, 0, 0) if t in ",." else Word(t, t, 0, 0)
        for t in text.split()
    ]
    return [told(phrase) for phrase in phrases(items)]


def told(phrase: SpokenPhrase) -> tuple[str, bool, bool, float, float]:
    said = "".join(phoneme.symbol for phoneme in phrase.phonemes())
    return said, phrase.resumes, phrase.pauses, phrase.before_s, phrase.after_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a , 2 b .", [("a,", False, True, 0, 2), ("b.", True, False, 0, 0)]),
        ("1 a", [("a", True, False, 1, 0)]),
        ("a 1", [("a", False, True, 0, 1)]),
        ("1 a 2", [("a", True, True, 1, 2)]),
        ("1 2 a", [("a", True, False, 3, 0)]),
        ("a 1 . 2 b", [("a", False, True, 0, 3), ("b", True, False, 0, 0)]),
        ("1 . 2", []),
    ],
)
def test_phrases_end_where_the_line_pauses(text: str, expected: list[tuple[str, bool, bool, float, float]]):
    assert cut(text) == expected
