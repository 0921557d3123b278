"""Letters of other alphabets, as Latin letters that the guesser can read or by their names.

Greek, Cyrillic, kana and Hangul are transliterated (the usual spellings: BGN/PCGN for Russian without marks,
Hepburn, Revised Romanization); a single Greek letter is its name. Of any other alphabet each letter is named,
as Unicode names it. So nothing that is a letter is passed over in silence.
"""

import unicodedata
from functools import lru_cache

from .scan import word_set

LONGEST_NAMED = 12  #: letters of a word that are named; the rest of it is left out

_GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", [
    "a", "v", "g", "d", "e", "z", "i", "th", "i", "k", "l", "m", "n", "x", "o", "p", "r", "s", "s", "t",
    "y", "f",
    "ch", "ps", "o",
], strict=True))  # fmt: skip
_CYRILLIC = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўђјљњћџ", [
    "a", "b", "v", "g", "d", "e", "yo", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t",
    "oo", "f",
    "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya", "i", "yi", "ye", "g", "w", "j", "y",
    "ly", "ny",
    "ch", "j",
], strict=True))  # fmt: skip
_DIGRAPHS = {
    "ου": "oo",
    "αι": "e",
    "ει": "i",
    "οι": "i",
    "μπ": "b",
    "ντ": "d",
    "γγ": "ng",
    "γκ": "g",
    "αυ": "av",
    "ευ": "ev",
}
_KANA_ENDINGS = {"SMALL YA": "ya", "SMALL YU": "yu", "SMALL YO": "yo"}
_SPECIAL_KANA = {
    "SI": "shi",
    "TI": "chi",
    "TU": "tsu",
    "HU": "fu",
    "ZI": "ji",
    "DI": "ji",
    "DU": "zu",
    "WO": "o",
    "N": "n",
}
_LEADS = ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "_", "j", "jj", "ch", "k", "t", "p", "h"]
_VOWELS = [
    "a", "e", "ya", "ye", "o", "e", "yo", "ye", "o", "wa", "we", "we", "yo", "u", "wo", "we", "wi",
    "yu", "u", "ui", "i",
]  # fmt: skip
_TAILS = [
    "_", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p",
    "t", "t", "ng", "t", "t", "k", "t", "p", "t",
]  # fmt: skip
_WORDS_OF_NAMES = word_set(
    "LETTER SMALL CAPITAL FINAL INITIAL MEDIAL ISOLATED FORM WITH SIGN VOWEL SYLLABLE CHARACTER SYMBOL "
    "DIGIT ABOVE BELOW HAMZA"
)


def latin(word: str) -> list[str]:
    """What is said for `word`, which has a letter outside Latin: one word, or the letters' names."""
    if len(word) == 1 and (name := _greek_name(word)):
        return [name]
    spelled = _transliterated(word)
    if spelled is not None:
        return [spelled] if spelled else []
    names = (name for char in word for name in _name(char).split())
    return [name for name, _ in zip(names, range(LONGEST_NAMED), strict=False)]


def is_foreign(word: str) -> bool:
    """Whether some letter of `word` is not Latin."""
    return not word.isascii() and any(_script(char) != "LATIN" for char in word if char.isalpha())


def _transliterated(word: str) -> str | None:
    """`word` in Latin letters; None if it has a letter of an alphabet that has no table here."""
    lower = word.lower()
    if lower.endswith(("んにちは", "んばんは")):  # the particle
        lower = lower[:-1] + "わ"
    for pair, said in _DIGRAPHS.items():
        lower = lower.replace(pair, said)
    parts: list[str] = []
    for char in lower:
        sound = _letter(char)
        if sound is None:
            return None
        _append(parts, sound)
    joined = "".join(parts).replace("*", "")
    return joined.capitalize() if word[0].isupper() else joined


def _append(parts: list[str], said: str) -> None:
    """Kana: "ki" and a small "ya" are "kya"; the length mark and the small tsu lengthen."""
    if said in ("ya", "yu", "yo") and parts and parts[-1].endswith("i*"):
        parts[-1] = parts[-1][:-2] + (said[1:] if parts[-1][:-2] in ("sh", "ch", "j") else said)
    else:
        parts.append(said)


@lru_cache(maxsize=4096)
def _letter(char: str) -> str | None:
    plain = unicodedata.normalize("NFD", char)[0]
    if char in _CYRILLIC:
        return _CYRILLIC[char]
    for table in (_GREEK, _CYRILLIC):
        if plain in table:
            return table[plain]
    if char.isascii() or _script(char) == "LATIN":
        return char
    if "가" <= char <= "힣":
        return _hangul(ord(char) - ord("가"))
    return _kana(char)


def _hangul(number: int) -> str:
    lead, rest = divmod(number, 588)
    vowel, tail = divmod(rest, 28)
    return (_LEADS[lead] + _VOWELS[vowel] + _TAILS[tail]).replace("_", "")


def _kana(char: str) -> str | None:
    name = unicodedata.name(char, "")
    if char in "ーｰ" or name.endswith("SMALL TU"):
        return ""
    if not name.startswith(("HIRAGANA LETTER ", "KATAKANA LETTER ")):
        return None
    sound = name.partition(" LETTER ")[2]
    if sound in _KANA_ENDINGS:
        return _KANA_ENDINGS[sound]
    sound = sound.removeprefix("SMALL ")
    said = _SPECIAL_KANA.get(sound, sound.lower())
    return said + "*" if said.endswith("i") and len(said) > 1 else said


def _greek_name(char: str) -> str:
    """ "alpha" for α and Α; "" for what is not Greek."""
    name = unicodedata.name(unicodedata.normalize("NFD", char)[0], "")
    if not name.startswith("GREEK "):
        return ""
    return {"LAMDA": "lambda"}.get(last := name.rpartition(" ")[2], last.lower())


@lru_cache(maxsize=4096)
def _name(char: str) -> str:
    """A letter's own name, "meem" for م, "" where Unicode has none."""
    words = unicodedata.name(char, "").split()[1:]
    kept = [word.lower() for word in words if word not in _WORDS_OF_NAMES and word.isalpha()]
    return " ".join(kept[:2])


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "LATIN").partition(" ")[0]
