"""Bad recordings, ten of each kind: each gets its result or a reason in words."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from sidecar.audio.shape import resampled
from sidecar.fitting.company import check_one_person
from sidecar.fitting.encoders import NAMES, Encoder, load_encoders
from sidecar.fitting.recording import ENGINE_HZ, LEVEL, Decoded, active_of, read_recordings, recordings_of
from sidecar.prosody.f0 import FRAMES_PER_S, Floats
from sidecar.protocol.errors import BadAudio, StorageError
from sidecar.voice import Voice

TEN = range(10)


def decoded(samples: Floats, rate_hz: int = ENGINE_HZ) -> Decoded:
    return Decoded("mara.wav", samples.astype(np.float32), rate_hz, "0" * 64)


def noise(samples: Floats, colour: float, seed: int) -> Floats:
    """As strong as the samples; `colour` 0 is white, 1 pink."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(samples)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** (colour / 2)
    made = np.fft.irfft(spectrum, len(samples))
    return (made * np.sqrt(np.mean(samples**2) / np.mean(made**2))).astype(np.float32)


def chords(samples: Floats, seed: int) -> Floats:
    """Music as strong as the samples: a chord every 0.8 s, with harmonics."""
    random, at_s = np.random.default_rng(seed), np.arange(len(samples)) / ENGINE_HZ
    root = random.choice([196.0, 220.0, 247.0, 262.0])
    steps = np.repeat(random.choice([0, 5, 7], 64), int(0.8 * ENGINE_HZ))[: len(samples)]
    made = sum(
        np.sin(2 * np.pi * k * root * 2 ** (note / 12) * 2 ** (steps / 12) * at_s) / k
        for note in (0, 4, 7)
        for k in (1, 2, 3)
    )
    return (made * np.sqrt(np.mean(samples**2) / np.mean(made**2))).astype(np.float32)


@pytest.mark.parametrize("at", TEN)
def test_silence_is_refused(at: int) -> None:
    with pytest.raises(BadAudio, match="silent"):
        recordings_of([decoded(np.full(ENGINE_HZ * (5 + at), 1e-4 * at / 10))])


@pytest.mark.parametrize("at", TEN)
def test_noise_is_refused_with_its_level(spoken: dict[str, Floats], at: int) -> None:
    samples = spoken["am_michael"]
    gain = 10 ** (-at / 20)  # 0 to 9 dB under the speech
    with pytest.raises(BadAudio, match=r"dB over|dB or more|background|s of speech"):
        recordings_of([decoded(samples + gain * noise(samples, at % 2, at))])


@pytest.mark.parametrize("at", TEN)
def test_music_is_refused(spoken: dict[str, Floats], at: int) -> None:
    samples = spoken["af_heart"]
    music = chords(samples, at)
    with pytest.raises(BadAudio, match="music"):
        recordings_of([decoded(music if at < 5 else samples + 0.7 * music)])


@pytest.mark.parametrize("at", TEN)
def test_two_seconds_are_refused_with_how_much_there_is(spoken: dict[str, Floats], at: int) -> None:
    samples = spoken[("am_michael", "af_heart")[at % 2]]
    first = ENGINE_HZ // 4 * at
    with pytest.raises(BadAudio, match="s of speech"):
        recordings_of([decoded(samples[first : first + 2 * ENGINE_HZ])])


@pytest.mark.parametrize("at", TEN)
def test_clipped_speech_is_refused_with_its_share(spoken: dict[str, Floats], at: int) -> None:
    samples = spoken["am_michael"] / np.abs(spoken["am_michael"]).max()
    with pytest.raises(BadAudio, match=r"clipped: .* flat at its peak"):
        recordings_of([decoded(np.clip((3 + at) * samples, -1, 1))])


@pytest.mark.parametrize("at", TEN)
def test_a_telephones_band_is_taken_and_its_edge_is_known(spoken: dict[str, Floats], at: int) -> None:
    samples = spoken[("am_michael", "af_heart")[at % 2]] * 10 ** (-2 * at / 20)
    found = recordings_of([decoded(resampled(samples, ENGINE_HZ, 8000), 8000)])
    assert 2500 <= found.edge_hz <= 3800


