"""A clip's manner as a change from neutral: what sets it apart from how its speaker speaks otherwise.

Only tune, rhythm, force and quality of the voice are compared; whose voice it is stays out.

With a neutral clip of the same speaker the difference is plain. Without one it is taken against what
is usual, and only a share of it is believed: people differ too (a shrinkage towards nothing, as of a
posterior mean). F0 is then judged by what the clip says of itself: its middle over its base value. The
base value itself may be anybody's, so that it counts only where it is over most women's or under
most men's.

The usual values lie between two means as `analysed` measures them, over 23 neutral clips of 12 of the
default voices and over 13 recordings of people, read sentences and spoken numbers: median over base
4.7 and 3.7 semitones (the middle lay within 0.4 of it in four voices), spread 3.5 and 2.2 (published: 2
to 4, Traunmüller & Eriksson 1995), slope -6.4 and -2.4, final movement -4.0 and -0.7, syllables 5.0 and
3.8 a second, tilt -7.2 and -7.2 dB, cepstral peak 18.7 and 22.3 dB, jitter 0.4 and 0.3.
"""

import math
from dataclasses import dataclass

from sidecar.prosody.change import Change
from sidecar.prosody.traits import Traits

REGISTERS_HZ = (75.0, 165.0)  #: base values of most men and women lie between
MIDDLE_OVER_BASE_ST = 4.0
RANGE_ST = 3.0
SLOPE_ST, FINAL_ST = -4.5, -2.5
SYLLABLES_PER_S = 4.6
TILT_DB = -7.2
CEPSTRAL_PEAK_DB = 16.0  # the least of clear voices: air is added, never taken away
JITTER_ST = 0.5

_AIR_DB = 6.0  # of cepstral peak from a clear voice to all air
_CLEAN_DB = (10.0, 20.0)  # speech over noise: voice quality is believed not at all, wholly
_SHORT_S = 1.0  # of speech: half of its rhythm and movements is believed


@dataclass(frozen=True)
class Belief:
    """The share of a difference that is taken over, for each measure."""

    middle_over_base: float
    register: float
    range: float
    rate: float
    pause: float
    slope: float
    final: float
    dynamics: float
    tilt: float
    air: float
    jitter: float


#: Tilt by half: it hangs on the vowels that are said. Neutral sentences of one reader are 1.3 dB apart, the
#: emotions some 1.2.
SAME_SPEAKER = Belief(1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0)
ANYBODY = Belief(0.6, 0.5, 0.7, 0.7, 0.0, 0.3, 0.2, 0.0, 0.5, 0.5, 0.5)


def change_of(traits: Traits, baseline: Traits | None = None) -> Change:
    """How the clip differs from its speaker's neutral speech, within `Change.limited`.

    Level is compared only where there is a `baseline`, a neutral clip of the same speaker and recording.
    """
    believed = ANYBODY if baseline is None else SAME_SPEAKER
    usual = baseline or _usual(traits)
    long = _certainty(traits) * (1.0 if baseline is None else _certainty(baseline))
    clean = min(_clean(traits), _clean(usual))
    return Change(
        f0_st=believed.register * _register_st(traits, baseline)
        + believed.middle_over_base * (_over_base_st(traits) - _over_base_st(usual)),
        range_oct=long * believed.range * math.log2(max(traits.range_st, 0.5) / max(usual.range_st, 0.5)),
        slope_st=long * believed.slope * (traits.slope_st - usual.slope_st),
        final_st=long * believed.final * (traits.final_st - usual.final_st),
        rate_oct=long * believed.rate * _ratio_oct(traits.syllables_per_s, usual.syllables_per_s),
        pause_oct=long * believed.pause * _ratio_oct(traits.pause_s, usual.pause_s),
        level_db=0.0 if baseline is None else traits.level_dbfs - baseline.level_dbfs,
        accent_db=clean * believed.dynamics * (traits.dynamics_db - usual.dynamics_db),
        tilt_db=clean * believed.tilt * (traits.tilt_db - usual.tilt_db),
        breath=clean * believed.air * max(0.0, usual.cepstral_peak_db - traits.cepstral_peak_db) / _AIR_DB,
        jitter_st=clean * believed.jitter * max(0.0, traits.jitter_st - usual.jitter_st),
    ).limited()


def _usual(traits: Traits) -> Traits:
    """Neutral speech in the clip's own register, for want of a baseline."""
    return Traits(
        speech_s=traits.speech_s,
        snr_db=traits.snr_db,
        base_hz=traits.base_hz,
        middle_hz=traits.base_hz * 2 ** (MIDDLE_OVER_BASE_ST / 12),
        range_st=RANGE_ST,
        slope_st=SLOPE_ST,
        final_st=FINAL_ST,
        syllables_per_s=SYLLABLES_PER_S,
        pause_s=traits.pause_s,
        level_dbfs=traits.level_dbfs,
        dynamics_db=traits.dynamics_db,
        tilt_db=TILT_DB,
        cepstral_peak_db=CEPSTRAL_PEAK_DB,
        jitter_st=JITTER_ST,
    )


def _over_base_st(traits: Traits) -> float:
    return 12 * math.log2(traits.middle_hz / traits.base_hz)


def _register_st(traits: Traits, baseline: Traits | None) -> float:
    """How far the base value is over the speaker's own, or beyond most people's."""
    low_hz, high_hz = (baseline.base_hz, baseline.base_hz) if baseline else REGISTERS_HZ
    nearest_hz = min(max(traits.base_hz, low_hz), high_hz)
    return 12 * math.log2(traits.base_hz / nearest_hz)


def _ratio_oct(value: float, usual: float) -> float:
    """0 where either was not there to be measured."""
    return math.log2(value / usual) if value > 0 and usual > 0 else 0.0


def _certainty(traits: Traits) -> float:
    return traits.speech_s / (traits.speech_s + _SHORT_S)


def _clean(traits: Traits) -> float:
    none, wholly = _CLEAN_DB
    return min(max((traits.snr_db - none) / (wholly - none), 0.0), 1.0)
