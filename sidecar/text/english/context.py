"""What part a word plays, told from its neighbours: enough to choose between its readings.

No tagger is loaded: a few closed classes of words around a heteronym settle most of
what dialogue says ("to record", "the record", "they record it"). Where they do not,
the answer is no tag and the dictionary's default reading stands. Tags are those of
the dictionaries: NOUN, VERB, VBD, VBN, ADJ, ADV, DT.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..tokens import MARKS
from .scan import word_set as _set

NUMBERS = _set(
    "one two three four five six seven eight nine ten twenty thirty forty fifty hundred thousand both"
)
POSSESSIVES = _set("my your his her its our their thy whose")
DETERMINERS = (
    _set("a an the this these those some any no every each another either neither which what such")
    | POSSESSIVES
    | NUMBERS
)
OBJECTS = _set(
    "me him them us it you everyone everything nothing anyone anything someone something himself "
    "herself myself yourself themselves this that these those all her"
)  # fmt: skip
SUBJECTS = _set("i you we they he she it who ye thou everyone nobody somebody anybody")
THIRD_PERSONS = _set("he she it who that which everyone nobody everybody somebody someone")
MODALS = _set(
    "can could will would shall should may might must cannot can't couldn't won't wouldn't shouldn't "
    "mustn't don't doesn't didn't do does did let's i'll you'll he'll she'll it'll we'll they'll i'd "
    "you'd he'd she'd we'd they'd gonna wanna gotta please dare let mayn't needn't needs must've"
)  # fmt: skip
HAVE = _set(
    "have has had having i've you've we've they've haven't hasn't hadn't should've could've would've "
    "must've might've"
)  # fmt: skip
BE = _set(
    "be is are was were am been being i'm you're we're they're he's she's it's that's isn't aren't "
    "wasn't weren't who's what's there's feel feels felt seem seems seemed look looks looked become "
    "became get gets got stay ain't"
)  # fmt: skip
PREPOSITIONS = _set(
    "of in on at by for with from into under over about without against between through during after "
    "before near beyond upon within across behind beneath like as per off beside than"
)  # fmt: skip
CONJUNCTIONS = _set("and or but then so if when nor because while until that where")
ADVERBS = _set(
    "not never always also just really only ever often still now soon once again already even almost "
    "nearly quite rather very too so perhaps maybe simply all both either n't indeed sometimes"
)  # fmt: skip
ADJECTIVES = _set(
    "enough new old good bad great last first next big small long strong more most much many own same other "
    "few own little whole daily common public human royal sacred dark black white red blue green gold "
    "golden final second third best worst better worse high low deep full free true false certain "
    "only main sharp short heavy light early late poor rich strange cold hot fresh several proper "
    "ancient secret broken frozen stolen hidden less further future past foreign armed"
)  # fmt: skip
_ADJECTIVE_ENDINGS = ("ful", "ous", "ive", "able", "ible", "less", "ish", "ic", "ical", "ant", "ent", "esque")
_AFTER_NOUN = _set("of is are was were will has had")
_NOUN_TO = _set(
    "due thanks according close next similar subject led leads leading contrary from key answer solution"
)
FUNCTION = (
    DETERMINERS | OBJECTS | SUBJECTS | MODALS | HAVE | BE | PREPOSITIONS | CONJUNCTIONS | ADVERBS
    | _set(
        "to i there here out up down back away together apart around again today tomorrow yesterday "
        "enough"
    )
)  # fmt: skip
PAST_SIGNS = _set(
    "yesterday ago last once already was were had did took found opened sat got went saw came said told"
)
HABIT_SIGNS = _set("every always often usually sometimes daily rarely seldom")
HANDING = _set("give gave hand handed show bring brought pass get fetch lend throw toss")
#: Marks at which nobody pauses.
SILENT_MARKS = frozenset('“”"()')


@dataclass(frozen=True, slots=True)
class Line:
    """Lower-cased words and marks, and whether all is written in capitals."""

    words: Sequence[str]
    in_capitals: bool

    def place(self, index: int) -> "Place":
        return Place(self.words, index, self.in_capitals)


@dataclass(frozen=True, slots=True)
class Place:
    """A word's position among lower-cased words and marks."""

    words: Sequence[str]
    index: int
    in_capitals: bool = False  #: the whole line is

    @property
    def is_shouted(self) -> bool:
        """Whether all is in capitals or an exclamation mark follows: "KAI!" is a name, "HP" letters."""
        return self.in_capitals or (self.index + 1 < len(self.words) and self.words[self.index + 1] == "!")

    @property
    def word(self) -> str:
        return self.words[self.index]

    def after(self, count: int = 1) -> str:
        """The `count`-th word behind; "" beyond a pause or the end."""
        return self._step(1, count)

    def before(self, count: int = 1) -> str:
        """The `count`-th word ahead; "" beyond a pause or the start."""
        return self._step(-1, count)

    def starts_sentence(self) -> bool:
        """Whether nothing stands before the word but quotation marks, or a mark that ends a sentence."""
        before = [
            word for word in self.words[max(0, self.index - 3) : self.index] if word not in SILENT_MARKS
        ]
        return not before or before[-1] in ".!?…"

    def head(self) -> str:
        """The nearest word ahead that is no adverb."""
        for count in range(1, 5):
            word = self.before(count)
            if word not in ADVERBS and not (word.endswith("ly") and len(word) > 4):
                return word
        return ""

    def clause(self, reach: int = 12) -> list[str]:
        """The words of this clause, at most `reach` to either side."""
        ahead = [self.before(count) for count in range(1, reach)]
        behind = [self.after(count) for count in range(1, reach)]
        return [word for word in ahead + behind if word]

    def _step(self, direction: int, count: int) -> str:
        position = self.index
        while count:
            position += direction
            if not 0 <= position < len(self.words) or self.words[position] in MARKS - SILENT_MARKS:
                return ""
            count -= self.words[position] not in SILENT_MARKS
        return self.words[position]


