"""What a bake's folder says of itself.

`manifest.jsonl` has a line of JSON for every clip, in the script's order; `lengths.json` is what an engine
loads before it plays: each line's id, sound file and seconds. While a bake runs, each clip that is done is a
line in a journal; a line that was torn in half by a crash is passed over, and its clip made again.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sidecar.baking.gate import Finding
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.marking import marked
from sidecar.protocol.record import from_map, to_map

MANIFEST, LENGTHS = "manifest.jsonl", "lengths.json"
Span = tuple[str, float, float]


@dataclass(frozen=True, slots=True)
class BakedFile:
    """One file of a clip: its name in the folder, and what is in it."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip that is there. The first of `files` is the sound; `words` are (text, start_s, end_s); `key` is
    `keys.line_key` of what it was made of."""

    id: str
    text: str
    voice: str
    model: str
    seed: int
    length_s: float
    key: str
    files: tuple[BakedFile, ...]
    words: tuple[Span, ...]
    character: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(file.name for file in self.files)

    @property
    def stem(self) -> str:
        """What its files' names begin with: the sound's, up to its ending."""
        return self.files[0].name.rpartition(".")[0]

    def to_json(self) -> str:
        return json.dumps(marked(to_map(self)), ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Gone:
    """A journal's note that the clip of that id was taken away."""

    gone: str

    def to_json(self) -> str:
        return json.dumps(to_map(self), ensure_ascii=False) + "\n"


def entries_of(manifest: str, journal: str) -> dict[str, Entry]:
    """By id, in order: what the manifest says, and what was done since it was written."""
    known: dict[str, Entry] = {}
    for noted in (*_notes(manifest), *_notes(journal)):
        if isinstance(noted, Gone):
            known.pop(noted.gone, None)
        else:
            known[noted.id] = noted
    return known


def manifest_text(entries: Iterable[Entry]) -> str:
    return "".join(entry.to_json() for entry in entries)


def lengths_text(entries: Sequence[Entry]) -> str:
    rows = [{"id": e.id, "file": e.files[0].name, "length_s": round(e.length_s, 4)} for e in entries]
    return json.dumps(marked({"lines": rows}), ensure_ascii=False, indent=1) + "\n"


def _notes(text: str) -> list[Entry | Gone]:
    found: list[Entry | Gone] = []
    for line in text.split("\n"):
        try:
            read = json.loads(line)
            noted = from_map(Gone, read) if "gone" in read else from_map(Entry, read)
        except (ValueError, TypeError, RecursionError, BadRequest):  # torn, or another version's
            continue
        if isinstance(noted, Gone) or _is_ours(noted):
            found.append(noted)
    return found


def _is_ours(entry: Entry) -> bool:
    """Whether its files lie in the folder: what a manifest from elsewhere names is not read nor deleted."""
    names = entry.names
    return bool(names) and all(name.strip(".") and not set(name) & set("/\\:\0") for name in names)
