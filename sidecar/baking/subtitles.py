"""Words and their times -> subtitles that can be read along.

At most two rows of 42 letters and seven seconds a cue (the limits of Netflix's Timed Text Style Guide for
English; an ideograph counts as two and a half letters, its 16 a row), a sentence's end ends one early.
SRT is as SubRip writes it, VTT as in W3C WebVTT.
"""

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sidecar.speech import TimedWord
from sidecar.text.markup.edits import Edit
from sidecar.text.markup.marked import marked
from sidecar.text.reader import OVERRIDE
from sidecar.text.traced import Traced

ROW, ROWS = 42, 2
IDEOGRAPH = 2.5  #: letters
LONGEST_S = 7.0
_FULL = ROW * ROWS * 0.6  #: from here on a sentence's end ends a cue
_ENDS = tuple(".!?…。！？")


@dataclass(frozen=True)
class Cue:
    """A text, and when it is shown."""

    text: str
    start_s: float
    end_s: float


def plain(text: str) -> str:
    """A line as people read it: without markup and the phonemes in `[[word|phonemes]]`. Raises `BadRequest`
    for what no line may hold."""
    return _squeezed(_shown(text).text)


def cues(text: str, words: Sequence[TimedWord], end_s: float) -> tuple[Cue, ...]:
    """The subtitles of a line of so many seconds, none overlapping another."""
    shown = _shown(text)
    groups = _groups(shown, words)
    starts = [0, *(group[0].start for group in groups[1:]), len(text)]
    found = []
    for index, group in enumerate(groups):
        until_s = groups[index + 1][0].start_s if index + 1 < len(groups) else end_s
        said = _squeezed(shown.between(starts[index], starts[index + 1]))
        found.append(Cue(said, min(group[0].start_s, until_s), until_s))
    return tuple(cue for cue in found if cue.text)


def content(shown: Sequence[Cue], kind: str) -> str:
    """The file, `kind` srt or vtt."""
    if kind == "vtt":
        blocks = [
            f"{_clock(c.start_s, '.')} --> {_clock(c.end_s, '.')}\n{escape(_rows(c.text), quote=False)}\n"
            for c in shown
        ]
        return "\n".join(["WEBVTT\n", *blocks])
    blocks = [
        f"{number}\n{_clock(c.start_s, ',')} --> {_clock(c.end_s, ',')}\n{_rows(c.text)}\n"
        for number, c in enumerate(shown, start=1)
    ]
    return "\n".join(blocks)


def _groups(text: Traced, words: Sequence[TimedWord]) -> list[list[TimedWord]]:
    """Words that are shown together. Those of one span (a number's) stay together."""
    groups: list[list[TimedWord]] = []
    for word in words:
        last = groups[-1] if groups else []
        if last and (word.start <= last[-1].start or not _is_over(text, last, word)):
            last.append(word)
        else:
            groups.append([word])
    return groups


def _is_over(text: Traced, shown: Sequence[TimedWord], word: TimedWord) -> bool:
    written = _squeezed(text.between(shown[0].start, word.start))
    together = _squeezed(text.between(shown[0].start, word.end))
    ended = written.rstrip("\"”’') ").endswith(_ENDS) and _width(written) >= _FULL
    return ended or _width(together) > ROW * ROWS - 4 or word.end_s - shown[0].start_s > LONGEST_S


def _shown(line: str) -> Traced:
    """What of a line is for the eye, each character with its place in it."""
    text = marked(line).plain
    return text.replaced(Edit(*found.span(), found.group(1)) for found in OVERRIDE.finditer(text.text))


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _width(text: str) -> float:
    return sum(IDEOGRAPH if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _rows(text: str) -> str:
    """Over two rows where one is too long, cut near the middle; ideographs anywhere."""
    if _width(text) <= ROW:
        return text
    if " " not in text:
        half = (len(text) + 1) // 2
        return f"{text[:half]}\n{text[half:]}"
    for width in range(len(text) // 2, len(text) + 1):
        rows = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
        if len(rows) <= ROWS:
            return "\n".join(rows)
    return text


def _clock(time_s: float, point: str) -> str:
    total_ms = round(max(time_s, 0.0) * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"
