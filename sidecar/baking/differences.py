"""What has to be done so that a folder holds what a script asks for. Pure: what is wanted and what is there
in, work out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sidecar.baking.manifest import Entry
from sidecar.baking.orders import Order


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line, and the key of what it becomes."""

    order: Order
    key: str


@dataclass(frozen=True)
class Rename:
    """A clip that is there already, under another name."""

    entry: Entry
    to: Wanted


@dataclass(frozen=True)
class Work:
    """In the script's order. `keep` are ids; `remove` are clips that no line asks for any more."""

    make: tuple[Wanted, ...]
    keep: tuple[str, ...]
    rename: tuple[Rename, ...]
    remove: tuple[Entry, ...]


def work_for(
    wanted: Sequence[Wanted],
    known: Mapping[str, Entry],
    *,
    listed: frozenset[str],
    is_intact: Callable[[Entry], bool],
    is_whole: bool,
    force: bool,
) -> Work:
    """`listed` are the ids of all lines of the script, those too that are not wanted now or cannot be made:
    their clips stay. `is_whole`: everything that the script has is wanted, so what it does not list may go.
    With `force` all that is wanted is made again."""
    keep = [
        w for w in wanted if not force and _is_kept(w, known.get(w.order.id)) and is_intact(known[w.order.id])
    ]
    kept = {w.order.id for w in keep}
    rest = [w for w in wanted if w.order.id not in kept]
    rename = [] if force else _renames(rest, known, is_intact)
    renamed = {r.to.order.id for r in rename}
    make = [w for w in rest if w.order.id not in renamed]
    gone = [entry for id, entry in known.items() if is_whole and id not in listed]
    return Work(tuple(make), tuple(w.order.id for w in keep), tuple(rename), tuple(gone))


def _is_kept(wanted: Wanted, entry: Entry | None) -> bool:
    return entry is not None and entry.key == wanted.key and entry.stem == wanted.order.stem


def _renames(
    wanted: Sequence[Wanted], known: Mapping[str, Entry], is_intact: Callable[[Entry], bool]
) -> list[Rename]:
    by_key: dict[str, Entry] = {}
    for entry in known.values():
        by_key.setdefault(entry.key, entry)
    found = [Rename(by_key[w.key], w) for w in wanted if w.key in by_key]
    return [rename for rename in found if is_intact(rename.entry)]
