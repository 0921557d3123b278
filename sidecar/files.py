"""One way to write, read, replace and delete files that others may have open.

A file is written beside its place, brought to disk if asked for, and renamed: whoever reads finds the old one
or the new one, whole. Windows refuses to replace, delete or open what somebody holds: it is tried again for a
second, which is longer than a scanner or a reader of ours takes. Everything raises `OSError`, unless it says
otherwise.
"""

import codecs
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

log = logging.getLogger(__name__)

T = TypeVar("T")
HELD_OPEN_S = 1.0 if sys.platform == "win32" else 0.0
_AGAIN_S = 0.005
LONGEST_NAME = 120  #: characters of a file's name that are shown
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def write_whole(path: Path, content: bytes, *, durable: bool = False, private: bool = False) -> None:
    """`path` holds `content`, or what it held before. `durable`: also after a power cut. `private`: nobody
    but the owner can open it, from its first byte on."""
    partial = path.with_name(f".{uuid4().hex[:8]}.part")  # no longer than a name may be, whatever `path` is
    try:
        with open(_new(partial, private), "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        replace(partial, path)
        if durable:
            sync_folder(path.parent)
    finally:
        remove(partial)


def write_new(path: Path, content: bytes, *, private: bool = False) -> None:
    """As `write_whole`. Raises `FileExistsError` where something is, and leaves that."""
    with open(_new(path, private), "wb") as stream:
        stream.write(content)


def _new(path: Path, private: bool) -> int:
    """The descriptor of a new, empty file."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600 if private else 0o666)
    if private:
        keep_to_owner(path)
    return descriptor


def keep_to_owner(path: Path) -> None:
    """Nobody but the owner can open the file. Where a drive of Windows knows no owners, the log says so."""
    if sys.platform == "win32":
        from sidecar import windows

        try:
            windows.keep_to_owner(path)
        except OSError as error:
            log.warning("whoever can read %s can read what is in it: %s", path.parent, error)
    else:
        path.chmod(0o600)


def read(path: Path) -> bytes:
    """All of a file that somebody else may be replacing."""
    return patiently(path.read_bytes)


def replace(source: Path, target: Path) -> None:
    """`source` takes the place of the file `target`."""
    patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Nothing is at `path` afterwards, whether or not there was a file."""
    patiently(lambda: path.unlink(missing_ok=True))


def remove_folder(folder: Path) -> None:
    """The folder and all that is in it is gone, as far as the system allows. Raises nothing."""
    try:
        patiently(lambda: shutil.rmtree(folder))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)


def rename(source: Path, target: Path) -> None:
    """The folder or file `source` is called `target`, which was not there."""
    patiently(lambda: source.rename(target))


def sync_folder(folder: Path) -> None:
    """Bring renames in a folder to disk, where the system lets a folder be opened."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def patiently(act: Callable[[], T]) -> T:
    """What `act` returns, which may have to wait for somebody to close a file."""
    until_s = time.monotonic() + HELD_OPEN_S
    while True:
        try:
            return act()
        except PermissionError:
            if time.monotonic() >= until_s:
                raise
            time.sleep(_AGAIN_S)


def text_of(content: bytes) -> str:
    """What a user's file says: UTF-8, or as Windows's programs save it, with a byte order mark or as UTF-16
    with one. Raises `UnicodeDecodeError`."""
    return content.decode("utf-16" if content.startswith(_WIDE_MARKS) else "utf-8-sig")


def printable(text: str) -> str:
    """The text for a terminal and for the wire: what controls one, is invisible or no text is escaped."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def shown(name: str) -> str:
    """A file's name for people: escaped, on one line, and cut where it is absurdly long."""
    plain = printable(name).replace("\n", "\\n")
    return plain if len(plain) <= LONGEST_NAME else f"{plain[:LONGEST_NAME]}…"
