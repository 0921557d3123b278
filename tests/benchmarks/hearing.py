"""What outside tools hear in a spoken line: Praat, openSMILE, Resemblyzer; numpy for level and extent."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FRAME_S = 0.01
ACTIVE_DB = -30.0  #: frames this near the loudest ones are speech
PITCH_FLOOR_HZ, PITCH_CEILING_HZ, PITCH_STEP_S = 55.0, 800.0, 0.005
TILT = "alphaRatioV_sma3nz_amean"


@dataclass(frozen=True)
class Cues:
    """The measures that emotions are held to.

    `f0_st`: median F0 of voiced frames in semitones over 1 Hz; `range_st`: from its 10th to its 90th
    percentile, so that a few frames an octave off do not count; `extent_s`: from the first to the last
    active frame; `level_dbfs`: RMS of active frames; `tilt_db`: energy of 1 to 5 kHz over that of 50 to
    1000 Hz in voiced frames, the alpha ratio of eGeMAPS, where more is flatter. It weighs the whole
    band, where Hammarberg's index hangs on two single peaks, which move with F0 and formants.
    NaN where a line has no voiced frame.
    """

    f0_st: float
    range_st: float
    extent_s: float
    level_dbfs: float
    tilt_db: float


@dataclass(frozen=True, eq=False)
class Heard:
    """A line as heard: its cues, the functionals of eGeMAPSv02 [88], who seems to speak [256]."""

    cues: Cues
    features: Floats
    embedding: Floats


class Ears:
    """Tools that measure a line, loaded once; on the CPU."""

    def __init__(self) -> None:
        import opensmile
        from resemblyzer import VoiceEncoder

        self._smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
        self._tilt = self._smile.feature_names.index(TILT)
        self._encoder = VoiceEncoder("cpu", verbose=False)

    def hear(self, samples: Floats, rate_hz: int) -> Heard:
        features = self._smile.process_signal(samples, rate_hz).to_numpy(np.float32)[0]
        f0_st = voiced_st(samples, rate_hz)
        begin, end, level = active(samples, rate_hz)
        low, middle, high = np.percentile(f0_st, [10, 50, 90]) if len(f0_st) else [np.nan] * 3
        cues = Cues(float(middle), float(high - low), end - begin, level, tilt_db=float(features[self._tilt]))
        return Heard(cues, features, self._embedding(samples, rate_hz))

    def _embedding(self, samples: Floats, rate_hz: int) -> Floats:
        from resemblyzer import preprocess_wav

        embedding: Floats = self._encoder.embed_utterance(preprocess_wav(samples, source_sr=rate_hz))
        return embedding


def voiced_st(samples: Floats, rate_hz: int) -> npt.NDArray[np.float64]:
    """F0 of the voiced frames in semitones over 1 Hz, by Praat, in two passes.

    The second looks between 0.75 times the lower and 2.5 times the upper quartile of the first (De Looze
    and Hirst), so that a creaky end an octave down is not taken for a wide range.
    """
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), rate_hz)
    first = _voiced_hz(sound, PITCH_FLOOR_HZ, PITCH_CEILING_HZ)
    if len(first) == 0:
        return first
    low, high = np.percentile(first, [25, 75])
    hz = _voiced_hz(sound, max(PITCH_FLOOR_HZ, 0.75 * low), min(PITCH_CEILING_HZ, 2.5 * high))
    return 12 * np.log2(hz)


def _voiced_hz(sound, floor_hz: float, ceiling_hz: float) -> npt.NDArray[np.float64]:
    pitch = sound.to_pitch_ac(PITCH_STEP_S, floor_hz, pitch_ceiling=ceiling_hz)
    hz = pitch.selected_array["frequency"]
    return hz[hz > 0]


def active(samples: Floats, rate_hz: int) -> tuple[float, float, float]:
    """Where speech begins and ends, in seconds, and the level of its active frames in dB of full scale."""
    size = int(FRAME_S * rate_hz)
    frames = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size)
    power = np.square(frames).mean(1)
    loud = power > np.percentile(power, 95) * 10 ** (ACTIVE_DB / 10)
    where = np.flatnonzero(loud)
    return where[0] * FRAME_S, (where[-1] + 1) * FRAME_S, float(10 * np.log10(power[loud].mean()))


MOS_WINDOW_S = 9.02  #: DNSMOS hears 9.01 s at a time


def repeated(samples: Floats, rate_hz: int) -> Floats:
    """A short line said over and over for one window of DNSMOS, which would else fill and hear nine."""
    wanted = int(MOS_WINDOW_S * rate_hz)
    return samples if len(samples) >= wanted else np.resize(samples, wanted)
