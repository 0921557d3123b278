"""Rows of a script and a cast -> what is to be made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sidecar.audio.effect_files import Effects, shipped
from sidecar.audio.effects import Effect
from sidecar.baking.cast import Cast, Member
from sidecar.baking.cells import file_format, request_of
from sidecar.baking.file_names import collisions, stem_of
from sidecar.baking.script import Cells, Failure, Row, content_of
from sidecar.line import Line, line_of
from sidecar.lipsync.files import FORMATS as LIPS
from sidecar.prosody.change import NONE, Change
from sidecar.protocol.errors import BadRequest, NpcVoiceError
from sidecar.protocol.fields import one_of
from sidecar.protocol.requests import Synthesize, baseline_alone

SUBTITLES = ("srt", "vtt")
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
        file_format(self.format)
        for kind in self.lips:
            _one_of("lips", kind, LIPS)
        for kind in self.subtitles:
            _one_of("subtitles", kind, SUBTITLES)


@dataclass(frozen=True, slots=True)
class Order:
    """One line that is to be made. `reference` is what was heard in its clip, `effect` what the request's
    means, if it has one; `character` is empty where
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
    effect: Effect | None = None

    @property
    def line(self) -> Line:
        return replace(line_of(self.request, self.reference), effect=self.effect)


class Orders:
    """Reads rows, one after the other. `folder` is where the clips that rows name are looked for; `listen`
    hears them; `effects` are those that lines may ask for besides the cast's own. Not thread-safe."""

    def __init__(
        self, cast: Cast | None, output: Output, folder: Path, listen: Listen, effects: Effects | None = None
    ) -> None:
        output.check()
        self._cast, self._output, self._folder, self._listen = cast, output, folder, listen
        self._effects = (effects or shipped()).with_entries(cast.effects if cast else {}, "cast", "effects")

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
                failures.append((self._cast or Cast()).failure(row, error))
        return orders, failures

    def _order(self, row: Row, stem: str) -> Order:
        """Raises the `RequestError` that says what is wrong with it, `StorageError` for its clips."""
        output, member = self._output, self._member(row)
        cells = {**output.defaults, **member.fields, **row.cells}
        kind = file_format(cells.get("format", output.format))
        text = cells["text"]
        said = self._cast.pronounced(text, member) if self._cast and isinstance(text, str) else text
        request = request_of(cells, said)
        return Order(
            row.number, row.id, stem, row.character, request, kind, output.lips,
            output.subtitles, output.marked, self._reference(cells),
            None if request.effect is None else self._effects.find(request.effect),
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
            content_of(self._folder / str(cells[name]), name) if name in cells else None
            for name in ("reference", "baseline")
        ]
        assert clips[0] is not None
        return self._listen(clips[0], clips[1])


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
