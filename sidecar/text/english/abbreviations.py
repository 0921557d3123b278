"""Abbreviations that are written short and said in full.

The tables hold what a reader of dialogue meets: titles, streets, Latin, ranks, game stats. One that is also a
word ("Max.", "fig.", "rev.") is read in full only with evidence: a name or a number behind it, or a name
before it. A point that ends the sentence is said as its mark, whatever it shortens (Chicago Manual of Style,
chapter 10).
"""

import re

from . import calendar, numbers
from .scan import LETTER, Scan, word_set

#: No words of their own: said in full with or without a point.
_ALWAYS = {
    "mr": "mister", "mrs": "missus", "messrs": "messieurs", "sgt": "sergeant", "capt": "captain",
    "cpt": "captain", "cpl": "corporal", "pvt": "private", "cmdr": "commander", "lt": "lieutenant",
    "lv": "level", "lvl": "level", "mt": "mount", "vs": "versus", "etc": "et cetera", "prof": "professor",
    "blvd": "boulevard", "approx": "approximately", "govt": "government", "ctrl": "control",
    "ms": "Ms", "dept": "department", "regt": "regiment",
}  # fmt: skip
#: The same, but only with a point.
_POINTED_ALWAYS = {
    "misc": "miscellaneous", "avg": "average", "hrs": "hours", "esq": "esquire", "cf": "compare",
    "wm": "William", "chas": "Charles", "geo": "George", "robt": "Robert", "jas": "James", "thos": "Thomas",
    "mme": "madame", "mlle": "mademoiselle", "gov't": "government", "assn": "association",
    "intl": "international",
}  # fmt: skip
#: With a capital, a point, and a name or a number behind.
_BEFORE_NAME = {
    "gen": "general", "col": "colonel", "maj": "major", "adm": "admiral", "gov": "governor",
    "sen": "senator", "rep": "representative", "rev": "reverend", "hon": "honorable", "fr": "father",
    "br": "brother", "ft": "fort", "pres": "president", "supt": "superintendent", "insp": "inspector",
    "det": "detective", "sr": "senior", "amb": "ambassador", "msgr": "monsignor", "cdr": "commander",
}  # fmt: skip
#: With a capital, a point, and a name before.
_AFTER_NAME = {
    "jr": "junior", "sr": "senior", "ave": "avenue", "rd": "road", "bn": "battalion", "inc": "incorporated",
    "ltd": "limited", "corp": "corporation", "co": "company", "bros": "brothers", "ln": "lane",
    "sq": "square",
    "hwy": "highway", "pkwy": "parkway", "ct": "court", "pl": "place",
}  # fmt: skip
#: Before a number, in figures or Roman: "No. 5", but "No. I refuse."
_BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "vol": "volume", "ch": "chapter",
    "op": "opus", "fig": "figure", "pt": "part", "est": "established", "ca": "circa", "c": "circa",
    "ver": "version", "sec": "section", "art": "article", "bk": "book", "ed": "edition", "str": "strength",
    "dex": "dexterity", "lvl": "level", "lv": "level", "mk": "mark", "vols": "volumes", "chs": "chapters",
    "figs": "figures", "para": "paragraph", "ext": "extension",
    "apt": "apartment", "rm": "room", "bldg": "building", "ep": "episode",
}  # fmt: skip
#: Before a number or a word in small letters: "max. damage", but "I came with Max."
_BEFORE_MEASURE = {"max": "maximum", "min": "minimum", "avg": "average", "est": "estimated"}
_WITH_INNER_POINTS = {
    "e.g.": "for example", "i.e.": "that is", "w.r.t.": "with respect to", "r.i.p.": "rest in peace",
}  # fmt: skip
#: Without a point, or with any: these stand before a name and end no sentence unless one plainly follows.
_TITLES = word_set(
    "mr mrs ms messrs sgt capt cpt cpl pvt cmdr lt mt prof vs lv lvl approx mme mlle"
) | frozenset(_BEFORE_NAME)

