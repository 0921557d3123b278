"""Abbreviations that are written short and said in full.

The table is what a reader of dialogue meets: titles, streets, Latin, ranks, game stats.
"St." and "Dr." are decided by what stands around them (Chicago Manual of Style, chapter 10).
"""

import re

from .dates import MONTHS
from .scan import LETTER, Scan, word_set

#: Said in full with or without a point.
_ALWAYS = {
    "mr": "mister", "mrs": "missus", "ms": "Ms", "messrs": "messieurs", "sgt": "sergeant", "capt": "captain",
    "cpt": "captain", "cpl": "corporal", "pvt": "private", "cmdr": "commander", "lt": "lieutenant",
    "lv": "level", "lvl": "level", "mt": "mount", "vs": "versus", "etc": "et cetera", "prof": "professor",
    "blvd": "boulevard", "approx": "approximately", "govt": "government", "ctrl": "control",
}  # fmt: skip
#: Said in full only with a point: without one they are words, names or units.
_WITH_POINT = {
    "gen": "general", "col": "colonel", "maj": "major", "adm": "admiral", "gov": "governor",
    "sen": "senator", "rep": "representative", "rev": "reverend", "hon": "honorable", "jr": "junior",
    "sr": "senior", "ave": "avenue", "rd": "road", "bn": "battalion", "dept": "department",
    "est": "established", "inc": "incorporated", "ltd": "limited", "corp": "corporation", "co": "company",
    "esq": "esquire", "misc": "miscellaneous", "ft": "fort", "vol": "volume", "ch": "chapter",
    "fig": "figure", "pt": "part", "pp": "pages", "bros": "brothers", "str": "strength",
    "dex": "dexterity", "regt": "regiment", "sq": "square", "hrs": "hours", "min": "minutes",
    "max": "maximum", "avg": "average", "mme": "madame",
}  # fmt: skip
#: Only before a number: "No. 5", but "No. I refuse."
_BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "p": "page", "vol": "volume", "ch": "chapter", "op": "opus",
}  # fmt: skip
_WITH_INNER_POINTS = {"e.g.": "for example", "i.e.": "that is", "w.r.t.": "with respect to"}
#: Titles stand before a name, so their point never ends the sentence.
_TITLES = word_set(
    "mr mrs ms messrs sgt capt cpt cpl pvt cmdr lt mt prof gen col maj adm gov sen rep rev hon vs lv "
    "lvl ft mme approx no nos p vol ch fig pt pp op sq"
)
_LOWER_ONLY_WORDS = frozenset(
    {"co", "est", "str", "rep", "sen", "sr", "pt"}
)  # "rep." may be a word; "Rep." is not

_MAY_END_SENTENCE = word_set(
    "cetera Street Drive avenue road junior senior incorporated limited company AM PM "
    "boulevard battalion esquire"
)

_WORD = re.compile(rf"{LETTER}{{1,8}}(?!{LETTER}|')")
_DOTTED = re.compile(r"(?:e\.g\.|i\.e\.|w\.r\.t\.)", re.IGNORECASE | re.ASCII)
_POINTED = re.compile(rf"(?:{LETTER}\.){{2,12}}{LETTER}?(?!{LETTER})")
_DEGREES = re.compile(r"Ph\.?D\.?(?!\w)")
_MONTH = re.compile(r"(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)(?:\. ?| )(?=\d{1,2}(?!\d|:))")
_NAME_FOLLOWS = re.compile(rf" +(?=({LETTER}))")
_NUMBER_FOLLOWS = re.compile(r"\.? ?\d")


def read(scan: Scan, index: int) -> int | None:
    """Read the abbreviation at `index`, if one stands there; the index behind it, or None."""
    for reader in (_dotted, _degree, _month, _pointed, _short):
        end = reader(scan, index)
        if end is not None:
            return end
    return None


def _dotted(scan: Scan, index: int) -> int | None:
    found = _DOTTED.match(scan.text, index)
    if found is None:
        return None
    scan.say(_WITH_INNER_POINTS[found.group().lower()].split(), *found.span())
    return found.end()


def _degree(scan: Scan, index: int) -> int | None:
    found = _DEGREES.match(scan.text, index)
    if found is None:
        return None
    scan.spell("PHD", *found.span())
    return _after_point(scan, found.end())


