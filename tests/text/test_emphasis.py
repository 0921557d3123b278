"""What CAPITALS, *stars* and stretched letters ask for."""

import pytest

from sidecar.text.emphasis import emphases
from sidecar.text.languages import dialect
from sidecar.text.lexicon import PHONEMES
from sidecar.text.markup.marked import marked
from sidecar.text.reader import LineReader
from sidecar.text.tokens import MARKS, Word


@pytest.fixture(scope="module")
def reader() -> LineReader:
    return LineReader(frozenset(PHONEMES | MARKS), None)


def weights(reader: LineReader, line: str) -> dict[str, tuple[float, float]]:
    items = tuple(reader.read(line, dialect("en-US")))
    found = zip(items, emphases(marked(line), items), strict=True)
    return {item.text.lower(): (e.weight, e.stretch) for item, e in found if isinstance(item, Word)}


def test_a_plain_line_marks_nothing(reader: LineReader):
    assert set(weights(reader, "I never said that to Drizzt in the USA.").values()) == {(0.0, 0.0)}


def test_one_word_in_capitals_stands_out(reader: LineReader):
    found = weights(reader, "I NEVER said that.")
    assert found["never"] == (1, 0) and found["said"] == (0, 0)


def test_a_line_all_in_capitals_is_raised_as_a_whole(reader: LineReader):
    assert {weight for weight, _ in weights(reader, "GET OUT OF HERE!").values()} == {0.5}


@pytest.mark.parametrize("line", ["The FBI is here.", "I am a US citizen.", "I do."])
def test_what_is_spelled_out_is_not_shouted(reader: LineReader, line: str):
    assert not any(weight for weight, _ in weights(reader, line).values())


def test_words_between_stars_stand_out(reader: LineReader):
    found = weights(reader, "I said *never again*, friend.")
    assert found["never"][0] == found["again"][0] == 1
    assert found["said"][0] == found["friend"][0] == 0


def test_a_star_alone_marks_nothing(reader: LineReader):
    assert not any(weight for weight, _ in weights(reader, "Two * three is six.").values())


def test_stretched_letters_draw_a_word_out(reader: LineReader):
    little, much = weights(reader, "nooo")["no"][1], weights(reader, "noooooo")["no"][1]
    assert 0 < little < much <= 1
    assert weights(reader, "I see a book.")["book"][1] == 0
