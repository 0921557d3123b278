"""Short names of weekdays and months: "Tues.", "Nov.", "Mon-Fri".

Some are words or names as well ("Sun", "Mar", "Jan"): they are read in full only beside a number, another
short name, or behind a word that a day or a month follows.
"""

import re
from dataclasses import dataclass

from .scan import LETTER, Scan, word_set

_MONTH_NAMES = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
]  # fmt: skip
_DAY_NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
#: By the first three letters, in order.
MONTHS = {name[:3]: name for name in _MONTH_NAMES}
MONTH_NAMES = frozenset(_MONTH_NAMES)
_DAYS = {name[:3]: name for name in _DAY_NAMES} | {
    "Tues": "Tuesday", "Weds": "Wednesday", "Thur": "Thursday", "Thurs": "Thursday",
}  # fmt: skip
_SHORT = {short: name for short, name in MONTHS.items() if short != name} | {"Sept": "September"} | _DAYS
#: Also words or names.
_UNSURE = word_set("Jan Mar Apr Jun Jul Dec Mon Wed Sat Sun Sep Tue")
_LEADS = word_set(
    "on from to till until by every next last this since through before after not or and each in of mid "
    "late early during between"
)
_LEADS_DAY = _LEADS - word_set("in of mid during between")

_NAME = re.compile("(" + "|".join(sorted(_SHORT, key=len, reverse=True)) + rf")(?!{LETTER}|')")
_DATE_BEHIND = re.compile(r"\.? ?\d{1,4}(?:st|nd|rd|th)?(?![\d:])|\.? ?'\d\d(?!\d)")
_ANOTHER = re.compile(r"(?:^|(?<=[^\w]))(?:" + "|".join(_SHORT) + r")(?![\w'])")
_NEAR = 20  # characters


@dataclass(frozen=True, slots=True)
class ShortName:
    """`end` is the index behind the letters; `dated` tells that a number follows."""

    name: str
    end: int
    dated: bool
    keeps_point: bool


def short_name(scan: Scan, index: int) -> ShortName | None:
    """The day or month whose short name stands at `index`, where it is one."""
    found = _NAME.match(scan.text, index)
    if found is None or scan.before(index).isalnum():
        return None
    short, end = found.group(1), found.end()
    dated = short[:3] in MONTHS and _DATE_BEHIND.match(scan.text, end) is not None
    if not (dated or _is_meant(scan, short, index, end)):
        return None
    return ShortName(_SHORT[short], end, dated, keeps_point=scan.at(end + 1) == ".")


def _is_meant(scan: Scan, short: str, start: int, end: int) -> bool:
    pointed = scan.at(end) == "."
    around = scan.text[max(0, start - _NEAR) : start] + " " + scan.text[end : end + _NEAR]
    if _ANOTHER.search(around):
        return True
    if short not in _UNSURE:
        return True
    before = scan.last_word().lower()
    return pointed and before in (_LEADS_DAY if short in _DAYS else _LEADS)
