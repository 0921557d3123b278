"""English tokens to phonemes: the dictionaries first, rules for endings, a guess for the rest.

What is said follows the text the model was trained on (misaki 0.9.4, ``en.py``, whose
``get_special_case``, ``apply_stress`` and ``resolve_tokens`` are the source of the
rules here): weak and strong forms by what follows, stress by capitals, one word of a
compound stressed less.
"""

import re
from collections.abc import Callable, Sequence

from ..lexicon import PHONEMES, Lexicon, Readings, UserLexicon
from ..tokens import Mark, Spoken, Token, TokenKind, Word
from . import accents, compounds, context, cries, heteronyms, shapes, sounds
from .extras import CLITICS, EXTRA, PATRONYMS
from .names import NAMES
from .scan import word_set

_TRAILING_N = re.compile(r"in'?$")
#: Endings of unknown verbs whose stem is read first: the guesser gives "-ated" the vowel of "hatted".
_MADE_VERB = re.compile(r"(?P<stem>[a-z]{2,}(?:at|iz|is|if[iy]))(?P<ending>ed|es|ing)", re.IGNORECASE)


_VERBS_IN_AT = word_set(
    "combat format repeat defeat cheat treat entreat float bloat sweat threat wheat retreat throat great"
)
_FINAL_AT = re.compile(r"ˌ?[AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ]t$")

#: Whether the next sound is a vowel; None before a pause. What follows decides some forms of a word.
_Ahead = bool | None
_PAUSE: _Ahead = None


