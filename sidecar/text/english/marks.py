"""Everything between the words: punctuation, brackets, quotation marks, dashes, symbols.

Each reader gets the scan and the index of a character it may be responsible for, and
answers with the index behind what it read, or None.
"""

import re

from . import numbers
from .scan import PAUSES, Scan, is_letter, word_set
from .units import CURRENCIES, unit_words
from .words import read_leading_apostrophe

_STOPS = re.compile(r"[.!?]+")
_SYMBOLS = {
    "&": "and", "@": "at", "%": "percent", "§": "section", "÷": "divided by", "±": "plus or minus",
    "≈": "about", "≠": "is not equal to", "≤": "at most", "≥": "at least", "∞": "infinity", "°": "degrees",
    "√": "root",
}  # fmt: skip
#: Said only between two things; elsewhere they decorate.
_BETWEEN = {
    "<": "less than", ">": "greater than", "=": "equals", "×": "times", "*": "times",
    "^": "to the power of", "+": "plus", "−": "minus",
}  # fmt: skip
_PER = re.compile(r"(?:mo|wk|yr|hr|h|min|sec|s|km|mi|lb|kg|oz|ft|m|l|g)(?!\w)")
_SPANS = {"mo": "month", "wk": "week", "yr": "year"}
_RATED = word_set("dollars dollar pounds pound euros euro yen cents gold")
_EMOTICON = re.compile(r"(?:[:;=][-']?[)(DPpOo3|/\\\[\]*]+|<3|</3|\^_+\^|:'\()(?=\s|$|[.,!?])")
_APOSTROPHE_BEFORE_YEAR = re.compile(r"'\d\d(?!\d)")
_LINK = re.compile(r"(?:https?://|ftp://)?(?=[\w@])(?:[\w.+-]{1,64}@)?(?:[\w-]{1,63}\.){1,6}[A-Za-z]{2,12}(?!\w)"
                   r"(?::\d{1,5})?(?:[/?#][\w/.?=&%+~#:-]{0,300})?")  # fmt: skip
_TOP_LEVEL = re.compile(r"\.(?:com|org|net|io|gov|edu|uk|co|dev|gg|tv|info|me|eu|de|app|wiki)(?![\w])")
_LINK_PIECE = re.compile(r"[A-Za-z]+|\d+|.")
_LINK_SYMBOLS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", ":": "colon",
    "?": "question mark", "=": "equals", "&": "and", "%": "percent", "+": "plus", "~": "tilde",
    "#": "hash",
}  # fmt: skip


def read_newlines(scan: Scan, index: int) -> int:
    """White space; a line's end is also a clause's end."""
    end = index + 1
    while end < len(scan.text) and scan.text[end].isspace():
        end += 1
    if "\n" in scan.text[index:end] and scan.clause_is_open():
        line_end = scan.text.index("\n", index)
        scan.mark(".", line_end, line_end + 1)
    if "\n" in scan.text[index:end]:  # a quotation mark left open in one paragraph opens nothing in the next
        scan.in_double_quotes = scan.in_single_quotes = False
    return end


def read_link(scan: Scan, index: int) -> int | None:
    """A web or mail address, symbol by symbol; "http://" is not said."""
    if scan.before(index).isalnum() or scan.before(index) in "@.":
        return None
    found = _LINK.match(scan.text, index)
    if found is None or not ("://" in found.group() or "@" in found.group() or _is_domain(found.group())):
        return None
    start = found.start() + (found.group().find("://") + 3 if "://" in found.group() else 0)
    end = found.start() + len(found.group().rstrip(".:?-"))
    for piece in _LINK_PIECE.finditer(scan.text, start, end):
        _say_link_piece(scan, piece)
    return end


def _is_domain(text: str) -> bool:
    return text.lower().startswith("www.") or _TOP_LEVEL.search(text.lower()) is not None


def _say_link_piece(scan: Scan, piece: re.Match[str]) -> None:
    text = piece.group()
    if text.isdecimal():
        scan.say(numbers.cardinal(text) if len(text) < 5 else numbers.digits(text), *piece.span())
    elif text in _LINK_SYMBOLS:
        scan.say(_LINK_SYMBOLS[text].split(), *piece.span())
    elif text.isalpha() and _is_lettered(scan, piece):
        scan.spell(text.upper(), *piece.span())
    elif text.isalpha():
        scan.say(text, *piece.span())


