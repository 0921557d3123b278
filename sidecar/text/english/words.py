"""Words at a place in a line: names with numerals, letters, compounds, cries.

A hyphen between two words belongs to the span of the first, so that words whose spans
touch were written as one ("well-known", "DragonSlayer"): the reader may join them.
"""

import re
from collections.abc import Iterator

from . import abbreviations, chat, numerals, scripts, stutters
from .scan import LETTER, Scan, is_letter, word_set
from .shapes import humps, is_spelled, unstretch

#: Longer words are cut: nobody says them, and a reader's cost may grow with their length.
LONGEST_WORD = 48

_LONGEST_LAUGH = 8  # syllables
_LAUGH = re.compile(r"([Hh]a|[Hh]e|[Hh]ee|[Hh]o|HA|HE|HO)(?:\1|ha|he|ho)+h?")
_WORD = re.compile(rf"{LETTER}+(?:'{LETTER}+)*")
_LEADING_WORD = re.compile(rf"{LETTER}{{1,9}}(?:'{LETTER}{{1,4}})?(?!{LETTER})")
#: Behind an apostrophe these are words cut short, whatever quotation marks the line has.
_LEADING = word_set(
    "tis twas twere twill twould tisn't twasn't tain't em cause til till bout round neath n nuff cept "
    "fraid gainst mongst pon tween twixt un uns kay sup ello ol ave s tude nother merica im er e ere "
    "ead eads ouse uge arry arriet arold enry elen ubert umble umour umor uman unger unted unting orrid "
    "otter ottest otel arvest atchet awk ealth ealthy eaps eavens erbs ero eroes igher ighest ighness "
    "obby ollow olly oof orn orns orror ostage ounds ovel umbug urdle usband usk utch sblood sdeath "
    "orrible arf ide spect spose tention ardly istory oly oney arsh ouses eart earts undred appen "
    "appens appened appy ungry igh ole urt urry eaven eavy imself erself ospital ook orse orses ammer "
    "oo ome omes ood elp elped elpless arder ard ell eard eadache ang anging anged elmet unter unt "
    "alf ousand ey bove nough specially scuse"
)
#: These are words without the apostrophe too: only where no quotation can close behind.
_PERHAPS_LEADING = word_set(
    "cross gin is as ad at ate and ands old olds our ours it its ill ills all alls ow owl ear ears arm "
    "arms elm eight air edge eel eat eats oar ire itch andle andsome er ere opes ope am aunt ash ut"
)
_TRAILING = word_set(
    "o ol an th lil wi mo fo yo po y t d i tho thro nor m n jus mus don wha tha bu lef tol col han lan "
    "frien groun behin roun wit sho befo gi ha ca wa las firs bes mos hol ain aroun poun soun foun bol"
)
_LETTER_COMES_AFTER = word_set(
    "appendix chapter rank act part phase zone sector deck gate bay wing row seat platform room unit "
    "model figure table item article version lane pier dock annex ward cell tier hangar door exit "
    "subject patient agent suspect column key answer string plan vitamin grade option type exhibit "
    "group block point section class hepatitis letter player team level"
)
_CUT_OFF = re.compile(r" ('(?:s|re|ll|ve|d|m)|n't)(?![\w'])", re.IGNORECASE)
_INITIAL = re.compile(rf"\. ?(?={LETTER}(?:\.|{LETTER}|'))")
_TITLES_SAID = word_set("mister missus Ms Doctor")
_NEXT_CAPITAL = re.compile(r"[\w']{1,12}")
_PLAYERS = re.compile(r"[A-Z]v[A-Z](?!\w)")
_VERSION = re.compile(r"[vV](?=\d+\.\d)|v(?=\d)")
_LEVEL = re.compile(r"(?:[Ll]v|[Ll]vl|LV|LVL)(?=\d)")
_TIMES = re.compile(r"[xX](?=\d)")
_SHORTHAND = re.compile(r"w/(?:o(?![\w'])|(?= ))|n/a(?!\w)|and/or(?!\w)", re.IGNORECASE)
_ERA = re.compile(r"(?P<era>AD|BCE?|CE)(?!\w)(?P<year> ?\d)?")
_MUSICAL = re.compile(r"[A-G]#(?!\w)|[A-Z]\+\+(?!\w)|[A-F][+\-−](?=[\s.,!?;:)\"”]|$)")
_QA = re.compile(r"([A-Z]) ?& ?([A-Z])(?!\w)|([A-Z]{1,3})&([A-Z]{1,2})(?!\w)")


