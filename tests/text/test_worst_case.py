"""No kind of line, however odd, takes long to read."""

import pytest
import torch

from sidecar.text.languages import dialect
from sidecar.text.lexicon import PHONEMES, UserLexicon
from sidecar.text.reader import LineReader
from sidecar.text.tokens import MARKS
from tests.timing import least_cpu_s

CHARACTERS, LONGEST_S = 2000, 0.3

PIECES = {
    "digits": "7", "ones and spaces": "1 ", "thousands": "123 ", "points": "1.", "commas": "1,234,",
    "slashes": "1/2/",
    "opening brackets": "(", "closing brackets": ")", "square brackets": "[", "angles": "<", "braces": "{",
    "pairs of brackets": "()", "hyphens": "-", "dashes": "—", "letters and hyphens": "a-",
    "stutters": "b-b… ",
    "stops": ".", "exclamations": "!", "commas alone": ",", "letters and points": "A.",
    "quotation marks": '"',
    "one letter": "a", "one consonant": "m", "capitals": "X", "spaced letters": "b ", "apostrophes": "'",
    "words and apostrophes": "'a ", "cut words": "o' ", "mixed scripts": "aбγあ한ل", "Cyrillic": "Привет ",
    "kana": "こ",
    "Arabic": "م", "Thai": "ก", "combining marks": "e\u0301\u0300", "marks alone": "\u0301", "emoji": "😀",
    "Roman numerals": "IV ", "Roman letters": "IXVM", "lists of numerals": "Chapter I, II and III ",
    "money": "$3-4m ",
    "signs of money": "$", "amounts behind": "4 $ ", "telephones": "+44 20 7946 ", "times": "8.45pm ",
    "dice": "2d6-",
    "days": "Mon-", "months": "Mar. ", "saints": "St. ", "titles": "Mr. ", "chat": "u r ", "cries": "hngh ",
    "superscripts": "⁶", "circled": "①", "accents": "ñé", "underscores": "_", "stars": "*", "equals": "=",
    "ats": "a@",
    "links": "www.", "blanks": " ", "new lines": "\n", "zero width": "\u200b", "entries": "Night City ",
    "half entries": "Night ",
}  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> LineReader:
    torch.set_num_threads(1)
    reader = LineReader(frozenset(PHONEMES | MARKS), UserLexicon({"Night City": "nˈIt", "C3PO": "sˈi"}))
    reader.read("Warm zorblaxia up.", dialect("en-US"))
    return reader


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
def test_two_thousand_characters_of_one_kind_are_read_in_time(lines: LineReader, piece: str):
    text = (piece * CHARACTERS)[:CHARACTERS]
    assert least_cpu_s(lambda: lines.read(text, dialect("en-US"))) <= LONGEST_S
