"""Speech is told from noise, tones and silence; pictures of a line from those of another."""

import numpy as np
import pytest

from sidecar.audio.listening import level, measured
from sidecar.audio.mel import BANDS, FLOOR_NEPERS, distance_nepers, log_mel
from sidecar.voice import Voice

RATE_HZ = 24000
TIME_S = np.arange(2 * RATE_HZ) / RATE_HZ
NOISE = np.random.default_rng(0).standard_normal(len(TIME_S))
GATE = (np.sin(2 * np.pi * 3 * TIME_S) > 0) * 1.0

SOUNDS = {
    "noise": 0.1 * NOISE,
    "gated_noise": 0.1 * NOISE * GATE,
    "rising_noise": 0.1 * NOISE * TIME_S,
    "tone": 0.1 * np.sin(2 * np.pi * 200 * TIME_S),
    "gated_tone": 0.1 * np.sin(2 * np.pi * 200 * TIME_S) * GATE,
    "buzz": 0.05 * np.sign(np.sin(2 * np.pi * 120 * TIME_S)),
    "gated_buzz": 0.05 * np.sign(np.sin(2 * np.pi * 120 * TIME_S)) * GATE,
    "clicks": 0.3 * (np.arange(len(TIME_S)) % 4000 == 0),
    "hiss": 0.1 * np.diff(NOISE, append=0) * GATE,
}


@pytest.mark.parametrize("name", SOUNDS)
def test_what_is_no_speech_is_told(name: str):
    assert measured(SOUNDS[name].astype(np.float32), RATE_HZ).complaint()


@pytest.mark.parametrize("speaker", ["af_nicole", "am_santa", "bf_emma", "zm_yunjian", "hf_alpha"])
def test_speech_is_speech_in_every_kind_of_voice(voice: Voice, speaker: str):
    for line in ("No.", "The old mine has been sealed for ten years.", "Shh! She sells sea shells."):
        speech = voice.synthesize(line, speaker, seed=1)
        assert measured(speech.samples, speech.sample_rate_hz).complaint() is None


def test_level_is_of_full_scale():
    square = np.sign(np.sin(2 * np.pi * 100 * TIME_S)).astype(np.float32)
    assert level(square).rms_dbfs == pytest.approx(0, abs=0.1)
    assert level(square).clipped_share > 0.9
    assert level(0.1 * square).clipped_share == 0
    assert level(np.zeros(100, np.float32)).rms_dbfs < -150


def test_a_picture_has_forty_frames_a_second_and_a_floor():
    picture = log_mel(SOUNDS["tone"].astype(np.float32), RATE_HZ)
    assert picture.shape == (80, BANDS) and picture.min() == FLOOR_NEPERS
    assert log_mel(np.zeros(0, np.float32), RATE_HZ).shape == (1, BANDS)
    full = log_mel(np.sin(2 * np.pi * 1000 * TIME_S).astype(np.float32), RATE_HZ)
    assert -2.5 < full.max() < 0.1


def test_distance_knows_same_from_shifted_from_other():
    speech = (NOISE * GATE * np.sin(2 * np.pi * TIME_S) * 0.2).astype(np.float32)
    picture = log_mel(speech, RATE_HZ)
    late = log_mel(np.concatenate([np.zeros(600, np.float32), speech]), RATE_HZ)
    assert distance_nepers(picture, picture) == 0
    assert distance_nepers(late, picture) < 0.1
    assert distance_nepers(log_mel(speech * 2, RATE_HZ), picture) > 0.2
    assert distance_nepers(picture[:40], picture) == float("inf")
