"""Which letter of a word says which of its phonemes.

A reading is cut into *units*: a consonant, or a vowel with the stress mark before
it. Every letter is given zero to three units in order; the choice is learned with
expectation maximisation over one table, P(chunk | letter), and fixed with Viterbi
(the many-to-many alignment of Jiampojamarn et al. 2007, one letter at a time).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

#: The most units one letter may say: "x" in "luxury" says three.
LONGEST_CHUNK = 3
STRESS_MARKS = "ˈˌ"
PASSES = 8

#: What a letter is thought to say, by number of units, before the first pass.
LENGTH_PRIOR = (0.25, 0.65, 0.08, 0.02)


def units(phonemes: str) -> tuple[str, ...]:
    """Cut a reading into consonants and vowels, each vowel with its stress mark."""
    found: list[str] = []
    mark = ""
    for symbol in phonemes:
        if symbol in STRESS_MARKS:
            mark = symbol
        else:
            found.append(mark + symbol)
            mark = ""
    return tuple(found)


class _Group:
    """All words of one length, as arrays; `B` words of `T` letters and at most `U` units."""

    def __init__(self, words: Sequence[tuple[str, tuple[str, ...]]], chunk_ids: dict[str, int]) -> None:
        self.words = words
        self.letters = np.array([[ord(c) for c in word] for word, _ in words])  # [B, T]
        self.ends = np.array([len(spoken) for _, spoken in words])  # [B]
        most = int(self.ends.max())
        self.chunks = np.zeros((len(words), most + 1, LONGEST_CHUNK + 1), dtype=np.int64)
        for row, (_, spoken) in enumerate(words):
            for at in range(len(spoken) + 1):
                self.chunks[row, at, 0] = 1
                for size in range(1, min(LONGEST_CHUNK, len(spoken) - at) + 1):
                    self.chunks[row, at, size] = chunk_ids["".join(spoken[at : at + size])]

    def scores(self, table: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """P(chunk | letter `step`) for every start and size, [B, U + 1, 4]."""
        spelled = self.letters[:, step].reshape(-1, 1, 1)
        scores: NDArray[np.float64] = table[spelled, self.chunks]
        return scores

    def forward(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of having said `u` units after `t` letters, [T + 1, B, U + 1]."""
        count, length = self.letters.shape
        reached = np.zeros((length + 1, count, self.chunks.shape[1]))
        reached[0, :, 0] = 1
        for step in range(length):
            moves = reached[step, :, :, None] * self.scores(table, step)
            for size in range(LONGEST_CHUNK + 1):
                reached[step + 1, :, size:] += moves[:, : moves.shape[1] - size, size]
        return reached

    def add_counts(self, table: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
        """Add how often each letter is expected to say each chunk to `counts`."""
        reached = self.forward(table)
        rows = np.arange(len(self.words))
        total = reached[-1, rows, self.ends]
        alive = total > 0
        ahead = np.zeros(reached.shape[1:])
        ahead[rows[alive], self.ends[alive]] = 1 / total[alive]
        for step in reversed(range(self.letters.shape[1])):
            scores = self.scores(table, step)
            onward = np.zeros_like(scores)
            for size in range(LONGEST_CHUNK + 1):
                onward[:, : onward.shape[1] - size, size] = ahead[:, size:]
            expected = scores * onward
            cells = self.letters[:, step].reshape(-1, 1, 1) * table.shape[1] + self.chunks
            weights = reached[step, :, :, None] * expected
            counts += np.bincount(cells.ravel(), weights.ravel(), counts.size).reshape(counts.shape)
            ahead = expected.sum(axis=2)

    def best(self, table: NDArray[np.float64]) -> Iterable[tuple[str, tuple[str, ...]]]:
        """The likeliest alignment of each word that has one. Of two equal ones the earlier letter speaks."""
        count, length = self.letters.shape
        reached = np.zeros((count, self.chunks.shape[1]))
        reached[:, 0] = 1
        sizes = np.zeros((length, *reached.shape), dtype=np.int64)
        for step in range(length):
            moves = reached[:, :, None] * self.scores(table, step)
            options = np.zeros_like(moves)
            for size in range(LONGEST_CHUNK + 1):
                options[:, size:, size] = moves[:, : moves.shape[1] - size, size]
            sizes[step], reached = options.argmax(axis=2), options.max(axis=2)
        for row, (word, spoken) in enumerate(self.words):
            if reached[row, len(spoken)] > 0:
                yield word, self._trace(sizes[:, row], spoken)

    @staticmethod
    def _trace(sizes: NDArray[np.int64], spoken: tuple[str, ...]) -> tuple[str, ...]:
        at = len(spoken)
        chunks = []
        for step in reversed(range(len(sizes))):
            start = at - int(sizes[step, at])
            chunks.append("".join(spoken[start:at]))
            at = start
        return tuple(reversed(chunks))


def _chunk_ids(spoken_words: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Number every run of one to three units; 0 stands for "impossible", 1 for silence."""
    ids: dict[str, int] = {}
    for spoken in spoken_words:
        for at in range(len(spoken)):
            for size in range(1, LONGEST_CHUNK + 1):
                ids.setdefault("".join(spoken[at : at + size]), len(ids) + 2)
    return ids


def _first_table(ids: dict[str, int]) -> NDArray[np.float64]:
    table = np.zeros((128, len(ids) + 2))
    table[:, 1] = LENGTH_PRIOR[0]
    for chunk, number in ids.items():
        table[:, number] = LENGTH_PRIOR[len(units(chunk))]
    return table


def align(readings: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Give each letter its chunk, for all words (ASCII spelling -> phonemes) that can be aligned.

    A word with more than three units a letter ("mr") cannot, and is left out.
    """
    spoken_words = {word: units(phonemes) for word, phonemes in readings.items()}
    ids = _chunk_ids(spoken_words.values())
    by_length: dict[int, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for word, spoken in spoken_words.items():
        if len(spoken) <= LONGEST_CHUNK * len(word):
            by_length[len(word)].append((word, spoken))
    groups = [_Group(words, ids) for _, words in sorted(by_length.items())]
    table = _first_table(ids)
    for _ in range(PASSES):
        counts = np.zeros_like(table)
        for group in groups:
            group.add_counts(table, counts)
        table = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    return {word: chunks for group in groups for word, chunks in group.best(table)}
