"""What markup comes to, piece by piece: words to be left out or put in, pauses, stress.

The bindings have the same reader for their subtitles (`markup.gd`, `Markup.cs`), without pauses and stress.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sidecar.text.breaks import LONGEST_S, asked_pause_s
from sidecar.text.markup import forms

_MARKUP = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in forms.FORMS.items()))
_CLOSERS = re.compile(forms.CLOSERS)
_CLOSING, _OPENING, _ARGUED = map(re.compile, (forms.CLOSING, forms.OPENING, forms.ARGUED))
_DURATION, _BAR, _ALTERNATIVES = map(re.compile, (forms.DURATION, forms.BAR, forms.ALTERNATIVES))
_NAMELESS = {bracket: re.compile(pattern) for bracket, pattern in forms.NAMELESS.items()}
_UNSTRESSED = re.compile(r"""level ?= ?["'](?:none|reduced)""")


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` in place of the half-open span [start, end), and a pause there, of seconds.

    `is_asked` is a pause that the line must keep or refuse, any other may be shortened; one that is
    `until_key` is none at the line's end.
    """

    start: int
    end: int
    text: str = ""
    pause_s: float = 0.0
    is_asked: bool = False
    until_key: bool = False


@dataclass(slots=True)
class Markup:
    """The markup of one text. `stressed` spans are known when all `edits` have been taken."""

    text: str
    stressed: list[tuple[int, int]] = field(default_factory=list)
    _closers: dict[str, list[tuple[int, int]]] = field(init=False)

    def __post_init__(self) -> None:
        self._closers = {}
        for found in _CLOSERS.finditer(self.text):
            name = _CLOSING.match(found.group()[1:-1])
            if name:
                key = found.group()[0] + (name.group(1) or "").lower()
                self._closers.setdefault(key, []).append(found.span())

    def edits(self) -> Iterator[Edit]:
        """In order, apart from each other. Raises `BadRequest` for a `<break>` that is malformed."""
        return self._edits(0, len(self.text))

    def _edits(self, at: int, end: int) -> Iterator[Edit]:
        while (found := _MARKUP.search(self.text, at)) and found.start() < end:
            reader = _READERS.get(found.lastgroup or "", Markup._left_out)
            read = reader(self, found) if found.end() <= end else []
            if not read:
                at = found.start() + 1
                continue
            yield from read
            at = max(found.end(), read[-1].end)

    def _left_out(self, found: re.Match[str]) -> list[Edit]:
        return [Edit(*found.span())]

    def _kept(self, found: re.Match[str]) -> list[Edit]:
        """Of our own: as it is."""
        return [Edit(*found.span(), found.group())]

    def _only(self, found: re.Match[str], start: int, end: int) -> list[Edit]:
        """Nothing of it but what stands at [start, end), which may have markup of its own."""
        return [Edit(found.start(), start), *self._edits(start, end), Edit(end, found.end())]

    def _choice(self, found: re.Match[str]) -> list[Edit]:
        return self._only(found, found.start() + 2, self.text.index("|", found.start()))

    def _quest_choice(self, found: re.Match[str]) -> list[Edit]:
        start = found.start() + 2
        return self._only(found, start + (self.text[start] == " "), self.text.index(":", start))

    def _plural(self, found: re.Match[str]) -> list[Edit]:
        first, second = found.group()[2:-1].split(":")[:2]
        start = found.start() + 3 + len(first)
        return self._only(found, start, start + len(second))

    def _link(self, found: re.Match[str]) -> list[Edit]:
        start = self.text.index("[", found.start()) + 1
        return self._only(found, start, self.text.rindex("](", start, found.end()))

    def _command(self, found: re.Match[str]) -> list[Edit]:
        name, _, arguments = found.group()[2:-2].strip().partition(" ")
        return [self._waiting(found, arguments if name.lower() in forms.WAITS else None)]

    def _break(self, found: re.Match[str]) -> list[Edit]:
        return [Edit(*found.span(), pause_s=asked_pause_s(found.group()), is_asked=True)]

    def _code(self, found: re.Match[str]) -> list[Edit]:
        name, argument = re.split(r"[\[<]", found.group()[1:-1].lower(), maxsplit=1)
        frames = name in forms.WAITS | forms.WAITS_CURLY and argument.isdecimal()
        return [self._pause(found, int(argument) / forms.FRAMES_PER_S if frames else 0.0)]

    def _beat(self, found: re.Match[str]) -> list[Edit]:
        symbol = found.group()[1]
        return [self._pause(found, forms.BEAT_S[symbol], until_key=symbol == "!")]

    def _newline(self, found: re.Match[str]) -> list[Edit]:
        return [Edit(*found.span(), "\n")]

    def _space(self, found: re.Match[str]) -> list[Edit]:
        return [Edit(*found.span(), " ")]

    def _escape(self, found: re.Match[str]) -> list[Edit]:
        return [Edit(*found.span(), found.group()[1])]

    def _pipe(self, found: re.Match[str]) -> list[Edit]:
        """An end of what has begun; "a|r" is none."""
        begun = "|c" if found.group() == "|r" else "|H"
        return self._left_out(found) if begun in self.text[: found.start()] else []

    def _tag(self, found: re.Match[str]) -> list[Edit]:
        """`[…]`, `{…}` or `<…>`; nothing where it is no markup."""
        bracket, inner = found.group()[0], found.group()[1:-1]
        if closing := _CLOSING.match(inner):
            return [self._in_place(found, (closing.group(1) or "").lower(), is_closing=True)]
        if bracket == "{" and (bar := self._bar(found)):
            return self._alternatives(found, bar)
        if _NAMELESS[bracket].match(inner):
            return self._left_out(found)
        opening = _OPENING.match(inner)
        return self._named(found, opening.group(1).lower(), inner[opening.end() :]) if opening else []

    def _bar(self, found: re.Match[str]) -> int | None:
        """Where the first alternative ends; the bar in `[[word|phonemes]]` parts none."""
        bars = _BAR.finditer(self.text, found.start(), found.end())
        return next((bar.start() for bar in bars if bar.group() == "|"), None)

    def _alternatives(self, found: re.Match[str], bar: int) -> list[Edit]:
        condition = _ALTERNATIVES.match(found.group()[1 : bar - found.start()])
        return self._only(found, found.start() + 1 + (condition.end() if condition else 0), bar)

    def _named(self, found: re.Match[str], name: str, rest: str) -> list[Edit]:
        bracket = found.group()[0]
        waits = name in forms.WAITS or (bracket == "{" and name in forms.WAITS_CURLY)
        if waits and (not rest or _DURATION.match(rest) or _ARGUED.match(rest)):
            return [self._waiting(found, rest, "\n" if name in forms.BREAKING else "")]
        closing = self._partner(bracket + "if", found.end()) if name in forms.ELSE else None
        if closing:
            return [Edit(found.start(), closing[0])]
        partner = self._partner(bracket + name, found.end())
        lone = not rest and name in (forms.LONE_CURLY if bracket == "{" else forms.LONE)
        if not (partner or lone or _ARGUED.match(rest)):
            return []
        if partner and self._is_silent(name, found.end(), partner[0]):
            return [Edit(found.start(), partner[1], " " if name in forms.SHOWING else "")]
        if partner and name in forms.STRESSING and not _UNSTRESSED.search(rest):
            self.stressed.append((found.end(), partner[0]))
        return [self._in_place(found, name)]

    def _is_silent(self, name: str, start: int, end: int) -> bool:
        """Yarn's `[character name="Mara"]Mara: [/character]` says who speaks."""
        named = name == "character" and self.text[start:end].rstrip().endswith(":")
        return named or name in forms.SILENT

    def _partner(self, name: str, behind: int) -> tuple[int, int] | None:
        """The first tag behind a place that closes `name` (with its bracket), or all."""
        found = []
        for key in (name, name[0]):
            spans = self._closers.get(key, [])
            found += spans[bisect_left(spans, (behind, 0)) :][:1]
        return min(found, default=None)

    def _in_place(self, found: re.Match[str], name: str, is_closing: bool = False) -> Edit:
        """What is to be read where a tag stands."""
        if name in forms.BREAKING:
            return Edit(*found.span(), "\n")
        shown = "" if is_closing else forms.WRITTEN.get(name, " " if name in forms.SHOWING else "")
        return Edit(*found.span(), shown)

    def _waiting(self, found: re.Match[str], rest: str | None, text: str = "") -> Edit:
        """`rest` is what stands behind the name of something that waits."""
        if rest is None:
            return Edit(*found.span())
        duration = _DURATION.match(rest)
        if duration is None:
            return self._pause(found, forms.ASKED_S, text, until_key=True)
        amount, unit = float(duration.group(1)), duration.group(2)
        in_ms = unit == "ms" or (unit is None and amount > forms.MOST_SECONDS)
        return self._pause(found, amount / 1000 if in_ms else amount, text)

    def _pause(self, found: re.Match[str], pause_s: float, text: str = "", until_key: bool = False) -> Edit:
        """None in the middle of a word, which an engine that types letters may well have."""
        around = self.text[found.start() - 1 : found.start()] + self.text[found.end() : found.end() + 1]
        is_inside = len(around) == 2 and around.isascii() and around.isalpha() and around[1].islower()
        pause_s = 0.0 if is_inside and not text else min(pause_s, LONGEST_S)
        return Edit(*found.span(), text, pause_s, until_key=until_key)


_READERS: dict[str, Callable[[Markup, re.Match[str]], list[Edit]]] = {
    "choice": Markup._choice, "override": Markup._kept, "command": Markup._command, "break": Markup._break,
    "image": Markup._link, "link": Markup._link, "square": Markup._tag, "curly": Markup._tag,
    "angle": Markup._tag, "code": Markup._code, "beat": Markup._beat, "newline": Markup._newline,
    "escape": Markup._escape, "pipe": Markup._pipe, "pipe_newline": Markup._newline,
    "gap": Markup._space, "plural": Markup._plural, "quest_newline": Markup._newline,
    "quest_choice": Markup._quest_choice, "texture": Markup._space,
}  # fmt: skip
