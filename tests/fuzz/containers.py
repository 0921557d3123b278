"""Clips' containers taken to parts and put together, with the lengths and checksums that readers check.

What a fuzzer has damaged gets past those checks, to the code behind them, only if they hold again.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

Part = bytes


@dataclass(frozen=True)
class Container:
    """`split` a clip into parts, without what it begins with; `sealed` is a damaged one made to hold
    (with what it was: its mark is taken from that), `closed` a clip of parts that begins and ends as readers
    want it and has the length that it says."""

    split: Callable[[bytes], list[Part]]
    sealed: Callable[[Part, Part], Part]
    closed: Callable[[bytes], bytes]


# RIFF: "RIFF", length, "WAVE", then chunks: tag, length, content, a pad byte where that is odd.


def chunk(tag: bytes, content: bytes) -> Part:
    return tag + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _riff_parts(body: bytes) -> list[Part]:
    parts, at = [], 12
    while at < len(body):
        end = at + 8 + int.from_bytes(body[at + 4 : at + 8], "little")
        parts.append(body[at : end + end % 2])
        at = end + end % 2
    return parts


def _sealed_chunk(part: Part, was: Part) -> Part:
    return chunk(was[:4], part[8:])


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


WAV = Container(_riff_parts, _sealed_chunk, _riff)


# FLAC: "fLaC", metadata blocks (type, length of 24 bits, content), frames with a CRC-8 of the header and a
# CRC-16 of the whole at the end.

_FRAMES = (b"\xff\xf8", b"\xff\xf9")


def _remainders(polynomial: int, bits: int) -> list[int]:
    """[256] what each byte leaves in a CRC that takes the highest bit first."""
    table = []
    for value in range(256):
        rest = value << (bits - 8)
        for _ in range(8):
            rest = rest << 1 ^ (polynomial if rest >> (bits - 1) else 0)
            rest &= (1 << bits) - 1
        table.append(rest)
    return table


_CRC_8, _CRC_16 = _remainders(0x07, 8), _remainders(0x8005, 16)


def _crc_8(data: bytes) -> int:
    rest = 0
    for byte in data:
        rest = _CRC_8[rest ^ byte]
    return rest


def _crc_16(data: bytes) -> int:
    rest = 0
    for byte in data:
        rest = (rest << 8 & 0xFF00) ^ _CRC_16[rest >> 8 ^ byte]
    return rest


def block(kind: int, content: bytes) -> Part:
    return bytes([kind]) + len(content).to_bytes(3, "big") + content


def _flac_parts(body: bytes) -> list[Part]:
    parts, at, is_last = [], 4, False
    while not is_last:
        is_last = bool(body[at] & 0x80)
        end = at + 4 + int.from_bytes(body[at + 1 : at + 4], "big")
        parts.append(body[at:end])
        at = end
    starts = [*_frame_starts(body, at), len(body)]
    return parts + [body[a:b] for a, b in pairwise(starts)]


def _frame_starts(body: bytes, at: int) -> Iterator[int]:
    """Of frames that count from 0 to at most 127, as those of a short clip do."""
    number = 0
    while (at := body.find(_FRAMES[0], at)) >= 0:
        header = body[at : at + _header_bytes(body[at : at + 16])]
        if header[4] == number and _crc_8(header[:-1]) == header[-1]:
            yield at
            number += 1
        at += 2


def _header_bytes(frame: bytes) -> int:
    """Of a frame's header with its CRC: a number as UTF-8 writes it, and sizes that the codes leave open."""
    lead, code = frame[4], frame[2]
    number = 1 if lead < 0x80 else max(2, 8 - (lead ^ 0xFF).bit_length())
    return 5 + number + {6: 1, 7: 2}.get(code >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(code & 15, 0)


def _sealed_flac(part: Part, was: Part) -> Part:
    if was[:2] not in _FRAMES:
        return block(was[0], part[4:])
    part = was[:2] + part[2:].ljust(20, b"\0")
    at = _header_bytes(part) - 1
    part = part[:at] + bytes([_crc_8(part[:at])]) + part[at + 1 : -2]
    return part + _crc_16(part).to_bytes(2, "big")


FLAC = Container(_flac_parts, _sealed_flac, lambda body: b"fLaC" + body)


# OGG: pages of "OggS", version, flags, granule position, serial number, page number, CRC-32, segment table.

_PAGE_HEAD = struct.Struct("<4sBBqII4xB")
_SERIAL_AT, _CRC_AT, _SEGMENTS_AT = 14, 22, 26
_LAST = 4
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def page(number: int, content: bytes, granule: int = 0, flags: int = 0) -> Part:
    """One packet of at most 65,024 bytes on a page."""
    return next(pages(number, content, granule, flags))


def pages(first: int, packet: bytes, granule: int = 0, flags: int = 0) -> Iterator[Part]:
    """A packet of any length on as many pages as it takes."""
    sizes = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    for number, at in enumerate(range(0, len(sizes), 255)):
        lacing = sizes[at : at + 255]
        head = _PAGE_HEAD.pack(b"OggS", 0, flags | bool(at), granule, 1, first + number, len(lacing))
        yield _sealed_page(head + lacing + packet[255 * at : 255 * at + sum(lacing)])


def _ogg_parts(body: bytes) -> list[Part]:
    """With the serial number 1: a writer takes one by chance."""
    parts, at = [], 0
    while at < len(body):
        end = at + _page_bytes(body[at : at + 300])
        parts.append(_sealed_page(body[at : at + _SERIAL_AT] + b"\1\0\0\0" + body[at + _SERIAL_AT + 4 : end]))
        at = end
    return parts


def _sealed_ogg(part: Part, was: Part) -> Part:
    return _sealed_page(was[:5] + part[5:])


def _page_bytes(head: bytes) -> int:
    table = head[_SEGMENTS_AT + 1 : _SEGMENTS_AT + 1 + head[_SEGMENTS_AT]]
    return _SEGMENTS_AT + 1 + len(table) + sum(table)


def _sealed_page(part: Part) -> Part:
    """As long as its table says, and with its CRC."""
    part = part.ljust(_SEGMENTS_AT + 1, b"\0")
    part = part[: _page_bytes(part)].ljust(_page_bytes(part), b"\0")
    crc = _crc_32(part[:_CRC_AT] + bytes(4) + part[_CRC_AT + 4 :])
    return part[:_CRC_AT] + crc + part[_CRC_AT + 4 :]


def _crc_32(data: bytes) -> bytes:
    """OGG takes the highest bit of a byte first and begins with 0; zlib does neither."""
    mirrored = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_REVERSED)


def _stream(body: bytes) -> bytes:
    """The last page says that it is the last: a stream without is refused before it is decoded."""
    at = max(body.rfind(b"OggS"), 0)
    last = body[at:].ljust(_SEGMENTS_AT + 1, b"\0")
    return body[:at] + _sealed_page(last[:5] + bytes([last[5] | _LAST]) + last[6:])


OGG = Container(_ogg_parts, _sealed_ogg, _stream)


def wav_mp3(body: bytes, sample_rate_hz: int, frames: int) -> bytes:
    """An MP3 as the content of a WAV, which is read as one."""
    kind = struct.pack("<HHIIHHHHIHHH", 0x55, 1, sample_rate_hz, 4000, 1, 0, 12, 1, 2, 144, 1, 1393)
    fact = chunk(b"fact", struct.pack("<I", frames))
    return _riff(chunk(b"fmt ", kind) + fact + chunk(b"data", body))
