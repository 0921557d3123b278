"""An untrusted recording -> mono samples, or a refusal that says what is wrong with it.

What is not WAV, FLAC or OGG by its first bytes, and what is coded in a way that no game sends, never reaches
the decoder, lengths are read off the header before anything is decoded, and no more is decoded than the
longest clip has, whatever a header says. That does not make the decoder safe: see `decoder`.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile

from sidecar.audio.shape import resampled
from sidecar.protocol.errors import BadAudio
from sidecar.protocol.limits import SAMPLE_RATE_HZ

Floats = npt.NDArray[np.float32]

SECONDS = (1.0, 30.0)
CHANNELS = 2
SILENT_UNDER = 1e-3  # -60 dB of full scale
FLAT_ABOVE = 0.999  # of the peak: where clipping leaves samples and speech hardly ever does
FLAT_SHARE = 0.01
EXPECTED = "expected 1 to 30 s of one person's speech as WAV, FLAC or OGG"
MOST_BYTES = 100_000_000  # the longest clip as two channels of 64 bits at 192 kHz has 92 million
_HEADER_BYTES, _MOST_CHUNKS = 12, 1000
_OGG_PAGE, _OGG_FLAGS_AT, _OGG_LAST = b"OggS", 5, 4
#: An Opus head of another family of channels than 0, wherever it stands: a decoder skips damaged pages.
_MANY_STREAMS = re.compile(rb"OpusHead.{10}[^\0]", re.DOTALL)
_FORMAT_TAGS = (1, 2, 3, 6, 7, 0x11)  # PCM, MS ADPCM, float, A-law, µ-law, IMA ADPCM
_EXTENSIBLE, _EXTENSIBLE_AT = 0xFFFE, 24  # then 16 bytes, the first two a tag
_EXTENSIBLE_REST = bytes.fromhex("000000001000800000aa00389b71")
_OTHER_TAGS = {0x14: "G.723", 0x31: "GSM", 0x38: "NMS ADPCM", 0x40: "G.721", 0x50: "MPEG", 0x55: "MP3"}
_OPEN_ENDED = (0, 0xFFFFFFFF)  # a stream's header, written before its length was known
_OTHERS = {
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"RF64": "RF64",
}


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording: mono samples whose peak is 1, and the peak it had in dB of full scale."""

    samples: Floats
    sample_rate_hz: int
    peak_dbfs: float

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate_hz

    def at(self, sample_rate_hz: int) -> Floats:
        """The samples at another rate."""
        return resampled(self.samples, self.sample_rate_hz, sample_rate_hz)


def decoded(body: bytes) -> Clip:
    """The clip in `body`. Of two channels the louder counts. Raises `BadAudio`."""
    kind = container(body)
    try:
        with soundfile.SoundFile(io.BytesIO(body)) as file:
            _check_header(file)
            both, rate = _read(file), file.samplerate
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise BadAudio(f"the clip cannot be read as {kind}: {_reason(error)}; {EXPECTED}") from error
    _check_length(len(both) / rate)
    return _checked(both, rate)


def container(body: bytes) -> str:
    """WAV, FLAC or OGG. Raises `BadAudio` for what the decoder need not see to refuse it."""
    if len(body) > MOST_BYTES:
        raise BadAudio(f"the clip has {len(body):,} bytes, expected {MOST_BYTES:,} at most; {EXPECTED}")
    kind = _kind(body)
    if _is_cut_off(body, kind):
        raise BadAudio(f"the clip is cut off: its end is missing; {EXPECTED}")
    other = _other_coding(body, kind)
    if other is not None:
        raise BadAudio(f"the clip is coded as {other}, which is not read: send 16-bit PCM, FLAC or Vorbis")
    return kind


def _kind(body: bytes) -> str:
    """What the first bytes say it is."""
    head = body[:_HEADER_BYTES]
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return "WAV"
    if head[:4] in (b"fLaC", _OGG_PAGE):
        return "FLAC" if head[:1] == b"f" else "OGG"
    other = next((name for magic, name in _OTHERS.items() if head.startswith(magic)), None)
    other = other or ("MP4" if head[4:8] == b"ftyp" else None)
    what = (
        f"the clip is {other}" if other else "the clip is not audio that can be read" if body else "no clip"
    )
    raise BadAudio(f"{what}: {EXPECTED}")


