"""Does it sound like speech at all? Measures that need no model, on one spoken line.

The bounds are set between what was measured on the 54 voices of Kokoro-82M, long and short lines, and
on networks of random, shuffled and noisy weights:

    measure               speech          broken networks
    level_spread_db       17 .. 27        0 .. 9
    timbre_spread_nepers  0.5 .. 1.1      0 .. 0.25
    flatness              0.0002 .. 0.03  0.15 .. 1
    low_share             0.86 .. 1       0 .. 0.4
"""

from dataclasses import dataclass

import numpy as np

from sidecar.audio.mel import Floats, log_mel, spectrogram

_LOUD_DB = -25  # frames this near the loudest one are speech, the others pauses
_LOW_HZ, _HIGH_HZ = 80, 8000
_VOWELS_UNDER_HZ = 4000
_TINY = 1e-14


@dataclass(frozen=True)
class SoundLevel:
    """Of a whole line: RMS in dB of full scale, and the share of samples that touch full scale."""

    rms_dbfs: float
    clipped_share: float


@dataclass(frozen=True)
class SpeechMeasures:
    """How a line's sound moves and where its energy lies.

    `level_spread_db`: standard deviation of the frames' level. `timbre_spread_nepers`: how much the
    shape of the spectrum varies over the loud frames, their level taken out. `flatness`: geometric by
    arithmetic mean of the power of a loud frame, 1 for white noise. `low_share`: share of energy in
    80..4000 Hz.
    """

    level_spread_db: float
    timbre_spread_nepers: float
    flatness: float
    low_share: float

    def complaint(self) -> str | None:
        """What speaks against speech, or None."""
        if self.level_spread_db < 10:
            return f"its level hardly moves ({self.level_spread_db:.1f} dB, speech over 10)"
        if self.timbre_spread_nepers < 0.4:
            return f"its sound hardly changes ({self.timbre_spread_nepers:.2f} nepers, speech over 0.4)"
        if self.flatness > 0.1:
            return f"its spectrum is as flat as noise ({self.flatness:.2f}, speech under 0.1)"
        if self.low_share < 0.5:
            return f"{self.low_share:.0%} of its energy is where vowels are, in speech over 50 %"
        return None


def level(samples: Floats) -> SoundLevel:
    exact = samples.astype(np.float64)
    rms = float(np.sqrt(np.mean(exact**2))) if len(samples) else 0.0
    return SoundLevel(20 * float(np.log10(rms + 1e-9)), float(np.mean(np.abs(exact) >= 0.999)))


def measured(samples: Floats, sample_rate_hz: int) -> SpeechMeasures:
    """Samples must be finite and not all zero."""
    power = spectrogram(samples, sample_rate_hz)
    hz = np.linspace(0, sample_rate_hz / 2, power.shape[1])
    energy = power.sum(1) + _TINY
    level_db = 10 * np.log10(energy / energy.max())
    loud = level_db > _LOUD_DB
    heard = power[loud][:, (hz > _LOW_HZ) & (hz < _HIGH_HZ)] + _TINY
    flatness = np.exp(np.log(heard).mean(1)) / heard.mean(1)
    bands = log_mel(samples, sample_rate_hz)[loud]
    shape = bands - bands.mean(1, keepdims=True)
    vowels = power[:, (hz > _LOW_HZ) & (hz < _VOWELS_UNDER_HZ)].sum()
    return SpeechMeasures(
        level_spread_db=float(np.clip(level_db, -60, 0).std()),
        timbre_spread_nepers=float(shape.std(0).mean()),
        flatness=float(np.median(flatness)),
        low_share=float(vowels / energy.sum()),
    )