def test_good_speech_is_levelled_and_cut_to_what_is_spoken(spoken: dict[str, Floats]) -> None:
    samples = spoken["am_michael"]
    quiet = np.concatenate([np.zeros(ENGINE_HZ), 0.05 * samples, np.zeros(ENGINE_HZ)])
    (one,) = recordings_of([decoded(quiet)]).each
    inside = np.repeat(active_of(one.samples).speech, ENGINE_HZ // FRAMES_PER_S)[: len(one.samples)]
    level = float(np.sqrt(np.mean(one.samples[: len(inside)][inside] ** 2)))
    assert level == pytest.approx(LEVEL, rel=0.05)
    assert len(one.samples) < len(samples) + ENGINE_HZ // 2


def test_over_a_minute_together_is_refused(spoken: dict[str, Floats]) -> None:
    long = np.resize(spoken["am_michael"], 31 * ENGINE_HZ)
    with pytest.raises(BadAudio, match="expected 60 s at most"):
        recordings_of([decoded(long), decoded(long)])


def test_the_band_of_what_is_recorded_at_16_khz_is_wide(spoken: dict[str, Floats]) -> None:
    low = resampled(spoken["af_heart"], ENGINE_HZ, 16_000)
    assert recordings_of([decoded(low, 16_000)]).edge_hz > 6500


def stretches(spoken: dict[str, Floats], at: int) -> Iterator[Floats]:
    """Two people in turn, cut in ten ways."""
    turn = ENGINE_HZ * (10 + at) // 5
    for first in range(0, 2 * turn, turn):
        yield spoken["am_michael"][first : first + turn]
        yield spoken["af_heart"][first : first + turn]


@pytest.fixture(scope="module")
def encoders() -> dict[str, Encoder]:
    return load_encoders(NAMES, torch.device("cpu"))


@pytest.mark.parametrize("at", TEN)
def test_a_man_and_a_woman_are_refused(
    encoders: dict[str, Encoder], spoken: dict[str, Floats], at: int
) -> None:
    both = np.concatenate([*stretches(spoken, at)])
    with pytest.raises(BadAudio, match="two"):
        found = recordings_of([decoded(both)])
        check_one_person(encoders, found)


@pytest.mark.slow
def test_two_of_one_register_are_refused_and_one_is_not(
    encoders: dict[str, Encoder], voice: Voice, spoken: dict[str, Floats]
) -> None:
    other = np.concatenate(
        [
            voice.synthesize(line, "bf_emma").samples
            for line in (
                "Good evening to you, and welcome back to our town.",
                "There is a letter for you from the captain.",
            )
        ]
    )
    check_one_person(encoders, recordings_of([decoded(spoken["af_heart"])]))
    with pytest.raises(BadAudio, match="two people"):
        check_one_person(encoders, recordings_of([decoded(spoken["af_heart"]), decoded(other)]))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_what_libsndfile_reads_is_read(tmp_path: Path, spoken: dict[str, Floats], kind: str) -> None:
    file = tmp_path / f"mara.{kind.lower()}"
    soundfile.write(
        file, np.stack([spoken["am_michael"], 0 * spoken["am_michael"]], 1), ENGINE_HZ, format=kind
    )
    (one,) = read_recordings([file]).each
    assert one.name == file.name and len(one.sha256) == 64


WRONG = (
    b"",
    b"RIFF",
    b"RIFX" + bytes(400),
    b"OggS" + bytes(400),
    b"\x7fELF" + bytes(64),
    b"fLaC" + bytes(40),
)


@pytest.mark.slow
@pytest.mark.parametrize("at", TEN)
def test_a_wrong_header_is_refused(tmp_path: Path, at: int) -> None:
    file = tmp_path / "mara.wav"
    file.write_bytes(WRONG[at] if at < len(WRONG) else np.random.default_rng(at).bytes(5000))
    with pytest.raises(BadAudio, match="cannot be"):
        read_recordings([file])


def test_a_file_that_is_no_sound_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "notes.wav"
    file.write_bytes(b"RIFX" + bytes(400))
    with pytest.raises(BadAudio, match=r"notes.wav: it cannot be read.* expected 5 to 60 s"):
        read_recordings([file])


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a file"):
        read_recordings([tmp_path / "none.wav"])
