"""The folder that a bake fills, as its one writer holds it.

Every file is written in `.baking/`, which the folder's own file system has, and renamed into place; a clip
counts once it is in the journal there. So after a crash or on a full disk the folder holds whole files only,
and the next bake makes what is missing.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from sidecar import files
from sidecar.baking.manifest import (
    LENGTHS,
    MANIFEST,
    BakedFile,
    Entry,
    Gone,
    entries_of,
    lengths_text,
    manifest_text,
)
from sidecar.models.pack import storage_errors
from sidecar.protocol.errors import BadRequest

OWN = ".baking"
_JOURNAL, _LOCK, _STAGED = "journal.jsonl", "lock", "staged"


class Folder:
    """A context: from the beginning of a bake to its end nobody else writes there. Not thread-safe.

    Entering raises `BadRequest` where another bake has it, `StorageError` where the disk refuses.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._own = root, root / OWN
        self.entries: dict[str, Entry] = {}  #: what is there, by id

    def __enter__(self) -> "Folder":
        with storage_errors(self._root), ExitStack() as stack:
            self._own.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._own / _LOCK, timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise BadRequest(
                    f"another bake is writing to {self._root}: wait for its end", field="out"
                ) from None
            stack.callback(lock.release)
            self._clear_staged()
            self.entries = read_entries(self._root)
            self._journal = stack.enter_context((self._own / _JOURNAL).open("ab"))
            self._note("\n")  # after what a crash may have torn
            self._held = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def put(self, entry: Entry, contents: Sequence[tuple[str, bytes]]) -> None:
        """A clip's files, by name, and that they are there. Files that its id had before and has no more go.
        Raises `StorageError`; then the clip does not count as made."""
        with storage_errors(self._root):
            for name, content in contents:
                files.write_whole(self._own / _STAGED / name, content)
            whole = replace(entry, files=tuple(described(name, content) for name, content in contents))
            self._take_in(whole)

    def stage(self, entry: Entry, names: Mapping[str, str]) -> None:
        """Copies of a clip's files under other names, for `take_in`. Raises `StorageError`."""
        with storage_errors(self._root):
            for file in entry.files:
                shutil.copyfile(self._root / file.name, self._own / _STAGED / names[file.name])

    def take_in(self, entry: Entry) -> None:
        """A clip whose files are staged. Raises `StorageError`."""
        with storage_errors(self._root):
            self._take_in(entry)

    def remove(self, entries: Sequence[Entry]) -> None:
        """Raises `StorageError`."""
        for entry in entries:
            self.entries.pop(entry.id, None)
        taken = self._taken()
        with storage_errors(self._root):
            for entry in entries:
                self._delete(entry, taken)
                self._note(Gone(entry.id).to_json())

    def finish(self, order: Iterable[str]) -> None:
        """The manifest and the lengths of all that is there, ids of `order` first. Raises `StorageError`."""
        ids = dict.fromkeys((*order, *self.entries))
        entries = [self.entries[id] for id in ids if id in self.entries]
        with storage_errors(self._root):
            self._put_in_place(LENGTHS, lengths_text(entries))
            self._put_in_place(MANIFEST, manifest_text(entries))
            files.sync_folder(self._root)
            self._journal.truncate(0)

    def _put_in_place(self, name: str, text: str) -> None:
        """By way of the staging folder: a half-written file is not left among those of an engine."""
        files.write_whole(self._own / _STAGED / name, text.encode(), durable=True)
        files.replace(self._own / _STAGED / name, self._root / name)

    def _take_in(self, entry: Entry) -> None:
        before = self.entries.get(entry.id)
        for file in entry.files:
            files.replace(self._own / _STAGED / file.name, self._root / file.name)
        self.entries[entry.id] = entry
        if before is not None and before.names != entry.names:
            self._delete(before, self._taken())
        self._note(entry.to_json())  # last: a clip that an end cut short of this is made again

    def _taken(self) -> set[str]:
        """The names of all clips' files, as systems see them that tell no capitals apart."""
        return {name.casefold() for entry in self.entries.values() for name in entry.names}

    def _delete(self, entry: Entry, taken: set[str]) -> None:
        """Those of its files that no clip has now."""
        for name in entry.names:
            if name.casefold() not in taken:
                files.remove(self._root / name)

    def _note(self, line: str) -> None:
        self._journal.write(line.encode("utf-8", "surrogatepass"))
        self._journal.flush()

    def _clear_staged(self) -> None:
        files.remove_folder(self._own / _STAGED)
        (self._own / _STAGED).mkdir(exist_ok=True)


def read_entries(root: Path) -> dict[str, Entry]:
    """What a bake's folder holds, by id; nothing where there is no folder. Raises `StorageError`."""
    with storage_errors(root):
        return entries_of(_text(root / MANIFEST), _text(root / OWN / _JOURNAL))


def is_intact(root: Path, entry: Entry) -> bool:
    """Whether its files are as they were made."""
    return all(_is_as_made(root / file.name, file) for file in entry.files)


def described(name: str, content: bytes) -> BakedFile:
    return BakedFile(name, hashlib.sha256(content).hexdigest(), len(content))


def _is_as_made(path: Path, file: BakedFile) -> bool:
    try:
        return os.path.getsize(path) == file.bytes and described(file.name, path.read_bytes()) == file
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return files.read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
