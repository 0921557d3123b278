"""Reads words that no dictionary has: names, places, monsters.

A small network, trained on the dictionaries of the acoustic model, says for each
letter of a spelling what it stands for. Its readings are in the dictionaries' US
alphabet, as entries are: a flap is ɾ, a glottal stop ʔ, stress marks stand before
their vowel. NumPy on the CPU; the same word gives the same reading.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from .english.sounds import PRIMARY, SECONDARY, VOWELS, with_stress
from .guesser_network import Floats, Trained, Whole
from .guesser_network import load as load_network

WEIGHTS = Path(__file__).parent / "data" / "guesser_en.safetensors"

#: Readings followed at a time: where the likeliest is silent or without stress, the second is not.
#: On unseen dictionary words 1, 2, 4 and 16 are right on 70.7, 70.9, 70.8 and 70.8 %.
BEAMS = 2
#: The network has seen words of up to 30 letters. Longer ones are read in pieces.
LONGEST_PIECE = 28
CACHED_WORDS = 4096
#: Words read at a time, a bound on memory.
LARGEST_BATCH = 256

_FOLDED = {"ß": "ss", "ẞ": "ss", "þ": "th", "ð": "th", "ŋ": "ng", "ı": "i", "ə": "a", "ʃ": "sh", "ʒ": "zh"}
#: No English word has a letter three times in a row, and the network has not seen one.
_STRETCHED = re.compile(r"(.)\1{2,}")
_DOUBLED_START = re.compile(r"^([bdfhjklmnpstvwzðŋɡɹʃʒʤʧθ])\1+(?=.)")
_DOUBLED_VOWEL = re.compile(r"([ˈˌ]?)([aiuæɑɔəɛɪʊʌ])(?:[ˈˌ]?\2)+")
_NASAL_START = re.compile(r"^(?=ŋ|[mn][bdfkpstvzðɡʃʒʤʧθ])")
#: The first consonants of a word without a vowel that can bear no syllable; hums and hisses can.
_HARD = re.compile(r"^([bdfhkpstvwzðɡʃʒʤʧθ][ɹlw]?)(?=[bdfhklmnpstvzðŋɡɹʃʒʤʧθ]*[bdkpɡʤʧθŋlm])")
_NOT_A_LETTER = re.compile("[^a-z]")


@lru_cache(maxsize=1024)
def _folded_character(character: str) -> str:
    """A character as plain letters: "Ø" as "o", "æ" as "ae", "文" as nothing."""
    if "a" <= character <= "z" or character == "'":
        return character
    if character in _FOLDED:
        return _FOLDED[character]
    name = unicodedata.name(character, "")
    if not character.isalpha() or not name.startswith("LATIN "):
        return ""
    # "LATIN SMALL LETTER O WITH STROKE", "LATIN SMALL LETTER TURNED E": the last word is the letter, of
    # "LATIN SMALL LETTER A REVERSED-SCHWA" what can be read of it.
    return _NOT_A_LETTER.sub("", name.partition(" WITH ")[0].rpartition(" ")[2].lower())


def fold(word: str) -> str:
    """The letters a-z of a word, and apostrophes inside it; accents and ligatures are resolved."""
    plain = unicodedata.normalize("NFKD", word.replace("’", "'")).casefold()
    letters = "".join(_folded_character(character) for character in plain).strip("'")
    return _STRETCHED.sub(r"\1\1", letters)


def _pieces(letters: str) -> list[str]:
    """A word cut into parts of about equal length that the network can read."""
    count = -(-len(letters) // LONGEST_PIECE)
    size = -(-len(letters) // max(count, 1))
    return [letters[at : at + size] for at in range(0, len(letters), max(size, 1))]


def _stressed(phonemes: str) -> str:
    """With a primary stress, if there is a vowel to bear it."""
    if PRIMARY in phonemes:
        return phonemes
    if SECONDARY in phonemes:
        return phonemes.replace(SECONDARY, PRIMARY, 1)
    return with_stress(phonemes, PRIMARY)


def _sayable(phonemes: str) -> str:
    """With what no English mouth begins or runs together mended: "wwˈii" as "wˈi", "mbˈɛki" as "əmbˈɛki"."""
    phonemes = _DOUBLED_VOWEL.sub(r"\1\2", _DOUBLED_START.sub(r"\1", phonemes))
    if not any(symbol in VOWELS for symbol in phonemes):
        return _HARD.sub(r"\1ˈʌ", phonemes, count=1)
    return _NASAL_START.sub("ə", phonemes)


class Guesser:
    """Reads spellings. Share one among threads: it changes nothing but its memory of words, under a lock."""

    def __init__(self, trained: Trained) -> None:
        self._encode, self._decoder = trained.encoder, trained.decoder
        self._numbers = {letter: number for number, letter in enumerate(trained.letters)}
        self._chunks = trained.chunks
        self._remembered: dict[str, str] = {}
        self._lock = Lock()

    @classmethod
    def load(cls, path: Path | None = None) -> "Guesser":
        """With the weights that come with the package, or others. Raises StorageError, ModelRejected."""
        return cls(load_network(path or WEIGHTS))

    def read(self, word: str) -> str:
        """Phonemes with a primary stress; "" only for a word without a Latin letter."""
        return self.read_all([word])[0]

    def recall(self, word: str) -> str | None:
        """As `read`, if the word was read not long ago: at no cost."""
        letters = fold(word)
        return self._recalled([letters]).get(letters)

    def read_all(self, words: Iterable[str]) -> list[str]:
        """As `read` for each, together: many take a tenth of the time."""
        folded = [fold(word) for word in words]
        known = self._recalled(folded)
        new = self._read_letters(dict.fromkeys(letters for letters in folded if letters not in known))
        self._remember(new)
        known |= new
        return [known[letters] for letters in folded]

    def _recalled(self, words: Iterable[str]) -> dict[str, str]:
        with self._lock:
            known = {word: said for word in words if (said := self._remembered.pop(word, None)) is not None}
            self._remembered |= known  # now behind all others
        return known

    def _remember(self, read: Mapping[str, str]) -> None:
        with self._lock:
            self._remembered |= read
            for oldest in list(self._remembered)[:-CACHED_WORDS]:
                del self._remembered[oldest]

    def _read_letters(self, words: Iterable[str]) -> dict[str, str]:
        cut = {letters: _pieces(letters) for letters in words}
        read = self._search_all([piece for pieces in cut.values() for piece in pieces])
        return {letters: "".join(read[piece] for piece in pieces) for letters, pieces in cut.items()}

    def _search_all(self, words: Sequence[str]) -> dict[str, str]:
        longest_first = sorted(dict.fromkeys(words), key=len, reverse=True)
        return {
            word: self._chosen(readings)
            for at in range(0, len(longest_first), LARGEST_BATCH)
            for word, readings in self._search(longest_first[at : at + LARGEST_BATCH])
        }

    def _search(self, words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """The likeliest readings of words, the longest of which come first, best first, by beam search.

        `B` words, `K` beams, `C` chunks. Of the words, `n` have a letter number t: the first.
        """
        context = self._encode([[self._numbers[letter] for letter in word] for word in words])
        state = self._decoder.first_state(len(words))
        previous = np.full(len(words), self._decoder.start)
        scores = np.zeros((len(words), 1), np.float32)  # [B, K]
        said = np.zeros((len(words), 1, 0), np.int64)  # [B, K, t]
        for inputs in map(self._decoder.prepare, context):  # [n, 4D]
            n, width = len(inputs), scores.shape[1]
            yield from self._spelled_out(words[n : len(scores)], said[n:])
            rows = slice(n * width)
            logs, state = self._decoder.step(inputs, previous[rows], (state[0][rows], state[1][rows]))
            totals = scores[:n, :, None] + logs.reshape(n, width, -1)  # [n, K, C]
            scores, best = _best(totals.reshape(n, -1))  # [n, K']
            parents, chunks = best // totals.shape[2], best % totals.shape[2]
            said = np.concatenate(
                [np.take_along_axis(said[:n], parents[:, :, None], axis=1), chunks[:, :, None]], axis=2
            )
            kept = (parents + np.arange(n)[:, None] * width).ravel()  # [n * K']
            state = (state[0][kept], state[1][kept])
            previous = chunks.ravel()
        yield from self._spelled_out(words[: len(scores)], said)

    def _spelled_out(self, words: Sequence[str], said: Whole) -> Iterator[tuple[str, list[str]]]:
        """What the beams [B, K, T] of words have said."""
        for word, beams_said in zip(words, said.tolist(), strict=True):
            yield word, ["".join(self._chunks[chunk] for chunk in chunks) for chunks in beams_said]

    @staticmethod
    def _chosen(readings: list[str]) -> str:
        """The likeliest with one primary stress; failing that, the likeliest that is not silent, stressed."""
        for reading in readings:
            if reading.count(PRIMARY) == 1:
                return _sayable(reading)
        return _sayable(_stressed(next(filter(None, readings))))


def _best(totals: Floats) -> tuple[Floats, Whole]:
    """The highest `BEAMS` of each row [n, C], highest first, and where they stand."""
    found = np.argpartition(-totals, BEAMS - 1, axis=1)[:, :BEAMS]
    scores = np.take_along_axis(totals, found, axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(found, order, axis=1)
