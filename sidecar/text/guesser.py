"""Reads words that no dictionary has: names, places, monsters.

A small network, trained on the dictionaries of the acoustic model, says for each
letter of a spelling what it stands for. Its readings are in the dictionaries' US
alphabet, as entries are: a flap is ɾ, a glottal stop ʔ, stress marks stand before
their vowel. Pure torch on the CPU; the same word gives the same reading.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from .english_sounds import PRIMARY, SECONDARY, with_stress
from .guesser_network import Decoder, Trained
from .guesser_network import load as load_network

WEIGHTS = Path(__file__).parent / "data" / "guesser_en.safetensors"

#: Readings followed at a time: where the likeliest is silent or without stress, the second is not.
#: On unseen dictionary words 1, 2, 4 and 16 are right on 70.7, 70.9, 70.8 and 70.8 %.
BEAMS = 2
#: The network has seen words of up to 30 letters. Longer ones are read in pieces.
LONGEST_PIECE = 28
CACHED_WORDS = 4096
#: Words of one length read at a time, a bound on memory.
LARGEST_BATCH = 256

_FOLDED = {"ß": "ss", "ẞ": "ss", "þ": "th", "ð": "th", "ŋ": "ng", "ı": "i", "ə": "a", "ʃ": "sh", "ʒ": "zh"}
#: No English word has a letter three times in a row, and the network has not seen one.
_STRETCHED = re.compile(r"(.)\1{2,}")


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
    # "LATIN SMALL LETTER O WITH STROKE", "LATIN SMALL LETTER TURNED E": the last word is the letter.
    return name.partition(" WITH ")[0].rpartition(" ")[2].lower()


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


class Guesser:
    """Reads spellings. Share one among threads: it changes nothing but its cache."""

    def __init__(self, trained: Trained) -> None:
        self._network = trained.network
        self._decoder = Decoder(trained.network)
        self._numbers = {letter: number for number, letter in enumerate(trained.letters)}
        self._chunks = trained.chunks
        self._cached = lru_cache(maxsize=CACHED_WORDS)(self._read_letters)

    @classmethod
    def load(cls, path: Path | None = None) -> "Guesser":
        """With the weights that come with the package, or others. Raises StorageError, ModelRejected."""
        return cls(load_network(path or WEIGHTS))

    def read(self, word: str) -> str:
        """Phonemes with a primary stress; "" only for a word without a Latin letter."""
        return self._cached(fold(word))

    def read_all(self, words: Sequence[str]) -> list[str]:
        """As `read` for each, several times faster for many words. Bypasses the cache."""
        folded = [fold(word) for word in words]
        whole = [letters for letters in folded if 0 < len(letters) <= LONGEST_PIECE]
        read = self._search_all(whole)
        return [read[letters] if letters in read else self._read_letters(letters) for letters in folded]

    def _read_letters(self, letters: str) -> str:
        pieces = _pieces(letters)
        read = self._search_all(pieces)
        return "".join(read[piece] for piece in pieces)

    def _search_all(self, words: Sequence[str]) -> dict[str, str]:
        by_length: dict[int, list[str]] = defaultdict(list)
        for word in dict.fromkeys(words):
            by_length[len(word)].append(word)
        return {
            word: self._chosen(readings)
            for same_length in by_length.values()
            for at in range(0, len(same_length), LARGEST_BATCH)
            for word, readings in self._search(same_length[at : at + LARGEST_BATCH])
        }

    @torch.inference_mode()
    def _search(self, words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """The likeliest readings of words of one length, best first, by beam search.

        `B` words, `K` beams, `T` letters, `C` chunks.
        """
        letters = torch.tensor([[self._numbers[letter] for letter in word] for word in words])  # [B, T]
        prepared = self._decoder.prepare(self._network.encode(letters))  # [B, T, 4D]
        state = self._decoder.first_state(len(words))
        previous = torch.full((len(words),), self._network.start)
        scores = torch.zeros(len(words), 1)  # [B, K]
        said = torch.zeros(len(words), 1, 0, dtype=torch.long)  # [B, K, t]
        for step in range(letters.shape[1]):
            width = scores.shape[1]
            inputs = prepared[:, step].repeat_interleave(width, dim=0)  # [B * K, 4D]
            logs, state = self._decoder.step(inputs, previous, state)
            totals = scores[:, :, None] + logs.view(len(words), width, -1)  # [B, K, C]
            scores, best = totals.flatten(1).topk(BEAMS, dim=1)  # [B, K']
            parents, chunks = best // totals.shape[2], best % totals.shape[2]
            said = torch.cat([_rows(said, parents), chunks[:, :, None]], dim=2)
            kept = (parents + torch.arange(len(words))[:, None] * width).flatten()  # [B * K']
            state = (state[0][kept], state[1][kept])
            previous = chunks.flatten()
        for word, beams_said in zip(words, said.tolist(), strict=True):
            yield word, ["".join(self._chunks[chunk] for chunk in chunks) for chunks in beams_said]

    @staticmethod
    def _chosen(readings: list[str]) -> str:
        """The likeliest with one primary stress; failing that, the likeliest that is not silent, stressed."""
        for reading in readings:
            if reading.count(PRIMARY) == 1:
                return reading
        return _stressed(next(filter(None, readings)))


def _rows(values: Tensor, indices: Tensor) -> Tensor:
    """values[b, indices[b, k]]: [B, K, t] and [B, K'] -> [B, K', t]."""
    return values.gather(1, indices[:, :, None].expand(-1, -1, values.shape[2]))
