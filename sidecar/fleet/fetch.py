"""From where a pack lies to the models folder: resumed where it broke off, whole by its hash or not at all.

What is under way lies in a folder of the store, called by its hash; only what has that hash is renamed into
the models folder, where it is checked like anything else that is dropped.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from sidecar import files
from sidecar.fleet.peer import Peer
from sidecar.fleet.spec import SHARE, Target
from sidecar.fleet.store import StoreUnavailable
from sidecar.models.pack import describe
from sidecar.protocol.errors import (
    BadRequest,
    Cancelled,
    InternalError,
    ModelRejected,
    NpcVoiceError,
    StorageError,
)

log = logging.getLogger(__name__)

MOST_BYTES = 4 << 30  #: of one pack
LEFT_FREE_BYTES = 256 << 20  #: of the disk, beside what is fetched
READ_S = 20.0  #: without a byte, after which it is tried again
_CHUNK_BYTES = 1 << 20
KEPT_S = 24 * 3600.0  #: what broke off
AGAIN_S, REFUSED_S = 2.0, 60.0  #: until it is tried again: what broke off, and what was refused
STOP_S = 2.0


class FetchFailed(StoreUnavailable):
    """It may come the next time: the server is away, or broke off."""


@dataclass(frozen=True)
class Fetching:
    """`partial` is a folder of our own on the disk of `models`; `share`: where `share:` files lie."""

    partial: Path
    models: Path
    share: Path | None = None

    def fetch(self, name: str, target: Target, cancelled: threading.Event) -> Path:
        """What was dropped. Raises `FetchFailed` for what may be tried again with what has come so far,
        `ModelRejected` for what is not what the spec says, `BadRequest` without a share, `Cancelled` and
        `StorageError`."""
        dropped = self.models / drop_name(name, target)
        with storage():
            self.partial.mkdir(parents=True, exist_ok=True)
            self.models.mkdir(parents=True, exist_ok=True)
            self._forget_old()
            part = self.partial / target.sha256
            if target.source.startswith(SHARE):
                self._copied(target.source[len(SHARE) :], part, cancelled)
            else:
                self._downloaded(target.source, part, cancelled)
            check_hash(part, target)
            files.replace(part, dropped)
        return dropped

    def _forget_old(self) -> None:
        """What broke off and was not gone on with for long will not be wanted."""
        for part in self.partial.iterdir():
            if time.time() - part.stat().st_mtime > KEPT_S:
                part.unlink()

    def _copied(self, file: str, part: Path, cancelled: threading.Event) -> None:
        """Begun anew each time: a share is near."""
        if self.share is None:
            raise BadRequest("this node has no share: start it with --fleet-share FOLDER", field="source")
        source = self.share / file
        if source.is_symlink() or not source.is_file():
            raise FetchFailed(f"there is no plain file {file} in the share")
        self._check_room(source.stat().st_size)
        with source.open("rb") as stream, part.open("wb") as written:
            self._pour(lambda: stream.read(_CHUNK_BYTES), written, 0, cancelled)

    def _downloaded(self, source: str, part: Path, cancelled: threading.Event) -> None:
        """With what is there already, from there on (RFC 9110, range requests)."""
        address = urlsplit(source)
        peer = Peer(f"{address.scheme}://{address.netloc}")
        path = address.path + (f"?{address.query}" if address.query else "")
        had = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={had}-"} if had else {}
        try:
            with peer.opened("GET", path, headers=headers, timeout_s=READ_S) as response:
                if response.status == 416:  # all of it is there, or more than there is
                    return
                if response.status not in (200, 206):
                    raise FetchFailed(f"{peer.base} answers {response.status}")
                if response.status == 200:
                    had = 0
                said = response.headers.get("Content-Length", "")
                self._check_room(int(said) if said.isdecimal() else 0)
                with part.open("r+b" if had else "wb") as written:
                    written.seek(had)
                    self._pour(lambda: response.read1(_CHUNK_BYTES), written, had, cancelled)
        except StoreUnavailable as error:
            raise FetchFailed(error.message) from error
        finally:
            peer.close()

    def _pour(
        self, more: Callable[[], bytes], written: BinaryIO, had: int, cancelled: threading.Event
    ) -> None:
        """Until there is no `more`, which gives what has come, however little."""
        while chunk := more():
            had += len(chunk)
            self._check_room(had if had > MOST_BYTES else 0)
            if cancelled.is_set():
                raise Cancelled("it is not wanted any more")
            written.write(chunk)

    def _check_room(self, size_bytes: int) -> None:
        """Raises `ModelRejected` or `StorageError` before anything is written."""
        if size_bytes > MOST_BYTES:
            raise ModelRejected(
                f"it has {size_bytes:,} bytes, at most {MOST_BYTES:,} are taken", reason="too_large"
            )
        free = shutil.disk_usage(self.partial).free
        if size_bytes + LEFT_FREE_BYTES > free:
            raise StorageError(f"{size_bytes:,} bytes do not fit on the disk, {free:,} are free")


def drop_name(name: str, target: Target) -> str:
    """What it is called in the models folder."""
    return f"{name}-{target.version}-{target.sha256[:8]}.npcvoice"


def check_hash(part: Path, target: Target) -> None:
    """Raises `ModelRejected`; what is wrong is not kept."""
    sha256 = describe(part).sha256
    if sha256 != target.sha256:
        part.unlink()
        raise ModelRejected(
            f"what came has the sha256 {sha256[:16]}…, the spec says {target.sha256[:16]}…",
            reason="hash_differs",
        )


@contextmanager
def storage() -> Iterator[None]:
    """The disk's refusals as `StorageError`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"a pack cannot be written: {error.strerror or error}") from error


