"""Letters with accents: how they sound where the dictionaries do not have the word."""

import unicodedata

#: As an English reader spells the sound, for the guesser. Other accents leave their letter's sound as it is.
_SOUNDS = {
    "ñ": "ny", "ç": "s", "ö": "o", "ø": "o", "å": "o", "í": "ee", "ú": "oo", "ū": "oo", "š": "sh", "ś": "sh",
    "ş": "sh", "č": "ch", "ć": "ch", "ž": "zh", "ż": "zh", "ř": "r", "ł": "w", "ğ": "", "ý": "ee", "ï": "ee",
    "ß": "ss", "þ": "th", "ð": "th", "œ": "e", "æ": "ae", "ń": "ny", "ő": "o", "ű": "oo", "ț": "ts",
}  # fmt: skip
_FINAL = (
    ("ée", "ay"),
    ("é", "ay"),
    ("è", "ay"),
    ("ê", "ay"),
    ("ë", "ee"),
    ("ē", "ay"),
    ("í", "ee"),
    ("ä", "a"),
)


def respelled(word: str) -> str:
    """ "mañana" as "manyana", "Brontë" as "Brontee": plain letters that say what the accents say."""
    for written, said in _FINAL:
        if word.lower().endswith(written) and len(word) > len(written) + 1:
            return _spelled(word[: -len(written)]) + said
    return _spelled(word)


def sounds_its_end(word: str) -> bool:
    """Whether the last letter's accent tells that it is not silent, as a plain e would be."""
    return len(word) > 2 and word.lower().endswith(tuple(written for written, _ in _FINAL))


def changes_a_consonant(word: str) -> bool:
    """ "ñ", "š": the plain letter is another sound, so the plain word is another word."""
    return any(char in _SOUNDS and unicodedata.normalize("NFD", char)[0] in "nscz" for char in word.lower())


def _spelled(word: str) -> str:
    said = "".join(_SOUNDS.get(char, char) for char in word.lower())
    plain = "".join(char for char in unicodedata.normalize("NFD", said) if not unicodedata.combining(char))
    return plain.capitalize() if word[:1].isupper() else plain
