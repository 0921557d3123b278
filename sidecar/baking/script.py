"""A script -> rows: a spreadsheet (CSV, TSV), lines of JSON, or what a dialogue addon exports.

What is wrong with the file as a whole is raised; what is wrong with a row is told beside the rows that are
right, with the row's number as a spreadsheet shows it (the head is row 1), or the line's of a JSONL file.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sidecar.baking.dialects import dialect_of
from sidecar.files import read, text_of
from sidecar.protocol.errors import BadRequest, NpcVoiceError, StorageError
from sidecar.protocol.requests import LINE_FIELDS

ENDINGS = (".csv", ".tsv", ".jsonl")
MAX_BYTES = 256 << 20
#: Fields of a request that say nothing about how a line sounds.
UNHEARD = frozenset(("model", "priority", "deadline_ms", "stream", "timings"))
HEARD = tuple(name for name in LINE_FIELDS if name not in UNHEARD)
COLUMNS = ("id", "character", *HEARD)
_NEAR = 0.8  #: a column this like one of ours is a slip of the pen, not a column of the user's own

Cells = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a script. `cells` has what is filled in, by our columns' names, `file` the name that its
    files begin with where that is not the id."""

    number: int
    id: str
    cells: Cells
    file: str = ""

    @property
    def character(self) -> str:
        """Empty where none is named."""
        return str(self.cells.get("character", ""))


@dataclass(frozen=True)
class Failure:
    """A line that is not baked, and why. `id` is empty where it is not known."""

    row: int
    id: str
    message: str
    field: str | None = None

    @classmethod
    def of(cls, row: int, id: str, error: NpcVoiceError) -> "Failure":
        return cls(row, id, error.message, error.field)

    def __str__(self) -> str:
        return f"{_where(self.row, self.id)}: {self.message}"


@dataclass(frozen=True)
class Note:
    """What may not be meant so, in a row that is baked all the same."""

    row: int
    id: str
    message: str

    def __str__(self) -> str:
        return f"{_where(self.row, self.id)}: {self.message}"


@dataclass(frozen=True)
class Script:
    """`unread` are columns that nobody knows."""

    rows: tuple[Row, ...]
    failures: tuple[Failure, ...]
    unread: tuple[str, ...]
    notes: tuple[Note, ...] = ()


def read_script(path: Path) -> Script:
    """Raises `BadRequest` for a file that is no script, `StorageError` for one that cannot be read."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise BadRequest(f"cannot tell the format of {path.name!r}: use {', '.join(ENDINGS)}", field="script")
    text = decoded(content_of(path), path.name)
    read = _json_table(text) if ending == ".jsonl" else _table(text, ending, path.name)
    script = _script(read, path.name)
    if not script.rows and not script.failures:
        raise BadRequest(f"{path.name} holds no lines", field="script")
    return script


def content_of(path: Path, field: str = "script") -> bytes:
    """Raises `StorageError`, and `BadRequest` naming `field` for what is too large to be a script."""
    try:
        content = read(path)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise BadRequest(f"{path.name} has {len(content):,} bytes, the most is {MAX_BYTES:,}", field=field)
    return content


def decoded(content: bytes, name: str, field: str = "script") -> str:
    """UTF-8, or UTF-16 with its mark, as spreadsheets save. Raises `BadRequest` naming `field`."""
    try:
        return text_of(content)
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"{name} is not UTF-8: {error.reason} at byte {error.start}",
            field=field,
            tip='save it as "CSV UTF-8"' if field == "script" else "save it as UTF-8",
        ) from error


@dataclass(frozen=True)
class _Record:
    """A row before anything is known of it; what could not even be read says so."""

    number: int
    cells: Cells
    problem: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Table:
    columns: tuple[str, ...]
    records: tuple[_Record, ...]


def _json_table(text: str) -> _Table:
    lines = enumerate(text.split("\n"), start=1)
    records = tuple(_json_record(number, line) for number, line in lines if line.strip())
    return _Table(tuple(dict.fromkeys(key for record in records for key in record.cells)), records)


def _json_record(number: int, line: str) -> _Record:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _Record(number, {}, f"no JSON: {error}")
    if not isinstance(read, dict):
        return _Record(number, {}, f"expected a map of fields, got {type(read).__name__}")
    return _Record(number, {key: value for key, value in read.items() if value is not None})


def _table(text: str, ending: str, name: str) -> _Table:
    """Raises `BadRequest`."""
    head, *rows = _cells(text, "\t" if ending == ".tsv" else _delimiter(text), name)
    columns = [column.strip() for column in head]
    if doubled := next((column for column in columns if column and columns.count(column) > 1), None):
        raise BadRequest(f"{name} has two columns {doubled!r}", field="script")
    numbered = [(n, row) for n, row in enumerate(rows, start=2) if any(cell.strip() for cell in row)]
    return _Table(tuple(filter(None, columns)), tuple(_table_record(n, columns, row) for n, row in numbered))


def _table_record(number: int, columns: Sequence[str], row: Sequence[str]) -> _Record:
    cells = {column: cell for column, cell in zip(columns, row, strict=False) if column and cell.strip()}
    spare = [cell for cell in row[len(columns) :] if cell.strip()]
    few = f"{len(row)} cells under {len(columns)} columns"
    problem = f"{few}: is a quotation mark missing?" if spare else ""
    lacking = ", ".join(filter(None, columns[len(row) :]))
    return _Record(number, cells, problem, f"{few}: taken for empty are {lacking}" if lacking else "")


def _cells(text: str, delimiter: str, name: str) -> list[list[str]]:
    """Its rows, the head first. Raises `BadRequest`."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        rows.extend(reader)
    except csv.Error as error:
        raise BadRequest(f"{name}, row {len(rows) + 1}: {error}", field="script") from error
    if not rows:
        raise BadRequest(f"{name} is empty", field="script")
    return rows


