"""What part a word plays, told from its neighbours: enough to choose between its readings.

No tagger is loaded: a few closed classes of words around a heteronym settle most of
what dialogue says ("to record", "the record", "they record it"). Where they do not,
the answer is no tag and the dictionary's default reading stands. Tags are those of
the dictionaries: NOUN, VERB, VBD, VBN, ADJ, ADV, DT.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..tokens import MARKS
from .scan import word_set as _set

_NUMBERS = _set(
    "one two three four five six seven eight nine ten twenty thirty forty fifty hundred thousand both"
)
_POSSESSIVES = _set("my your his her its our their thy whose")
_DETERMINERS = (
    _set("a an the this these those some any no every each another either neither which what such")
    | _POSSESSIVES
    | _NUMBERS
)
_OBJECTS = _set(
    "me him them us it you everyone everything nothing anyone anything someone something himself "
    "herself myself yourself themselves this that these those all her"
)  # fmt: skip
_SUBJECTS = _set("i you we they he she it who ye thou everyone nobody somebody anybody")
_THIRD_PERSONS = _set("he she it who that which everyone nobody everybody somebody someone")
_MODALS = _set(
    "can could will would shall should may might must cannot can't couldn't won't wouldn't shouldn't "
    "mustn't don't doesn't didn't do does did let's i'll you'll he'll she'll it'll we'll they'll i'd "
    "you'd he'd she'd we'd they'd gonna wanna gotta please dare let mayn't needn't needs must've"
)  # fmt: skip
_HAVE = _set(
    "have has had having i've you've we've they've haven't hasn't hadn't should've could've would've "
    "must've might've"
)  # fmt: skip
_BE = _set(
    "be is are was were am been being i'm you're we're they're he's she's it's that's isn't aren't "
    "wasn't weren't who's what's there's feel feels felt seem seems seemed look looks looked become "
    "became get gets got stay ain't"
)  # fmt: skip
_PREPOSITIONS = _set(
    "of in on at by for with from into under over about without against between through during after "
    "before near beyond upon within across behind beneath like as per off beside than"
)  # fmt: skip
_CONJUNCTIONS = _set("and or but then so if when nor because while until that where")
_ADVERBS = _set(
    "not never always also just really only ever often still now soon once again already even almost "
    "nearly quite rather very too so perhaps maybe simply all both either n't indeed sometimes"
)  # fmt: skip
_ADJECTIVES = _set(
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
_FUNCTION = (
    _DETERMINERS | _OBJECTS | _SUBJECTS | _MODALS | _HAVE | _BE | _PREPOSITIONS | _CONJUNCTIONS | _ADVERBS
    | _set(
        "to i there here out up down back away together apart around again today tomorrow yesterday "
        "enough"
    )
)  # fmt: skip
_PAST_SIGNS = _set(
    "yesterday ago last once already was were had did took found opened sat got went saw came said told"
)
_HABIT_SIGNS = _set("every always often usually sometimes daily rarely seldom")
_HANDING = _set("give gave hand handed show bring brought pass get fetch lend throw toss")
_SILENT_MARKS = frozenset('“”"()')


@dataclass(frozen=True, slots=True)
class Place:
    """A word's position among lower-cased words and marks."""

    words: Sequence[str]
    index: int
    written: str = ""  #: as it stands in the line

    @property
    def is_shouted(self) -> bool:
        """Whether an exclamation mark follows at once: "KAI!" is a name, "HP" letters."""
        return self.index + 1 < len(self.words) and self.words[self.index + 1] == "!"

    @property
    def word(self) -> str:
        return self.words[self.index]

    def after(self, count: int = 1) -> str:
        """The `count`-th word behind; "" beyond a pause or the end."""
        return self._step(1, count)

    def before(self, count: int = 1) -> str:
        """The `count`-th word ahead; "" beyond a pause or the start."""
        return self._step(-1, count)

    def head(self) -> str:
        """The nearest word ahead that is no adverb."""
        for count in range(1, 5):
            word = self.before(count)
            if word not in _ADVERBS and not (word.endswith("ly") and len(word) > 4):
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
            if not 0 <= position < len(self.words) or self.words[position] in MARKS - _SILENT_MARKS:
                return ""
            count -= self.words[position] not in _SILENT_MARKS
        return self.words[position]


def tags(place: Place) -> tuple[str, ...]:
    """The tags the word may carry here, likeliest first; empty if nothing speaks for one."""
    special = _SPECIAL.get(place.word)
    return special(place) if special is not None else _by_neighbours(place)