#: With a capital these begin a sentence rather than stand behind a title or initials as a name.
SENTENCE_OPENERS = word_set(
    "No I We You He She It They The A An This That These Those There Then Here But And Or So If When "
    "Where Why My Your His Her Our Their Its Now Never Go Come Let Let's Don't Do Did Does Is Are Was "
    "Were Can Could Would Should Get Take Give Look Wait Stop Run Yes Perhaps Maybe Please I'm I'll "
    "I've I'd You're You'll We're We'll They're It's That's He's She's There's What What's How Who "
    "Nobody Everyone Everybody Nothing Because Although After Before Until While Without Once Not Only "
    "Even Still Well Thank Thanks Try Keep Hold Tell Ask Leave Bring Watch Listen Meet See Beware Open "
    "Close"
)
#: What may be somebody's name behind a title all the same.
_NAMES_TOO = word_set("No Who Well Go Do Why Hold Watch Close How What A I Look See")
#: Before "St." these tell that a saint follows although they are written with a capital.
_BEFORE_SAINT = word_set(
    "the at in by behind near from to for of with past beyond before after around under over beside "
    "outside inside visit pray praise see seek ask meet follow find dear holy blessed great old good "
    "brave sir lady lord count countess baron father mother sister brother captain o oh hail saint and "
    "or like when where if but so poor our my on upon into within across through until since pope "
    "bishop abbot"
)
_STREETS = word_set(
    "main elm oak high wall fleet baker park king queen church mill market bridge maple pine cedar "
    "harbor bourbon lombard broad canal water front center centre state union castle river lake hill"
)

_WORD = re.compile(rf"{LETTER}{{1,8}}(?!{LETTER}|')")
_DOTTED = re.compile(r"(?:e\.g\.|i\.e\.|w\.r\.t\.|R\.I\.P\.)", re.IGNORECASE | re.ASCII)
_POINTED = re.compile(rf"(?:{LETTER}\.){{2,12}}{LETTER}?(?!{LETTER})")
_DEGREES = re.compile(r"Ph\.?D\.?(?!\w)")
_ALSO = re.compile(r"et al\.(?!\w)")
_CAPITAL_FOLLOWS = re.compile(rf" +[\"“]?(?=({LETTER}[\w']{{0,30}}))")
_SMALL_FOLLOWS = re.compile(r" [a-z]")
_NUMBER_FOLLOWS = re.compile(r"\.?[ -]?[+#]?\d")
_NUMERAL_FOLLOWS = re.compile(r"\.?[ -]?([IVXLC]{1,7}|[ivxlc]{1,7})(?!\w)")
_ORDINAL_BEFORE = re.compile(r"\d(?:st|nd|rd|th) $")


def read(scan: Scan, index: int) -> int | None:
    """Read the abbreviation at `index`, if one stands there; the index behind it, or None."""
    for reader in (_dotted, _degree, _and_others, _day_or_month, _pointed, _short):
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


def _and_others(scan: Scan, index: int) -> int | None:
    found = _ALSO.match(scan.text, index)
    if found is None:
        return None
    scan.say(["et", "al"], *found.span())
    return _after_point(scan, found.end())


def _day_or_month(scan: Scan, index: int) -> int | None:
    """ "Tues.", "Nov.", "Mon-Fri"."""
    short = calendar.short_name(scan, index)
    if short is None:
        return None
    end = short.end + (scan.at(short.end) == "." and not short.keeps_point)
    scan.say(short.name, index, end)
    if scan.at(end) in "-–" and calendar.short_name(scan, end + 1):
        scan.say("to", end, end + 1)
        return end + 1
    return _after_point(scan, end, ends=True) if scan.before(end) == "." and not short.dated else end


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
    if not pointed:
        return end
    names = found.group().lower() in _TITLES | {"st", "dr"} or full in _BEFORE_NUMBER.values()
    ends = full in _NOUNS_BEHIND and not (full == "senior" and _name(scan, end + 1))
    return _after_point(scan, end + 1, names=names, ends=ends)


#: Said behind the name they belong to, so that any capital behind them begins a sentence.
_NOUNS_BEHIND = frozenset({"Street", "Drive", "et cetera", "boulevard", "esquire", *_AFTER_NAME.values()})


def _full_form(scan: Scan, start: int, end: int) -> str | None:
    word, pointed = scan.text[start:end], scan.at(end) == "."
    lower = word.lower()
    if lower in ("st", "dr") and word[0].isupper() and word != "DR":
        return _saint_or_street(scan, end) if lower == "st" else _doctor_or_drive(scan, end)
    if (
        lower in _BEFORE_NUMBER
        and (pointed or lower in ("lv", "lvl", "mk"))
        and _is_numbered(scan, lower, end)
    ):
        return _BEFORE_NUMBER[lower]
    if lower in _ALWAYS and _is_short(scan, word, pointed):
        return _ALWAYS[lower]
    return _by_neighbours(scan, word, end) if pointed else None


def _is_short(scan: Scan, word: str, pointed: bool) -> bool:
    lower = word.lower()
    if lower in ("ms", "mt", "lt"):  # "MS" and "MT" are letters, "ms" and "lt" are units and markup
        return word[0].isupper() and (pointed or word != word.upper())
    return pointed or word != lower or lower in ("vs", "etc", "lvl", "ctrl", "approx", "govt", "dept")


