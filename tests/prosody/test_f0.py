"""The tracker against signals whose F0 is known, and beside two trackers of renown on speech."""

import json

import numpy as np
import pytest

from sidecar.audio.shape import resampled
from sidecar.prosody.f0 import FRAMES_PER_S, HOP, RATE_HZ, tracked
from sidecar.speech import Speech
from sidecar.voice import Voice
from tests.prosody.record_trackers import RECORDED, SPEAKERS, spoken
from tests.prosody.sounds import harmonics, mixed, seconds, telephoned, white

T = seconds(2.0)


def errors_st(sound: np.ndarray, truth_hz: np.ndarray) -> np.ndarray:
    """Of the voiced frames but the edges'; most frames must be voiced."""
    found, truth = tracked(sound)[5:-5], truth_hz[::HOP][5:-5]
    found, truth = found[: len(truth)], truth[: len(found)]
    voiced = found > 0
    assert voiced.mean() > 0.9
    return 12 * np.log2(found[voiced] / truth[voiced])


@pytest.mark.parametrize("hz", [60, 82, 120, 220, 350, 480])
def test_steady_voices_of_men_women_and_children_are_found_to_a_twentieth_of_a_semitone(hz: float):
    truth = np.full(len(T), float(hz))
    assert np.abs(errors_st(harmonics(truth), truth)).max() < 0.05
    assert np.abs(errors_st(telephoned(harmonics(truth)), truth)).max() < 0.05


@pytest.mark.parametrize(
    "truth",
    [80 * 2 ** (T / 2), 480 * 2 ** (-T / 2), 200 * 2 ** (np.sin(2 * np.pi * 5.5 * T) / 12)],
    ids=["up", "down", "vibrato"],
)
def test_glides_are_followed(truth: np.ndarray):
    assert np.quantile(np.abs(errors_st(harmonics(truth), truth)), 0.95) < 0.35


def test_an_octave_in_a_quarter_of_a_second_is_followed():
    truth = 120 * 2 ** np.clip((T - 0.8) / 0.25, 0, 1)
    assert np.quantile(np.abs(errors_st(harmonics(truth), truth)), 0.95) < 1


@pytest.mark.parametrize(
    ("hz", "formants"),
    [(250, ((500, 80), (1500, 120))), (150, ((450, 60), (1500, 120))), (100, ((400, 60), (1400, 100))),
     (110, ((330, 50), (2200, 100))), (200, ((400, 60), (2200, 100))), (300, ((600, 80), (1100, 100)))],
)  # fmt: skip
def test_a_harmonic_on_a_formant_is_not_taken_for_the_fundamental(hz: float, formants: tuple):
    truth = np.full(len(T), float(hz))
    sound = harmonics(truth, formants)
    for heard in (sound, telephoned(sound)):
        assert np.abs(np.median(errors_st(heard, truth))) < 0.05


@pytest.mark.parametrize("snr_db", [20, 10, 5])
def test_noise_does_not_bend_it(snr_db: float):
    truth = np.full(len(T), 150.0)
    assert np.quantile(np.abs(errors_st(mixed(harmonics(truth), white(2.0), snr_db), truth)), 0.9) < 0.15


def test_jitter_is_followed_and_not_smoothed_to_an_octave():
    rng = np.random.default_rng(0)
    truth = 120 * 2 ** (np.repeat(rng.normal(0, 0.3, len(T) // HOP), HOP) / 12)
    assert np.quantile(np.abs(errors_st(harmonics(truth), truth)), 0.9) < 0.6


def test_noise_and_silence_have_no_voice():
    assert not tracked(white(3.0)).any()
    assert not tracked(np.zeros(RATE_HZ, np.float32)).any()


def recorded(tracker: str, speaker: str, speech: Speech, frames: int) -> np.ndarray:
    """The line must be as long as it was then, or the two are not of the same sound."""
    heard = json.loads(RECORDED.read_text())[tracker][speaker]
    assert abs(len(heard) - FRAMES_PER_S * speech.duration_s) <= 2, "record it again"
    return np.resize(np.array(heard), frames)


@pytest.mark.parametrize(
    ("tracker", "shared", "gross"),
    [("praat", 0.9, 0.05), ("world", 0.7, 0.06)],  # WORLD's Harvest takes breaths and stops for voiced
)
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_it_agrees_with_trackers_of_renown_on_speech(
    voice: Voice, speaker: str, tracker: str, shared: float, gross: float
):
    speech = spoken(voice, speaker)
    found = tracked(resampled(speech.samples, speech.sample_rate_hz, RATE_HZ))
    theirs = recorded(tracker, speaker, speech, len(found))
    both = (found > 0) & (theirs > 0)
    assert both.sum() > shared * (theirs > 0).sum()
    apart_st = np.abs(12 * np.log2(found[both] / theirs[both]))
    assert np.median(apart_st) < 0.3
    assert np.mean(apart_st > 2.5) < gross
