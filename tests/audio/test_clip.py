"""Clips from outside: what can be read is read, and everything else is told what is wrong with it."""

import io
import tracemalloc

import numpy as np
import pytest
import soundfile

from sidecar.audio.clip import decoded
from sidecar.protocol.errors import BadAudio
from tests.audio import hostile

RATE_HZ = 16_000
NOISE = (0.1 * np.random.default_rng(0).normal(size=2 * RATE_HZ)).astype(np.float32)


def written(
    samples: np.ndarray, kind: str = "WAV", subtype: str | None = None, rate_hz: int = RATE_HZ
) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=kind, subtype=subtype)
    return buffer.getvalue()


def lasting(seconds: float, rate_hz: int = RATE_HZ) -> np.ndarray:
    return np.resize(NOISE, round(seconds * rate_hz))


def claiming(frames: int) -> bytes:
    """A FLAC of 2 s whose header says it has so many frames (36 bits from the 21st byte's low half on)."""
    body = bytearray(written(NOISE, "FLAC"))
    body[21] = (body[21] & 0xF0) | frames >> 32
    body[22:26] = (frames & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(body)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("FLAC", "PCM_16"),
     ("WAV", "ALAW"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAVEX", "PCM_16"), ("WAVEX", "FLOAT"),
     ("OGG", "VORBIS"), ("OGG", "OPUS")],
)  # fmt: skip
def test_its_containers_are_read(kind: str, subtype: str):
    clip = decoded(written(NOISE, kind, subtype))
    assert clip.sample_rate_hz in (RATE_HZ, 48_000)
    assert clip.duration_s == pytest.approx(2, abs=0.04)
    assert np.abs(clip.samples).max() == 1
    assert clip.peak_dbfs == pytest.approx(20 * np.log10(np.abs(NOISE).max()), abs=2)


@pytest.mark.parametrize(("seconds", "rate_hz"), [(1, 8_000), (30, 8_000), (30, 48_000), (1, 192_000)])
def test_its_extremes_are_read(seconds: float, rate_hz: int):
    clip = decoded(written(lasting(seconds, rate_hz), rate_hz=rate_hz))
    assert clip.duration_s == seconds
    assert len(clip.at(8_000)) == seconds * 8_000


def test_of_two_channels_the_louder_counts_even_where_they_cancel():
    both = np.stack([NOISE, -0.5 * NOISE], axis=1)
    assert np.corrcoef(decoded(written(both)).samples, NOISE)[0, 1] > 0.999


EXTENDED = bytes.fromhex("0100000000001000800000aa00389b71")  # PCM


def tagged(tag: int, body: bytes = written(NOISE)) -> bytes:
    """A WAV whose first format, right behind its header, is another one."""
    return body[:20] + tag.to_bytes(2, "little") + body[22:]


BAD = {
    "nothing": (b"", "no clip"),
    "text": (b"To be, or not to be: that is the question.", "not audio"),
    "random": (np.random.default_rng(1).bytes(10_000), "not audio"),
    "mp3": (written(NOISE, "MP3"), "is MP3"),
    "aiff": (written(NOISE, "AIFF"), "is AIFF"),
    "mp4": (b"\0\0\0\x20ftypM4A " + bytes(100), "is MP4"),
    "header alone": (written(NOISE)[:44], "cut off"),
    "wrong header": (b"RIFF\x40\0\0\0WAVE" + np.random.default_rng(1).bytes(500), "cannot be read as WAV"),
    "no data": (b"RIFF\4\0\0\0WAVE", "cannot be read as WAV"),
    "truncated wav": (written(NOISE)[:-20_000], "cut off"),
    "truncated flac": (written(NOISE, "FLAC")[:-8_000], "cannot be read as FLAC"),
    "truncated ogg": (written(NOISE, "OGG")[:-3_000], "cut off"),
    "damaged flac": (
        written(NOISE, "FLAC")[:20_000] + bytes(range(250)) + written(NOISE, "FLAC")[20_250:],
        "cannot be read as FLAC",
    ),
    "too short": (written(lasting(0.5)), "too short: 0.50 s"),
    "too long": (written(lasting(31)), "too long: 31.0 s"),
    "too long ogg": (written(lasting(31), "OGG"), "too long: 31.0 s"),
    "six channels": (written(np.tile(NOISE[:, None], (1, 6))), "6 channels"),
    "slow": (written(NOISE, rate_hz=4_000), "4000 samples a second"),
    "fast": (written(lasting(1, 384_000), rate_hz=384_000), "384000 samples a second"),
    "nan": (written(np.where(np.arange(len(NOISE)) == 99, np.nan, NOISE), subtype="FLOAT"), "not finite"),
    "infinite": (
        written(np.where(np.arange(len(NOISE)) == 99, np.inf, NOISE), subtype="FLOAT"),
        "not finite",
    ),
    "silent": (written(np.zeros(RATE_HZ * 2, np.float32)), "silent"),
    "nearly silent": (written(NOISE / 2000), "silent"),
    "clipped": (written(np.clip(10 * NOISE, -1, 1)), "clipped"),
    "gsm": (written(NOISE, subtype="GSM610"), "coded as GSM"),
    "g721": (written(NOISE, subtype="G721_32"), "coded as G.721"),
    "nms": (written(NOISE, subtype="NMS_ADPCM_32"), "coded as NMS ADPCM"),
    "mp3 in wav": (tagged(0x55), "coded as MP3"),
    "unknown in wav": (tagged(0x1234), "coded as format 0x1234"),
    "mp3 in extended wav": (
        written(NOISE, "WAVEX").replace(EXTENDED, b"\x55" + EXTENDED[1:]),
        "coded as MP3",
    ),
    "odd in extended wav": (written(NOISE, "WAVEX").replace(EXTENDED, EXTENDED[:-1] + b"?"), "0xfffe"),
    "second format": (
        (lambda body: body[:36] + body[12:20] + b"\x55" + body[21:36] + body[36:])(written(NOISE)),
        "coded as MP3",
    ),
    "many opus streams": (hostile.slow(2), "coded as Opus of many streams"),
    "billions of frames": (claiming(2**36 - 1), "too long"),
    "more frames than there are": (claiming(29 * RATE_HZ), "cannot be read as FLAC"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_clip_is_told_what_is_wrong(name: str):
    body, complaint = BAD[name]
    with pytest.raises(BadAudio, match=complaint):
        decoded(body)


def test_a_bomb_takes_no_memory():
    bomb = written(np.zeros(4_000_000, np.float32), "FLAC")  # 250 s of silence in 10 KB
    assert len(bomb) < 50_000
    tracemalloc.start()
    with pytest.raises(BadAudio):
        decoded(bomb)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_wherever_it_is_cut_or_damaged_nothing_but_a_refusal_comes_of_it():
    rng = np.random.default_rng(3)
    whole = [written(lasting(1.2), kind) for kind in ("WAV", "FLAC", "OGG")]
    for _ in range(150):
        body = bytearray(whole[rng.integers(3)])
        for at in rng.integers(0, len(body), 8):
            body[at] = rng.integers(256)
        body = body[: rng.integers(1, len(body) + 1)]
        try:
            clip = decoded(bytes(body))
        except BadAudio:
            continue
        assert np.isfinite(clip.samples).all() and 1 <= clip.duration_s <= 30
