"""What dialogue addons export, as rows of ours.

**Yarn Spinner** (docs.yarnspinner.dev, "Localisation and Assets"; `StringTableEntry`): a strings file with
the columns `language`, `id`, `text`, `file`, `node`, `lineNumber` (`line_number` in the Rust port), `lock`,
`comment`. An id is `line:0e3dc4b`; voice files are looked for by what follows `line:`. A character is written
before the text, with a colon. Hashtags of a line stand in its comment.

**Dialogue Manager** for Godot (its docs/Translations.md and docs/Settings.md): a translation table with the
columns `keys`, one for each locale, and if so set `_character` and `_notes`. The first locale is the one
written in. A line without `[ID:KEY]` has its text for a key. Answers for the player have "(response)" for
a character, and are not spoken.

Markup stays in the text: whoever reads lines knows it.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sidecar.protocol.errors import BadRequest

Cells = dict[str, Any]
#: The row of ours, or None for what is not spoken. Raises `BadRequest` for what cannot be.
Dialect = Callable[[Cells], Cells | None]

_LINE = "line:"
_CHARACTER = re.compile(r"((?:\\.|[^:\\\n]){1,60}):\s+")
_TAG = re.compile(r"#?\b(emotion|intensity|speed|pitch|language)[:=]([^\s,\]]+)")
_VALUE = re.compile(r"\{[^{}]*\}")


def dialect_of(columns: Sequence[str]) -> Dialect | None:
    """How to read a table with these columns; None for one of ours. Raises `BadRequest` for an export that
    lacks what a voice needs."""
    if {"id", "text", "node"} <= set(columns) and {"lineNumber", "line_number"} & set(columns):
        return _of_yarn
    if "keys" in columns and "text" not in columns:
        return _dialogue_manager(columns)
    return None


def _of_yarn(cells: Cells) -> Cells:
    text, character = str(cells.get("text", "")), ""
    if found := _CHARACTER.match(text):
        character, text = found.group(1).replace("\\", "").strip(), text[found.end() :]
    id = str(cells.get("id", ""))
    tags = dict(_TAG.findall(str(cells.get("comment", ""))))
    row = {**tags, "id": id, "file": id.removeprefix(_LINE), "character": character, "text": _spoken(text)}
    return {name: value for name, value in row.items() if value}


def _dialogue_manager(columns: Sequence[str]) -> Dialect:
    if "_character" not in columns:
        raise BadRequest(
            "the export says nobody's name: it has no column '_character'",
            field="character",
            tip='in Dialogue Manager\'s settings turn on "Include character names in translation exports"',
        )
    locale = next((c for c in columns if c != "keys" and not c.startswith(("_", "?"))), "")

    def row(cells: Cells) -> Cells | None:
        if cells.get("_character") == "(response)":
            return None
        id, text = str(cells.get("keys", "")), str(cells.get(locale, ""))
        if id and id == text:
            raise BadRequest(f"{id[:40]!r} has no id: use Translations, Generate line IDs", field="id")
        row = {"id": id, "character": cells.get("_character", ""), "text": _spoken(text)}
        return {name: value for name, value in row.items() if value}

    return row


def _spoken(text: str) -> str:
    """Raises `BadRequest` for a line that only the game can fill in."""
    if value := _VALUE.search(text):
        raise BadRequest(f"{value.group()[:40]!r} is known to the game only: speak it there", field="text")
    return text.strip()