def _is_lettered(scan: Scan, piece: re.Match[str]) -> bool:
    """Single letters, what has no vowel, and a country's ending ("uk", "io")."""
    text = piece.group().lower()
    country = len(text) == 2 and scan.before(piece.start()) == "." and not scan.at(piece.end()).isalnum()
    return (
        len(text) == 1
        or not set("aeiouy").intersection(text)
        or (country and text not in ("co", "me", "to", "ac"))
    )


def read_emoticon(scan: Scan, index: int) -> int | None:
    """ ":-)" and its kin say nothing."""
    if not scan.before(index).isspace():
        return None
    found = _EMOTICON.match(scan.text, index)
    return found.end() if found else None


def read_stops(scan: Scan, index: int) -> int | None:
    """A run of ".", "!" and "?": one mark, the strongest of them; two points or more are an ellipsis."""
    found = _STOPS.match(scan.text, index)
    if found is None:
        return None
    run = found.group()
    if run == "." and is_letter(scan.before(index)) and scan.at(index + 1).islower():  # "save.dat"
        scan.say("dot", index, index + 1)
        return found.end()
    symbols = [symbol for symbol in "!?" if symbol in run] or ["…" if len(run) > 1 else "."]
    scan.mark(symbols[-1], *found.span())
    return found.end()


def read_mark(scan: Scan, index: int) -> int | None:
    """Commas, colons, semicolons and brackets. Square brackets and braces are silent."""
    char = scan.text[index]
    if char == ":" and scan.before(index).isdecimal() and scan.at(index + 1).isdecimal():
        scan.say("to", index, index + 1)
    elif char in ",;:()":
        last = scan.tokens[-1].text if scan.tokens else ""
        if char not in PAUSES or last or len(scan.text) == 1:
            scan.mark(char, index, index + 1)
    elif char not in "[]{}":
        return None
    return index + 1


def read_quote(scan: Scan, index: int) -> int | None:
    """Double quotation marks, straight or curly, and single ones where they are a pair."""
    char = scan.text[index]
    if char == '"' and not scan.in_double_quotes and scan.before(index).isdecimal():
        scan.say("inches", index, index + 1)
        return index + 1
    if char == '"':
        opens = not scan.in_double_quotes and not (
            scan.before(index).isalnum() and scan.at(index + 1).isspace()
        )
        char = "“" if opens else "”"
    elif char == "'":
        return _read_single_quote(scan, index)
    if char not in "“”":
        return None
    scan.in_double_quotes = char == "“"
    scan.mark(char, index, index + 1)
    return index + 1


def _read_single_quote(scan: Scan, index: int) -> int:
    if scan.in_single_quotes and not is_letter(scan.at(index + 1)):
        scan.in_single_quotes = False
        scan.mark("”", index, index + 1)
        return index + 1
    if not scan.before(index).isalnum() and not _APOSTROPHE_BEFORE_YEAR.match(scan.text, index):
        behind = read_leading_apostrophe(scan, index)
        if behind is not None:
            return behind
        if (
            not scan.in_single_quotes
            and not scan.at(index + 1).isspace()
            and scan.closes_single_quote_after(index)
        ):
            scan.in_single_quotes = True
            scan.mark("“", index, index + 1)
    return index + 1


def read_dash(scan: Scan, index: int) -> int | None:
    """Hyphens and dashes: a range, a minus, a silent joint, or a break in the sentence."""
    char = scan.text[index]
    if char not in "-–—−":
        return None
    end = index + 1
    while scan.at(end) in "-–—":
        end += 1
    if end - index == 1 and char != "—":
        return _read_hyphen(scan, index)
    _break(scan, index, end)
    return end


def _read_hyphen(scan: Scan, index: int) -> int:
    before, after = scan.before(index), scan.at(index + 1)
    joint = before.isalnum() and after.isalnum()
    if joint and before.isdecimal() and after.isdecimal():
        scan.say("minus" if scan.text[index] == "−" else "to", index, index + 1)
    elif _joins_range(scan, index):
        scan.say("to", index, index + 1)
    elif joint:
        pass  # "mid-1990s", "20-sided", "F-16"
    elif _starts_number(scan, index + 1) and (before.isspace() or before in "([{“\"'*:="):
        scan.say("minus", index, index + 1)
    elif before == "\n" or (before == " " and not scan.clause_is_open()):
        pass  # a bullet
    elif before.isspace() and after.isspace() and _between_numbers(scan, index):
        scan.say(_range_or_minus(scan, index), index, index + 1)
    else:
        _break(scan, index, index + 1)
    return index + 1


