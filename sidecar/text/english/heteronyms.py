"""Words of one spelling and two sounds: which is meant, by rules of syntax and, where both are nouns, by what
the talk is about.

Tags are those of the dictionaries, and a few senses of our own for words of which the dictionaries have one
sound only (`SENSES`).
"""

from collections.abc import Callable

from .context import (
    BE,
    CONJUNCTIONS,
    DETERMINERS,
    HABIT_SIGNS,
    HANDING,
    HAVE,
    MODALS,
    NUMBERS,
    OBJECTS,
    PAST_SIGNS,
    POSSESSIVES,
    PREPOSITIONS,
    SUBJECTS,
    THIRD_PERSONS,
    Place,
    by_neighbours,
    is_adjective,
    is_content,
    is_determiner,
    is_plural,
    is_third_person,
)  # fmt: skip
from .scan import word_set

#: By word and tag: American; British follows from it.
SENSES = {
    "lead": {"METAL": "lˈɛd"}, "row": {"QUARREL": "ɹˈW"}, "rows": {"QUARREL": "ɹˈWz"},
    "aged": {"ADJ": "ˈAʤɪd"}, "blessed": {"ADJ": "blˈɛsɪd"}, "beloved": {"ADJ": "bəlˈʌvɪd"},
    "polish": {"VERB": "pˈɑlɪʃ"}, "cursed": {"VERB": "kˈɜɹst"}, "resume": {"NOUN": "ɹˈɛzəmˌA"},
    "export": {"VERB": "ɪkspˈɔɹt"}, "protest": {"VERB": "pɹətˈɛst"}, "combat": {"VERB": "kəmbˈæt"},
    "annex": {"VERB": "ənˈɛks"}, "impact": {"VERB": "ɪmpˈækt"}, "perfume": {"NOUN": "pˈɜɹfjˌum"},
}  # fmt: skip

_WAYS = word_set(
    "up around round its through tight tightly down past along between among toward towards over across "
    "into back his her their my our your"
)
_APART = word_set(
    "apart down up off it them him you me us through the out open into your his her my their this that at"
)
_CLOTH = word_set(
    "sail sails cloak sleeve cloth shirt dress robe robes fabric tunic coat canvas curtain tent wing "
    "skin muscle net sack trousers pants mend mended mending sew sewed sewing stitch stitched patch "
    "patched repair repaired fix veil glove banner flag parachute wear seam"
)
_WEEPING = word_set(
    "eye eyes cheek cheeks shed wept weep weeping cry crying wiped wipe rolled single salt face fell "
    "sad bitter"
)
_SHIP = word_set("ship ship's boat boat's stern deck port starboard waves wave prow sailed galley frigate")
_SMALL_THINGS = word_set(
    "detail details amount amounts trace traces particles particle fragments differences difference "
    "quantities quantity scratch crack cracks speck specks grains hole holes crumbs creatures creature "
    "changes change flaw flaws portion doses dose mark marks drop drops spot spots inspection "
    "examination care"
)
_RIPENS = word_set(
    "wine cheese whisky whiskey beef ham rum brandy vinegar leather oak like well in for between to"
)
_OF_LEAD = word_set(
    "pipe pipes bullet bullets box ball balls shot ore ingot ingots bar bars coffin poisoning weight "
    "weights paint seal plate plates casket lined sheet sheets slug slugs pellets"
)
_METALS = word_set(
    "gold silver iron copper tin zinc metal metals ore heavy weighs weighed weight alchemist alchemy "
    "melt melted molten lined covered coated poured smelt roof poison poisoned bullets bullet made cast "
    "boots dull grey gray"
)
_HEATED = word_set(
    "terrible huge blazing awful almighty flaming furious big heated family domestic dreadful unholy "
    "fierce frightful stupid loud blistering violent bitter nasty constant endless"
)
_MUSIC = word_set(
    "sing sings sang sung singing play plays played playing choir band guitar drum drums voice line "
    "player clef note notes song tune treble tenor speaker speakers loud boom booms booming thump "
    "thumps shook shakes drop amp amplifier volume sound sounds music string strings chord hear heard "
    "turn solo beat singer low fiddle lute"
)
_FISHING = word_set(
    "caught catch fish fishing fried fry grilled swim swims hook bait lake river pond net eat ate cooked sea"
)
_GEOMETRY = word_set(
    "x y z axis coordinate coordinates rotation rotate graph horizontal vertical symmetry plane planet"
)


