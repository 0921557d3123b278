"""Lines of any length become phrases that the model can speak, and nothing is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.text.phrases import JOINED, LONGEST, SpokenPhrase, phrases
from sidecar.text.tokens import MARKS, Mark, Spoken, Word


def spoken(text: str) -> list[Spoken]:
    """Words (as their own phonemes) and marks of a toy text, apart by spaces."""
    return [Mark(t, 0, 0) if t in MARKS else Word(t, t, 0, 0) for t in text.split()]


def said(phrase: SpokenPhrase) -> str:
    return "".join(phoneme.symbol for phoneme in phrase.phonemes())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hˈalt ! hu ?", "hˈalt! hu?"),
        ("“ halt ” hi sɛd .", "“halt” hi sɛd."),
        ("wAt ( nˈO ) gO", "wAt (nˈO) gO"),
        ("wAt — nˈO", "wAt— nˈO"),
        ("wAt ? !", "wAt?!"),
    ],
)
def test_marks_stand_close_to_their_words(text: str, expected: str):
    assert [said(phrase) for phrase in phrases(spoken(text))] == [expected]


def test_long_sentences_stay_apart_and_short_ones_join():
    long, short = "a" * 60 + " .", "b ."
    assert [len(said(p)) for p in phrases(spoken(f"{long} {long}"))] == [61, 61]
    assert len(phrases(spoken(f"{long} {short}"))) == 1


def test_a_sentence_too_long_is_cut_at_a_clause():
    clause = " ".join(["word"] * 20)
    first, second = phrases(spoken(f"{clause} , {clause} ."))
    assert said(first).endswith(",")
    assert said(second).endswith(".")


def test_a_word_longer_than_a_phrase_is_broken_not_lost():
    whole = "x" * (3 * LONGEST + 5)
    assert "".join(said(phrase) for phrase in phrases(spoken(whole))) == whole


def test_marks_alone_are_no_phrase():
    assert phrases(spoken("! ? …")) == []
    assert phrases([]) == []


ITEMS = st.lists(
    st.sampled_from(sorted(MARKS)).map(lambda m: Mark(m, 0, 0))
    | st.text("abk", min_size=1, max_size=300).map(lambda w: Word(w, w, 0, 0)),
    max_size=60,
)


@given(ITEMS)
def test_every_phrase_fits_and_every_word_is_spoken_once_in_order(items: list[Spoken]):
    made = phrases(items)
    assert all(len(said(phrase)) <= max(LONGEST, JOINED) + 60 for phrase in made)
    assert all(any(isinstance(item, Word) for item in phrase.items) for phrase in made)
    words = "".join(item.phonemes for item in items if isinstance(item, Word))
    assert "".join(i.phonemes for p in made for i in p.items if isinstance(i, Word)) == words


def test_a_long_line_opens_with_its_first_clause():
    """So that the first sound is there early; the parts know that the sentence goes on."""
    opening, rest = " ".join(["word"] * 6), " ".join(["tail"] * 14)
    first, second = phrases(spoken(f"{opening} , {rest} ."))
    assert said(first) == f"{opening},"
    assert (first.resumes, first.pauses, second.resumes, second.pauses) == (False, True, True, False)


def test_a_long_line_without_marks_opens_before_a_linking_word():
    first, second = phrases(spoken(f"{'word ' * 6}because {'tail ' * 14}."))
    assert said(first) == " ".join(["word"] * 6)
    assert said(second).startswith("because ")


def test_a_long_line_without_a_place_to_breathe_stays_whole():
    assert len(phrases(spoken(f"{'word ' * 20}."))) == 1


def test_a_short_sentence_opens_a_long_line_alone_but_a_short_line_stays_together():
    short, long = "word " * 5 + ".", "tail " * 16 + "."
    assert [said(p).split()[0] for p in phrases(spoken(f"{short} {long}"))] == ["word", "tail"]
    assert len(phrases(spoken(f"{short} {short}"))) == 1
    assert not phrases(spoken(f"{short} {long}"))[0].pauses
