"""Audio leaves as what was asked for."""

import io

import numpy as np
import pytest
import soundfile

from sidecar.audio.encode import GENERATOR, Mark, encode
from sidecar.audio.shape import FADE_S, faded, resampled
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.formats import AUDIO_FORMATS
from sidecar.protocol.marking import DIGITAL_SOURCE_TYPE as SYNTHETIC

RATE = 24_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def test_pcm_is_little_endian_and_clipped():
    loud = np.array([0.0, 1.0, -1.0, 3.0, -3.0, 0.5], dtype=np.float32)
    assert np.frombuffer(encode(loud, RATE, "pcm_s16le"), "<i2").tolist() == [
        0,
        32767,
        -32767,
        32767,
        -32767,
        16384,
    ]
    assert np.frombuffer(encode(loud, RATE, "pcm_f32le"), "<f4").tolist() == [0, 1, -1, 1, -1, 0.5]


@pytest.mark.parametrize(("kind", "tolerance"), [("wav", 1e-4), ("flac", 1e-4), ("ogg", 0.1)])
def test_a_container_decodes_to_the_same_sound(kind: str, tolerance: float):
    samples, rate = soundfile.read(io.BytesIO(encode(TONE, RATE, kind)), dtype="float32")
    assert rate == RATE
    assert abs(len(samples) - len(TONE)) <= 2048 * (kind == "ogg")
    assert np.abs(samples[: len(TONE)] - TONE[: len(samples)]).max() <= tolerance


def test_a_long_line_survives_vorbis():
    long = np.tile(TONE, 120)
    samples, _ = soundfile.read(io.BytesIO(encode(long, RATE, "ogg")))
    assert len(samples) == pytest.approx(len(long), abs=4096)


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(BadRequest, match="did you mean 'wav'") as refusal:
        encode(TONE, RATE, "wave")
    assert refusal.value.field == "format"
    for kind in AUDIO_FORMATS:
        assert encode(TONE, RATE, kind)


def test_edges_are_silent_and_the_middle_untouched():
    ones = np.ones(RATE, dtype=np.float32)
    result, edge = faded(ones, RATE), int(FADE_S * RATE)
    assert result[0] == result[-1] == 0
    assert np.array_equal(result[edge:-edge], ones[edge:-edge])
    assert np.abs(np.diff(result)).max() < 0.02
    assert ones.min() == 1


@pytest.mark.parametrize("length", [0, 1, 2, 5])
def test_edges_of_next_to_nothing_keep_its_length(length: int):
    assert len(faded(np.ones(length, dtype=np.float32), RATE)) == length


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_resampling_keeps_the_tone(rate: int):
    result = resampled(TONE, RATE, rate)
    assert len(result) == pytest.approx(rate, abs=2)
    spectrum = np.abs(np.fft.rfft(result))
    assert np.argmax(spectrum) * rate / len(result) == pytest.approx(440, abs=1.5)


def test_resampling_to_the_same_rate_changes_nothing():
    assert resampled(TONE, RATE, RATE) is TONE


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_lossless_files_hold_the_very_samples_of_raw_pcm(kind: str):
    noise = np.random.default_rng(3).uniform(-1.2, 1.2, 5000).astype(np.float32)
    read, _ = soundfile.read(io.BytesIO(encode(noise, 24_000, kind)), dtype="int16")
    assert read.tobytes() == encode(noise, 24_000, "pcm_s16le")


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_a_file_says_that_it_is_synthetic_and_whose_it_is(kind: str):
    mark = Mark("kokoro-82m@1.0.0", "af_heart; or so")
    with soundfile.SoundFile(io.BytesIO(encode(TONE, RATE, kind, mark))) as file:
        said, frames = file.copy_metadata(), file.frames
    assert said["software"].startswith(GENERATOR) and said["artist"] == mark.voice
    assert said["comment"].split("; ") == [
        "Synthetic speech", f"DigitalSourceType={SYNTHETIC}", f"Generator={GENERATOR}",
        "Model=kokoro-82m@1.0.0", "Voice=af_heart, or so",
    ]  # fmt: skip
    assert frames == len(TONE)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_the_mark_is_left_out_only_where_that_is_asked_for(kind: str):
    def said(*mark: None) -> dict[str, str]:
        with soundfile.SoundFile(io.BytesIO(encode(TONE, RATE, kind, *mark))) as file:
            return file.copy_metadata()

    assert SYNTHETIC in said()["comment"]
    assert not {"comment", "artist"} & said(None).keys()


def test_samples_of_a_marked_wav_are_where_those_of_a_plain_one_are():
    plain, marked = (encode(TONE, RATE, "wav", mark) for mark in (None, Mark("m@1", "v")))
    assert marked[44:].startswith(plain[44:]) and marked[36:44] == plain[36:44] and len(marked) > len(plain)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_the_same_samples_give_the_same_file(kind: str):
    assert encode(TONE, RATE, kind) == encode(TONE, RATE, kind)
    other, _ = soundfile.read(io.BytesIO(encode(TONE * 0.5, RATE, kind)))
    assert len(other) == len(TONE)
