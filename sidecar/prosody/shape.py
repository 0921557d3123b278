"""Where in a phrase a change of prosody acts: vowels, stresses, pauses, the end, what the writing marks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sidecar.prosody.plan import Floats, Reals

VOWELS = frozenset("AIOQWYᵊaeiouyøɑɐɒæɔəɚɛɜɤɨɪɯɵœɶʊʌᵻ")
LENGTHENING = frozenset("ː̃↓→↗↘")  #: length and tone go with the vowel before them
STRESS = {"ˈ": 1.0, "ˌ": 0.4}
PAUSES = frozenset(';:,.!?—…"()“”')
FINAL = frozenset(".!?…")


@dataclass(frozen=True, eq=False)
class Shape:
    """Weights 0..1 for each token of a plan, each [n + 2]: the n phonemes and the silences around them.

    `final` grows from the last stress of each sentence to its end; `place` runs from 0 to 1 through the
    phrase. `trailing` is where the text trails off (…). `asks` and `exclaims` tell of a token's sentence.
    """

    vowel: Floats
    stress: Floats
    pause: Floats
    final: Floats
    place: Floats
    emphasis: Floats
    stretch: Floats
    trailing: Floats
    asks: Floats
    exclaims: Floats

    @property
    def is_marked(self) -> bool:
        """Whether the writing itself asks for something, in any emotion."""
        return bool(self.emphasis.any() or self.stretch.any() or self.trailing.any())


def shape_of(phonemes: str, emphasis: Sequence[float] = (), stretch: Sequence[float] = ()) -> Shape:
    """The shape of a phrase; `emphasis` (for CAPITALS and *stars*) and `stretch` (for sooo) have one weight a
    phoneme, or none at all."""
    n = len(phonemes)
    stress = stresses(phonemes)
    final, trailing, asks, exclaims = (np.zeros(n) for _ in range(4))
    for start, end in sentences(phonemes):
        mark = phonemes[end - 1] if end else ""
        last = start + _last(stress[start:end])
        final[last:end] = np.linspace(0, 1, end - last + 1)[1:]
        asks[start:end], exclaims[start:end] = mark == "?", "!" in phonemes[max(start, end - 2) : end]
        if mark == "…":
            trailing[last:end] = 1
    return Shape(
        _padded([symbol in VOWELS or symbol in LENGTHENING or symbol in STRESS for symbol in phonemes]),
        _padded(stress),
        _padded([symbol in PAUSES for symbol in phonemes]),
        _padded(final, after=float(final[-1]) if n else 0),
        _padded(np.linspace(0, 1, n), after=1),
        _padded(emphasis or np.zeros(n)),
        _padded(stretch or np.zeros(n)),
        _padded(trailing),
        _padded(asks),
        _padded(exclaims),
    )


def stresses(phonemes: str) -> Floats:
    """How much each phoneme is part of a stressed vowel [n]. Where stress is not written (Mandarin), the
    first vowel of each word counts by half."""
    weights, written = np.zeros(len(phonemes), np.float32), any(symbol in STRESS for symbol in phonemes)
    weight, inside = (0.0 if written else 0.5), False
    for index, symbol in enumerate(phonemes):
        if symbol in STRESS:
            weight, inside = STRESS[symbol], False
            weights[index] = weight
        elif symbol in VOWELS or (inside and symbol in LENGTHENING):
            weights[index], inside = weight, True
        elif symbol == " " and not written:
            weight, inside = 0.5, False
        elif inside:
            weight, inside = 0.0, False
    return weights


def sentences(phonemes: str) -> list[tuple[int, int]]:
    """Spans that end with a final mark (or the phrase)."""
    ends = [
        index + 1
        for index, symbol in enumerate(phonemes)
        if symbol in FINAL and phonemes[index + 1 : index + 2] not in FINAL
    ]
    if not ends or ends[-1] != len(phonemes):
        ends.append(len(phonemes))
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _last(stress: Floats) -> int:
    """Where the last strong stress begins; 0 where there is none."""
    strong = np.flatnonzero(stress >= 0.5)
    if not len(strong):
        return 0
    last = int(strong[-1])
    while last > 0 and stress[last - 1] >= 0.5:
        last -= 1
    return last


def _padded(values: Sequence[float] | Reals, after: float = 0.0) -> Floats:
    """With the silences around."""
    return np.concatenate([[0], np.asarray(values, np.float32), [after]]).astype(np.float32)
