"""What was dropped, read as a flat list of named files: a folder or an archive."""

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from sidecar import files
from sidecar.checks.archive import open_archive
from sidecar.engines.family import WEIGHTS
from sidecar.engines.registry import single_voice_of
from sidecar.files import shown
from sidecar.models.file_names import MANIFEST, PACKED, PICKLED, check_listing
from sidecar.models.manifest import MAX_FILES
from sidecar.protocol.errors import ModelRejected
from sidecar.protocol.reasons import Reason, refusal

ARCHIVE_SUFFIX, CHECKPOINT_SUFFIX = ".npcvoice", ".safetensors"
CHUNK_BYTES = 1 << 20
MOST_NAMES = MAX_FILES + 2  # with the manifest and the signature
_MODELS = (*PICKLED, ".onnx", ".gguf", ".h5", ".tflite")
#: What desktops leave in folders; never copied.
DROPPINGS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", ".directory"})
_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT, which Python names on Windows only
_PICKLE_PROTOCOLS = range(2, 6)
_ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"7z\xbc\xaf",
    b"Rar!",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
)
_PICKLED_MODULES = (
    b"os",
    b"posix",
    b"nt",
    b"builtins",
    b"__builtin__",
    b"subprocess",
    b"copy_reg",
    b"collections",
)
#: The oldest protocol is text: a dict, a list, or the global that is called.
_TEXT_PICKLES = (
    *(b"(dp0\n", b"(dp1\n", b"(lp0\n", b"(lp1\n"),
    *(opcode + module + b"\n" for module in _PICKLED_MODULES for opcode in (b"c", b"(i")),
)


class Source(Protocol):
    """`sizes` are what the folder or the archive's directory says, by name."""

    sizes: dict[str, int]

    def chunks(self, name: str, most_bytes: int) -> Iterator[bytes]:
        """The file's bytes from its start, at most `most_bytes` of them. Raises `ModelRejected`."""


