"""A mixed line -> runs of one language each.

Han characters are Chinese, letters are English; digits, marks and spaces belong to the
language beside them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.protocol.errors import UnknownLanguage

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = ("en-US", "en-GB", "zh-CN")  #: BCP 47 tags of what can be read

#: Accepted tag, lower case -> (language of neutral text, whether English is British).
_TAGS = {
    "en": (ENGLISH, False), "en-us": (ENGLISH, False), "en-gb": (ENGLISH, True),
    "zh": (CHINESE, False), "zh-cn": (CHINESE, False), "zh-hans": (CHINESE, False),
}  # fmt: skip

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇"
_STRONG = re.compile(
    rf"(?P<zh>[{_HAN}](?:[IVX]{{1,6}}(?![A-Za-z]))?)"  # 亨利VIII
    rf"|(?P<unit>\d(?:[A-Za-zµμ]{{1,2}}|km/h|mph|[°℃℉]C?F?)(?![A-Za-z]))"  # 5kg, in Chinese only
    r"|(?P<en>[^\W\d_])"
)


_HAN_RE = re.compile(f"[{_HAN}]")


def has_han(text: str) -> bool:
    """Whether `text` has a character that is read as Chinese."""
    return _HAN_RE.search(text) is not None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a line is read: the language of text that shows none, and the kind of English."""

    language: str
    british: bool


@dataclass(frozen=True, slots=True)
class Run:
    """The half-open span [start, end) of a line, all in one language."""

    language: str
    start: int
    end: int


def dialect(tag: str) -> Dialect:
    """A BCP 47 tag -> how to read. Raises `UnknownLanguage`."""
    found = _TAGS.get(tag.lower().replace("_", "-"))
    if found is None:
        raise UnknownLanguage(f"unknown language {tag!r}: known are {', '.join(LANGUAGES)}", field="language")
    return Dialect(*found)


def runs(text: str, start: int, end: int, default: str) -> Iterator[Run]:
    """Cut ``text[start:end]`` where the language changes. Runs are contiguous and cover the whole span."""
    current, run_start, strong_end = default, start, start
    started = False
    for match in _STRONG.finditer(text, start, end):
        kind = match.lastgroup
        language = CHINESE if kind == "zh" or (kind == "unit" and current == CHINESE) else ENGLISH
        if started and language != current:
            cut = _boundary(text, strong_end, match.start())
            yield Run(current, run_start, cut)
            run_start = cut
        current, strong_end, started = language, match.end(), True
    if end > run_start:
        yield Run(current, run_start, end)


def _boundary(text: str, left: int, right: int) -> int:
    """Where a run ends between two strong characters: what touches the right one belongs to it."""
    cut = right
    while cut > left and text[cut - 1].isdigit():
        cut -= 1
    while cut > left and cut < right and text[cut - 1] in ".,-+$¥￥€£第" and text[cut].isdigit():
        cut -= 1
    while cut > left and text[cut - 1] in "“‘(（《「『【[<":
        cut -= 1
    return cut