def _month(scan: Scan, index: int) -> int | None:
    found = _MONTH.match(scan.text, index)
    if found is None:
        return None
    scan.say(MONTHS[found.group(1)[:3]], found.start(), found.end())
    return found.end()


def _pointed(scan: Scan, index: int) -> int | None:
    """ "U.S.A.", "a.m.", "J.R.R.": letters."""
    found = _POINTED.match(scan.text, index)
    if found is None:
        return None
    scan.spell(found.group().replace(".", "").upper(), *found.span())
    return _after_point(scan, found.end())


def _short(scan: Scan, index: int) -> int | None:
    found = _WORD.match(scan.text, index)
    if found is None:
        return None
    end = found.end()
    full = _full_form(scan, index, end)
    if full is None:
        return None
    pointed = scan.at(end) == "."
    scan.say(full.split(), index, end + pointed)
    ends_here = found.group().lower() not in _TITLES or scan.at(end + 1) == "\n"
    return _after_point(scan, end + pointed) if pointed and ends_here else end + pointed


def _full_form(scan: Scan, start: int, end: int) -> str | None:
    word, pointed = scan.text[start:end], scan.at(end) == "."
    lower = word.lower()
    if lower == "est" and pointed and _NUMBER_FOLLOWS.match(scan.text, end):
        return "established"
    if lower in _BEFORE_NUMBER and pointed and _NUMBER_FOLLOWS.match(scan.text, end):
        return _BEFORE_NUMBER[lower]
    if lower in ("st", "dr") and word[0].isupper():
        return _saint_or_street(scan, end) if lower == "st" else _doctor_or_drive(scan, end)
    if lower in _ALWAYS and (pointed or word != lower or lower in ("vs", "etc", "lvl", "ctrl")):
        return _ALWAYS[lower]
    if lower in ("lv", "lvl") and _NUMBER_FOLLOWS.match(scan.text, end):
        return _ALWAYS[lower]
    if lower in _WITH_POINT and pointed and (word[0].isupper() or lower not in _LOWER_ONLY_WORDS):
        return _WITH_POINT[lower] if _reads_as_short(scan, lower, end) else None
    return None


def _reads_as_short(scan: Scan, lower: str, end: int) -> bool:
    """ "min." and "max." may end a sentence as words; "Ft." and "Gen." want a name behind them."""
    if lower in ("ft", "gen", "col", "rep", "sen", "gov", "rev", "hon", "pt", "fig"):
        following = _NAME_FOLLOWS.match(scan.text, end + 1)
        return (following is not None and following.group(1).isupper()) or _NUMBER_FOLLOWS.match(
            scan.text, end
        ) is not None
    return True


def _saint_or_street(scan: Scan, end: int) -> str | None:
    before = scan.last_words(1)
    named = _name_follows(scan, end)
    if before and before[0][0].isupper() and before[0] not in ("The", "At", "In", "By"):
        return "Street"
    if named:
        return "Saint"
    return "Street" if scan.at(end) == "." and before else None


def _doctor_or_drive(scan: Scan, end: int) -> str:
    before = scan.last_words(2)
    on_a_street = len(before) == 2 and before[0][0].isupper() and not _name_follows(scan, end)
    return "Drive" if on_a_street else "Doctor"


def _name_follows(scan: Scan, end: int) -> bool:
    following = _NAME_FOLLOWS.match(scan.text, end + (scan.at(end) == "."))
    return following is not None and following.group(1).isupper()


def _after_point(scan: Scan, end: int) -> int:
    """The point of an abbreviation also ends the sentence where the text, or a quotation, ends."""
    following = scan.at(end)
    if scan.before(end) == "." and (following in '\n"”' or _sentence_follows(scan, end)):
        scan.mark(".", end - 1, end)
    return end


def _sentence_follows(scan: Scan, end: int) -> bool:
    """After "etc.", "St." and the like a capital starts a sentence; after initials it is a name."""
    following = _NAME_FOLLOWS.match(scan.text, end)
    capital = following is not None and following.group(1).isupper()
    return capital and bool(scan.tokens) and scan.tokens[-1].text in _MAY_END_SENTENCE
