"""Voice quality on the waveform: each treatment does what it is named for, in place."""

import numpy as np
import pytest

from sidecar.audio.timbre import CEILING, Timbre, held_back, treated

RATE_HZ = 24_000
NO_GAIN = np.zeros(10, np.float32)


def voice(f0_hz: float = 120.0, seconds: float = 1.5) -> np.ndarray:
    """Pulses through three resonances: a vowel without a speaker."""
    chance = np.random.default_rng(0)
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    sound = np.zeros_like(time_s)
    for number in range(1, int(8000 / f0_hz)):
        hz = number * f0_hz
        gain = sum(1 / (1 + ((hz - formant) / 120) ** 2) for formant in (600, 1400, 2500)) / number**0.5
        sound += gain * np.sin(2 * np.pi * hz * time_s + chance.uniform(0, 6))
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


VOICE = voice()


def level_db(samples: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def band_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    return 10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum())


def harmonicity(samples: np.ndarray) -> float:
    """Autocorrelation at the pitch period, of what lies over the first harmonics."""
    x = samples - np.convolve(samples, np.ones(24) / 24, "same")
    lag = round(RATE_HZ / 120)
    return float(np.corrcoef(x[:-lag], x[lag:])[0, 1])


def test_nothing_asked_for_is_the_very_same_array():
    assert treated(VOICE, RATE_HZ, Timbre(), NO_GAIN, 1) is VOICE


@pytest.mark.parametrize(
    "timbre",
    [
        Timbre(tilt_db=2),
        Timbre(tension_db=-5),
        Timbre(breath=0.5),
        Timbre(formants_oct=0.1),
        Timbre(whisper=1),
    ],
)
def test_length_seed_and_finiteness_are_kept(timbre: Timbre):
    for samples in (VOICE, VOICE[:100], VOICE[:1], np.zeros(5000, np.float32)):
        once = treated(samples, RATE_HZ, timbre, NO_GAIN, 7)
        assert once.dtype == np.float32 and once.shape == samples.shape and np.isfinite(once).all()
        assert once.tobytes() == treated(samples, RATE_HZ, timbre, NO_GAIN, 7).tobytes()


def test_level_is_in_decibels():
    assert level_db(treated(VOICE, RATE_HZ, Timbre(level_db=-6), NO_GAIN, 1)) == pytest.approx(
        level_db(VOICE) - 6, abs=0.05
    )


def test_gain_follows_its_curve():
    gain = np.repeat(np.array([0, 6], np.float32), 50)
    after = treated(VOICE, RATE_HZ, Timbre(), gain, 1)
    third = len(VOICE) // 3
    assert level_db(after[:third]) == pytest.approx(level_db(VOICE[:third]), abs=0.1)
    assert level_db(after[-third:]) == pytest.approx(level_db(VOICE[-third:]) + 6, abs=0.1)


@pytest.mark.parametrize("tilt_db", [-2.0, 2.0])
def test_tilt_is_in_decibels_an_octave_and_leaves_the_level(tilt_db: float):
    after = treated(VOICE, RATE_HZ, Timbre(tilt_db=tilt_db), NO_GAIN, 1)
    lift = [
        band_db(after, hz / 1.2, 1.2 * hz) - band_db(VOICE, hz / 1.2, 1.2 * hz) for hz in (600, 1200, 2400)
    ]
    assert np.diff(lift) == pytest.approx(tilt_db, abs=0.4)
    assert level_db(after) == pytest.approx(level_db(VOICE), abs=0.1)


def test_tension_gives_to_the_middle_what_it_takes_from_the_fundamental():
    tense, lax = (treated(VOICE, RATE_HZ, Timbre(tension_db=db), NO_GAIN, 1) for db in (6, -6))
    balance = [band_db(x, 1800, 3500) - band_db(x, 80, 250) for x in (lax, VOICE, tense)]
    assert np.diff(balance) == pytest.approx(6, abs=1.5)


def test_breath_adds_air_and_more_of_it_more():
    heard = [harmonicity(treated(VOICE, RATE_HZ, Timbre(breath=b), NO_GAIN, 1)) for b in (0, 0.3, 0.6, 1)]
    assert (np.diff(heard) < -0.003).all() and heard[-1] < 0.95


def test_a_full_whisper_has_no_pitch_and_keeps_its_formants():
    whispered = treated(VOICE, RATE_HZ, Timbre(whisper=1), NO_GAIN, 1)
    assert harmonicity(VOICE) > 0.9 and abs(harmonicity(whispered)) < 0.2
    assert level_db(whispered) < level_db(VOICE) - 3
    peak = band_db(whispered, 1300, 1500) - band_db(whispered, 1800, 2000)
    assert peak > 3


def test_formants_move_and_pitch_stays():
    after = treated(VOICE, RATE_HZ, Timbre(formants_oct=0.1), NO_GAIN, 1)
    assert band_db(after, 1450, 1600) > band_db(VOICE, 1450, 1600) + 2
    assert harmonicity(after) > 0.9


def test_loud_samples_are_bent_and_never_clip():
    loud = treated(VOICE, RATE_HZ, Timbre(level_db=20), NO_GAIN, 1)
    assert np.abs(loud).max() < CEILING
    steps = np.linspace(-3, 3, 1001).astype(np.float32)
    assert (np.diff(held_back(steps)) >= 0).all()
    assert held_back(VOICE) is VOICE