_ONE_READING = word_set("closer upsetting lunged crooked dogged jagged ragged frequent moped")


def tags(place: Place) -> tuple[str, ...]:
    """The tags the word may carry here, likeliest first; empty if nothing speaks for one."""
    special = _SPECIAL.get(place.word)
    return special(place) if special is not None else by_neighbours(place)


def _acts(place: Place) -> bool:
    """Whether "to", a modal or a subject stands before the word."""
    head = place.head()
    return (
        (head in ("to", "and") and place.before(2) in MODALS)
        or head in MODALS | SUBJECTS | {"to"}
        or (head == "need" and place.before() == "not")
    )


def _verb_if(place: Place, condition: bool) -> tuple[str, ...]:
    return ("VERB",) if condition and not is_determiner(place, place.head()) else ()


def _read(place: Place) -> tuple[str, ...]:
    head, clause = place.head(), place.clause()
    near = {place.before(1), place.before(2), place.before(3)}
    if near & HAVE or head in BE | {"well"}:
        return ("VBN",)
    if head in ("", "to", "a") or near & MODALS or head in DETERMINERS:
        return ()
    if head in ("you", "and", "or", "ye"):
        return ("VBD",) if PAST_SIGNS.intersection(clause) or any(w.endswith("ed") for w in clause) else ()
    if head in ("i", "we", "they"):
        return () if HABIT_SIGNS.intersection(clause) else ("VBD",)
    return ("VBD",)


