"""The verified copies in the store: which are there, which are taken in again, which are needed no more.

Nothing is deleted that a restart could still want, and nothing at all where the journal could not be read in
full. A folder is renamed before it is deleted, so that half of one never counts.
"""

import hashlib
import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from sidecar import files
from sidecar.models.file_names import MANIFEST
from sidecar.models.pack import Pack, intact, open_pack
from sidecar.protocol.errors import ModelError
from sidecar.reload.journal import CRASHED, Copy, Journal, Memory

log = logging.getLogger(__name__)

#: What copies may take beside those that speak, that one may go back to or that are pinned.
SPARE_BYTES = 4 << 30
_GOING = ".going-"
SERVING = ".serving.lock"  #: held by the first sidecar that serves from a store


def copy_at(store: Path, folder: str) -> Path | None:
    """Where a copy of that name is. None for a name that is none, whatever the journal says."""
    plain = Path(folder).name == folder and not folder.startswith(".")
    return store / folder if plain and (store / folder).is_dir() else None


def folders_in(store: Path) -> list[Path]:
    """The copies, by name, without what is hidden or no folder."""
    if not store.is_dir():
        return []
    return sorted(path for path in store.iterdir() if path.is_dir() and not path.name.startswith("."))


def digest_of(folder: Path) -> str:
    """The manifest's sha256, which pins every file."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def take_in_unlisted(journal: Journal, store: Path, shipped: str) -> None:
    """Copies that are whole and that the journal does not know: it was lost, or never written. They are there
    again; whether one may speak is decided as for any other."""
    for folder in folders_in(store):
        if folder.name == shipped or folder.name in journal.memory.copies:
            continue
        if _whole(folder) is not None:
            journal.tell("taken_in", folder=folder.name)
            copies = {**journal.memory.copies, folder.name: Copy("", "", digest_of(folder))}
            journal.update(lambda memory, copies=copies: replace(memory, copies=copies))  # type: ignore[misc]


def _whole(folder: Path) -> Pack | None:
    """The pack, if it is called as a copy of it would be."""
    pack = intact(folder)
    if pack is None:
        return None
    name = f"{pack.manifest.name}-{pack.manifest.version}-{digest_of(folder)[:8]}"
    return pack if folder.name == name else None


def _opened(folder: Path) -> Pack | None:
    try:
        return open_pack(folder)
    except ModelError:
        return None


def tidy(journal: Journal, store: Path, shipped: str, dropped: Collection[str]) -> list[str]:
    """Delete copies that nothing leads to any more; their names. `dropped` is what lies in the models folder.

    Kept are those that speak, the ones before them, what is pinned or refused for a crash, and, as far as
    `SPARE_BYTES` go, the latest first, copies of what is still dropped and higher versions than those that
    speak."""
    _clear(store)
    if not journal.is_whole:
        return []
    memory = journal.memory
    pinned = frozenset(f"{name}-{version}-" for name, version in memory.pins.items())
    kept, spare_bytes = {*memory.needed, shipped}, 0
    gone = []
    for folder in sorted(folders_in(store), key=_age, reverse=True):
        copy = memory.copies.get(folder.name)
        if folder.name in kept or folder.name[:-8] in pinned or _has_crashed(memory, folder.name):
            continue
        if copy is None and _whole(folder) is not None:  # it is taken in, not deleted
            continue
        if copy is not None and (copy.source in dropped or _may_follow(memory, folder)):
            spare_bytes += sum(file.stat().st_size for file in folder.iterdir())
            if spare_bytes <= SPARE_BYTES:
                continue
        delete(folder)
        gone.append(folder.name)
    missing = [folder for folder in memory.copies if not (store / folder).is_dir()]
    if forgotten := [folder for folder in missing if folder not in memory.needed]:
        journal.update(lambda memory: _without(memory, forgotten))
    return gone


def _may_follow(memory: Memory, folder: Path) -> bool:
    """Whether it is a higher version than the one that speaks, which it may not have come to yet."""
    pack = _opened(folder)
    live = _opened(folder.parent / memory.live.get(pack.manifest.name, "")) if pack is not None else None
    return pack is not None and (live is None or pack.manifest.precedence > live.manifest.precedence)


def _without(memory: Memory, folders: Collection[str]) -> Memory:
    for folder in folders:
        memory = memory.without(folder)
    return memory


def _has_crashed(memory: Memory, folder: str) -> bool:
    return memory.refused.get(memory.drop_of(folder), ("", ""))[0] == CRASHED


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def delete(folder: Path) -> None:
    """A copy is gone, at once and whole; a disk that refuses leaves it as it was."""
    going = folder.with_name(f"{_GOING}{uuid4().hex[:12]}")
    try:
        files.rename(folder, going)
    except OSError as error:
        log.warning("a copy that is not needed any more could not be deleted: %s", error)
        return
    files.remove_folder(going)


def _clear(store: Path) -> None:
    for leftover in store.glob(f"{_GOING}*"):
        files.remove_folder(leftover)
