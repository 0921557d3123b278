"""Rules over phonemes: stress, endings, the American flap, and an approximate British accent.

The alphabets and the conventions are those of the dictionaries the model was trained
with (misaki 0.9.4, ``EN_PHONES.md`` and ``en.py``): A I O Q W Y are diphthongs, ᵊ a
fleeting schwa, ᵻ the vowel of "roses", T the flap of "better".
"""

import re

PRIMARY, SECONDARY = "ˈ", "ˌ"
VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ")
CONSONANTS = frozenset("bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθ")
_DIPHTHONGS = frozenset("AIOQWYʤʧ")
_FLAPS_AFTER = frozenset("AIOWYiuæɑəɛɪɹʊʌ")


def emphasised(phonemes: str, *, shouted: bool) -> str:
    """A capitalised word with no stress gets a secondary one, a word in capitals a primary one.

    As misaki's ``apply_stress`` with 0.5 and 2 (its ``cap_stresses``): what the model heard.
    """
    if PRIMARY in phonemes:
        return phonemes
    if SECONDARY in phonemes:
        return phonemes.replace(SECONDARY, PRIMARY) if shouted else phonemes
    return with_stress(phonemes, PRIMARY if shouted else SECONDARY)


def with_stress(phonemes: str, mark: str) -> str:
    """`mark` before the first vowel; unchanged if there is no vowel."""
    first = next((index for index, char in enumerate(phonemes) if char in VOWELS), None)
    return phonemes if first is None else phonemes[:first] + mark + phonemes[first:]


def weakened(phonemes: str) -> str:
    """The primary stress as a secondary one, and no other: the lesser half of a compound."""
    if PRIMARY not in phonemes:
        return phonemes
    return phonemes.replace(SECONDARY, "").replace(PRIMARY, SECONDARY)


def weight(phonemes: str) -> int:
    """How heavy a part of a compound is: diphthongs and affricates count twice."""
    return sum(2 if char in _DIPHTHONGS else 1 for char in phonemes)


def spelled(letters: list[str]) -> str:
    """Letter names run together, the last one with the only primary stress ("FBI")."""
    said = "".join(name.replace(PRIMARY, SECONDARY) for name in letters)
    head, mark, tail = said.rpartition(SECONDARY)
    return head + PRIMARY + tail if mark else said


def add_s(stem: str, british: bool) -> str:
    """Plural, third person or possessive."""
    if stem[-1] in "szʃʒʧʤ":
        return stem + ("ɪz" if british else "ᵻz")
    return stem + ("s" if stem[-1] in "ptkfθ" else "z")


def add_ed(stem: str, british: bool) -> str:
    """Past tense; an American t between vowels becomes a flap ("waited")."""
    if stem[-1] in "td":
        return flapped(stem, british) + ("ɪd" if british else "ᵻd")
    return stem + ("t" if stem[-1] in "pkfθʃsʧ" else "d")


def add_ing(stem: str, british: bool) -> str:
    """Participle; a British r that the stem has lost comes back ("faring")."""
    if british and stem[-1] in "əː" and not stem.endswith(("iː", "uː")):
        return stem + "ɹɪŋ"
    return flapped(stem, british) + "ɪŋ"


def flapped(stem: str, british: bool) -> str:
    """`stem` before an ending that starts with a vowel."""
    if not british and len(stem) > 1 and stem[-1] == "t" and stem[-2] in _FLAPS_AFTER:
        return stem[:-1] + "ɾ"
    return stem


def for_model(phonemes: str, british: bool) -> str:
    """As Kokoro v1.0 was trained: the American flap is T, the glottal stop a plain t (misaki before 2.0)."""
    return phonemes.replace("ɾ", "t" if british else "T").replace("ʔ", "t")


_BEFORE_VOWEL = r"(?=[ˈˌ]?[AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻᵊ])"
_NO_VOWEL = _BEFORE_VOWEL.replace("?=", "?!", 1)
_TO_BRITISH = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"[ɾTʔ]", "t"), (rf"ɜɹ{_NO_VOWEL}", "ɜː"), (rf"ɑɹ{_NO_VOWEL}", "ɑː"), (rf"ɔɹ{_NO_VOWEL}", "ɔː"),
        (rf"ɪɹ{_NO_VOWEL}", "ɪə"), (rf"ɛɹ{_NO_VOWEL}", "ɛː"), (rf"ʊɹ{_NO_VOWEL}", "ɔː"),
        (rf"(?<=[əᵊ])ɹ{_NO_VOWEL}", ""), (r"ɜ(?!ː)", "ɜː"), (r"ɔ(?!ː)", "ɔː"), (r"ɑ$", "ɑː"),
        (r"ɑ(?!ː)", "ɒ"), (r"O", "Q"), (r"æ", "a"), (r"[ɐ]", "ə"), (r"(?<=[ˈˌ])i", "iː"),
        (rf"i{_BEFORE_VOWEL}", "ɪ"), (r"u(?!ː)", "uː"), (r"ᵻ", "ɪ"), (r"ʃən", "ʃᵊn"),
        (r"(?<=ˈ)(.*)ˌ", r"\1"),
    )
)  # fmt: skip


def to_british(phonemes: str) -> str:
    """American phonemes in the British dictionary's alphabet, for words that it lacks.

    Approximate: r is dropped where no vowel follows and vowels are mapped one to one,
    but lexical differences ("schedule", the vowel of "bath") are not known here.
    """
    for pattern, said in _TO_BRITISH:
        phonemes = pattern.sub(said, phonemes)
    return phonemes