def _live(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    shown = after in word_set(
        "music show shows broadcast ammunition ammo bait wire wires rounds fire animals coverage stream"
    )
    going = head in BE | {"go", "went", "goes", "going", "stream", "streaming"}
    return () if is_determiner(place, head) or shown or going else ("VERB",)


def _lives(place: Place) -> tuple[str, ...]:
    head = place.head()
    if (
        is_determiner(place, head)
        or is_adjective(head)
        or head in PREPOSITIONS | {"save", "saved", "lose", "lost"}
    ):
        return ("NOUN",)
    dwells = place.after() in word_set(
        "in at here there on with near alone by forever under beyond among above below up down"
    )
    survives = place.after() == "" and place.before(2) in DETERMINERS  # "the wolf lives"
    return ("VERB",) if head in THIRD_PERSONS or dwells or survives else ()


def _close(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    if after in ("to", "by", "enough", "behind", "together") and head != "to":
        return ()
    if is_determiner(place, head):
        return ("NOUN",) if after in ("of", "") and head == "the" else ()
    shut = is_plural(head) and after in word_set(
        "at on in when before after early soon tonight tomorrow for now"
    )
    return ("VERB",) if _acts(place) or shut or after in DETERMINERS | OBJECTS else ()


def _wind(place: Place) -> tuple[str, ...]:
    turned = place.after() in word_set(
        "up down the your it back through around its along between my me him her them"
    )
    return _verb_if(place, turned and (_acts(place) or place.head() == "" or is_third_person(place.word)))


def _tear(place: Place) -> tuple[str, ...]:
    head, after, clause = place.head(), place.after(), set(place.clause())
    if after in _APART and not is_determiner(place, head) and head not in PREPOSITIONS:
        return ("VERB",) if not is_third_person(place.word) or head != "" else ()
    if not is_third_person(place.word) and _acts(place):
        return ("VERB",)
    if not is_third_person(place.word) and after in DETERMINERS and not is_determiner(place, head):
        return ("VERB",)
    if is_plural(head) and after == "at":
        return ("VERB",)
    ripped = (after == "in" and is_determiner(place, head)) or _CLOTH & clause  # a rip sounds as the verb
    return ("VERB",) if ripped and not _WEEPING & clause else ()


def _bow(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    performed = {place.before(2), place.before(3)} & word_set(
        "took take takes make made makes taking give gave"
    )
    afloat = _SHIP & set(place.clause(6))  # the ship's is said as the verb
    if performed or afloat or (head in ("deep", "low", "polite", "slight") and place.word == "bow"):
        return ("VERB",)
    bends = after in word_set("before down low out your his her") or (after == "to" and head != "and")
    alone = head == "" and after == "" and place.word == "bow"
    return _verb_if(
        place, bends or alone or head in THIRD_PERSONS or (_acts(place) and not is_third_person(place.word))
    )


def _wound(place: Place) -> tuple[str, ...]:
    """Past of "to wind" with what is wound or where it goes; "to wound the bear" is another verb."""
    head, after = place.head(), place.after()
    if is_determiner(place, head) or head in MODALS | {"to"} or is_adjective(head):
        return ()
    turned = after in _WAYS or (after in DETERMINERS and place.after(2) not in ("of", "is", "was"))
    return ("VBD",) if turned and head else ()


def _dove(place: Place) -> tuple[str, ...]:
    plunged = place.after() in word_set("into under for behind down headfirst through off in")
    return _verb_if(place, plunged or place.head() in SUBJECTS)


def _use(place: Place) -> tuple[str, ...]:
    put = {place.before(2), place.before(3), place.before(4)} & {"put", "puts", "putting"}
    return ("NOUN",) if place.head() == "to" and put else by_neighbours(place)


def _used(place: Place) -> tuple[str, ...]:
    """ "I used to fight", "get used to it", but "it was used to fight"."""
    if place.after() != "to":
        return ()
    passive = place.before() in word_set("was were is are be been being it's that's")
    following = place.after(2)
    accustomed = following.endswith("ing") or following in OBJECTS | DETERMINERS or following == ""
    return () if passive and not accustomed else ("VBD",)


def _minute(place: Place) -> tuple[str, ...]:
    head, after = place.head(), place.after()
    counted = head in NUMBERS | word_set(
        "every each any last next another per this same first final"
    ) or after in ("hand", "hands")
    predicate = place.before() in BE | word_set("so very too most how") and after in ("", "and", "but")
    tiny = after in _SMALL_THINGS and head not in NUMBERS
    return ("ADJ",) if tiny or (predicate and not counted) else ()


def _honoured(place: Place) -> tuple[str, ...]:
    """ "a learned man", "my beloved", "an aged monk": the ending is a syllable of its own."""
    head, after = place.head(), place.after()
    named = is_determiner(place, head) or is_adjective(head) or head in ("o", "dear", "most")
    if place.word == "aged" and (after in NUMBERS or after in _RIPENS or after.isdigit()):
        return ()
    if place.word == "blessed" and after in ("be", "are", "is") and place.starts_sentence():
        return ("ADJ",)
    alone = after in ("", "and", "of", "is", "was", "were", "are", "has", "will") and place.word in (
        "beloved",
        "aged",
        "blessed",
    )
    return ("ADJ",) if named and (is_content(after) or alone) else ()


def _adjective_or_noun(place: Place) -> tuple[str, ...]:
    """ "invalid", "content", "upset": a noun only where no other noun follows."""
    found = by_neighbours(place)
    after = place.after()
    acts = after in word_set(
        "lay cost came died slept woke sat groaned coughed meant left fell"
    ) or after.endswith("ed")
    return () if is_content(after) and not acts and "NOUN" in found else found


def _rarely_verb(place: Place) -> tuple[str, ...]:
    """ "house", "mouth", "console": verbs only with something before and behind that says so."""
    head, after = place.head(), place.after()
    acts = (
        _acts(place)
        or head in ("go", "come", "help")
        or (is_plural(head) and not is_third_person(place.word))
    )
    charms = is_plural(head) and is_plural(after) and place.before(2) == ""  # "sirens entrance sailors"
    ordered = head == "" and place.word == "console" and after in OBJECTS | POSSESSIVES
    return _verb_if(place, (acts and after in OBJECTS | DETERMINERS) or charms or ordered)


def _adjective_before_noun(place: Place) -> tuple[str, ...]:
    return ("ADJ",) if is_determiner(place, place.head()) and is_content(place.after()) else ()


def _lead(place: Place) -> tuple[str, ...]:
    """METAL: the metal."""
    head, after = place.head(), place.after()
    if after in _OF_LEAD or place.before() in ("molten", "melted", "liquid", "solid", "pure"):
        return ("METAL",)
    if head in SUBJECTS | MODALS | {"to", "the", "a", "my", "your", "our"} or after in OBJECTS | DETERMINERS:
        return ()
    stuff = head in ("of", "as", "like", "into", "from") or _METALS & set(place.clause())
    return ("METAL",) if stuff else ()


def _row(place: Place) -> tuple[str, ...]:
    """QUARREL: a loud one."""
    head, after = place.head(), place.after()
    if (
        after == "of"
        or place.before(2) == "in"
        or head in ("front", "back", "top", "bottom", "first", "last", "next")
    ):
        return ()
    if head in _HEATED or after in word_set("broke erupted about over between started flared"):
        return ("QUARREL",) if is_determiner(place, head) or place.before(2) in DETERMINERS else ()
    had = {place.before(2), place.before(3)} & word_set(
        "had have having has start started pick hear heard cause caused"
    )
    return (
        ("QUARREL",)
        if had and head in ("a", "the", "another") and after in ("", "with", "last", "again")
        else ()
    )


def _bass(place: Place) -> tuple[str, ...]:
    """The dictionaries tag the low voice ADJ."""
    clause = set(place.clause())
    return ("ADJ",) if _MUSIC & clause and not _FISHING & clause else ()


def _polish(place: Place) -> tuple[str, ...]:
    """At a sentence's start the verb has a capital too."""
    ordered = place.starts_sentence() and place.after() in DETERMINERS | OBJECTS
    return ("VERB",) if ordered else ()


def _axes(place: Place) -> tuple[str, ...]:
    """Weapons and tools, which are said as the verb, unless the talk is of geometry."""
    return () if _GEOMETRY & set(place.clause()) else ("VERB",)


def _cursed(place: Place) -> tuple[str, ...]:
    """What someone did or suffered; a cursed blade has the syllable."""
    head = place.head()
    done = head in SUBJECTS | HAVE | BE or place.after() in OBJECTS | DETERMINERS | {"by", "at"}
    return ("VERB",) if done and not is_determiner(place, head) else ()


def _resume(place: Place) -> tuple[str, ...]:
    noun = is_determiner(place, place.head()) and not is_content(place.after())
    return ("NOUN",) if noun else ()


def _object(place: Place) -> tuple[str, ...]:
    """Alone it is a protest, or an order to make one."""
    alone = place.starts_sentence() and place.after() == "" and place.word == "object"
    return ("VERB",) if alone else by_neighbours(place)


def _graded(place: Place) -> tuple[str, ...]:
    """ "set it to moderate heat" is no order to moderate it."""
    graded = place.head() == "to" and place.before(2) in OBJECTS and is_content(place.after())
    return ("ADJ",) if graded else by_neighbours(place)


def _that(place: Place) -> tuple[str, ...]:
    """DT where it points ("that man", "what was that"), no tag where it joins ("I know that you ...")."""
    before, after = place.before(), place.after()
    if before == "" or after == "" or before in PREPOSITIONS | MODALS | BE | CONJUNCTIONS | {"to"}:
        return ("DT",) if after not in SUBJECTS | POSSESSIVES | {"the", "a", "an"} else ()
    handed = before in ("me", "him", "us", "them") and place.before(2) in HANDING
    return ("DT",) if handed and is_content(after) else ()


def _always(*found: str) -> Callable[[Place], tuple[str, ...]]:
    return lambda place: found


_RARELY_VERBS = word_set(
    "house houses mouth console consoles entrance entrances buffet warehouse concert concerts absent "
    "consort essay counterbalance"
)
_SPECIAL: dict[str, Callable[[Place], tuple[str, ...]]] = {
    "read": _read, "reread": _read, "live": _live, "lives": _lives, "close": _close, "wind": _wind,
    "winds": _wind, "tear": _tear, "tears": _tear, "bow": _bow, "bows": _bow, "wound": _wound, "dove": _dove,
    "use": _use, "used": _used, "minute": _minute,  "that": _that, "lead": _lead,
    "bass": _bass, "row": _row, "rows": _row, "polish": _polish, "axes": _axes,
    "cursed": _cursed, "resume": _resume, "object": _object, "moderate": _graded,
    **dict.fromkeys(word_set("aged blessed beloved learned"), _honoured), "contents": _always("NOUN"),
    **dict.fromkeys(_ONE_READING, _always()),
    **dict.fromkeys(word_set("invalid content upset overall"), _adjective_or_noun),
    **dict.fromkeys(word_set("inside nearby downstairs outright"), _adjective_before_noun),
    **dict.fromkeys(_RARELY_VERBS, _rarely_verb),
}  # fmt: skip