class FolderSource:
    """A folder's plain files. Raises `ModelRejected` for anything else in it."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self.sizes: dict[str, int] = {}
        with read_errors(folder.name), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in DROPPINGS:
                    continue
                if len(self.sizes) > MOST_NAMES:
                    raise refusal(Reason.TOO_MANY_FILES, f"over {MOST_NAMES} files in {folder.name}")
                self.sizes[entry.name] = plain_size(Path(entry.path))
        check_listing(list(self.sizes), MOST_NAMES)
        check_total(sum(self.sizes.values()), most_bytes)

    def chunks(self, name: str, most_bytes: int) -> Iterator[bytes]:
        return plain_chunks(self._folder / name, most_bytes)


class ArchiveSource:
    """The members of a `.npcvoice` file."""

    def __init__(self, file: Path, most_bytes: int) -> None:
        self._archive, infos = open_archive(file.name, open_plain(file), MOST_NAMES)
        self.sizes = {info.orig_filename: info.file_size for info in infos}
        check_total(sum(self.sizes.values()), most_bytes)

    def chunks(self, name: str, most_bytes: int) -> Iterator[bytes]:
        try:
            with read_errors(name), self._archive.open(name) as stream:
                yield from read_chunks(stream, most_bytes)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise refusal(Reason.ARCHIVE_DAMAGED, f"{name} cannot be unpacked: {error}") from error


def open_source(path: Path, most_bytes: int) -> Source:
    """A folder with a manifest, or an archive. Raises `ModelRejected`."""
    refuse_link(path)
    if path.is_dir():
        refuse_without_manifest(path)
        source: Source = FolderSource(path, most_bytes)
    elif path.suffix.lower() == ARCHIVE_SUFFIX:
        plain_size(path)
        source = ArchiveSource(path, most_bytes)
    else:
        plain_size(path)
        raise no_pack(path)
    if MANIFEST not in source.sizes:
        raise refusal(Reason.NOT_A_PACK, f"{path.name} is not a voice pack: it has no {MANIFEST}")
    return source


def refuse_without_manifest(folder: Path) -> None:
    """Raises `ModelRejected` for a folder that is no pack, saying what it may have been meant as."""
    with read_errors(folder.name), os.scandir(folder) as scan:
        names = {entry.name for entry in islice(scan, MOST_NAMES)}
    if MANIFEST in names or os.path.lexists(folder / MANIFEST):
        return
    inside = next((name for name in sorted(names) if (folder / name / MANIFEST).is_file()), None)
    if inside is not None:
        hint = f"; the pack is the folder {shown(inside)} in it: move it up"
    elif WEIGHTS in names:
        hint = "; `npc-voice pack make` makes a pack of such a folder"
    elif any(single_voice_of(folder / name) for name in names):
        hint = "; voices are dropped without a folder, or made a pack with `npc-voice pack import`"
    else:
        hint = ""
    raise refusal(Reason.NOT_A_PACK, f"{shown(folder.name)} is not a voice pack: it has no {MANIFEST}{hint}")


def no_pack(path: Path) -> ModelRejected:
    """What to say of a file that is neither a pack nor anything that one is made of here, by its name; of a
    zip,
    by its list of contents."""
    name, suffix = shown(path.name), path.suffix.lower()
    if suffix in _MODELS:
        return refusal(
            Reason.PICKLE if suffix in PICKLED else Reason.NOT_A_PACK,
            f"{name} is a model of another kind, or a pickle, which may hold code: "
            "`npc-voice pack import` makes a pack of a model or of voices that it knows",
        )
    if suffix in PACKED:
        return refusal(Reason.NOT_A_PACK, f"{name} is an archive, not a voice pack{_inside(path)}")
    return refusal(
        Reason.NOT_A_PACK,
        f"{name} is not a voice pack: expected a folder, a {ARCHIVE_SUFFIX} file, a single voice, or a "
        f"{CHECKPOINT_SUFFIX} checkpoint with its .sha256",
    )


def _inside(path: Path) -> str:
    try:
        with open_plain(path) as stream:
            _, infos = open_archive(path.name, stream, MOST_NAMES)
        holds_pack = any(info.orig_filename == MANIFEST for info in infos)
    except ModelRejected:
        holds_pack = False
    if holds_pack:
        return f": it holds one, call it {shown(path.stem)}{ARCHIVE_SUFFIX}"
    return ": unpack it, and drop the pack or the voices that are in it"


def refuse_link(path: Path) -> None:
    with read_errors(path.name):
        facts = path.lstat()
    if is_link(facts):
        raise refusal(
            Reason.LINK, f"{path.name!a} is a link: a pack holds its files itself", tip="copy the file"
        )


def is_link(facts: os.stat_result) -> bool:
    """A symbolic link or a junction, told from its `lstat`."""
    return stat.S_ISLNK(facts.st_mode) or getattr(facts, "st_reparse_tag", 0) == _JUNCTION


def plain_size(path: Path) -> int:
    """Size in bytes. Raises `ModelRejected` for a link, a folder, a pipe or a device."""
    refuse_link(path)
    with read_errors(path.name):
        facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise refusal(Reason.NOT_A_FILE, f"{ascii(path.name)[:80]} is not a plain file")
    return facts.st_size


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading, without following a link or waiting for a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with read_errors(path.name):
        descriptor = files.patiently(lambda: os.open(path, flags | getattr(os, "O_BINARY", 0)))
        stream = os.fdopen(descriptor, "rb")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            stream.close()
            raise refusal(Reason.NOT_A_FILE, f"{ascii(path.name)[:80]} is not a plain file")
        return stream


def plain_chunks(path: Path, most_bytes: int) -> Iterator[bytes]:
    with read_errors(path.name), open_plain(path) as stream:
        yield from read_chunks(stream, most_bytes)


def read_chunks(stream: IO[bytes], most_bytes: int) -> Iterator[bytes]:
    while most_bytes > 0 and (chunk := stream.read(min(CHUNK_BYTES, most_bytes))):
        yield chunk
        most_bytes -= len(chunk)


@contextmanager
def read_errors(name: str) -> Iterator[None]:
    """What the system refuses to read is the source's fault, not the store's."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise refusal(Reason.UNREADABLE, f"{ascii(name)[:80]} cannot be read: {reason}") from error


def check_total(total: int, most_bytes: int) -> None:
    if total > most_bytes:
        raise refusal(Reason.TOO_LARGE, f"the pack has {total:,} bytes, at most {most_bytes:,} are taken")


def check_magic(name: str, beginning: bytes) -> None:
    """Raises `ModelRejected` for a pickle or an archive under any name. `beginning`: at least 16 bytes."""
    is_header = beginning[8:9] == b"{"  # a safetensors length may look like a pickle's first bytes
    if not is_header and beginning[:1] == b"\x80" and beginning[1:2] and beginning[1] in _PICKLE_PROTOCOLS:
        raise _pickled(name)
    if beginning.startswith(_TEXT_PICKLES) and not is_header:
        raise _pickled(name)
    if beginning.startswith(_ARCHIVES) and not is_header:
        raise refusal(Reason.NESTED_ARCHIVE, f"{name} is an archive under another name")


def _pickled(name: str) -> Exception:
    return refusal(
        Reason.PICKLE,
        f"{name} is a Python pickle, which may hold code: weights are safetensors only",
    )
