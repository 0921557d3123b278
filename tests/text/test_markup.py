"""Markup of any engine: what is spoken of it, its pauses, its stress, and that no garbage takes long."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.protocol.errors import BadRequest
from sidecar.text.emphasis import emphases
from sidecar.text.languages import dialect
from sidecar.text.lexicon import PHONEMES
from sidecar.text.markup.marked import marked
from sidecar.text.phrases import phrases
from sidecar.text.reader import LineReader
from sidecar.text.tokens import MARKS, Break, Spoken, Word

CASES = [
    ([*row.replace("⏎", "\n").split("\t"), "", ""])[1:6]
    for row in (Path(__file__).parent / "data" / "markup_cases.tsv").read_text("utf-8").splitlines()
    if row[0] != "#"
][1:]
LONGEST_S = 0.3


@pytest.fixture(scope="module")
def reader() -> LineReader:
    return LineReader(frozenset(PHONEMES | MARKS))


def shown(item: Spoken | Break) -> str:
    if isinstance(item, Break):
        return f"<{item.pause_s:g}>"
    return item.text if isinstance(item, Word) else item.symbol


@pytest.mark.parametrize(("language", "line", "spoken", "stressed", "spans"), CASES)
def test_markup_is_not_spoken(
    reader: LineReader, language: str, line: str, spoken: str, stressed: str, spans: str
):
    items = reader.read(line, dialect(language))
    assert joined(" ".join(map(shown, items))) == joined(spoken)
    words = [item for item in items if isinstance(item, Word)]
    found = zip(words, emphases(marked(line), words), strict=True)
    assert joined(" ".join(word.text for word, emphasis in found if emphasis.weight)) == joined(stressed)
    assert origins(line, words) == expected_origins(words, spans.casefold())


def joined(spoken: str) -> str:
    """How hanzi are cut into words is not markup's matter."""
    return re.sub("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])", "", spoken)


def origins(line: str, words: list[Word]) -> list[tuple[str, str]]:
    return [(word.text.casefold(), line[word.start : word.end].casefold()) for word in words]


def expected_origins(words: list[Word], spans: str) -> list[tuple[str, str]]:
    """Those given are for the next words of that text; of all others the word itself."""
    given = [pair.split("=", 1) for pair in spans.split(" ")] if spans else []
    result = []
    for text in (word.text.casefold() for word in words):
        pair = next((pair for pair in given if pair[0] == text), None)
        if pair:
            given.remove(pair)
        result.append((text, pair[1] if pair else text))
    return result


PIECES = [
    "[", "]", "{", "}", "<", ">", "&", ";", "\\", "|", "|c", "|H", "|h", "$", "$N", "§", "#", "*",
    "_", "~", "/", "=", "->", "<<", ">>", "[[", "]]", "![", "](", ")", "(", "a", "b", " ", "\n", "好",
    "1", "wait", "b=1", "[b]", "[/b]", "{w}", "<i>", "</i>", "&amp;", "\\.", "\\C[1]", "|cff00ff00",
    "|r", "[[a|b]]", "é", "\u0301",
]  # fmt: skip


@settings(deadline=None, max_examples=600)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_markup_gives_ordered_spans_within_the_line(reader: LineReader, pieces: list[str]):
    line = "".join(pieces)
    try:
        items = reader.read(line, dialect("en-US"))
    except BadRequest:
        assert "[[" in marked(line).plain.text
        return
    starts = [item.start for item in items]
    assert starts == sorted(starts)
    assert all(0 <= item.start < item.end <= len(line) for item in items)


@pytest.mark.parametrize(
    "line", ["", "Halt! 站住。", "[sighs] (so) {be} <it>: 5 < 6 & 7 > 3, C# #1 $5 100%."]
)
def test_what_is_no_markup_stays_as_it_is(line: str):
    assert marked(line).plain.text == line
    assert marked(line).plain.starts == tuple(range(len(line)))
    assert marked(line).pauses == marked(line).stressed == ()


def test_pauses_of_other_engines_are_shortened_to_what_a_line_may_have():
    pauses = marked("[wait=20]a" + "[wait=9] a" * 8 + '<break time="8s"/>').pauses
    assert [pause.pause_s for pause in pauses] == [10, 9, 9, 9, 9, 6, 8]


def test_a_number_that_cannot_be_seconds_is_of_milliseconds():
    assert [pause.pause_s for pause in marked("[wait=500]a {pause=60} b <wait 250ms> c").pauses] == [
        0.5,
        10,
        0.25,
    ]


@pytest.mark.parametrize("text", ["[[a|", "[[a|]]", "a [[b|c d"])
def test_half_an_override_is_refused(reader: LineReader, text: str):
    with pytest.raises(BadRequest, match=r"an override is \[\[word\|phonemes\]\]"):
        reader.read(text, dialect("en-US"))


UNITS = [
    *PIECES,
    "[a", "<a", "{a", "&a", "\\a", "|ca", "</", "[/", "{/", "<!--", "<!-", "[a=", "<a b=", "{a|", "[[a",
    "&#", "&#x1", "![a](", "[a](", "[a]", "<a>", "{a}", "[/a]", "</a>", "*a", "**a", "_a", "~~a", " #a",
    ".#a", "->a", "\n->a", " -> a_b", "<<a", "<<a>", "|Ha", "|Ta", "|h", "$Ga:", "§a", "\\C[", "[rt]",
    "[img]", "[b]", "[wait=1]", "\\.", "\\|", "[character a=b]", "( ", "[a ", "<a ", "[b ", "<b ",
    "[do a(", "[set a = ",
]  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    """Of this thread's processor, the less of two times: a neighbour on the core can double one."""
    taken = []
    for _ in range(2):
        began = time.thread_time()
        work()
        taken.append(time.thread_time() - began)
    return min(taken)


@pytest.mark.parametrize("unit", sorted({*UNITS}))
def test_two_thousand_characters_of_garbage_are_read_at_once(reader: LineReader, unit: str):
    for line in ((unit * 2000)[:2000], (f"{unit} " * 2000)[:2000], (unit + "a" * 1990)[:2000]):
        tried(reader, line[:40])
        assert seconds(lambda line=line: tried(reader, line)) < LONGEST_S, line[:40]


def tried(reader: LineReader, line: str) -> None:
    try:
        text = marked(line)
        read = reader.read(text, dialect("en-US"))
    except BadRequest:
        return
    for phrase in phrases(read):
        emphases(text, phrase.items)
