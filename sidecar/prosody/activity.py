"""Where in a recording somebody speaks, how loud that is, and how far above what else is heard."""

from dataclasses import dataclass

import numpy as np

from sidecar.prosody.f0 import FRAMES_PER_S, Bools, Doubles, Floats, Ints, band_passed, framed

PAUSE_S = 0.2  #: shorter gaps are stops and breaths inside a phrase

_BAND_HZ = (100.0, 3500.0)
_WIDTH = 200  # 25 ms
_UNDER_SPEECH_DB = 30.0  # that far under the loud frames nothing is speech
_OVER_NOISE_DB, _VOICE_OVER_NOISE_DB = 6.0, 2.0  # what counts as speech is that far over the quietest
_SHORTEST = 5  # frames; shorter sounds are clicks
_LEAST_NOISE = 10  # frames that tell the level of the noise
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Activity:
    """`level_db` [frames] of 100 to 3500 Hz; `phrases` [n, 2]: first frame and end of what no pause cuts.

    `snr_db`: speech over what is heard in its gaps, at most 80.
    """

    level_db: Doubles
    phrases: Ints
    snr_db: float

    @property
    def speech(self) -> Bools:
        """[frames] whether it is inside a phrase."""
        inside = np.zeros(len(self.level_db), bool)
        for first, end in self.phrases:
            inside[first:end] = True
        return inside

    @property
    def speech_s(self) -> float:
        return float((self.phrases[:, 1] - self.phrases[:, 0]).sum()) / FRAMES_PER_S

    @property
    def pauses_s(self) -> Doubles:
        """[phrases - 1]"""
        return np.asarray((self.phrases[1:, 0] - self.phrases[:-1, 1]) / FRAMES_PER_S)


def activity(samples: Floats, f0_hz: Doubles) -> Activity:
    """Samples at `f0.RATE_HZ`, and their F0."""
    power = (framed(band_passed(samples, *_BAND_HZ), _WIDTH) ** 2).mean(1) + _TINY
    level_db = 10 * np.log10(power)
    floor_db, top_db = np.quantile(level_db, (0.05, 0.95))
    loud = level_db > max(top_db - _UNDER_SPEECH_DB, floor_db + _OVER_NOISE_DB)
    voiced = (f0_hz > 0) & (level_db > max(top_db - _UNDER_SPEECH_DB, floor_db + _VOICE_OVER_NOISE_DB))
    heard = without_short(loud | voiced, _SHORTEST)
    quiet = power[~heard]
    noise = float(quiet.mean()) if len(quiet) >= _LEAST_NOISE else float(10 ** (floor_db / 10))
    speech = float(power[heard].mean()) if heard.any() else noise
    snr_db = 10 * float(np.log10(max(speech - noise, _TINY) / noise))
    return Activity(level_db, runs(~without_short(~heard, int(PAUSE_S * FRAMES_PER_S))), min(snr_db, 80.0))


def runs(mask: Bools) -> Ints:
    """[n, 2]: first index and end of every stretch of True."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def without_short(mask: Bools, shortest: int) -> Bools:
    """The mask without stretches of True under `shortest`."""
    kept = mask.copy()
    for first, end in runs(mask):
        if end - first < shortest:
            kept[first:end] = False
    return kept