def read_word(scan: Scan, index: int) -> int:
    """Read what begins with the letter at `index` (an apostrophe may stand before it); the index behind."""
    for reader in (
        _begun, chat.read, numerals.world_war, _fixed, _musical, _letters_with_and, abbreviations.read,
        _initial,
    ):  # fmt: skip
        end = reader(scan, index)
        if end is not None:
            return end
    return _plain_word(scan, index)


def _begun(scan: Scan, index: int) -> int | None:
    before = scan.last_word().lower()
    return stutters.read(scan, index, before in _LETTER_COMES_AFTER)


def _fixed(scan: Scan, index: int) -> int | None:
    """ "v1.2", "Lv25", "x3", "w/o": letters that stand for words by what follows."""
    if is_letter(scan.before(index)):
        return None
    for pattern, said in ((_LEVEL, "level"), (_VERSION, "version"), (_TIMES, "times")):
        found = pattern.match(scan.text, index)
        if found is not None and not scan.before(index).isdecimal():
            scan.say(said, *found.span())
            return found.end()
    era = _ERA.match(scan.text, index)
    if era is not None and (era["year"] is not None or _is_century(scan)):
        scan.spell(era["era"], *era.span("era"))
        return era.end("era")
    if _PLAYERS.match(scan.text, index):  # "PvP"
        scan.spell(scan.text[index : index + 3].upper(), index, index + 3)
        return index + 3
    found = _SHORTHAND.match(scan.text, index)
    return _shorthand(scan, found) if found else None


def _is_century(scan: Scan) -> bool:
    """Whether "century" or the like was said last: "the 5th century AD"."""
    return scan.last_word().lower() in ("century", "centuries", "millennium", "year", "years")


def _shorthand(scan: Scan, found: re.Match[str]) -> int:
    written = found.group().lower()
    if written == "n/a":
        scan.spell("NA", *found.span())
    else:
        scan.say({"w/": ["with"], "w/o": ["without"], "and/or": ["and", "or"]}[written], *found.span())
    return found.end()


def _musical(scan: Scan, index: int) -> int | None:
    """ "C#" is "C sharp", "C++" "C plus plus", "A+" and "B-" are grades."""
    found = _MUSICAL.match(scan.text, index)
    if found is None or scan.before(index).isalnum():
        return None
    signs = found.group()[1:]
    scan.spell(found.group()[0], index, index + 1)
    scan.say(
        {"#": ["sharp"], "++": ["plus", "plus"], "+": ["plus"]}.get(signs, ["minus"]), index + 1, found.end()
    )
    return found.end()


def _letters_with_and(scan: Scan, index: int) -> int | None:
    """ "D&D", "Q & A"."""
    found = _QA.match(scan.text, index)
    if found is None or scan.before(index).isalnum():
        return None
    left, right = (1, 2) if found.group(1) else (3, 4)
    scan.spell(found.group(left), *found.span(left))
    scan.say("and", found.end(left), found.start(right))
    scan.spell(found.group(right), *found.span(right))
    return found.end()


def _initial(scan: Scan, index: int) -> int | None:
    """ "J. R. R. Tolkien": the points are silent. "Plan B. Then" keeps its point."""
    letter = scan.text[index]
    found = _INITIAL.match(scan.text, index + 1)
    if found is None or not letter.isupper() or scan.before(index).isalnum() or scan.before(index) == "'":
        return None
    before = scan.last_word()
    if before in _TITLES_SAID and scan.at(found.end()).islower():  # "Mr. T. is here"
        scan.spell(letter, index, index + 2)
        return found.end()
    follows_capital = scan.at(found.end()).isupper()
    alone = letter == "I" and scan.at(found.end() + 1) != "."
    if not follows_capital or before.lower() in _LETTER_COMES_AFTER or (alone and before.islower()):
        return None
    opener = _NEXT_CAPITAL.match(scan.text, found.end())
    if opener is not None and opener.group() in abbreviations.SENTENCE_OPENERS:
        return None
    if letter in "IVX" and numerals.has_head(scan, letter, index + 1):
        return None
    scan.spell(letter, index, index + 2)
    return found.end()


def _plain_word(scan: Scan, index: int) -> int:
    found = _WORD.match(scan.text, index)
    end = index + 1 if found is None else found.end()
    end += _trailing_apostrophe(scan, index, end)
    behind = _apart(scan, index, end) or numerals.read(scan, index, end)
    if behind is not None:
        return behind
    _say_compound_part(scan, index, end)
    return end