def _joins_range(scan: Scan, index: int) -> bool:
    """ "9am-5pm", "$100-$200"."""
    halves = scan.last_word() in ("AM", "PM") and scan.at(index + 1).isdecimal()
    prices = scan.before(index).isdecimal() and scan.at(index + 1) in CURRENCIES
    return halves or prices


def _break(scan: Scan, start: int, end: int) -> None:
    if scan.tokens or end < len(scan.text):
        scan.mark("—", start, end)


def _starts_number(scan: Scan, index: int) -> bool:
    char = scan.at(index)
    return char.isdecimal() or ((char in CURRENCIES or char == ".") and scan.at(index + 1).isdecimal())


def _between_numbers(scan: Scan, index: int) -> bool:
    return scan.before(index - 1).isdecimal() and scan.at(index + 2).isdecimal()


def _range_or_minus(scan: Scan, index: int) -> str:
    """ "5 - 10" is a range, "10 - 5" a difference."""
    left = re.search(r"\d{1,15}$", scan.text[max(0, index - 16) : index - 1])
    right = re.match(r"\d{1,15}", scan.text[index + 2 : index + 17])
    rises = left is not None and right is not None and int(left.group()) < int(right.group())
    return "to" if rises else "minus"


def read_symbol(scan: Scan, index: int) -> int | None:
    """Signs that are words: "&", "+5", "#1", "x = y". A sign that only decorates is passed over."""
    char = scan.text[index]
    for reader in (_read_sign, _read_hash, _read_slash, _read_between):
        end = reader(scan, index)
        if end is not None:
            return end
    if char in _SYMBOLS and (char not in "&@" or scan.at(index + 1) != char):
        scan.say(_SYMBOLS[char].split(), index, index + 1)
        return index + 1
    return None


def _read_sign(scan: Scan, index: int) -> int | None:
    """ "+50", "~5"."""
    char = scan.text[index]
    if char not in "+~" or not _starts_number(scan, index + 1):
        return None
    if char == "~" or not scan.before(index).isalnum():
        scan.say("about" if char == "~" else "plus", index, index + 1)
        return index + 1
    return None


def _read_hash(scan: Scan, index: int) -> int | None:
    if scan.text[index] != "#":
        return None
    if scan.at(index + 1).isdecimal():
        scan.say("number", index, index + 1)
    elif is_letter(scan.at(index + 1)) and not scan.before(index).isalnum():
        scan.say("hashtag", index, index + 1)
    return index + 1


def _read_slash(scan: Scan, index: int) -> int | None:
    if scan.text[index] != "/":
        return None
    if scan.before(index).isalnum() and scan.at(index + 1).isalnum():
        number_before, number_after = scan.before(index).isdecimal(), scan.at(index + 1).isdecimal()
        unit = _PER.match(scan.text, index + 1)
        if unit is not None and (number_before or scan.tokens[-1].text in _RATED):
            said = (
                _SPANS[unit.group()] if unit.group() in _SPANS else " ".join(unit_words(unit.group(), True))
            )
            scan.say(["per", *said.split()], index, unit.end())
            return unit.end()
        scan.say("per" if number_before and not number_after else "slash", index, index + 1)
    return index + 1


def _read_between(scan: Scan, index: int) -> int | None:
    """A sign between two operands: "2+2", "a = b", "5 * 3"."""
    char = scan.text[index]
    if char not in _BETWEEN:
        return None
    left = scan.before(index) if scan.before(index) != " " else scan.before(index - 1)
    spaced = scan.before(index) == " " and scan.at(index + 1) == " "
    right = scan.at(index + 2) if spaced else scan.at(index + 1)
    if char == "^" and right == "-" and scan.at(index + 2).isdecimal() and left.isalnum():
        scan.say(["to", "the", "power", "of", "minus"], index, index + 2)
        return index + 2
    figures = right.isdecimal() and (left.isalnum() if char == "^" else left.isdecimal())
    words = char in "=<>+−" and left.isalnum() and right.isalnum() and (spaced or char in "=+")
    if figures or words or (char == "+" and left.isalnum() and scan.at(index + 1) in " \n.,;:!?)"):
        scan.say(_BETWEEN[char].split(), index, index + 1)
    return index + 1
