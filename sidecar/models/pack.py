"""Voice packs on disk: a folder with `manifest.json` and the files it lists.

A pack is written apart and renamed into place, so a folder with a manifest is always whole.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from sidecar import files
from sidecar.models.file_names import MANIFEST, PROBE
from sidecar.models.manifest import MAX_BYTES, Manifest, PackFile, Probe
from sidecar.protocol.errors import ModelError, NoModel, StorageError
from sidecar.protocol.reasons import Reason, refusal

_STAGING = ".incoming-"
_CHUNK_BYTES = 1 << 20
LOCK_TIMEOUT_S = 900


@dataclass(frozen=True)
class Pack:
    """A pack whose manifest has been read. `folder` is where its files are."""

    folder: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        return self.folder / self.manifest.file(name).name


def open_pack(folder: Path) -> Pack:
    """Read the manifest. Raises `NoModel` when there is none, `ModelRejected` when it is malformed."""
    try:
        with (folder / MANIFEST).open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoModel(f"{folder} is not a voice pack: it has no {MANIFEST}") from error
    except OSError as error:
        raise refusal(Reason.UNREADABLE, f"{folder / MANIFEST} cannot be read: {error}") from error
    return Pack(folder, Manifest.from_json(text))


def verify(pack: Pack) -> None:
    """Compare every file's size and sha256 with the manifest. Raises `ModelRejected` naming the file."""
    for file in pack.manifest.files:
        path = pack.folder / file.name
        try:
            actual = describe(path)
        except OSError as error:
            raise refusal(Reason.UNREADABLE, f"{path} cannot be read: {error.strerror}") from error
        if actual.size_bytes != file.size_bytes:
            raise refusal(
                Reason.SIZE_DIFFERS, f"{path}: {actual.size_bytes} bytes, the manifest says {file.size_bytes}"
            )
        if actual.sha256 != file.sha256:
            raise refusal(
                Reason.HASH_DIFFERS, f"{path}: its sha256 differs from the manifest's; the file is damaged"
            )


def intact(folder: Path) -> Pack | None:
    """The pack if every file is as its manifest says, else None."""
    try:
        pack = open_pack(folder)
        verify(pack)
    except ModelError:
        return None
    return pack


def describe(path: Path) -> PackFile:
    """Name, sha256 and size of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
        return PackFile(path.name, digest.hexdigest(), stream.tell())


def packs_in(folder: Path) -> list[Path]:
    """Folders with a manifest, by name."""
    try:
        return sorted(entry.parent for entry in folder.glob(f"[!.]*/{MANIFEST}"))
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}") from error


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside `target` that becomes `target` when the block ends well, and vanishes otherwise.

    Raises `StorageError` for anything the disk refuses: full, read-only, not there.
    """
    staging = target.parent / f"{_STAGING}{uuid4().hex[:12]}"
    try:
        with storage_errors(target.parent):
            staging.mkdir(parents=True)
            yield staging
            flush(staging)
            _put_in_place(staging, target)
    finally:
        files.remove_folder(staging)


def _put_in_place(staging: Path, target: Path) -> None:
    """What was there goes only once the new folder has its name; it comes back if that fails."""
    aside = staging.with_name(staging.name + ".old")
    if target.exists():
        files.rename(target, aside)
    try:
        files.rename(staging, target)
    except OSError:
        if aside.exists():
            files.rename(aside, target)
        raise
    files.remove_folder(aside)


@contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn the operating system's refusals into `StorageError` with a tip."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"cannot write to {files.printable(str(place))}: {reason}", tip=_tip(error)
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or leave what was there. Raises `StorageError`; no half file is left."""
    with storage_errors(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        files.write_whole(path, content)


def _tip(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "create the folder first"
    if isinstance(error, IsADirectoryError):
        return "name a file in that folder"
    if isinstance(error, NotADirectoryError):
        return "what stands before the last / must be a folder"
    if error.errno == errno.ENAMETOOLONG:
        return "choose a shorter name"
    return "free some space or make the folder writable; NPC_VOICE_HOME moves the models elsewhere"


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, made if need be, and clear what a killed writer left.

    Whoever puts a pack into a models folder does so inside this. Raises `StorageError`.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=LOCK_TIMEOUT_S)
        lock.acquire()
    try:
        _clear_stale(folder)
        yield
    finally:
        lock.release()


def _clear_stale(folder: Path) -> None:
    for leftover in folder.glob(f"{_STAGING}*"):
        files.remove_folder(leftover)


def draft(folder: Path, files: tuple[str, ...], **description: Any) -> Pack:
    """A pack that has no manifest file yet: `files` of `folder` as they are, described."""
    return Pack(folder, Manifest(files=tuple(describe(folder / name) for name in files), **description))


def seal(pack: Pack, probe: Probe) -> Manifest:
    """Write the manifest of a draft; its folder must hold the probe's picture by now."""
    files = (*pack.manifest.files, describe(pack.folder / PROBE))
    manifest = replace(pack.manifest, probe=probe, files=files)
    (pack.folder / MANIFEST).write_bytes(manifest.to_json().encode())
    return manifest


def flush(folder: Path) -> None:
    """Ask the system to have every file on disk before the rename makes them count."""
    for path in filter(Path.is_file, folder.rglob("*")):
        with path.open("rb+") as stream:
            os.fsync(stream.fileno())
