"""A line as its writer typed it -> what of it is text, what is a pause, and what is stressed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sidecar.text.breaks import LONGEST_TOGETHER_S, check_together
from sidecar.text.markup import forms
from sidecar.text.markup.edits import Edit, Markup
from sidecar.text.tokens import Break, Spoken
from sidecar.text.traced import Traced

PAIRS_IN_PAIRS = 2  #: **so _or_ so**
_ENTITY, _PAIRED = re.compile(forms.ENTITY), re.compile(forms.PAIRED)


@dataclass(frozen=True, slots=True)
class MarkedText:
    """`plain` is a line without its markup, except for our own `[[word|phonemes]]`. Pauses and the half-open
    spans that are stressed are counted in code points of the line, in order."""

    plain: Traced
    pauses: tuple[Break, ...]
    stressed: tuple[tuple[int, int], ...]

    def breaks(self) -> list[Break]:
        """The pauses where they fall in `plain`, between two characters."""
        at = [self.plain.index(pause.start) for pause in self.pauses]
        return [Break(pause.pause_s, i, i) for pause, i in zip(self.pauses, at, strict=True)]

    def placed(self, items: Iterable[Spoken | Break]) -> list[Spoken | Break]:
        """What was read from `plain`, `breaks` included, with the spans of the line."""
        pauses = iter(self.pauses)
        return [next(pauses) if isinstance(item, Break) else self._placed(item) for item in items]

    def _placed(self, item: Spoken) -> Spoken:
        start, end = self.plain.origin(item.start, item.end)
        return replace(item, start=start, end=end)


def marked(line: str) -> MarkedText:
    """Read the markup of a line, of whatever engine. Raises `BadRequest` for a malformed `<break>`, and for
    too many."""
    text = Traced.whole(line)
    text = text.replaced(_characters(text.text))
    markup = Markup(text.text)
    edits = [*markup.edits()]
    unmarked = text.replaced(edits)
    pauses = _pauses(text, edits, _end_of_words(unmarked))
    stressed = [text.origin(*span) for span in markup.stressed if span[0] < span[1]]
    text = unmarked
    for _ in range(PAIRS_IN_PAIRS):
        pairs = [*_PAIRED.finditer(text.text)]
        stressed += [text.origin(*_inside(pair)) for pair in pairs if not pair.group(3)]
        text = text.replaced(edit for pair in pairs for edit in _around(pair))
    return MarkedText(text, pauses, tuple(sorted(stressed)))


def _characters(text: str) -> Iterator[Edit]:
    """`&amp;` and the like."""
    for found in _ENTITY.finditer(text):
        if character := _character(found.group()[1:-1]):
            yield Edit(*found.span(), character)


def _character(name: str) -> str:
    if not name.startswith("#"):
        return forms.ENTITIES.get(name, "")
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else forms.NO_CHARACTER


def _end_of_words(text: Traced) -> int:
    """Where in the line the last letter or digit is."""
    return next((text.starts[at] for at in range(len(text.text) - 1, -1, -1) if text.text[at].isalnum()), 0)


def _pauses(text: Traced, edits: Iterable[Edit], end_of_words: int) -> tuple[Break, ...]:
    """What is asked for is kept or refused; of the others, no more than fits."""
    waiting = [
        edit
        for edit in edits
        if edit.is_asked or (edit.pause_s and not (edit.until_key and text.starts[edit.start] > end_of_words))
    ]
    left_s = LONGEST_TOGETHER_S - check_together(edit.pause_s for edit in waiting if edit.is_asked)
    result = []
    for edit in waiting:
        pause_s = edit.pause_s if edit.is_asked else min(edit.pause_s, left_s)
        left_s -= 0.0 if edit.is_asked else pause_s
        if pause_s or edit.is_asked:
            result.append(Break(pause_s, *text.origin(edit.start, edit.end)))
    return tuple(result)


def _around(pair: re.Match[str]) -> tuple[Edit, Edit]:
    start, end = _inside(pair)
    return Edit(pair.start(), start), Edit(end, pair.end())


def _inside(pair: re.Match[str]) -> tuple[int, int]:
    width = len(pair.group(pair.lastindex or 0))
    return pair.start() + width, pair.end() - width