def _by_neighbours(scan: Scan, word: str, end: int) -> str | None:
    """The full form of a word with a point, where what stands around it says that it is no word."""
    lower, capital = word.lower(), word[0].isupper()
    if lower in _BEFORE_MEASURE and (_SMALL_FOLLOWS.match(scan.text, end + 1) or _counts(scan, end)):
        return _BEFORE_MEASURE[lower]
    if word == "Co" and re.match(r" (?:[A-Z]|\d{1,3})(?!\w)", scan.text[end + 1 : end + 6]):
        return "company"
    if lower in _POINTED_ALWAYS:
        return _POINTED_ALWAYS[lower]
    if (
        capital
        and lower in _AFTER_NAME
        and _name_before(scan, end - len(word))
        and not (lower == "sr" and _name(scan, end + 1))
    ):
        return _AFTER_NAME[lower]
    if lower in ("sq", "cu") and re.match(
        r" ?(?:ft|in|m|mi|yd|km|cm|miles?|feet|meters?)\b", scan.text[end + 1 :][:9]
    ):
        return "square" if lower == "sq" else "cubic"
    return _BEFORE_NAME.get(lower) if capital and (_name(scan, end + 1) or _counts(scan, end)) else None


def _is_numbered(scan: Scan, lower: str, end: int) -> bool:
    if _counts(scan, end):
        return True
    found = _NUMERAL_FOLLOWS.match(scan.text, end)
    if found is None or lower in ("no", "c", "ca", "p", "est", "str", "dex", "sec", "art", "ed"):
        return False
    return numbers.roman(found.group(1).upper()) is not None


def _counts(scan: Scan, end: int) -> bool:
    return _NUMBER_FOLLOWS.match(scan.text, end) is not None


def _name_before(scan: Scan, start: int) -> bool:
    """Whether the word before is written as a name, not a sentence's first little word, or a rank ("2nd")."""
    before = scan.last_word()
    if not before:
        return False
    named = before[0].isupper() and before not in SENTENCE_OPENERS
    return named or before == "and" or _is_ranked(scan, start)


def _is_ranked(scan: Scan, start: int) -> bool:
    """Whether "2nd " or the like stands before `start`."""
    return _ORDINAL_BEFORE.search(scan.text[max(0, start - 6) : start]) is not None


def _name(scan: Scan, index: int, beside: frozenset[str] = frozenset()) -> bool:
    """Whether a name stands behind `index`: a capital that begins no sentence."""
    following = _CAPITAL_FOLLOWS.match(scan.text, index)
    if following is None or not following.group(1)[0].isupper() or "\n" in following.group():
        return False
    return following.group(1) not in SENTENCE_OPENERS - beside


def _saint_or_street(scan: Scan, end: int) -> str | None:
    before = scan.last_words(2)
    pointed = scan.at(end) == "."
    named = _name(scan, end + pointed)
    if _is_ranked(scan, end - 2):
        return "Street"
    if not before:
        return "Saint" if named else None
    nearest = before[0].lower()
    if before[0][0].isupper() and nearest not in _BEFORE_SAINT:
        first = len(before) == 1 and named and nearest not in _STREETS
        return "Saint" if first else "Street"
    return "Saint" if named else "Street" if pointed else None


def _doctor_or_drive(scan: Scan, end: int) -> str:
    before = scan.last_words(2)
    pointed = scan.at(end) == "."
    if not before or not _name_before(scan, end - 2) or _name(scan, end + pointed, _NAMES_TOO):
        return "Doctor"
    on_a_street = len(before) == 2 or _SMALL_FOLLOWS.match(scan.text, end + pointed) is not None
    return "Drive" if on_a_street and before[0].lower() not in _BEFORE_SAINT else "Doctor"


def _after_point(scan: Scan, end: int, names: bool = False, ends: bool = False) -> int:
    """Say the point before `end` where it also ends the sentence: where the text, a quotation or a bracket
    ends, or where the word behind begins a sentence. `names` expects a name behind, `ends` none."""
    if scan.before(end) != ".":
        return end
    following = _CAPITAL_FOLLOWS.match(scan.text, end)
    word = following.group(1) if following else ""
    opens = word in SENTENCE_OPENERS and not (names and word in _NAMES_TOO)
    if scan.at(end) in '\n"”)' or opens or (ends and word[:1].isupper()):
        scan.mark(".", end - 1, end)
    return end
