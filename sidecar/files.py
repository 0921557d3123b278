"""One way to write, replace and delete files that others may be reading.

A file is written beside its place, brought to disk if asked for, and renamed: whoever reads finds the old one
or the new one, whole. Windows refuses to replace or delete what somebody has open: it is tried again for a
second, which is longer than a scanner or a reader of ours takes. Everything raises `OSError`.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

HELD_OPEN_S = 1.0 if sys.platform == "win32" else 0.0
_AGAIN_S = 0.02
LONGEST_NAME = 120  #: characters of a file's name that are shown


def write_whole(path: Path, content: bytes, *, durable: bool = False, mode: int = 0o666) -> None:
    """`path` holds `content`, or what it held before. `durable`: also after a power cut."""
    partial = path.with_name(f".{uuid4().hex[:8]}.part")  # no longer than a name may be, whatever `path` is
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with open(descriptor, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        replace(partial, path)
        if durable:
            sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """`source` takes the place of the file `target`."""
    _patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Nothing is at `path` afterwards, whether or not there was a file."""
    _patiently(lambda: path.unlink(missing_ok=True))


def rename(source: Path, target: Path) -> None:
    """The folder or file `source` is called `target`, which was not there."""
    _patiently(lambda: source.rename(target))


def sync_folder(folder: Path) -> None:
    """Bring renames in a folder to disk, where the system lets a folder be opened."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _patiently(act: Callable[[], object]) -> None:
    until_s = time.monotonic() + HELD_OPEN_S
    while True:
        try:
            act()
            return
        except PermissionError:
            if time.monotonic() >= until_s:
                raise
            time.sleep(_AGAIN_S)


def printable(text: str) -> str:
    """The text for a terminal and for the wire: what controls one, is invisible or no text is escaped."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def shown(name: str) -> str:
    """A file's name for people: escaped, on one line, and cut where it is absurdly long."""
    plain = printable(name).replace("\n", "\\n")
    return plain if len(plain) <= LONGEST_NAME else f"{plain[:LONGEST_NAME]}…"
