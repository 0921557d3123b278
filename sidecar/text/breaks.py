"""Pauses of a given length in a line: ``<break time="500ms"/>`` of SSML 1.1 (W3C 2010, section 3.2.3)."""

import re

from sidecar.protocol.errors import BadRequest
from sidecar.text.tokens import Break

LONGEST_S, LONGEST_TOGETHER_S = 10.0, 60.0

_BREAK = re.compile(r"<break\b([^<>]{0,100})(>?)", re.IGNORECASE)
_TIME = re.compile(r"""\s+time\s*=\s*["'](\d{1,6}(?:\.\d{1,6})?)\s*(ms|s)["']\s*/?\s*""", re.IGNORECASE)


def breaks(text: str) -> list[Break]:
    """In their order. Raises `BadRequest` for one that is malformed or too long, and for too many."""
    found = [_read(match) for match in _BREAK.finditer(text)]
    together_s = sum(each.pause_s for each in found)
    if together_s > LONGEST_TOGETHER_S:
        raise BadRequest(
            f"the breaks of the line take {together_s:g} s, at most {LONGEST_TOGETHER_S:g} s fit",
            field="text",
        )
    return found


def _read(match: re.Match[str]) -> Break:
    written, time = match.group()[:60], _TIME.fullmatch(match.group(1))
    if time is None or not match.group(2):
        raise BadRequest(
            f'{written!r}: a pause is <break time="500ms"/> or <break time="1.5s"/>', field="text"
        )
    pause_s = float(time.group(1)) / (1000 if time.group(2).lower() == "ms" else 1)
    if pause_s > LONGEST_S:
        raise BadRequest(
            f"{written!r}: a break takes at most {LONGEST_S:g} s, the nearest is {LONGEST_S:g}s", field="text"
        )
    return Break(pause_s, match.start(), match.end())