def _by_neighbours(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    if head == "to":
        return ("NOUN",) if place.before(2) in _NOUN_TO else ("VERB",)
    if head in _MODALS:
        return ("VERB",)
    if head in _HAVE:
        return ("VBN", "VERB") if place.word.endswith("ed") else ("VBN", "NOUN")
    if head in _BE:
        return ("VERB", "VBN", "ADJ") if place.word.endswith("ed") else ("VBN", "ADJ")
    if _is_determiner(place, head) or head in _PREPOSITIONS or _is_adjective(head):
        return ("ADJ", "NOUN") if _is_content(after) else ("NOUN",)
    return _by_clause(place, head, after)


def _by_clause(place: Place, head: str, after: str) -> tuple[str, ...]:
    takes_object = after in _OBJECTS or after in _DETERMINERS
    if head in (_THIRD_PERSONS if _is_third_person(place.word) else _SUBJECTS):
        return ("VERB",)
    if after in _AFTER_NOUN:
        return ("NOUN",)
    if takes_object and not (_is_third_person(place.word) and head == ""):
        return ("VERB",)
    if _is_third_person(place.word) and head in _CONJUNCTIONS | {""}:
        return ("NOUN",)
    return ()


def _is_third_person(word: str) -> bool:
    return word.endswith("s") and not word.endswith("ss")


def _is_determiner(place: Place, word: str) -> bool:
    """ "that" is one at the start of a clause or after a preposition, but not in "things that hurt"."""
    if word == "that":
        return place.before(2) == "" or place.before(2) in _PREPOSITIONS
    return word in _DETERMINERS or (word.endswith(("'s", "s'")) and word not in _BE)


def _is_adjective(word: str) -> bool:
    return word in _ADJECTIVES or (len(word) > 5 and word.endswith(_ADJECTIVE_ENDINGS))


def _is_content(word: str) -> bool:
    return bool(word) and word not in _FUNCTION


def _acts(place: Place) -> bool:
    """Whether "to", a modal or a subject stands before the word."""
    head = place.head()
    return (
        (head in ("to", "and") and place.before(2) in _MODALS)
        or head in _MODALS
        or head in _SUBJECTS
        or head == "to"
    )


def _verb_if(place: Place, condition: bool) -> tuple[str, ...]:
    return ("VERB",) if condition and not _is_determiner(place, place.head()) else ()


def _read(place: Place) -> tuple[str, ...]:
    head, clause = place.head(), place.clause()
    near = {place.before(1), place.before(2), place.before(3)}
    if near & _HAVE or head in _BE | {"well"}:
        return ("VBN",)
    if head in ("", "to", "a") or near & _MODALS or head in _DETERMINERS:
        return ()
    if head in ("you", "and", "or", "ye"):
        return ("VBD",) if _PAST_SIGNS.intersection(clause) or any(w.endswith("ed") for w in clause) else ()
    if head in ("i", "we", "they"):
        return () if _HABIT_SIGNS.intersection(clause) else ("VBD",)
    return ("VBD",)


def _live(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    shown = after in _set(
        "music show shows broadcast ammunition ammo bait wire wires rounds fire animals coverage stream"
    )
    going = head in _BE | {"go", "went", "goes", "going", "stream", "streaming"}
    return () if _is_determiner(place, head) or shown or going else ("VERB",)


def _lives(place: Place) -> tuple[str, ...]:
    head = place.head()
    if (
        _is_determiner(place, head)
        or _is_adjective(head)
        or head in _PREPOSITIONS | {"save", "saved", "lose", "lost"}
    ):
        return ("NOUN",)
    dwells = place.after() in _set(
        "in at here there on with near alone by forever under beyond among above below up down"
    )
    survives = place.after() == "" and place.before(2) in _DETERMINERS  # "the wolf lives"
    return ("VERB",) if head in _THIRD_PERSONS or dwells or survives else ()


def _close(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    if after in ("to", "by", "enough", "behind", "together") and head != "to":
        return ()
    if _is_determiner(place, head):
        return ("NOUN",) if after in ("of", "") and head == "the" else ()
    return ("VERB",) if _acts(place) or after in _DETERMINERS | _OBJECTS else ()


def _wind(place: Place) -> tuple[str, ...]:
    turned = place.after() in _set(
        "up down the your it back through around its along between my me him her them"
    )
    return _verb_if(place, turned and (_acts(place) or place.head() == "" or _is_third_person(place.word)))


def _tear(place: Place) -> tuple[str, ...]:
    apart = place.after() in _set("apart down up off it them him you me through the out open at into your us")
    if _is_third_person(place.word):
        return _verb_if(place, apart and place.head() not in _PREPOSITIONS | {""})
    return _verb_if(place, _acts(place) or apart)


def _bow(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    performed = {place.before(2), place.before(3)} & _set("take took takes make made taking give gave")
    if performed or (head in ("deep", "low", "polite", "slight") and place.word == "bow"):
        return ("VERB",)
    bends = after in _set("before down low out your his her") or (after == "to" and head != "and")
    alone = head == "" and after == "" and place.word == "bow"
    return _verb_if(place, bends or alone or (_acts(place) and not _is_third_person(place.word)))


def _wound(place: Place) -> tuple[str, ...]:
    turned = place.after() in _set("up around its through tight tightly down")
    return ("VBD",) if turned and not _is_determiner(place, place.head()) else ()


def _dove(place: Place) -> tuple[str, ...]:
    plunged = place.after() in _set("into under for behind down headfirst through off in")
    return _verb_if(place, plunged or place.head() in _SUBJECTS)


def _use(place: Place) -> tuple[str, ...]:
    put = {place.before(2), place.before(3), place.before(4)} & {"put", "puts", "putting"}
    return ("NOUN",) if place.head() == "to" and put else _by_neighbours(place)


def _used(place: Place) -> tuple[str, ...]:
    """ "I used to fight", "get used to it", but "it was used to fight"."""
    if place.after() != "to":
        return ()
    passive = place.before() in _set("was were is are be been being it's that's")
    following = place.after(2)
    accustomed = following.endswith("ing") or following in _OBJECTS | _DETERMINERS or following == ""
    return () if passive and not accustomed else ("VBD",)


def _minute(place: Place) -> tuple[str, ...]:
    tiny = place.after() in _set(
        "detail details amount amounts trace traces particles fragments differences quantities"
    )
    degree = place.before() in _set("so very too most") and place.after() == ""
    return ("ADJ",) if degree or (tiny and place.head() not in _NUMBERS) else ()


def _learned(place: Place) -> tuple[str, ...]:
    honoured = _is_determiner(place, place.head()) and _is_content(place.after())
    return ("ADJ",) if honoured else ()


def _adjective_or_noun(place: Place) -> tuple[str, ...]:
    """ "invalid", "content", "upset": a noun only where no other noun follows."""
    found = _by_neighbours(place)
    return () if _is_content(place.after()) and "NOUN" in found else found


def _rarely_verb(place: Place) -> tuple[str, ...]:
    """ "house", "mouth", "console": verbs only with something before and behind that says so."""
    return _verb_if(place, _acts(place) and place.after() in _OBJECTS | _DETERMINERS)


def _adjective_before_noun(place: Place) -> tuple[str, ...]:
    return ("ADJ",) if _is_determiner(place, place.head()) and _is_content(place.after()) else ()


def _lead(place: Place) -> tuple[str, ...]:
    """The metal is tagged ADJ here."""
    things = _set(
        "pipe pipes bullet bullets box ball balls shot ore ingot ingots bar bars coffin poisoning "
        "weight weights paint seal plate plates casket lined"
    )  # fmt: skip
    metal = place.after() in things or place.before() in ("of", "molten", "melted", "liquid")
    return ("ADJ",) if metal else ()


def _bass(place: Place) -> tuple[str, ...]:
    return ("ADJ",) if place.after() in _set("guitar drum drums voice line player clef note") else ()


def _that(place: Place) -> tuple[str, ...]:
    """DT where it points ("that man", "what was that"), no tag where it joins ("I know that you ...")."""
    before, after = place.before(), place.after()
    if before == "" or after == "" or before in _PREPOSITIONS | _MODALS | _BE | _CONJUNCTIONS | {"to"}:
        return ("DT",) if after not in _SUBJECTS | _POSSESSIVES | {"the", "a", "an"} else ()
    handed = before in ("me", "him", "us", "them") and place.before(2) in _HANDING
    return ("DT",) if handed and _is_content(after) else ()


def _always(*found: str) -> Callable[[Place], tuple[str, ...]]:
    return lambda place: found


_RARELY_VERBS = _set(
    "house houses mouth console consoles entrance entrances buffet warehouse concert concerts absent consort "
    "essay counterbalance"
)
_SPECIAL: dict[str, Callable[[Place], tuple[str, ...]]] = {
    "read": _read, "reread": _read, "live": _live, "lives": _lives, "close": _close, "wind": _wind,
    "winds": _wind, "tear": _tear, "tears": _tear, "bow": _bow, "bows": _bow, "wound": _wound, "dove": _dove,
    "use": _use, "used": _used, "minute": _minute, "learned": _learned, "that": _that, "lead": _lead,
    "bass": _bass, "contents": _always("NOUN"),
    **dict.fromkeys(_set("closer upsetting lunged crooked dogged jagged ragged frequent moped"), _always()),
    **dict.fromkeys(_set("invalid content upset overall"), _adjective_or_noun),
    **dict.fromkeys(_set("inside nearby downstairs outright"), _adjective_before_noun),
    **dict.fromkeys(_RARELY_VERBS, _rarely_verb),
}  # fmt: skip