def by_neighbours(place: Place) -> tuple[str, ...]:
    """The tags the word may carry here, likeliest first; empty if nothing speaks for one."""
    head, after = place.head(), place.after()
    if head == "to":
        return ("NOUN",) if place.before(2) in _NOUN_TO else ("VERB",)
    if head in MODALS:
        return ("VERB",)
    if head in HAVE:
        return ("VBN", "VERB") if place.word.endswith("ed") else ("VBN", "NOUN")
    if head in BE:
        return ("VERB", "VBN", "ADJ") if place.word.endswith("ed") else ("VBN", "ADJ")
    if is_determiner(place, head) or head in PREPOSITIONS or is_adjective(head):
        return ("ADJ", "NOUN") if is_content(after) else ("NOUN",)
    return _by_clause(place, head, after) or _by_phrase(place, head, after)


def _by_clause(place: Place, head: str, after: str) -> tuple[str, ...]:
    takes_object = after in OBJECTS or after in DETERMINERS
    if head in (THIRD_PERSONS if is_third_person(place.word) else SUBJECTS):
        return ("VERB",)
    if after in _AFTER_NOUN:
        return ("NOUN",)
    if takes_object and not (is_third_person(place.word) and head == ""):
        return ("VERB",)
    if is_third_person(place.word) and head in CONJUNCTIONS | {""}:
        return ("NOUN",)
    return ()


def _by_phrase(place: Place, head: str, after: str) -> tuple[str, ...]:
    """By the phrase the word closes: a plural subject acts ("the gates close"), what follows a determiner and
    its adjectives, or a verb with a subject, is a noun ("a rough estimate", "she sells produce")."""
    if head == "":
        return _at_start(place, after)
    if is_third_person(place.word):
        return ()
    if is_verb_before(place):
        return ("NOUN",)
    if is_plural(head) and after not in _AFTER_NOUN:
        return ("VERB",)
    return ("NOUN",) if in_noun_phrase(place) else ()


def _at_start(place: Place, after: str) -> tuple[str, ...]:
    """An order ("Defect to us!") or, behind a comma, another adjective ("a slow, deliberate voice")."""
    if place.index and place.words[place.index - 1] == "," and is_content(after):
        return ("ADJ",)
    ordered = after in ("to", "with", "from") and place.after(2) in OBJECTS | DETERMINERS
    return ("VERB",) if ordered and not is_third_person(place.word) else ()


def is_verb_before(place: Place) -> bool:
    """Whether the word before is a verb with its subject, so that an object follows."""
    verb, subject = place.before(), place.before(2)
    if not is_content(verb) or verb.endswith("ly"):
        return False
    return subject in SUBJECTS | {"to"} or (subject in MODALS and subject != "let")


def is_plural(word: str) -> bool:
    """Whether a word looks like a plural noun."""
    return (
        is_content(word)
        and word.endswith("s")
        and not word.endswith(("ss", "us", "is", "'s"))
        and len(word) > 3
    )


def in_noun_phrase(place: Place) -> bool:
    """Whether a determiner or a preposition stands before the word and its adjectives."""
    for count in range(1, 4):
        word = place.before(count)
        if word in DETERMINERS - {"that"} or word in PREPOSITIONS:
            return count > 1
        if not is_content(word) or is_plural(word):
            return False
    return False


def is_third_person(word: str) -> bool:
    return word.endswith("s") and not word.endswith("ss")


def is_determiner(place: Place, word: str) -> bool:
    """ "that" is one at the start of a clause or after a preposition, but not in "things that hurt"."""
    if word == "that":
        return place.before(2) == "" or place.before(2) in PREPOSITIONS
    return word in DETERMINERS or (word.endswith(("'s", "s'")) and word not in BE)


def is_adjective(word: str) -> bool:
    return word in ADJECTIVES or (len(word) > 5 and word.endswith(_ADJECTIVE_ENDINGS))


def is_content(word: str) -> bool:
    return bool(word) and word not in FUNCTION
