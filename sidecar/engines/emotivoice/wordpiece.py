"""Text -> BERT's ids: characters made plain, words and marks apart, each word in its longest known pieces.

Source: WordPiece as in BERT (Devlin et al. 2019), with the settings of an uncased model.
"""

import unicodedata
from collections.abc import Iterator, Sequence

from sidecar.engines.emotivoice.lists import numbered
from sidecar.protocol.errors import ModelRejected

FIRST, LAST, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
LONGEST_WORD = 100
_HAN = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class WordPieces:
    """A vocabulary, ids by line. Raises `ModelRejected` when it lacks one of the special pieces."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._ids = numbered(tuple(vocabulary))
        if missing := sorted({FIRST, LAST, UNKNOWN} - self._ids.keys()):
            raise ModelRejected(f"the vocabulary lacks {missing[0]}")

    def ids(self, text: str, most: int) -> list[int]:
        """The ids with [CLS] before and [SEP] after; what does not fit into `most` is cut off."""
        pieces = [piece for word in words(text) for piece in self._pieces(word)]
        return [self._ids[piece] for piece in (FIRST, *pieces[: most - 2], LAST)]

    def _pieces(self, word: str) -> list[str]:
        pieces, start = [], 0
        while start < len(word) <= LONGEST_WORD:
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self._ids), None)
            if end is None:
                return [UNKNOWN]
            pieces.append(mark + word[start:end])
            start = end
        return pieces or [UNKNOWN]


def words(text: str) -> Iterator[str]:
    """Lower-case words without accents; each mark and each Han character is a word."""
    plain = unicodedata.normalize("NFD", "".join(map(_plain, text)))
    bare = "".join(char for char in plain if unicodedata.category(char) != "Mn")
    for word in bare.lower().split():
        yield from "".join(f" {char} " if _is_mark(char) else char for char in word).split()


def _plain(char: str) -> str:
    """Nothing of a control character, space for any white space, a Han character apart."""
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    if char in "\0\ufffd" or unicodedata.category(char).startswith("C"):
        return ""
    return f" {char} " if any(first <= ord(char) <= last for first, last in _HAN) else char


def _is_mark(char: str) -> bool:
    """Any ASCII sign counts, and what Unicode calls punctuation."""
    is_ascii_sign = "!" <= char <= "~" and not char.isalnum()
    return is_ascii_sign or unicodedata.category(char).startswith("P")
