"""Rows of a script and a cast -> what is to be made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.baking.cast import Cast, Member
from sidecar.baking.file_names import collisions, stem_of
from sidecar.baking.script import HEARD, Cells, Failure, Row, content_of
from sidecar.line import Line, line_of
from sidecar.lipsync.files import FORMATS as LIPS
from sidecar.prosody.change import NONE, Change
from sidecar.protocol.errors import BadRequest, NpcVoiceError
from sidecar.protocol.fields import blend, one_of
from sidecar.protocol.formats import FILES
from sidecar.protocol.limits import LINE_CHARACTERS, Limits
from sidecar.protocol.requests import Synthesize, baseline_alone

SUBTITLES = ("srt", "vtt")
LIMITS = Limits(text_characters=LINE_CHARACTERS)
_WHOLE, _NUMBERS = ("sample_rate", "seed"), ("intensity", "speed", "pitch", "loudness")
_BLENDS = ("speaker", "manner", "emotion")
Listen = Callable[[bytes, bytes | None], Change]


@dataclass(frozen=True)
class Output:
    """What is written of each line: its sound as `format` unless the line says otherwise, `lips` and
    `subtitles` in these forms. `defaults` are fields for lines that say nothing themselves."""

    format: str = "wav"
    lips: tuple[str, ...] = ("oculus",)
    subtitles: tuple[str, ...] = ("vtt",)
    marked: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raises `BadRequest`."""
        _one_of("format", self.format, FILES)
        for kind in self.lips:
            _one_of("lips", kind, LIPS)
        for kind in self.subtitles:
            _one_of("subtitles", kind, SUBTITLES)


@dataclass(frozen=True)
class Order:
    """One line that is to be made. `reference` is what was heard in its clip; `character` is empty where
    the script names none; the line's files begin with `stem`."""

    row: int
    id: str
    stem: str
    character: str
    request: Synthesize
    format: str
    lips: tuple[str, ...]
    subtitles: tuple[str, ...]
    marked: bool
    reference: Change = NONE

    @property
    def line(self) -> Line:
        return line_of(self.request, self.reference)


class Orders:
    """Reads rows, one after the other. `folder` is where the clips that rows name are looked for; `listen`
    hears them. Not thread-safe."""

    def __init__(self, cast: Cast | None, output: Output, folder: Path, listen: Listen) -> None:
        output.check()
        self._cast, self._output, self._folder, self._listen = cast, output, folder, listen

    def of(self, rows: Sequence[Row]) -> tuple[list[Order], list[Failure]]:
        """What can be made, in order, and the rows that cannot."""
        stems, failures = _stems(rows)
        orders: list[Order] = []
        for row in rows:
            if row.number not in stems:
                continue
            try:
                orders.append(self._order(row, stems[row.number]))
            except NpcVoiceError as error:
                failures.append(Failure.of(row.number, row.id, error))
        return orders, failures

    def _order(self, row: Row, stem: str) -> Order:
        """Raises the `RequestError` that says what is wrong with it, `StorageError` for its clips."""
        output, member = self._output, self._member(row)
        cells = {**output.defaults, **member.fields, **row.cells}
        kind = cells.get("format", output.format)
        _one_of("format", kind, FILES)
        text = cells["text"]
        said = self._cast.pronounced(text, member) if self._cast and isinstance(text, str) else text
        given = {name: typed(name, cells[name]) for name in HEARD if name in cells and name not in _FILES}
        request = Synthesize.from_header({**given, "text": said}, LIMITS)
        return Order(
            row.number, row.id, stem, row.character, request, kind, output.lips,
            output.subtitles, output.marked, self._reference(cells),
        )  # fmt: skip

    def _member(self, row: Row) -> Member:
        """Who speaks. Raises `BadRequest` for a character that has no voice."""
        character = row.cells.get("character")
        if character is None:
            return Member()
        if self._cast is not None and (character in self._cast.members or "speaker" not in row.cells):
            return self._cast.member(str(character))
        if "speaker" not in row.cells:
            raise BadRequest(
                f"nobody knows how {character!r} speaks: give a cast, or a column speaker", field="speaker"
            )
        return Member()

    def _reference(self, cells: Cells) -> Change:
        if "reference" not in cells:
            if "baseline" in cells:
                raise baseline_alone()
            return NONE
        clips = [
            content_of(self._folder / str(cells[name])) if name in cells else None
            for name in ("reference", "baseline")
        ]
        assert clips[0] is not None
        return self._listen(clips[0], clips[1])


#: Fields that mean something else in a script than on the wire.
_FILES = ("format", "reference", "baseline")


def typed(name: str, value: Any) -> Any:
    """A cell as the field it stands for: text of a spreadsheet may be a number, or a map of weights.
    Raises `BadRequest`."""
    if not isinstance(value, str):
        return value
    value = value.strip() if name != "text" else value
    if name in _NUMBERS or name in _WHOLE:
        return _number(name, value)
    if name in _BLENDS:
        return int(value) if name != "emotion" and value.isdecimal() else blend(value, name)
    return value


def _number(name: str, value: str) -> float | int:
    try:
        return int(value) if name in _WHOLE else float(value)
    except ValueError:
        kind = "a whole number" if name in _WHOLE else "a number"
        raise BadRequest(f"{name} is {value[:40]!r}, expected {kind}", field=name) from None


def _stems(rows: Sequence[Row]) -> tuple[dict[int, str], list[Failure]]:
    """What rows' files are called, and the rows that cannot have a name of their own."""
    stems: dict[int, str] = {}
    failures: list[Failure] = []
    for row in rows:
        try:
            stems[row.number] = stem_of(row.file or row.id)
        except BadRequest as error:
            failures.append(Failure.of(row.number, row.id, error))
    ids = {row.number: row.id for row in rows}
    for number, other in collisions(stems).items():
        same = "the same id" if ids[number] == ids[other] else f"an id ({ids[other]}) with the same file name"
        failures.append(Failure(number, ids[number], f"row {other} has {same}", "id"))
        del stems[number]
    return stems, failures


def _one_of(name: str, value: object, known: Sequence[str]) -> None:
    one_of({name: str(value)}, name, known)