class EnglishReader:
    """Turns tokens into phonemes of one dialect. Immutable once built; safe to share between threads."""

    def __init__(
        self,
        lexicon: Lexicon,
        guess: Callable[[str], str],
        user: UserLexicon | None = None,
        british: bool = False,
    ) -> None:
        """`guess` gives American phonemes for a word nothing else knows: Latin letters, inner apostrophes."""
        self._lexicon = lexicon
        self._guess = guess
        self._user = user or UserLexicon()
        self._british = british

    def read(self, tokens: Sequence[Token]) -> list[Spoken]:
        """Words and marks in order. A token of another script, which has no sound here, is left out."""
        words = _line(tokens)
        groups = compounds.group(tokens)
        spoken: list[list[Spoken]] = []
        ahead = _PAUSE
        for start, end in reversed(groups):
            if tokens[start].kind is TokenKind.STUTTER:
                said = self._stutter(tokens[start], spoken)
            else:
                said = self._read_group(tokens[start:end], words, start, ahead)
            ahead = _what_follows(said, ahead)
            spoken.append(said)
        return [item for said in reversed(spoken) for item in said]

    def _read_group(
        self, group: Sequence[Token], words: context.Line, index: int, ahead: _Ahead
    ) -> list[Spoken]:
        first = group[0]
        if first.kind is TokenKind.MARK:
            return [Mark(first.text, first.start, first.end)]
        if len(group) > 1:
            return self._read_compound(group, words, index, ahead)
        phonemes = self._phonemes(first, words.place(index), ahead)
        return _words([(first, phonemes)])

    def _stutter(self, token: Token, behind: Sequence[list[Spoken]]) -> list[Spoken]:
        """As the word that follows begins; `behind` is what was read of it, nearest last."""
        following = next((item for said in reversed(behind) for item in said if isinstance(item, Word)), None)
        said = compounds.onset(following.phonemes, len(token.text)) if following else self._spell(token.text)
        return _words([(token, said or "")])

    def _read_compound(
        self, group: Sequence[Token], words: context.Line, index: int, ahead: _Ahead
    ) -> list[Spoken]:
        whole = self._whole_compound(group)
        text = compounds.text(group)
        if whole is None:
            parts = self._compound_parts(group, words, index, ahead)
            stutters = [
                n for n in range(len(group) - 1) if compounds.is_stutter(group[n].text, group[n + 1].text)
            ]
            if stutters:
                return _words(list(zip(group, compounds.stuttered(parts, group), strict=True)))
            whole = "".join(compounds.balanced([part for part in parts if part]))
        phonemes = sounds.for_model(whole, self._british)
        return [Word(text, phonemes, group[0].start, group[-1].end)] if phonemes else []

    def _whole_compound(self, group: Sequence[Token]) -> str | None:
        """The dictionary's word for a compound as it was written, or written together."""
        if len(group) > 6:
            return None
        hyphenated, together = compounds.text(group), "".join(token.text for token in group)
        lettered = any(token.kind is TokenKind.LETTERS for token in group)  # "Base-D" is not "based"
        forms = (hyphenated,) if lettered else (hyphenated, together)
        for form in forms:
            known = self._user.lookup(form)
            if known is not None:
                return known
        for form in forms:
            found = self._lexicon.lookup(form)
            if found is not None:
                return self._stressed(form, found.default)
        return None

    def _compound_parts(
        self, group: Sequence[Token], words: context.Line, index: int, ahead: _Ahead
    ) -> list[str]:
        """Phonemes of each part, still in the dictionary's alphabet."""
        parts: list[str] = []
        for offset in range(len(group) - 1, -1, -1):
            place = words.place(index + offset)
            said = self._phonemes(group[offset], place, ahead, final=False)
            parts.append(said)
            ahead = _starts_with_vowel(said, ahead)
        return parts[::-1]

    def _phonemes(self, token: Token, place: context.Place, ahead: _Ahead, final: bool = True) -> str:
        word = shapes.plain(token.text)
        given = self._given(token, word)
        if given is not None:
            return given
        said = self._spell(word) if token.kind is TokenKind.LETTERS else self._weak_form(word, ahead)
        if not said and word != token.text:
            said = self._accented(token.text, word, place, ahead)
        said = said or self._known(word, place, ahead) or self._unknown(word)
        return sounds.for_model(said, self._british) if final else said

    def _given(self, token: Token, word: str) -> str | None:
        """What the user's lexicon says; an entry may have an ending behind it."""
        given = self._user.lookup(token.text) or self._user.lookup(word)
        if given is not None or token.kind is not TokenKind.ENTRY:
            return given
        stem, _, ending = token.text.rpartition("'")
        given = self._user.lookup(stem) or ""
        if ending.lower() == "s":
            return sounds.add_s(given, self._british)
        return given + CLITICS["'" + ending.lower()][int(self._british)]

    def _accented(self, word: str, bare: str, place: context.Place, ahead: _Ahead) -> str | None:
        """A word with accents: as it is written, then without them if they only mark it, then by sound."""
        if bare.lower().endswith("'s"):
            stem = self._accented(word[:-2], bare[:-2], place, ahead) or self._known(bare[:-2], place, ahead)
            return sounds.add_s(stem, self._british) if stem else None
        if word.endswith("s") and (single := self._listed(word[:-1])):
            return sounds.add_s(single, self._british)
        found = self._listed(word) or self._lexicon.exact(word) or self._lexicon.exact(word.lower())
        if found is not None:
            return found if isinstance(found, str) else self._chosen(word, found, place, ahead)
        known = None if accents.changes_a_consonant(word) else self._known(bare, place, ahead)
        silent_end = known is not None and accents.sounds_its_end(word) and known[-1] not in sounds.VOWELS
        if known is not None and not silent_end:
            return known
        return self._unknown(accents.respelled(word)) if any(map(shapes.is_latin, bare)) else None

    def _listed(self, word: str) -> str | None:
        """From our own tables."""
        lower = word.lower()
        if lower in EXTRA:
            return self._stressed(word, EXTRA[lower][self._british])
        if lower in NAMES:
            return self._stressed(word, sounds.to_british(NAMES[lower]) if self._british else NAMES[lower])
        return None

    def _weak_form(self, word: str, ahead: _Ahead) -> str | None:
        """The little words whose sound hangs on what follows."""
        lower, strong = word.lower(), word.isupper() and len(word) > 1
        if lower == "the":
            return "ði" if ahead else "ðə"
        if lower == "a":
            return "ɐ"
        if lower == "an":
            return "ɐn"
        if lower == "i":
            return "ˌI"
        if lower == "to" and not strong:
            return {None: self._default("to"), False: "tə", True: "tʊ"}[ahead]
        if lower == "in":
            return "ˈɪn" if ahead is None else "ɪn"
        if lower == "am":
            return self._default("am") if ahead is None or word != "am" else "ɐm"
        if lower == "'s":
            return "z"
        return None

    def _default(self, word: str) -> str:
        found = self._lexicon.lookup(word)
        return found.default if found else self._unknown(word)

    def _known(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        """From the dictionaries, directly or by an ending; None if they do not know the word."""
        listed = self._listed(word) or self._sense(word, place)
        if listed is not None:
            return listed
        found = self._entry(word)
        if found is not None:
            return self._chosen(word, found, place, ahead)
        if word.isupper() and not place.is_shouted and self._is_initialism(word):
            return self._spell(word)
        return self._inflected(word, place, ahead) or self._cry(word)

    def _sense(self, word: str, place: context.Place) -> str | None:
        """Of a word that the dictionaries have with one of its sounds only."""
        senses = heteronyms.SENSES.get(word.lower())
        if senses is None or place.word != word.lower():
            return None
        said = next((senses[tag] for tag in heteronyms.tags(place) if tag in senses), None)
        if said is None:
            return None
        return self._stressed(word, sounds.to_british(said) if self._british else said)

    def _cry(self, word: str) -> str | None:
        said = None if "'" in word else cries.sound(word)
        return said if said is None or not self._british else sounds.to_british(said)

    def _entry(self, word: str) -> Readings | None:
        """A capitalised or shouted word means the gold word in small letters before a rare name."""
        if word.isupper() and len(word) > 1 and not self._lexicon.is_gold(word):
            return self._lexicon.lookup(word.lower())
        found = self._lexicon.exact(word)
        if found is not None and (found.gold or not self._lexicon.is_gold(word.lower())):
            return found
        return self._lexicon.lookup(word)

    def _chosen(self, word: str, found: Readings, place: context.Place, ahead: _Ahead) -> str:
        if word.isupper() and "NOUN" in found.by_tag and found.by_tag["NOUN"] is None:
            return self._word_or_letters(word, found, place)
        return self._stressed(word, _reading(found, place, ahead))

    def _word_or_letters(self, word: str, found: Readings, place: context.Place) -> str:
        """ "the US" and "US dollars" are letters, "HELP US" a word: in capitals, what is beside tells."""
        if word == "ID" or place.before() in ("the", "a", "an") or place.after() in ("dollar", "dollars"):
            return self._spell(word) or self._unknown(word)
        lower = self._lexicon.lookup(word.lower())
        return self._stressed(word, lower.default if lower else found.default)

    def _is_initialism(self, word: str) -> bool:
        """Short capitals that no dictionary knows, and that are no inflected word."""
        return (
            len(word) <= 3
            and word.isalpha()
            and self._inflected(word.lower(), context.Place([word], 0), _PAUSE) is None
        )

    def _spell(self, word: str) -> str | None:
        """Letter names; a small plural or possessive s behind capitals stays an ending."""
        base = (
            re.sub(r"'?s$", "", word)
            if len(word) > 2 and word[:-1].rstrip("'").isupper() and word[-1] == "s"
            else word
        )
        names = [
            found.default
            for letter in base
            if letter.isalpha() and (found := self._lexicon.exact(letter.upper()))
        ]
        if not names:
            return None
        said = sounds.spelled(names)
        return said if base == word else sounds.add_s(said, self._british)

    def _inflected(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        for ending in (
            self._patronym, self._cut_short, self._possessive, self._clitic, self._elided, self._from_verb,
            self._with_s, self._with_ed,
            self._with_ing,
        ):  # fmt: skip
            said = ending(word, place, ahead)
            if said is not None:
                return said
        return None

    def _patronym(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        prefix = "Mac" if word.startswith("Mac") else word[:2]
        said, name = PATRONYMS.get(prefix), word[len(prefix) :]
        if said is None or not name[:1].isupper() or name.lower().endswith(("'s", "s'")):
            return None
        rest = self._known(name, place, ahead) or self._unknown(name)
        return said[self._british].removesuffix(rest[:1]) + rest  # "McKinley" has one k

    def _cut_short(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        """ "jus'" as "just" without its end, where the dictionary has no such word without the apostrophe."""
        if not word.endswith("'") or len(word) < 3 or (word[-2] == "s" and len(word) > 5):
            return None
        for lost in ("t", "d"):
            full = self._lexicon.exact(word[:-1].lower() + lost)
            if full is not None and full.gold and full.default[-1] in "tdɾ":
                return self._stressed(word, full.default[:-1])
        return None

    def _possessive(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        lower = word.lower()
        if lower.endswith("'"):
            return self._known(word[:-1], place, ahead)
        if lower.endswith("'s") and len(word) > 2:
            stem = self._known(word[:-2], place, ahead) or self._unknown(word[:-2])
            return sounds.add_s(stem, self._british) if stem else None
        return None

    def _clitic(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        for ending, said in CLITICS.items():
            if word.lower().endswith(ending) and len(word) > len(ending):
                stem = self._known(word[: -len(ending)], place, True) or ""
                if not stem:
                    return None
                after_vowel = stem[-1] in sounds.VOWELS
                return sounds.flapped(stem, self._british) + said[2 if after_vowel else int(self._british)]
        return None

    def _elided(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        """The end of "nothin'" is that of "nothing" with another n; "'neath" is looked up as "neath"."""
        if word.lower().endswith("in'") or word.lower().endswith("in"):
            full = self._known_stem(_TRAILING_N.sub("ing", word), place, ahead) if len(word) > 4 else None
            return full[:-2] + "ən" if full and full.endswith("ɪŋ") else None
        if not word.startswith("'") or len(word) < 3:
            return None
        return self._without_h(word[1:]) or self._known(word[1:], place, ahead)

    def _without_h(self, word: str) -> str | None:
        """ "'ead" is "head" without its h."""
        whole = "h" + word.lower()
        found = self._lexicon.exact(whole)
        if found is not None and found.gold and found.default[0] == "h":
            said: str | None = found.default[1:]
        else:
            said = self._inflected(whole, context.Place([whole], 0), _PAUSE) if len(whole) > 3 else None
            said = said[1:] if said and said[0] == "h" else None
        return self._stressed(word, said) if said else None

    def _with_s(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        if len(word) < 4 or not word.lower().endswith("s") or word.lower().endswith("ss"):
            return None
        stems = [word[:-1], word[:-2] if word.lower().endswith("es") else ""]
        stems += [word[:-3] + "y"] if word.lower().endswith("ies") else []
        stem = self._first_known(stems, place, ahead)
        return sounds.add_s(stem, self._british) if stem else None

    def _with_ed(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        if len(word) < 4 or not word.lower().endswith("ed") or word.lower().endswith("eed"):
            return None
        stem = self._first_known(shapes.bare_stems(word[:-2], word[:-1]), place, ahead)
        return sounds.add_ed(stem, self._british) if stem else None

    def _with_ing(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        if len(word) < 5 or not word.lower().endswith("ing"):
            return None
        stem = self._first_known(shapes.bare_stems(word[:-3], word[:-3] + "e"), place, ahead)
        return sounds.add_ing(stem, self._british) if stem else None

    def _first_known(self, stems: Sequence[str], place: context.Place, ahead: _Ahead) -> str | None:
        return next((said for stem in stems if (said := self._known_stem(stem, place, ahead))), None)

    def _known_stem(self, stem: str, place: context.Place, ahead: _Ahead) -> str | None:
        """A dictionary word of two letters or more, read as the verb it mostly is when it takes an ending."""
        if len(stem.strip("'")) < 2:
            return None
        found = self._entry(stem)
        if found is None:
            return self._inflected(stem, place, ahead) if stem.lower().endswith(("s", "ed", "ing")) else None
        roles: Sequence[str] = ("VERB",)
        if not place.word.endswith(("ed", "ing", "in'")):
            roles = [tag for tag in heteronyms.tags(place) if tag in ("NOUN", "VERB")]
        return self._stressed(stem, _tagged(found, roles) or found.default)

    def _unknown(self, word: str) -> str:
        """A guess, or the letters; a word of another script has no sound here ("")."""
        latin = "".join(char for char in word if char == "'" or shapes.is_latin(char)).strip("'")
        if not latin:
            return ""
        verb = _MADE_VERB.fullmatch(latin)
        if verb is not None:
            return self._made_verb(word, verb["stem"], verb["ending"].lower())
        guessed = "".join(char for char in self._guess(latin) if char in PHONEMES).strip()
        if not guessed:
            return self._spell(latin) or ""
        return self._stressed(word, sounds.to_british(guessed) if self._british else guessed)

    def _from_verb(self, word: str, place: context.Place, ahead: _Ahead) -> str | None:
        """ "apparated" is from "apparate", though the dictionaries know an "apparat"."""
        verb = _MADE_VERB.fullmatch(word)
        if verb is None or not verb["stem"].lower().endswith("at") or len(verb["stem"]) < 5:
            return None
        known = self._entry(verb["stem"] + "e") or verb["stem"].lower() in _VERBS_IN_AT
        return None if known else self._made_verb(word, verb["stem"], verb["ending"].lower())

    def _made_verb(self, word: str, stem: str, ending: str) -> str:
        """ "apparated", "vaporising": the verb, then its ending."""
        base = stem[:-1] + "y" if stem[-1] == "i" else stem if stem[-1] == "y" else stem + "e"
        said = self._unknown(base)
        if base.endswith("ate"):
            said = _FINAL_AT.sub(r"ˌAt", said)
        add = {"ed": sounds.add_ed, "es": sounds.add_s, "ing": sounds.add_ing}[ending]
        return self._stressed(word, add(said, self._british))

    def _stressed(self, word: str, phonemes: str) -> str:
        if word == word.lower():
            return phonemes
        return sounds.emphasised(phonemes, shouted=word.isupper() and len(word) > 1)


def _line(tokens: Sequence[Token]) -> context.Line:
    said = [token.text for token in tokens if token.kind is TokenKind.WORD and len(token.text) > 1]
    return context.Line(
        [token.text.lower() for token in tokens], len(said) > 2 and all(map(str.isupper, said))
    )


def _words(parts: Sequence[tuple[Token, str]]) -> list[Spoken]:
    return [Word(token.text, said, token.start, token.end) for token, said in parts if said]


def _what_follows(said: Sequence[Spoken], ahead: _Ahead) -> _Ahead:
    """What the word before `said` will hear; quotation marks and brackets do not part words."""
    if not said:
        return ahead
    item = said[0]
    if isinstance(item, Mark):
        return ahead if item.symbol in context.SILENT_MARKS else _PAUSE
    return _starts_with_vowel(item.phonemes, ahead)


def _starts_with_vowel(phonemes: str, otherwise: bool | None) -> bool | None:
    """By the first sound that is in either class; a bare ɐ is in neither, as the model was trained."""
    for char in phonemes:
        if char in sounds.VOWELS:
            return True
        if char in sounds.CONSONANTS or char == "T":
            return False
    return otherwise


def _reading(found: Readings, place: context.Place, ahead: _Ahead) -> str:
    if ahead is None and found.by_tag.get("None"):
        return found.by_tag["None"] or found.default
    return (_tagged(found, heteronyms.tags(place)) if found.by_tag else None) or found.default


def _tagged(found: Readings, tags: Sequence[str]) -> str | None:
    for tag in tags:
        said = found.by_tag.get(tag)
        if said:
            return said
    return None
