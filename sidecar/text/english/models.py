"""Model numbers ("A380", "AK-47s") and the minus of dice."""

import re

from . import numbers
from .scan import Scan, is_letter

_LETTERS_BEFORE = re.compile(r"(?:^|[^\w'])[A-Z]{1,4}-?$")


def model(scan: Scan, found: re.Match[str]) -> int | None:
    """ "A380", "M1911", "T-800": by hundreds, as a year is."""
    start = found.start()
    if not _LETTERS_BEFORE.search(scan.text[max(0, start - 7) : start]):
        return None
    text, number = found.group(), int(found.group())
    if text[0] == "0" or number % 1000 == 0 or (len(text) == 3 and number % 100 == 0):
        return None
    if len(text) == 4:
        words = numbers.year(number)
    else:
        hundreds, rest = divmod(number, 100)
        words = [
            *numbers.cardinal(str(hundreds)),
            *(["oh"] if rest < 10 else []),
            *numbers.cardinal(str(rest)),
        ]
    scan.say(words, *found.span())
    return found.end()


def several_models(scan: Scan, found: re.Match[str]) -> int | None:
    """ "AK-47s": several of them, not seconds."""
    start = found.start()
    if not (
        is_letter(scan.before(start)) or (scan.before(start) == "-" and is_letter(scan.before(start - 1)))
    ):
        return None
    words = numbers.cardinal(found.group(1))
    scan.say([*words[:-1], numbers.plural(words[-1])], *found.span())
    return found.end()


def read_dice(scan: Scan, index: int) -> int | None:
    """The minus of "1d20-2"."""
    if scan.at(index) not in "-–" or not scan.at(index + 1).isdecimal():
        return None
    if not re.search(r"(?:^|[^\w])\d{0,3}[dD]\d{1,3}$", scan.text[max(0, index - 9) : index]):
        return None
    scan.say("minus", index, index + 1)
    return index + 1
