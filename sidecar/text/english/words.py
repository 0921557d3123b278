"""Words at a place in a line: names with numerals, letters, compounds, cries.

A hyphen between two words belongs to the span of the first, so that words whose spans
touch were written as one ("well-known", "DragonSlayer"): the reader may join them.
"""

import re

from . import abbreviations, numbers
from .scan import LETTER, Scan, is_letter, word_set
from .shapes import humps, is_spelled, unstretch

#: Longer words are cut: nobody says them, and a reader's cost may grow with their length.
LONGEST_WORD = 48

_LONGEST_LAUGH = 8  # syllables
_LAUGH = re.compile(r"([Hh]a|[Hh]e|[Hh]ee|[Hh]o|HA|HE|HO)(?:\1|ha|he|ho)+h?")
_WORD = re.compile(rf"{LETTER}+(?:'{LETTER}+)*")
_LEADING_WORD = re.compile(rf"{LETTER}{{1,7}}(?!{LETTER})")
_LEADING = word_set(
    "tis twas twere twill twould em cause til till bout round neath ere n nuff cept fraid gainst "
    "mongst pon tween twixt un kay sup ello ol ave s tude nother merica im is er ard"
)
_TRAILING = word_set("o ol an th lil wi mo fo yo po y t d i tho thro nor m n")
_NUMERAL = re.compile(r"[IVXLC]+")
_COUNTED_BY_NUMERAL = word_set(
    "chapter part act scene book volume war type mark mk level phase tier rank section episode class "
    "title article division legion grade stage round page canto appendix figure table fantasy ii "
    "apollo bowl floor area zone block model series version unit age wave quest mission tome scroll "
    "vol step ultima"
)
_REGNAL = word_set(
    "henry louis elizabeth george charles james edward richard william mary catherine peter paul pius "
    "gregory clement benedict napoleon wilhelm frederick philip ivan nicholas alexander friedrich "
    "otto leo innocent urban john robert david carlos ferdinand francis joseph leopold gustav "
    "christian harald olaf haakon ptolemy ramses ramesses thutmose darius xerxes uriel tiber"
)
_LETTER_COMES_AFTER = word_set(
    "plan vitamin grade option type exhibit group block point section class hepatitis letter player "
    "team level"
)
_INITIAL = re.compile(rf"\. ?(?={LETTER}(?:\.|{LETTER}|'))")
_VERSION = re.compile(r"[vV](?=\d+\.\d)|v(?=\d)")
_LEVEL = re.compile(r"(?:[Ll]v|[Ll]vl|LV|LVL)(?=\d)")
_TIMES = re.compile(r"[xX](?=\d)")
_SHORTHAND = re.compile(r"w/(?:o(?![\w'])|(?= ))|n/a(?!\w)|and/or(?!\w)", re.IGNORECASE)
_MUSICAL = re.compile(r"[A-G]#(?!\w)|[A-Z]\+\+(?!\w)|[A-F][+\-−](?=[\s.,!?;:)\"”]|$)")
_QA = re.compile(r"([A-Z]) ?& ?([A-Z])(?!\w)|([A-Z]{1,3})&([A-Z]{1,2})(?!\w)")


def read_word(scan: Scan, index: int) -> int:
    """Read what begins with the letter at `index` (an apostrophe may stand before it); the index behind."""
    for reader in (_fixed, _musical, _letters_with_and, abbreviations.read, _initial):
        end = reader(scan, index)
        if end is not None:
            return end
    return _plain_word(scan, index)


def _fixed(scan: Scan, index: int) -> int | None:
    """ "v1.2", "Lv25", "x3", "w/o": letters that stand for words by what follows."""
    if is_letter(scan.before(index)):
        return None
    for pattern, said in ((_LEVEL, "level"), (_VERSION, "version"), (_TIMES, "times")):
        if pattern.match(scan.text, index) and not scan.before(index).isdecimal():
            end = pattern.match(scan.text, index).end()  # type: ignore[union-attr]
            scan.say(said, index, end)
            return end
    found = _SHORTHAND.match(scan.text, index)
    return _shorthand(scan, found) if found else None


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
    before = (scan.last_words(1) or [""])[0]
    follows_capital = scan.at(found.end()).isupper()
    alone = letter == "I" and scan.at(found.end() + 1) != "."
    if not follows_capital or before.lower() in _LETTER_COMES_AFTER or (alone and before.islower()):
        return None
    scan.spell(letter, index, index + 2)
    return found.end()


def _plain_word(scan: Scan, index: int) -> int:
    found = _WORD.match(scan.text, index)
    end = index + 1 if found is None else found.end()
    end += _trailing_apostrophe(scan, index, end)
    if _numeral(scan, index, end):
        return end
    _say_compound_part(scan, index, end)
    return end


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
        cuts = (said[cut : cut + LONGEST_WORD] for cut in range(0, len(said), LONGEST_WORD))
        scan.say((cut for cut in cuts if cut.strip("'")), start, end)


def _say_single(scan: Scan, letter: str, start: int, end: int) -> None:
    """A single letter is the article, the pronoun, an exclamation, a stutter, or its own name."""
    before, after = (scan.last_words(1) or [""])[0].lower(), scan.at(start + 1)
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
    named = before == "an" or before in _LETTER_COMES_AFTER or scan.before(start).isdecimal()
    return named or (
        scan.text[start] == "A" and (after in ":)" or (after in ".!?\n" and scan.before(start) != "*"))
    )


def _numeral(scan: Scan, start: int, end: int) -> bool:
    """Say "VIII" after a name or a word that is numbered; False where it is no numeral."""
    written = scan.text[start:end]
    text = written.removesuffix("'s")
    if not _NUMERAL.fullmatch(text) or scan.before(start) not in " ":
        return False
    value, before = numbers.roman(text), scan.last_words(3)
    if value is None or not before:
        return False
    rank = _rank_after(scan, before[0], text, end)
    if rank is None:
        return False
    words = numbers.cardinal(str(value)) if rank == "count" else ["the", *numbers.ordinal(str(value))]
    words[-1] += "'s" if written != text else ""
    scan.say(words, start, end)
    return True


def _rank_after(scan: Scan, name: str, numeral: str, end: int) -> str | None:
    """ "count" for "Chapter IV", "name" for "Henry VIII", None where the capitals are something else."""
    lower = name.lower()
    if not name[0].isupper() or numeral in ("C", "L"):
        return None
    clear = scan.at(end) in ".,;:!?)\n" or scan.text.startswith((" of", " and"), end) or numeral != "I"
    if lower in _COUNTED_BY_NUMERAL:
        return "count" if clear or lower in (
            "chapter", "war", "act", "scene", "volume", "type", "level",
        ) else None  # fmt: skip
    if set(numeral) - set("IVX") or not clear:
        return None
    named = len(numeral) > 1 and len(name) > 2 and not name.isupper()
    return "name" if lower in _REGNAL or named else None


def read_leading_apostrophe(scan: Scan, index: int) -> int | None:
    """ "'tis", "'em", "'n'": the apostrophe at `index` begins a word. None if it is a quotation mark."""
    found = _LEADING_WORD.match(scan.text, index + 1)
    if found is None or found.group().lower() not in _LEADING:
        return None
    end = found.end()
    if found.group().lower() == "n" and scan.at(end) == "'":
        scan.say("'n'", index, end + 1)
        return end + 1
    scan.say("'" + found.group(), index, end)
    return end