class Fetcher:
    """One fetch at a time, on a thread of its own; the latest wish counts. One thread may ask."""

    def __init__(self, fetching: Fetching, wake: Callable[[], None]) -> None:
        """`wake` is called when one has ended, however it has."""
        self._fetching, self._wake = fetching, wake
        self._of: tuple[str, Target] | None = None
        self._cancelled, self._thread = threading.Event(), threading.Thread()
        self._problem: NpcVoiceError | None = None
        self._again_s = 0.0

    def want(self, name: str, target: Target, wait_s: float) -> NpcVoiceError | None:
        """See to it that it is fetched, after `wait_s`; what went wrong with it so far."""
        if self._of is not None and self._of[0] != name and self._thread.is_alive():
            return None  # it is its turn when the other one's is over
        if self._of != (name, target):
            self.stop()
            self._of, self._problem, self._again_s = (name, target), None, 0.0
            self._begin(wait_s)
        elif not self._thread.is_alive() and time.monotonic() >= self._again_s:
            self._begin(0.0)
        return self._problem

    def unwant(self, name: str) -> None:
        """Another version of it is wanted, or none."""
        if self._of is not None and self._of[0] == name:
            self.stop()
            self._of = None

    def stop(self) -> None:
        self._cancelled.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _begin(self, wait_s: float) -> None:
        assert self._of is not None
        self._cancelled = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(*self._of, wait_s, self._cancelled), name="fleet-fetch", daemon=True
        )
        self._thread.start()

    def _run(self, name: str, target: Target, wait_s: float, cancelled: threading.Event) -> None:
        problem: NpcVoiceError | None = None
        try:
            if not cancelled.wait(wait_s):
                self._fetching.fetch(name, target, cancelled)
        except Cancelled:
            return
        except NpcVoiceError as error:
            problem = error
        except Exception as error:
            log.exception("a fetch failed")
            problem = InternalError(f"the fetch failed: {type(error).__name__}")
        if not cancelled.is_set():
            self._problem = problem
            self._again_s = time.monotonic() + (AGAIN_S if isinstance(problem, FetchFailed) else REFUSED_S)
            self._wake()
