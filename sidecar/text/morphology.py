"""Reads regular derivations of words that a dictionary has: "orcish", "respawned", "unslain".

A rule is here only if it was right more often than the network that guesses from
letters, on dictionary words that neither had seen. `tests/benchmarks/pronunciation.py`
prints what they gain together. US readings, in the dictionaries' alphabet.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .english_sounds import add_ed, add_ing, add_s

Lookup = Callable[[str], str | None]

#: Stems of two letters are mostly something else: "being" is not "b" and "eing".
SHORTEST_STEM = 3
#: "Unforgivingly" is un + forgive + ing + ly.
MOST_STEPS = 3

_VOWELS = "aeiou"


def _s(stem: str) -> str:
    return add_s(stem, british=False)


def _ing(stem: str) -> str:
    return add_ing(stem, british=False)


def _ed(stem: str) -> str:
    return add_ed(stem.removesuffix("ᵊl") + "əl" if stem.endswith("ᵊl") else stem, british=False)


def _es(stem: str) -> str:
    """Without a y that became i, only a sibilant takes it: "boxes"."""
    return _s(stem) if stem[-1] in "szʃʒʧʤ" else ""


def _before_vowel(said: str) -> Callable[[str], str]:
    """An ending that begins with a vowel; a t before it becomes a flap as before "ing"."""
    return lambda stem: _ing(stem).removesuffix("ɪŋ") + said


def _before_consonant(said: str, *weakened: tuple[str, str]) -> Callable[[str], str]:
    """An ending that begins with a consonant, and how stems that end in a weak syllable end before it."""

    def join(stem: str) -> str:
        for full, weak in (*weakened, ("ᵊl", "əl")):
            if stem.endswith(full):
                return stem.removesuffix(full) + weak + said
        return stem + said

    return join


_LESS = _before_consonant("ləs")
_NESS = _before_consonant("nəs", ("ᵻd", "əd"))
_LY = _before_consonant(
    "li", ("kᵊl", "kᵊ"), ("kəl", "kᵊ"), ("ᵊl", "ə"), ("l", ""), ("ɪv", "əv"), ("ᵻd", "əd"), ("ɪʃ", "əʃ")
)


@dataclass(frozen=True, slots=True)
class Ending:
    """Letters put behind a stem, and what they do to its reading.

    `stems` says how the stem may be spelled: "" as it stands, "e" with its silent e
    back ("gaming"), "2" with one letter less ("runner"), "y" with its y back ("cities").
    `join` makes the reading of the whole from the stem's, or "" where the ending does not fit.
    """

    letters: str
    stems: tuple[str, ...]
    join: Callable[[str], str]


_FULL = ("", "e", "2", "y")

#: Longest first.
ENDINGS = (
    Ending("less", ("", "y"), _LESS),
    Ending("like", ("",), _before_consonant("lˌIk")),
    Ending("ness", ("", "y"), _NESS),
    Ending("ship", ("",), _before_consonant("ʃˌɪp")),
    Ending("hood", ("", "y"), _before_consonant("hˌʊd")),
    Ending("ally", ("",), lambda said: said[:-2] + "əkᵊli" if said.endswith("ɪk") else ""),
    Ending("est", _FULL, _before_vowel("ᵻst")),
    Ending("ing", ("", "e", "2"), _ing),
    Ending("ish", ("", "e", "2"), _before_vowel("ɪʃ")),
    Ending("ed", _FULL, _ed),
    Ending("er", _FULL, _before_vowel("əɹ")),
    Ending("es", ("y",), _s),
    Ending("es", ("",), _es),
    Ending("ly", ("y",), lambda said: said.removesuffix("i") + "əli"),
    Ending("ly", ("",), _LY),
    Ending("'s", ("",), _s),
    Ending("s", ("",), _s),
)

#: Nothing is put behind an inflection: "polyester" is not polyest + er.
_INNER_ENDINGS = tuple(ending for ending in ENDINGS if ending.letters not in ("est", "es", "'s", "s"))

PREFIXES = (("over", "ˌOvəɹ"), ("mis", "mˌɪs"), ("un", "ˌʌn"))


def derive(word: str, lookup: Lookup) -> str | None:
    """The reading of `word` (lower case) from that of its stem; None without a stem that `lookup` knows."""
    return _from_stem(word, lookup, MOST_STEPS, whole=True)


def _from_stem(word: str, lookup: Lookup, steps: int, *, whole: bool) -> str | None:
    """`whole`: nothing has been taken off the end of `word` yet."""
    for ending in ENDINGS if whole else _INNER_ENDINGS:
        if word.endswith(ending.letters) and not (ending.letters == "s" and word.endswith("ss")):
            for stem in _stems(word.removesuffix(ending.letters), ending.stems):
                said = _known(stem, lookup, steps, whole=False)
                joined = said and ending.join(said)
                if joined:
                    return joined
    for letters, prefix in PREFIXES:
        if word.startswith(letters):
            said = _known(word.removeprefix(letters), lookup, steps, whole=whole)
            if said:
                return prefix + said
    return None


def _known(stem: str, lookup: Lookup, steps: int, *, whole: bool) -> str | None:
    if len(stem) < SHORTEST_STEM:
        return None
    return lookup(stem) or (_from_stem(stem, lookup, steps - 1, whole=whole) if steps > 1 else None)


def _stems(base: str, kinds: tuple[str, ...]) -> Iterator[str]:
    """Spellings the stem may have, likeliest first."""
    if "e" in kinds and _is_short_syllable(base):
        kinds = ("e", *kinds)  # "hoping" is hope; hop would be "hopping"
    for kind in dict.fromkeys(kinds):
        if kind == "":
            yield base
        elif kind == "e":
            yield base + "e"
        elif kind == "2" and len(base) > 1 and base[-1] == base[-2]:
            yield base[:-1]
        elif kind == "y" and base.endswith("i"):
            yield base[:-1] + "y"


def _is_short_syllable(base: str) -> bool:
    if len(base) < 3:
        return False
    before, vowel, last = base[-3], base[-2], base[-1]
    return before not in _VOWELS and vowel in _VOWELS and last not in _VOWELS + "wxy"
