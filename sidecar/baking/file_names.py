"""How a line's files are called: by its id, as far as every system lets files be called so."""

import unicodedata
from collections.abc import Iterable, Mapping

from sidecar.models.file_names import is_device
from sidecar.protocol.errors import BadRequest

LONGEST = 100  #: characters, what follows a dot apart
LONGEST_BYTES = 200


def stem_of(id: str) -> str:
    """Letters and digits of any script, dots, dashes and underscores; what is none of them becomes an
    underscore. Raises `BadRequest` for an id that is too long."""
    plain = unicodedata.normalize("NFC", id)
    stem = "".join(char if char.isalnum() or char in "._-" else "_" for char in plain)
    if stem.startswith((".", "-")) or is_device(stem):
        stem = f"_{stem}"
    if len(stem) > LONGEST or len(stem.encode()) > LONGEST_BYTES:
        raise BadRequest(f"the id {id[:40]!r}… has {len(id)} characters, the most is {LONGEST}", field="id")
    return stem


def collisions(stems: Mapping[int, str]) -> dict[int, int]:
    """Of rows by number: those whose files would be one, on systems that tell no capitals apart, each with
    another row that it collides with."""
    by_name: dict[str, list[int]] = {}
    for number, stem in stems.items():
        by_name.setdefault(stem.casefold(), []).append(number)
    return {number: _other(number, rows) for rows in by_name.values() if len(rows) > 1 for number in rows}


def _other(number: int, rows: Iterable[int]) -> int:
    return next(row for row in rows if row != number)
