"""Good clips of every encoding, and what chance makes of them."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import soundfile

from sidecar.prosody.f0 import RATE_HZ
from tests.fuzz.containers import FLAC, OGG, WAV, Container, Part, block, chunk, page, wav_mp3

CLIP_S = 1.04
HEADERS_BYTES = (32, 64, 64, 200)


@dataclass(frozen=True)
class Seed:
    name: str
    container: Container
    parts: tuple[Part, ...]

    @property
    def body(self) -> bytes:
        return self.container.closed(b"".join(self.parts))


def voice(channels: int) -> np.ndarray:
    """[frames, channels] at `RATE_HZ`: something that is taken for speech. A tune of harmonics under
    three formants, in syllables, between two bits of near silence."""
    at_s = np.arange(int(CLIP_S * RATE_HZ)) / RATE_HZ
    f0_hz = 150 + 45 * np.sin(2 * np.pi * 1.1 * at_s) - 30 * at_s
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    sound = sum(_weight(k * f0_hz) * np.sin(k * phase) for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 2.4 * (at_s - 0.1)) + 0.8, 0, 1) * (np.abs(at_s - 0.5) < 0.4)
    noise = np.random.default_rng(0).normal(size=len(at_s))
    mono = 0.3 * sound * syllables / np.abs(sound).max() + 0.001 * noise
    return np.stack([mono, 0.7 * mono], axis=1)[:, :channels].astype(np.float32)


def _weight(hz: np.ndarray) -> np.ndarray:
    formants = sum(np.exp(-(((hz - middle) / 150) ** 2)) for middle in (500, 1500, 2500))
    return (0.1 + formants) / (1 + hz / 300)


def written(kind: str, subtype: str, channels: int = 1) -> bytes:
    """At the lowest compression, where there is one: its frames are short."""
    buffer, level = io.BytesIO(), 0.0 if kind == "FLAC" else None
    soundfile.write(buffer, voice(channels), RATE_HZ, format=kind, subtype=subtype, compression_level=level)
    return buffer.getvalue()


WAV_ENCODINGS = (
    "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM",
    "GSM610",  # refused
)  # fmt: skip
ENCODINGS = (
    [("WAV", subtype, 1) for subtype in WAV_ENCODINGS]
    + [("WAV", subtype, 2) for subtype in ("PCM_U8", "PCM_16", "FLOAT", "IMA_ADPCM", "MS_ADPCM")]
    + [("WAVEX", "PCM_16", 1), ("WAVEX", "FLOAT", 2)]
    + [("FLAC", subtype, channels) for subtype in ("PCM_S8", "PCM_16", "PCM_24") for channels in (1, 2)]
    + [("OGG", subtype, channels) for subtype in ("VORBIS", "OPUS") for channels in (1, 2)] * 2
)
CONTAINERS = {"WAV": WAV, "WAVEX": WAV, "FLAC": FLAC, "OGG": OGG}
REFUSED = Container(lambda body: [body], lambda part, _: part, bytes)


@cache
def seeds() -> tuple[Seed, ...]:
    mp3 = written("MP3", "MPEG_LAYER_III")
    return (
        *(seed_of(CONTAINERS[kind], f"{kind} {subtype}", written(kind, subtype, channels))
          for kind, subtype, channels in ENCODINGS),
        seed_of(WAV, "MP3 in WAV", wav_mp3(mp3, RATE_HZ, len(voice(1)))),
        seed_of(REFUSED, "MP3", mp3),
        seed_of(REFUSED, "AIFF", written("AIFF", "PCM_16")),
    )  # fmt: skip


def seed_of(container: Container, name: str, body: bytes) -> Seed:
    """Without the time of day, which a WAV of floats has in its chunk of peaks."""
    parts = container.split(body)
    return Seed(name, container, tuple(p[:12] + bytes(4) + p[16:] if p[:4] == b"PEAK" else p for p in parts))


# Damage to bytes.

ODD = (
    0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000,
    2**31 - 1, 2**31, 2**32 - 1, 2**63,
)  # fmt: skip


def _place(chance: random.Random, data: bytearray) -> int:
    """More than half of all in the first bytes, where fields are."""
    within = chance.choice((*HEADERS_BYTES, len(data), len(data), len(data)))
    return chance.randrange(min(within, len(data)) or 1)


def _flip(chance: random.Random, data: bytearray) -> None:
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = _place(chance, data)
        data[at : at + 1] = bytes(byte ^ 1 << chance.randrange(8) for byte in data[at : at + 1])


def _odd_field(chance: random.Random, data: bytearray) -> None:
    size, order = chance.choice((1, 2, 4, 8)), chance.choice(("little", "big"))
    value = chance.choice((*ODD, len(data), chance.getrandbits(64))) + chance.choice((0, 0, -1, 1))
    at = _place(chance, data)
    data[at : at + size] = (value % 256**size).to_bytes(size, order)


def _count(chance: random.Random, data: bytearray) -> None:
    """A field a little more or less than it was."""
    size, at = chance.choice((1, 2, 4)), _place(chance, data)
    value = int.from_bytes(data[at : at + size], "little") + chance.randrange(-16, 17)
    data[at : at + size] = (value % 256**size).to_bytes(size, "little")


def _noise(chance: random.Random, data: bytearray) -> None:
    size, at = chance.randrange(1, 64), _place(chance, data)
    data[at : at + size] = chance.randbytes(size)


def _lost(chance: random.Random, data: bytearray) -> None:
    at = _place(chance, data)
    del data[at : at + _some(chance)]


def _doubled(chance: random.Random, data: bytearray) -> None:
    at, end = _place(chance, data), _place(chance, data)
    data[at:at] = data[end : end + _some(chance)]


def _inserted(chance: random.Random, data: bytearray) -> None:
    at, size = _place(chance, data), _some(chance)
    data[at:at] = chance.choice((chance.randbytes(size), bytes(size), b"\xff" * size))


def _some(chance: random.Random) -> int:
    return chance.choice((1, 2, 4, chance.randrange(1, 100), chance.randrange(1, 4000)))


ON_BYTES: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _flip, _flip, _odd_field, _odd_field, _count, _noise, _lost, _doubled, _inserted
)  # fmt: skip


def damaged(chance: random.Random, part: bytes) -> bytes:
    data = bytearray(part)
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(ON_BYTES)(chance, data)
    return bytes(data)


# Damage to the order of parts.

CHUNKS = (
    b"LIST", b"bext", b"cart", b"smpl", b"inst", b"acid", b"cue ", b"PEAK", b"fact", b"strc", b"exif",
    b"fmt ", b"data", b"DISP", b"afsp", b"iXML", b"Lavx", b"levl", b"umid", b"LGWV", b"clm ", b"minf",
    b"PAD ",
)  # fmt: skip


def odd_part(chance: random.Random, container: Container) -> Part:
    """One that the seeds do not have: its kind is known to readers, its content is chance."""
    size = _some(chance)
    content = chance.choice((chance.randbytes(size), bytes(size), b"INFOICMT\x08\0\0\0comment\0" + bytes(8)))
    if container is WAV:
        return chunk(chance.choice(CHUNKS), content)
    if container is FLAC:
        return block(chance.randrange(128), content)
    return page(chance.randrange(8), content, chance.choice((0, -1, 9000, 2**40)), chance.randrange(8))


def rearrange(chance: random.Random, seed: Seed, parts: list[Part]) -> None:
    """Drop, repeat, swap, or take one in from another clip or from nowhere."""
    at, other = chance.randrange(len(parts) + 1), chance.randrange(len(parts) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        del parts[at : at + 1]
    elif kind == 1:
        parts[at:at] = parts[other : other + chance.choice((1, 1, 3))] * chance.choice((1, 1, 4))
    elif kind == 2:
        parts[at : at + 1], parts[other : other + 1] = parts[other : other + 1], parts[at : at + 1]
    elif kind == 3:
        parts.insert(at, chance.choice(chance.choice(seeds()).parts))
    else:
        parts.insert(at, odd_part(chance, seed.container))


def damage_part(chance: random.Random, seed: Seed, parts: list[Part]) -> None:
    """One of the first as often as one of all."""
    if parts:
        at = chance.randrange(min(3, len(parts)) if chance.random() < 0.5 else len(parts))
        part = damaged(chance, parts[at])
        is_sealed = chance.random() < 0.85 and parts[at] != b""
        parts[at] = seed.container.sealed(part, parts[at]) if is_sealed else part


# A whole input.


def mutant(seed: int, number: int) -> tuple[str, bytes, random.Random]:
    """Input `number`: what it was made of, its bytes, and the chance that goes with it from there on."""
    chance = random.Random(seed << 40 | number)
    origin = chance.choice(seeds())
    parts = list(origin.parts)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 4))):
        (damage_part if chance.random() < 0.75 else rearrange)(chance, origin, parts)
    body = b"".join(parts)
    kind = chance.random()
    if kind < 0.1:
        body = body[: chance.randrange(len(body) + 1)]
    elif kind < 0.15:
        body = body[: chance.randrange(len(body) + 1)] + chance.choice(seeds()).body
    body = origin.container.closed(body)
    return origin.name, damaged(chance, body) if chance.random() < 0.15 else body, chance
