"""Pronouncing dictionaries: the ones the model was trained with, and the user's own.

The model's are misaki's ``{us,gb}_{gold,silver}.json`` (PyPI ``misaki``; gold is
checked by hand, silver is not). They are read as data: misaki itself is not imported.
Some gold entries have several readings, keyed by a part of speech ("NOUN", "VERB",
"VBD", ...), or by "None" for the form before a pause.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from ..files import read, text_of
from ..protocol.errors import BadRequest, StorageError
from .english.scan import folded
from .languages import has_han
from .packed import PackedDictionary
from .tokens import MARKS

#: Every symbol of the model's vocabulary that stands for a sound, stress, length or tone; and the space.
PHONEMES = frozenset(
    "\u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyz"
    "ɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ "
)

#: Of one entry. The dictionaries' longest has 53 phonemes; what a word may say must not be a speech.
MAX_PHONEMES, MAX_WORD = 64, 100

#: Engines' markup and overrides are taken out of a line before its words are looked up.
_MARKUP = frozenset("[]<>{}|")

_LETTER_G_TIP = "the phoneme of 'go' is ɡ (U+0261), not the letter g"


@dataclass(frozen=True, slots=True)
class Readings:
    """How an entry sounds: `default`, and by part of speech where that differs.

    `by_tag` maps a tag to phonemes; the tag "None" is the form before a pause. A tag
    mapped to None means that the word is spelled out in that role ("US" the noun).
    """

    default: str
    by_tag: Mapping[str, str | None]
    gold: bool = True


class Lexicon:
    """One dialect's dictionary, loaded from disk on first use (about 0.2 s). Safe to share once loaded."""

    def __init__(self, british: bool = False, folder: Path | None = None) -> None:
        self._prefix = "gb" if british else "us"
        self._folder = folder

    def lookup(self, word: str) -> Readings | None:
        """Exactly as written, else in lower case, else capitalised; gold before silver at each step."""
        for form in dict.fromkeys((word, word.lower(), word.capitalize())):
            found = self.exact(form)
            if found is not None:
                return found
        return None

    def exact(self, word: str) -> Readings | None:
        """The entry written just so."""
        entry = self._gold.get(word)
        if entry is not None:
            return _readings(entry)
        silver = self._silver.get(word)
        return None if silver is None else Readings(silver, {}, gold=False)

    def is_gold(self, word: str) -> bool:
        """Whether the gold dictionary has the entry written just so."""
        return word in self._gold

    @cached_property
    def _gold(self) -> PackedDictionary:
        return self._load("gold")

    @cached_property
    def _silver(self) -> PackedDictionary:
        return self._load("silver")

    def _load(self, quality: str) -> PackedDictionary:
        path = (self._folder or _dictionary_folder()) / f"{self._prefix}_{quality}.json"
        try:
            return PackedDictionary(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise StorageError(
                f"the pronouncing dictionary {path.name} cannot be read: {error}",
                tip="reinstall the package misaki",
            ) from error


def _readings(entry: str | dict[str, str | None]) -> Readings:
    if isinstance(entry, str):
        return Readings(entry, {})
    return Readings(entry["DEFAULT"] or "", {tag: said for tag, said in entry.items() if tag != "DEFAULT"})


def _dictionary_folder() -> Path:
    spec = find_spec("misaki")
    if spec is None or not spec.submodule_search_locations:
        raise StorageError("the English dictionaries are missing", tip="install the package misaki")
    return Path(spec.submodule_search_locations[0]) / "data"


class UserLexicon:
    """A user's pronunciations, which win over every dictionary: word to phonemes.

    An entry matches in any case, unless it has a capital behind its first letter
    ("McRae", "NPC"): then only as it is written. It may have several words, figures
    and signs ("Night City", "C3PO", "AT&T"). Spellings are compared composed (NFC).
    Safe to share once built.
    """

    def __init__(self, entries: Mapping[str, str] | None = None) -> None:
        """Raises BadRequest for a word that no line can have or that is too long, a pronunciation that is
        empty or too long, or an unknown phoneme symbol."""
        self._exact: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        self._lengths: dict[str, set[int]] = {}  # of all words that begin with a character
        for word, phonemes in (entries or {}).items():
            self._add(word, phonemes, f"entry {word[:40]!r}")

    @classmethod
    def parse(cls, lines: Iterable[str]) -> "UserLexicon":
        """From lines of ``word<TAB>phonemes``; blank lines and lines that start with "#" are comments.

        Raises BadRequest that names the line and what is wrong with it.
        """
        lexicon = cls()
        for number, line in enumerate(lines, start=1):
            text = line.lstrip("\ufeff").strip()
            if text and not text.startswith("#"):
                lexicon._add_line(text, f"line {number}")
        return lexicon

    @classmethod
    def load(cls, path: Path) -> "UserLexicon":
        """From a file in UTF-8, or in UTF-16 with its mark. Raises BadRequest for its contents, StorageError
        if it cannot be read."""
        try:
            text = text_of(read(path))
        except UnicodeDecodeError as error:
            raise BadRequest(
                f"{path.name} is not UTF-8: {error.reason} at byte {error.start}", field="lexicon"
            ) from error
        except OSError as error:
            raise StorageError(f"the lexicon {path.name} cannot be read: {error.strerror}") from error
        return cls.parse(text.split("\n"))

    def lookup(self, word: str) -> str | None:
        """The phonemes of `word`, or None."""
        word = unicodedata.normalize("NFC", word.replace("’", "'"))
        return self._exact.get(word) or self._folded.get(word.casefold())

    def longest_at(self, text: str, index: int) -> int:
        """How many characters the longest entry has that stands at ``text[index:]``; 0 if none does.

        `text` is folded (`english.scan`). What stands before and behind is for the caller to look at.
        """
        lengths = self._lengths.get(text[index].casefold(), ())
        fitting = (
            size
            for size in sorted(lengths, reverse=True)
            if index + size <= len(text) and self.lookup(text[index : index + size])
        )
        return next(fitting, 0)

    def over(self, other: "UserLexicon | None") -> "UserLexicon":
        """Both, with our own entries first."""
        both = UserLexicon()
        for lexicon in (other, self):
            if lexicon is not None:
                both._exact.update(lexicon._exact)
                both._folded.update(lexicon._folded)
                for first, sizes in lexicon._lengths.items():
                    both._lengths.setdefault(first, set()).update(sizes)
        return both

    def __len__(self) -> int:
        return len(self._exact) + len(self._folded)

    def _add_line(self, text: str, where: str) -> None:
        word, tab, phonemes = text.partition("\t")
        if not tab:
            raise BadRequest(
                f"{where}: no tab between the word and its phonemes: {text[:40]!r}", field="lexicon"
            )
        self._add(word.strip(), phonemes.strip(), where)

    def _add(self, word: str, phonemes: str, where: str) -> None:
        _check(word, phonemes, where)
        key = " ".join(folded(word).split())
        _check_key(key, word, where)
        if any(char.isupper() for char in key[1:]):
            self._exact[key] = phonemes
        else:
            self._folded[key.casefold()] = phonemes
        self._lengths.setdefault(key[0].casefold(), set()).add(len(key))


def _check_key(key: str, word: str, where: str) -> None:
    """`key` is `word` as it stands in a folded line."""
    markup = next((char for char in word if char in _MARKUP), None)
    if markup is not None:
        reason = f"{markup!r} is markup and is taken out of a line before words are looked up"
    elif has_han(word):
        reason = "Chinese characters are read by the Chinese rules; write [[word|phonemes]] in the line"
    elif not any(unicodedata.category(char)[0] in "LNS" for char in key):
        reason = "it needs a letter, a digit or a sign"
    else:
        return
    raise BadRequest(f"{where}: {word[:40]!r} can never be found in a line: {reason}", field="lexicon")


def _check(word: str, phonemes: str, where: str) -> None:
    if not word.strip() or not phonemes.strip():
        raise BadRequest(f"{where}: a word and its phonemes are both needed", field="lexicon")
    for what, text, most in (("characters", word, MAX_WORD), ("phonemes", phonemes, MAX_PHONEMES)):
        if len(text) > most:
            raise BadRequest(
                f"{where}: {word[:40]!r} has {len(text):,} {what}, the most is {most}", field="lexicon"
            )
    for symbol in phonemes:
        if symbol not in PHONEMES or symbol in MARKS:
            raise BadRequest(
                f"{where}: unknown phoneme symbol {symbol!r} (U+{ord(symbol):04X}) in {word!r}",
                field="lexicon",
                tip=_LETTER_G_TIP if symbol == "g" else None,
            )
