"""Sounds whose truth is known: voices of harmonics, noise, chords, telephones. All at the analysis' rate."""

import numpy as np

from sidecar.prosody.f0 import RATE_HZ, Doubles

FORMANTS = ((500.0, 80.0), (1500.0, 120.0), (2500.0, 200.0))


def seconds(duration_s: float) -> Doubles:
    return np.arange(round(duration_s * RATE_HZ)) / RATE_HZ


def harmonics(f0_hz: Doubles, formants: tuple[tuple[float, float], ...] = FORMANTS) -> np.ndarray:
    """A vowel of resonances (Hz, bandwidth) whose fundamental follows `f0_hz`, one value a sample."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    sound = np.zeros(len(f0_hz))
    for k in range(1, int(3700 / f0_hz.min()) + 1):
        hz = k * f0_hz
        gain = sum(1 / (1 + ((hz - middle) / width) ** 2) for middle, width in formants) + 0.02
        sound += (hz < 3700) / k * gain * np.sin(k * phase + 0.5 * k * k)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def white(duration_s: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=round(duration_s * RATE_HZ))).astype(np.float32)


def chords(duration_s: float) -> np.ndarray:
    """Four-part chords of decaying tones, a new one each second."""
    sound = np.zeros(round(duration_s) * RATE_HZ)
    time_s = seconds(1.0)
    fade = np.exp(-time_s / 1.5) * np.minimum(1, time_s / 0.01) * np.minimum(1, (1 - time_s) / 0.02)
    for bar in range(round(duration_s)):
        for key in ((60, 64, 67, 71), (57, 60, 64, 69), (53, 57, 60, 65), (55, 59, 62, 67))[bar % 4]:
            hz = 440 * 2 ** ((key - 69) / 12)
            tone = sum(np.sin(2 * np.pi * k * hz * time_s + k) / k**1.3 for k in range(1, 6))
            sound[bar * RATE_HZ : (bar + 1) * RATE_HZ] += tone * fade
    return (0.7 * sound / np.abs(sound).max()).astype(np.float32)


def mixed(speech: np.ndarray, other: np.ndarray, snr_db: float) -> np.ndarray:
    """Both, the other repeated as needed and so far under the speech, over their whole length."""
    other = np.resize(other, len(speech))
    gain = np.sqrt(np.mean(speech**2) / np.mean(other**2)) * 10 ** (-snr_db / 20)
    return full(speech + gain * other)


def telephoned(sound: np.ndarray) -> np.ndarray:
    """Without what is under 300 Hz."""
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    gain = np.clip((hz - 230) / 70, 0, 1)
    return full(np.fft.irfft(np.fft.rfft(sound) * gain, len(sound)))


def tilted(sound: np.ndarray, db_an_octave: float) -> np.ndarray:
    hz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE_HZ), 50)
    gain = 10 ** (db_an_octave * np.log2(hz / 1000) / 20)
    return full(np.fft.irfft(np.fft.rfft(sound) * gain, len(sound)))


def aired(sound: np.ndarray, amplitude: float) -> np.ndarray:
    """With noise over 1.5 kHz that rises and falls with the sound: breath."""
    hz = np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    noise = np.fft.irfft(
        np.fft.rfft(white(len(sound) / RATE_HZ)) * np.clip((hz - 700) / 1500, 0, 1), len(sound)
    )
    level = np.sqrt(np.convolve(sound**2, np.ones(400) / 400, "same"))
    return full(sound + amplitude * level * noise / noise.std())


def full(sound: np.ndarray) -> np.ndarray:
    """At full scale."""
    return (sound / np.abs(sound).max()).astype(np.float32)


def speaking(base_hz: float = 110.0, width_st: float = 2.5, duration_s: float = 3.0) -> np.ndarray:
    """Like speech in what is measured: syllables, phrases with a falling tune, a pause, some noise."""
    time_s = seconds(duration_s)
    phrase = (time_s % 1.5) / 1.5
    tune_st = width_st * (1.5 - 2 * phrase + np.sin(2 * np.pi * 2.1 * time_s))
    voice = harmonics(base_hz * 2 ** (tune_st / 12))
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * time_s) ** 2 - 0.15, 0, None) * (phrase < 0.8)
    return full(voice * syllables + 0.01 * white(duration_s))
