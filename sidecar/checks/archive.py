"""Opening a `.npcvoice` archive: a flat zip, stored or deflated, whose directory is checked before use."""

import io
import stat
import struct
import zipfile
from typing import BinaryIO

from sidecar.models.file_names import check_listing
from sidecar.protocol.reasons import Reason, refusal

_LOCAL, _END = b"PK\x03\x04", b"PK\x05\x06"
_END_BYTES, _LOCAL_BYTES = 22, 30
_LONGEST_COMMENT = 1024
_MOST_DIRECTORY_BYTES = 64 << 10
#: Deflate reaches 1032; weights hardly shrink at all.
_MOST_RATIO, _RATIO_COUNTS_FROM_BYTES = 100, 1 << 20
_ENCRYPTED = 0x1
_UNIX = 3


def open_archive(file: str, stream: BinaryIO, most: int) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """The archive in `stream`, at most `most` members, and these. Raises `ModelRejected`."""
    size = stream.seek(0, io.SEEK_END)
    _check_end(file, stream, size, most)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, OSError, struct.error) as error:
        raise _damaged(file, str(error)) from error
    infos = archive.infolist()
    _check_kind(infos)
    check_listing([info.orig_filename for info in infos], most)
    for info in infos:
        _check_member(info)
    _check_overlaps(file, size, infos)
    return archive, infos


def _check_end(file: str, stream: BinaryIO, size: int, most: int) -> None:
    """The end record by our own reading, so that no directory of millions is ever parsed."""
    stream.seek(0)
    beginning = stream.read(4)
    stream.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT))
    tail = stream.read()
    if beginning[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise refusal(Reason.PICKLE, f"{file} is a Python pickle, which may hold code")
    if beginning != _LOCAL:
        raise _damaged(file, "it does not begin as a zip")
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise _damaged(file, "its end is missing; was it copied whole?")
    disk, first_disk, here, count, length, start, comment = struct.unpack("<4H2LH", tail[at + 4 : at + 22])
    if 0xFFFF in (disk, first_disk, here, count) or 0xFFFFFFFF in (length, start):
        raise refusal(Reason.ARCHIVE_FEATURE, f"{file}: zip64 is not taken")
    if disk or first_disk or here != count or len(tail) - at != _END_BYTES + comment:
        raise _damaged(file, "its end record is odd")
    if count > most:
        raise refusal(Reason.TOO_MANY_FILES, f"{file} holds {count} files, a pack has at most {most}")
    if length > _MOST_DIRECTORY_BYTES or start + length != size - len(tail) + at:
        raise _damaged(file, "its directory is not where it should be")


def _check_kind(infos: list[zipfile.ZipInfo]) -> None:
    for info in infos:
        if info.orig_filename.endswith("/data.pkl"):
            raise refusal(
                Reason.PICKLE,
                "the archive is a PyTorch checkpoint, a pickle inside a zip, which may hold code",
                tip="turn it into a pack with `npc-voice pack import`",
            )
        if info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16):
            raise refusal(Reason.LINK, f"{ascii(info.orig_filename)[:80]} in the archive is a link")


def _check_member(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    if info.flag_bits & _ENCRYPTED:
        raise refusal(Reason.ARCHIVE_FEATURE, f"{name} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refusal(
            Reason.ARCHIVE_FEATURE,
            f"{name} is packed by method {info.compress_type}, expected none or deflate",
        )
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise refusal(Reason.ARCHIVE_DAMAGED, f"{name}: two sizes for a file that is only stored")
    if info.file_size > max(_RATIO_COUNTS_FROM_BYTES, _MOST_RATIO * info.compress_size):
        raise refusal(
            Reason.ARCHIVE_BOMB,
            f"{name} would grow from {info.compress_size:,} to {info.file_size:,} bytes: a bomb",
        )


def _check_overlaps(file: str, size: int, infos: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes make small files large; none of ours do."""
    at = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < at:
            raise refusal(Reason.ARCHIVE_BOMB, f"{info.orig_filename} shares its bytes with another member")
        at = info.header_offset + _LOCAL_BYTES + len(info.orig_filename) + info.compress_size
    if at > size:
        raise _damaged(file, "a member ends behind its end")


def _damaged(file: str, why: str) -> Exception:
    return refusal(Reason.ARCHIVE_DAMAGED, f"{file} is not a whole archive: {why}")
