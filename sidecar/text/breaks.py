"""Pauses of a given length in a line: ``<break time="500ms"/>`` of SSML 1.1 (W3C 2010, section 3.2.3)."""

import re
from collections.abc import Iterable

from sidecar.protocol.errors import BadRequest

LONGEST_S, LONGEST_TOGETHER_S = 10.0, 60.0

_TIME = re.compile(
    r"""<break\s+time\s*=\s*["'](\d{1,6}(?:\.\d{1,6})?)\s*(ms|s)["']\s*/?\s*>""", re.IGNORECASE
)


def asked_pause_s(written: str) -> float:
    """How long a tag that begins with `<break` pauses. Raises `BadRequest` if it is malformed or too long."""
    shown, time = written[:60], _TIME.fullmatch(written)
    if time is None:
        raise BadRequest(f'{shown!r}: a pause is <break time="500ms"/> or <break time="1.5s"/>', field="text")
    pause_s = float(time.group(1)) / (1000 if time.group(2).lower() == "ms" else 1)
    if pause_s > LONGEST_S:
        raise BadRequest(
            f"{shown!r}: a break takes at most {LONGEST_S:g} s, the nearest is {LONGEST_S:g}s", field="text"
        )
    return pause_s


def check_together(pauses_s: Iterable[float]) -> float:
    """How long a line's breaks are together. Raises `BadRequest` where that is too long."""
    together_s = sum(pauses_s)
    if together_s > LONGEST_TOGETHER_S:
        raise BadRequest(
            f"the breaks of the line take {together_s:g} s, at most {LONGEST_TOGETHER_S:g} s fit",
            field="text",
        )
    return together_s
