"""How well unknown words are read: ours against espeak-ng.

    PYTHONPATH=. python tests/benchmarks/pronunciation.py

Reads the gold dictionary words of `tests/data/held_out_en.tsv`, which the network has
not seen (`tools/train_guesser.py` wrote the list). espeak-ng is optional:

    pip install espeakng-loader phonemizer-fork

Its symbols are mapped to the dictionaries' alphabet first, as misaki 0.9.4 does when
it falls back on espeak-ng (`misaki/espeak.py`, `EspeakFallback`): diphthongs become
one letter, syllabic consonants a fleeting schwa and the consonant, length is dropped.
It keeps its flaps and, as the dictionaries write them so, its glottal stops.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch

from sidecar.text.guesser import WEIGHTS, Guesser

HELD_OUT = Path(__file__).parent.parent / "data" / "held_out_en.tsv"

INSTALL_ESPEAK = "espeak-ng is not installed: pip install espeakng-loader phonemizer-fork"

#: espeak-ng with ties (a^ɪ) -> dictionaries; the longest is replaced first.
FROM_ESPEAK = (
    ("ʔˌn\u0329", "ʔn"), ("ʔn\u0329", "ʔn"), ("n\u0329", "ᵊn"), ("l\u0329", "ᵊl"), ("m\u0329", "ᵊm"),
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("e^ɪ", "A"), ("o^ʊ", "O"), ("ɔ^ɪ", "Y"), ("d^ʒ", "ʤ"), ("t^ʃ", "ʧ"),
    ("ə^l", "ᵊl"), ("i^ə", "iə"), ("ɪə", "iə"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("ɐ", "ə"),
    ("ʲo", "jo"), ("ʲə", "jə"), ("ʲ", ""), ("e", "A"), ("o", "ɔ"), ("r", "ɹ"), ("x", "k"), ("ç", "k"),
    ("ɬ", "l"), ("\u0303", ""), ("\u0329", ""), ("ː", ""), ("^", ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Score:
    """How one reader did, in shares of words or phonemes, and milliseconds."""

    name: str
    exact: float
    ignoring_stress: float
    phoneme_errors: float
    word_ms: float

    def row(self) -> str:
        """As a line of the table."""
        return (
            f"{self.name:<27}{self.exact:>8.1%}{self.ignoring_stress:>17.1%}"
            f"{self.phoneme_errors:>16.1%}{self.word_ms:>12.2f}"
        )


def held_out(path: Path = HELD_OUT) -> dict[str, str]:
    """Spelling -> true phonemes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def unstressed(phonemes: str) -> str:
    """Without stress marks."""
    return phonemes.replace("ˈ", "").replace("ˌ", "")


def distance(one: str, other: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(other) + 1))
    for index, symbol in enumerate(one, 1):
        diagonal, row[0] = row[0], index
        for column, against in enumerate(other, 1):
            changed = diagonal + (symbol != against)
            diagonal, row[column] = row[column], min(changed, row[column] + 1, row[column - 1] + 1)
    return row[-1]


def score(name: str, truths: dict[str, str], read: Callable[[list[str]], list[str]]) -> Score:
    """Read all words at once and compare."""
    began = time.perf_counter()
    readings = read(list(truths))
    word_ms = 1000 * (time.perf_counter() - began) / len(truths)
    pairs = list(zip(readings, truths.values(), strict=True))
    bare = [(unstressed(reading), unstressed(truth)) for reading, truth in pairs]
    return Score(
        name,
        sum(reading == truth for reading, truth in pairs) / len(pairs),
        sum(reading == truth for reading, truth in bare) / len(pairs),
        sum(distance(*pair) for pair in bare) / sum(len(truth) for _, truth in bare),
        word_ms,
    )


def _has_espeak() -> bool:
    return bool(find_spec("espeakng_loader") and find_spec("phonemizer"))


def espeak_readings(words: list[str]) -> list[str]:
    """What espeak-ng says, in the dictionaries' alphabet."""
    import espeakng_loader  # type: ignore[import-untyped]
    from phonemizer.backend import EspeakBackend  # type: ignore[import-untyped]
    from phonemizer.backend.espeak.wrapper import EspeakWrapper  # type: ignore[import-untyped]

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    backend = EspeakBackend("en-us", preserve_punctuation=True, with_stress=True, tie="^")
    return [from_espeak(said.strip()) for said in backend.phonemize(words)]


def from_espeak(said: str) -> str:
    """One word of espeak-ng's in the dictionaries' alphabet."""
    for theirs, ours in FROM_ESPEAK:
        said = said.replace(theirs, ours)
    return said


def scores(truths: dict[str, str]) -> Iterator[Score]:
    """Every reader that is installed, one after the other."""
    guesser = Guesser.load()
    yield score("ours, one word at a time", truths, lambda words: [guesser.read(word) for word in words])
    yield score("ours, batched", truths, Guesser.load().read_all)
    if _has_espeak():
        yield score("espeak-ng", truths, espeak_readings)


def main() -> None:
    parser = argparse.ArgumentParser(description="How well unknown words are read.")
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    truths = held_out()
    print(f"{len(truths)} held-out words; weights {WEIGHTS.stat().st_size / 1e6:.1f} MB")
    print(f"{'':<27}{'exact':>8}{'ignoring stress':>17}{'phoneme errors':>16}{'ms a word':>12}")
    for result in scores(truths):
        print(result.row(), flush=True)
    if not _has_espeak():
        print(INSTALL_ESPEAK)


if __name__ == "__main__":
    main()
