"""Faults planted in sound speech, as the gate must find them."""

import numpy as np
import soxr

from sidecar.prosody.plan import Floats
from sidecar.speech import Speech, TimedWord

#: What each is to be found as.
KINDS = {
    "cut": "length", "silenced": "missing", "clipped": "clipped", "clicked": "click", "stretched": "length",
    "octave": "octave",
}  # fmt: skip
LONG_S = 0.12  #: words that are worth a fault


def planted(kind: str, speech: Speech, rng: np.random.Generator) -> Floats:
    """The speech's sound with one fault of that kind in it."""
    sound = _PLANTED[kind](speech.samples.astype(np.float64), speech, rng)
    return np.clip(sound, -1, 1).astype(np.float32)


def _cut(sound: np.ndarray, speech: Speech, rng: np.random.Generator) -> np.ndarray:
    """0.15 to 0.6 s less at an end."""
    lost = int(rng.uniform(0.15, 0.6) * speech.sample_rate_hz)
    return sound[lost:] if rng.random() < 0.5 else sound[:-lost]


def _silenced(sound: np.ndarray, speech: Speech, rng: np.random.Generator) -> np.ndarray:
    """A word less."""
    first, end = _span(_word(speech, rng), speech)
    return np.concatenate([sound[:first], np.zeros(end - first), sound[end:]])


def _clipped(sound: np.ndarray, speech: Speech, rng: np.random.Generator) -> np.ndarray:
    """Cut off at 0.3 to 0.7 of its peak; half of them made as loud as before."""
    peak = np.abs(sound).max()
    ceiling = rng.uniform(0.3, 0.7) * peak
    return np.clip(sound, -ceiling, ceiling) * (peak / ceiling if rng.random() < 0.5 else 1)


def _clicked(sound: np.ndarray, speech: Speech, rng: np.random.Generator) -> np.ndarray:
    """Three samples of 0.1 to 0.5 within 10 ms of an end."""
    at = int(rng.uniform(0, 0.01) * speech.sample_rate_hz)
    at = at if rng.random() < 0.5 else len(sound) - 4 - at
    clicked = sound.copy()
    clicked[at : at + 3] += rng.choice([-1, 1]) * rng.uniform(0.1, 0.5)
    return clicked


def _stretched(sound: np.ndarray, speech: Speech, rng: np.random.Generator) -> np.ndarray:
    """A word 1.5 to 2.5 times as long."""
    first, end = _span(_word(speech, rng), speech)
    longer = _in_other_time(sound[first:end], rng.uniform(1.5, 2.5), speech.sample_rate_hz)
    return np.concatenate([sound[:first], longer, sound[end:]])


def _octave(sound: np.ndarray, speech: Speech, rng: np.random.Generator) -> np.ndarray:
    """Four words an octave off: up for a low voice, down for a high one."""
    first = int(rng.integers(0, max(1, len(speech.words) - 4)))
    last = min(first + 3, len(speech.words) - 1)
    begin, _ = _span(speech.words[first], speech)
    _, end = _span(speech.words[last], speech)
    voiced = [phoneme.f0_hz for phoneme in speech.phonemes if phoneme.f0_hz > 0]
    times = 2.0 if np.median(voiced) < 220 else 0.5
    rate = speech.sample_rate_hz
    other = soxr.resample(_in_other_time(sound[begin:end], times, rate), rate * times, rate)
    fitted = np.pad(other, (0, max(0, end - begin - len(other))))[: end - begin]
    return np.concatenate([sound[:begin], fitted, sound[end:]])


_PLANTED = dict(
    cut=_cut, silenced=_silenced, clipped=_clipped, clicked=_clicked, stretched=_stretched, octave=_octave
)


def _word(speech: Speech, rng: np.random.Generator) -> TimedWord:
    long = [word for word in speech.words if word.end_s - word.start_s > LONG_S]
    return long[rng.integers(len(long))]


def _span(word: TimedWord, speech: Speech) -> tuple[int, int]:
    return int(word.start_s * speech.sample_rate_hz), int(word.end_s * speech.sample_rate_hz)


def _in_other_time(sound: np.ndarray, times: float, rate_hz: int) -> np.ndarray:
    """As long as so many times, at the same pitch: overlapping windows of 40 ms, each taken from where it
    fits best to the one before (WSOLA, Verhelst & Roelands 1993)."""
    width, reach = int(0.04 * rate_hz), int(0.01 * rate_hz)
    half, size = width // 2, int(len(sound) * times)
    window = np.hanning(width)
    source = np.pad(sound, (0, 3 * width))
    total, weight = np.zeros(size + 2 * width), np.zeros(size + 2 * width)
    at = 0
    for start in range(0, size, half):
        wanted = int(start / times)
        if start:
            follows = source[at + half : at + width]
            places = range(max(0, wanted - reach), wanted + reach)
            wanted = max(places, key=lambda place: float(follows @ source[place : place + len(follows)]))
        total[start : start + width] += window * source[wanted : wanted + width]
        weight[start : start + width] += window
        at = wanted
    return (total / np.maximum(weight, 1e-3))[:size]