def _is_cut_off(body: bytes, kind: str) -> bool:
    """Whether bytes that the container speaks of are missing; the decoder reads on in silence."""
    if kind == "WAV":
        size = int.from_bytes(body[4:8], "little")
        return size not in _OPEN_ENDED and size + 8 > len(body) + 1  # a pad byte is often left out
    if kind == "OGG":
        last = body.rfind(_OGG_PAGE)
        return not body[last + _OGG_FLAGS_AT] & _OGG_LAST if last + _OGG_FLAGS_AT < len(body) else True
    return False


def _other_coding(body: bytes, kind: str) -> str | None:
    """The name of a coding that only harmful clips have, or hardly any."""
    if kind == "WAV":
        tag = next((tag for tag in _format_tags(body) if tag not in _FORMAT_TAGS), None)
        return None if tag is None else _OTHER_TAGS.get(tag, f"format {tag:#06x}")
    return "Opus of many streams" if kind == "OGG" and _MANY_STREAMS.search(body) else None


def _format_tags(body: bytes) -> Iterator[int]:
    """Of every `fmt ` chunk: which of them a decoder goes by is its own affair."""
    at = _HEADER_BYTES
    for _ in range(_MOST_CHUNKS):
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        if body[at : at + 4] == b"fmt ":
            yield _format_tag(body[at + 8 : at + 8 + size])
        at += 8 + size + size % 2


def _format_tag(chunk: bytes) -> int:
    tag = int.from_bytes(chunk[:2], "little")
    if tag == _EXTENSIBLE and chunk[_EXTENSIBLE_AT + 2 : _EXTENSIBLE_AT + 16] == _EXTENSIBLE_REST:
        return int.from_bytes(chunk[_EXTENSIBLE_AT : _EXTENSIBLE_AT + 2], "little")
    return tag


def _reason(error: Exception) -> str:
    """The decoder's own words, without the object it was opened from."""
    return str(error).rpartition(": ")[2].rstrip(".").lower()


def _check_header(file: soundfile.SoundFile) -> None:
    if not SAMPLE_RATE_HZ.lowest <= file.samplerate <= SAMPLE_RATE_HZ.highest:
        raise BadAudio(f"the clip has {file.samplerate} samples a second, expected {SAMPLE_RATE_HZ}")
    if file.channels > CHANNELS:
        raise BadAudio(f"the clip has {file.channels} channels, expected 1 or {CHANNELS}")
    if file.frames < 1 << 62:  # else the header does not know
        _check_length(file.frames / file.samplerate)


def _check_length(seconds: float) -> None:
    shortest, longest = SECONDS
    if seconds < shortest:
        raise BadAudio(f"the clip is too short: {seconds:.2f} s, expected {shortest:g} to {longest:g} s")
    if seconds > longest:
        raise BadAudio(f"the clip is too long: {seconds:.1f} s, expected {shortest:g} to {longest:g} s")


def _most_frames(sample_rate_hz: int) -> int:
    return int(SECONDS[1] * sample_rate_hz) + 1


def _read(file: soundfile.SoundFile) -> Floats:
    """[frames, channels], at most one frame more than the longest clip has."""
    samples: Floats = file.read(_most_frames(file.samplerate), dtype="float32", always_2d=True)
    return samples


def _checked(both: Floats, sample_rate_hz: int) -> Clip:
    """The louder channel at full scale. Raises `BadAudio` for samples that are not sound."""
    if not np.isfinite(both).all():
        raise BadAudio("the clip has samples that are not finite numbers")
    samples = both[:, int(np.argmax(np.abs(both).mean(0, dtype=np.float64)))]
    peak = float(np.abs(samples).max())
    if peak < SILENT_UNDER:
        raise BadAudio(f"the clip is silent: its peak is under -60 dB of full scale; {EXPECTED}")
    full: Floats = samples / np.float32(peak)
    flat = float(np.mean(np.abs(full) >= FLAT_ABOVE))
    if flat > FLAT_SHARE:
        raise BadAudio(f"the clip is clipped: {flat:.0%} of its samples are at its peak; record it softer")
    return Clip(full, sample_rate_hz, 20 * float(np.log10(peak)))
