"""Runs of hanzi to words: jieba's dictionary and our own longer words.

jieba takes the most probable way through its dictionary and guesses names with a
hidden Markov model. What is listed in `readings` is added to the dictionary, often
enough to win over its parts, and so are the sayings that pypinyin has a reading for.
"""

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from sidecar.text.chinese.libraries import phrases, tokenizer
from sidecar.text.chinese.readings import WORDS

if TYPE_CHECKING:
    import jieba

_LONGEST_RUN = 100
_SAYING = 4


@lru_cache(maxsize=1)
def word_cutter() -> "jieba.Tokenizer":
    """jieba with its dictionary in memory, shared by all threads (it is only read).

    The dictionary is built here, in about a second: jieba's own start would load a
    marshalled copy from the temporary folder, where any user can plant one.
    """
    logging.getLogger("jieba").setLevel(logging.WARNING)
    cutter = tokenizer()()
    cutter.FREQ, cutter.total = tokenizer().gen_pfdict(cutter.get_dict_file())
    cutter.initialized = True
    for word in _ours(cutter):
        cutter.add_word(word)
    return cutter


def _ours(cutter: "jieba.Tokenizer") -> list[str]:
    sayings = [word for word in phrases() if len(word) >= _SAYING and not cutter.FREQ.get(word)]
    return sayings + [word for word in WORDS if len(word) > 1]


def is_known(word: str) -> bool:
    """Whether a word is in the dictionary, not guessed."""
    return bool(word_cutter().FREQ.get(word))


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """People of the dictionary whose names have three characters."""
    with word_cutter().get_dict_file() as lines:
        return frozenset(
            line.split(b" ", 1)[0].decode()
            for line in lines
            if line.rstrip().endswith(b" nr") and line[9:10] == b" "
        )


def is_name(word: str) -> bool:
    """Whether the dictionary has a word of three characters as somebody's name."""
    return word in _names()


def cut(run: str) -> list[str]:
    """A run of hanzi as words, joined back they give the run."""
    # jieba's time grows with the square of a run; few clauses come near the limit.
    pieces = (run[at : at + _LONGEST_RUN] for at in range(0, len(run), _LONGEST_RUN))
    return [part for piece in pieces for word in word_cutter().cut(piece) for part in _parts(word)]


def _parts(word: str) -> list[str]:
    """Splits particles off guessed words: jieba takes 高兴地笑 for 高兴|地笑."""
    guessed = len(word) == 2 and not is_known(word)
    return list(word) if guessed and (word[0] == "地" or word[1] == "得") else [word]
