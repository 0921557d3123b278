"""Spoken lines kept on disk from one start to the next, on a thread of their own.

A file is named by the hash of its key and holds: the sha256 of all that follows, the length of a
msgpack header, the header, the parts' bytes. What does not fit its own hash or its key is deleted, not
served. Nothing is ever taken from a message to name a file.
"""

import hashlib
import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgpack

from sidecar import files
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.record import from_map, to_map
from sidecar.protocol.replies import LineTiming, ModelName
from sidecar.server.lines.takes import Take, TakeKey, TakePart

log = logging.getLogger(__name__)

SUFFIX = ".take"
DIGEST_BYTES = 32
LENGTH_BYTES = 4


class Damaged(Exception):
    """A file that is not what was written."""


@dataclass(frozen=True)
class _Stored:
    """A file's header: everything but the sound."""

    key: str
    model: ModelName
    format: str
    sample_rate: int
    seed: int
    parts: tuple[TakePart, ...]


Found = Callable[[TakeKey, Take | None], None]


class DiskCache:
    """At most `limit_bytes` under `folder`. `found` is called on the cache's thread after each look-up.

    Jobs beyond `PENDING` are not queued: a look-up then finds nothing, and a take is not kept.
    """

    PENDING = 256

    def __init__(self, folder: Path, limit_bytes: int, found: Found) -> None:
        self._folder, self._limit_bytes, self._found = folder, limit_bytes, found
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue(self.PENDING)
        self._bytes = 0
        self._thread = threading.Thread(target=self._run, name="disk cache", daemon=True)

    def start(self) -> None:
        """Raises `OSError` when the folder cannot be made or read."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._bytes = sum(size for _, size, _ in self._entries())
        self._thread.start()

    def look_up(self, key: TakeKey) -> bool:
        """Ask for a take; False when that is not possible now."""
        return self._queued(lambda: self._found(key, self._read_whatever_happens(key)))

    def keep(self, key: TakeKey, take: Take) -> None:
        self._queued(lambda: self._write(key, take))

    def stop(self) -> None:
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    def _queued(self, job: Callable[[], None]) -> bool:
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # a line that is not kept is made again
                log.exception("a line could not be cached on disk")

    def _read_whatever_happens(self, key: TakeKey) -> Take | None:
        """Somebody waits for the answer: a bug must not keep it from coming."""
        try:
            return self._read(key)
        except Exception:
            log.exception("a cached line could not be read")
            return None

    def _read(self, key: TakeKey) -> Take | None:
        path = self._path(key)
        try:
            take = unpacked(files.read(path), named(key))
            os.utime(path)  # the least recently used go first
        except FileNotFoundError:
            return None
        except (OSError, Damaged) as error:
            log.warning("a cached line was dropped: %s", error)
            self._delete(path)
            return None
        return take

    def _write(self, key: TakeKey, take: Take) -> None:
        path, content = self._path(key), packed(named(key), take)
        before_bytes = path.stat().st_size if path.exists() else 0
        try:
            files.write_whole(path, content)
            self._bytes += len(content) - before_bytes
        except OSError as error:
            log.warning("a line could not be cached on disk: %s", error)
        self._make_room()

    def _make_room(self) -> None:
        if self._bytes <= self._limit_bytes:
            return
        entries = sorted(self._entries())
        self._bytes = sum(size for _, size, _ in entries)
        for _, _, path in entries:
            if self._bytes <= self._limit_bytes:
                return
            self._delete(path)

    def _delete(self, path: Path) -> None:
        try:
            size = path.stat().st_size
            files.remove(path)
            self._bytes -= size
        except OSError as error:
            log.warning("a cached line could not be deleted: %s", error)

    def _entries(self) -> list[tuple[float, int, Path]]:
        """When each was last used, its size, its path."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found.append((status.st_mtime, status.st_size, path))
        return found

    def _path(self, key: TakeKey) -> Path:
        return self._folder / f"{hashlib.sha256(named(key).encode('utf-8', 'replace')).hexdigest()}{SUFFIX}"


def named(key: TakeKey) -> str:
    """The key as text: equal for equal keys, different for different ones."""
    return repr(key)


def packed(name: str, take: Take) -> bytes:
    bare = tuple(replace(part, audio=b"") for part in take.parts)
    stored = _Stored(name, take.model, take.format, take.sample_rate_hz, take.seed, bare)
    sizes = [len(part.audio) for part in take.parts]
    header: bytes = msgpack.packb({**to_map(stored), "sizes": sizes})
    content = len(header).to_bytes(LENGTH_BYTES, "big") + header + b"".join(p.audio for p in take.parts)
    return hashlib.sha256(content).digest() + content


def unpacked(content: bytes, name: str) -> Take:
    """Raises `Damaged` unless every bit is as it was written, for this very key."""
    digest, content = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise Damaged("its hash does not fit")
    try:
        at = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "big")
        data = msgpack.unpackb(content[LENGTH_BYTES:at])
        stored = from_map(_Stored, data)
        sizes = data["sizes"]
    except (ValueError, TypeError, KeyError, msgpack.UnpackException, BadRequest) as error:
        raise Damaged(f"written by another version: {error!r}") from error
    if stored.key != name:
        raise Damaged("it belongs to another line")
    parts = []
    for part, size in zip(stored.parts, sizes, strict=True):
        parts.append(replace(part, audio=content[at : at + size], timing=LineTiming()))
        at += size
    return Take(tuple(parts), stored.model, stored.format, stored.sample_rate, stored.seed)