def _delimiter(text: str) -> str:
    """What cuts the head into most columns: spreadsheets of some countries save semicolons."""
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _script(table: _Table, name: str) -> Script:
    columns = table.columns
    dialect = dialect_of(columns)
    if dialect is None:
        _check_columns(columns, name)
    rows, failures, notes = [], [], []
    for record in table.records:
        try:
            if record.problem:
                raise BadRequest(record.problem)
            cells = record.cells if dialect is None else dialect(record.cells)
            if cells is not None:
                file = "" if dialect is None else str(cells.get("file", ""))
                rows.append(_row(record.number, cells, file))
                if record.note:
                    notes.append(Note(record.number, rows[-1].id, record.note))
        except BadRequest as error:
            id = str(record.cells.get("id") or record.cells.get("keys", ""))
            failures.append(Failure.of(record.number, id, error))
    unread = () if dialect is not None else tuple(c for c in columns if c not in COLUMNS)
    return Script(tuple(rows), tuple(failures), unread, tuple(notes))


def _check_columns(columns: Sequence[str], name: str) -> None:
    """Raises `BadRequest` for a script without a column it needs, or with one that is nearly ours."""
    known = (*COLUMNS, *UNHEARD)
    for column in columns:
        near = [] if column in known or column.startswith("_") else _near(column, known)
        if near:
            raise BadRequest(f"{name} has a column {column!r}: did you mean {near[0]!r}?", field=near[0])
    for needed in ("id", "text"):
        if columns and needed not in columns:
            raise BadRequest(
                f"{name} has no column {needed!r}: it has {', '.join(columns[:8])}", field=needed
            )


def _near(column: str, known: Sequence[str]) -> list[str]:
    return get_close_matches(column.lower().replace(" ", "_"), known, n=1, cutoff=_NEAR)


def _row(number: int, cells: Cells, file: str) -> Row:
    """Raises `BadRequest` for a line that nothing can be called by."""
    id = str(cells.get("id", "")).strip()
    if not id:
        raise BadRequest("id is missing: every line needs one, which names its files", field="id")
    if "text" not in cells:
        raise BadRequest("text is empty", field="text")
    return Row(number, id, {k: v for k, v in cells.items() if k in COLUMNS}, file)


def _where(row: int, id: str) -> str:
    return f"row {row}{f' ({id})' if id else ''}"
