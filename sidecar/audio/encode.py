"""Samples -> the bytes a client asked for.

A file with a header says in it, for machines to read, that nobody spoke it: IPTC's digital source type,
what made it, the model and the voice. RIFF keeps that in an
INFO list behind the samples, where a reader that knows no lists does not look for sound; FLAC and Ogg in
Vorbis comments.
"""

import hashlib
import io
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile

from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.protocol.formats import AUDIO_FORMATS
from sidecar.protocol.marking import DIGITAL_SOURCE_TYPE
from sidecar.version import __version__

Floats = npt.NDArray[np.float32]

ENCODING = 2  #: counts up when the same samples become other bytes: what was kept of them is then made again
GENERATOR = f"npc-voice {__version__}"


@dataclass(frozen=True)
class Mark:
    """Whose work a file is: the model as `name@version`, and the voice; empty where it is not known."""

    model: str = ""
    voice: str = ""

    @property
    def comment(self) -> str:
        """``key=value`` pairs, apart by a semicolon and a space, no semicolon in a value."""
        facts = dict(
            DigitalSourceType=DIGITAL_SOURCE_TYPE, Generator=GENERATOR, Model=self.model, Voice=self.voice
        )
        said = (f"{name}={value.replace(';', ',')}" for name, value in facts.items() if value)
        return "; ".join(["Synthetic speech", *said])


UNKNOWN = Mark()


def encode(samples: Floats, sample_rate_hz: int, kind: str, mark: Mark | None = UNKNOWN) -> bytes:
    """Mono samples in -1..1 (beyond is clipped) as `kind`; the same bytes for the same samples and mark.

    A container has the `mark` in it, unless that is None; raw samples have no room for one. Raises
    `BadRequest` for an unknown format.
    """
    clipped = np.clip(samples, -1, 1)
    if kind == "pcm_f32le":
        return clipped.astype("<f4").tobytes()
    if kind == "pcm_s16le":
        return _as_16_bits(clipped).tobytes()
    subtype = AUDIO_FORMATS[kind].subtype if kind in AUDIO_FORMATS else None
    if subtype is None:
        raise BadRequest(f"unknown format {kind!r}{did_you_mean(kind, AUDIO_FORMATS)}", field="format")
    exact = _as_16_bits(clipped) if subtype == "PCM_16" else clipped  # libsndfile would round otherwise
    content = _contained(exact, sample_rate_hz, kind.upper(), subtype, mark)
    return _with_serial(content) if kind == "ogg" else content


def _as_16_bits(samples: Floats) -> npt.NDArray[np.int16]:
    return np.round(samples * 32767).astype("<i2")


def _contained(
    samples: Floats | npt.NDArray[np.int16],
    sample_rate_hz: int,
    container: str,
    subtype: str,
    mark: Mark | None,
) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate_hz, 1, subtype=subtype, format=container) as file:
        if container != "WAV":
            _sign(file, mark)
        for start in range(0, len(samples), sample_rate_hz):  # Vorbis overflows its stack on long writes
            file.write(samples[start : start + sample_rate_hz])
        if container == "WAV":
            _sign(file, mark)
    return buffer.getvalue()


def _sign(file: soundfile.SoundFile, mark: Mark | None) -> None:
    if mark is None:
        return
    file.software, file.comment = GENERATOR, mark.comment
    if mark.voice:
        file.artist = mark.voice


_PAGE = b"OggS"
_SERIAL, _SUM, _SEGMENTS = 14, 22, 26  #: where they are in a page's header, in bytes
_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _with_serial(ogg: bytes) -> bytes:
    """The file with a serial number that follows from its content; libsndfile draws one by lot.

    Pages are as RFC 3533 describes them.
    """
    pages = [bytearray(page) for page in _pages(ogg)]
    for page in pages:
        page[_SERIAL : _SERIAL + 4] = page[_SUM : _SUM + 4] = bytes(4)
    serial = hashlib.sha256(b"".join(pages)).digest()[:4]
    for page in pages:
        page[_SERIAL : _SERIAL + 4] = serial
        page[_SUM : _SUM + 4] = _page_sum(page).to_bytes(4, "little")
    return b"".join(pages)


def _pages(ogg: bytes) -> list[bytes]:
    """Raises `ValueError` for what is no sequence of pages."""
    pages, at = [], 0
    while at < len(ogg):
        body = at + _SEGMENTS + 1 + ogg[at + _SEGMENTS]
        end = body + sum(ogg[at + _SEGMENTS + 1 : body])
        if ogg[at : at + 4] != _PAGE or end > len(ogg):
            raise ValueError("no Ogg page")
        pages.append(ogg[at:end])
        at = end
    return pages


def _page_sum(page: bytes | bytearray) -> int:
    """CRC-32 with the highest bit first and no inversion: zlib's, its bits mirrored both ways."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
