"""A line of any writing is read, or refused with its reason; unknown words are read together."""

import random
import string
import time
import unicodedata
from collections.abc import Callable, Iterator

import pytest
import torch

from sidecar.line import Line
from sidecar.protocol.errors import BadRequest, NpcVoiceError
from sidecar.synthesis import Synthesizer
from sidecar.text import reader
from sidecar.text.guesser import Guesser
from sidecar.text.languages import dialect
from sidecar.text.lexicon import PHONEMES
from sidecar.text.reader import LineReader
from sidecar.text.tokens import MARKS, Word
from tests.fakes import tone_voice

ENGLISH = dialect("en-US")


@pytest.fixture
def lines() -> LineReader:
    torch.set_num_threads(1)
    return LineReader(frozenset(PHONEMES | MARKS))


def phonemes(read: list) -> list[str]:
    return [item.phonemes for item in read if isinstance(item, Word)]


def test_an_override_may_be_as_long_as_an_entry_of_a_lexicon(lines: LineReader):
    assert phonemes(lines.read(f"[[Zog|{'ɑ' * 64}]]!", ENGLISH)) == ["ɑ" * 64]
    with pytest.raises(BadRequest, match=r"\[\[Zog\|ɑ{20}…\]\]: 65 phonemes, the most is 64") as refusal:
        lines.read(f"[[Zog|{'ɑ' * 65}]]!", ENGLISH)
    assert refusal.value.field == "text"


def unknown(letters: int, count: int) -> list[str]:
    """Words that nobody knows."""
    rng = random.Random(letters * count)
    return ["".join(rng.choices(string.ascii_lowercase, k=letters)) for _ in range(count)]


def test_unknown_words_sound_the_same_together_as_alone(lines: LineReader, monkeypatch: pytest.MonkeyPatch):
    words = [*unknown(6, 40), "Zul'kath's", "McQuorbin", "Vrenthian-Oskarl", "the", "Aethyl's", "o"]
    alone = [phonemes(lines.read(f"{word}, so", ENGLISH)) for word in words]
    fresh = Guesser.load()
    monkeypatch.setattr(reader, "guesser", lambda: fresh)
    together = phonemes(lines.read("".join(f"{word}, so " for word in words), ENGLISH))
    assert together == [said for each in alone for said in each]


@pytest.mark.parametrize("letters", [4, 9])
def test_two_thousand_characters_of_unknown_words_are_read_together(lines: LineReader, letters: int):
    """Five to nine times as fast as one by one, on one core."""
    count = 2000 // (letters + 1)
    lines.read("Ready, Vrenthia.", ENGLISH)
    alone_s = seconds(lambda: [reader.guesser().read(word) for word in unknown(letters, 20)]) * count / 20
    assert seconds(lambda: lines.read(" ".join(unknown(letters, count)), ENGLISH)) < alone_s / 2.5


def seconds(work: Callable[[], object]) -> float:
    """Of this thread's processor."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def test_a_line_that_is_refused_leaves_nothing_to_the_next(lines: LineReader):
    with pytest.raises(BadRequest):
        lines.read("Krelvorn [[x|", ENGLISH)
    assert phonemes(lines.read("Halt!", ENGLISH)) == ["hˈɔlt"]


def assigned(rare: int) -> list[str]:
    """Every character of Unicode that has a meaning, and halves of pairs; one in a hundred of the private
    ones, and one in `rare` of scripts in which one letter is read like the next."""
    characters = map(chr, range(0x110000))
    shares = {"Cn": 0x110000, "Co": 100}
    return [
        char
        for char in characters
        if ord(char) % shares.get(unicodedata.category(char), rare if is_one_of_many(char) else 1) == 0
    ]


def is_one_of_many(char: str) -> bool:
    scripts = ("CJK", "HANGUL", "TANGUT", "EGYPTIAN", "CUNEIFORM", "YI ")
    return unicodedata.name(char, "").startswith(scripts)


def failures(synthesizer: Synthesizer, texts: list[str], language: str) -> Iterator[str]:
    """Those that end in neither a reading nor a refusal; tried by the hundred first."""
    for at in range(0, len(texts), 100):
        some = texts[at : at + 100]
        if not is_read(synthesizer, " ".join(some), language):
            yield from (text for text in some if not is_read(synthesizer, text, language))


def is_read(synthesizer: Synthesizer, text: str, language: str) -> bool:
    try:
        synthesizer.prepare(Line(text, language=language))
    except NpcVoiceError:
        pass
    except Exception:
        return False
    return True


@pytest.mark.parametrize(("language", "rare"), [("en-US", 100), ("zh-CN", 1)])
def test_every_character_of_unicode_is_read_or_refused(language: str, rare: int):
    """Alone and in a word; hanzi are Chinese whatever the language."""
    synthesizer = tone_voice().synthesizer
    texts = [*assigned(rare), *(f"a{char}b" for char in assigned(100))]
    assert list(failures(synthesizer, texts, language)) == []