def _apart(scan: Scan, start: int, end: int) -> int | None:
    """ "They 're", "do n't": a contraction that a tokeniser has cut."""
    found = _CUT_OFF.match(scan.text, end)
    if found is None or scan.in_single_quotes:
        return None
    scan.say(scan.text[start:end] + found.group(1), start, found.end())
    return found.end()


def _trailing_apostrophe(scan: Scan, start: int, end: int) -> int:
    """1 if the apostrophe at `end` is the word's own ("goin'", "dogs'"), not a closing quotation mark."""
    if (
        scan.at(end) != "'"
        or is_letter(scan.at(end + 1))
        or scan.at(end + 1).isdecimal()
        or scan.in_single_quotes
    ):
        return 0
    word = scan.text[max(start, end - 8) : end].lower()
    return int(word in _TRAILING or word.endswith(("in", "s")))


def _say_compound_part(scan: Scan, start: int, end: int) -> None:
    """One run of letters, possibly of several humps; the hyphen that binds it to the next goes with it."""
    word = scan.text[start:end]
    if scripts.is_foreign(word):
        scan.say((cut for said in scripts.latin(word) for cut in _cuts(said)), start, end)
        return
    joined = scan.at(end) == "-" and is_letter(scan.at(end + 1))
    parts = humps(word) if word.lower() != word else [word]
    position = start
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        _say_one(scan, part, position, position + len(part) + (joined and last))
        position += len(part)


def _say_one(scan: Scan, word: str, start: int, end: int) -> None:
    laugh = _LAUGH.fullmatch(word)
    if laugh:
        syllable = laugh.group(1)
        count = min(len(word) // len(syllable), _LONGEST_LAUGH)
        scan.say(["heh" if syllable.lower() == "he" else syllable] * count, start, end)
        return
    said = unstretch(word)
    if len(said) == 1:
        _say_single(scan, said, start, end)
    elif is_spelled(said):
        scan.spell(said.upper() if said.islower() else said, start, end)
    elif len(said) <= LONGEST_WORD:
        scan.say(said, start, end)
    else:
        scan.say(_cuts(said), start, end)


def _cuts(word: str) -> Iterator[str]:
    """A word in pieces that can be said."""
    pieces = (word[at : at + LONGEST_WORD] for at in range(0, len(word), LONGEST_WORD))
    return (piece for piece in pieces if piece.strip("'"))


def _say_single(scan: Scan, letter: str, start: int, end: int) -> None:
    """A single letter is the article, the pronoun, an exclamation, a stutter, or its own name."""
    before, after = scan.last_word().lower(), scan.at(start + 1)
    stutters = after == "-" and scan.at(start + 2).lower() == letter.lower()
    if letter in "Ii" and not scan.before(start).isdecimal() and before not in _LETTER_COMES_AFTER:
        scan.say("I", start, end)
    elif stutters or not letter.isascii() or (letter in "aAoO" and not _is_letter_a(scan, before, start)):
        scan.say(letter, start, end)
    else:
        scan.spell(letter.upper(), start, end)


def _is_letter_a(scan: Scan, before: str, start: int) -> bool:
    """Whether "A" is the letter: "A: no", "plan A", "3A"."""
    after = scan.at(start + 1)
    if after.isdecimal() or (after == "-" and scan.at(start + 2).isdecimal()):  # "A380", "A-10"
        return True
    named = before == "an" or before in _LETTER_COMES_AFTER or scan.before(start).isdecimal()
    return named or (
        scan.text[start] == "A" and (after in ":)" or (after in ".!?\n" and scan.before(start) != "*"))
    )


def _is_cut_short(word: str, bare: str) -> bool:
    """Whether `word` (`bare` without "'s") is one of the words cut short, or a form of one ("'urts")."""
    stems = (
        bare,
        bare.removesuffix("s"),
        bare.removesuffix("ed"),
        bare.removesuffix("ing"),
        bare.removesuffix("in"),
    )
    return word in _LEADING or any(stem in _LEADING for stem in stems if len(stem) > 2 or stem == bare)


def read_leading_apostrophe(scan: Scan, index: int) -> int | None:
    """ "'tis", "'em", "'n'": the apostrophe at `index` begins a word. None if it is a quotation mark."""
    found = _LEADING_WORD.match(scan.text, index + 1)
    if found is None:
        return None
    word, end = found.group().lower(), found.end()
    bare = word.removesuffix("n't").partition("'")[0]
    if not _is_cut_short(word, bare) and (
        bare not in _PERHAPS_LEADING or scan.closes_single_quote_after(index)
    ):
        return None
    if word == "n" and scan.at(end) == "'":
        scan.say("'n'", index, end + 1)
        return end + 1
    scan.say("'" + found.group(), index, end)
    return end
