"""How a line ends: nothing is heard after its last sound, and a single word leaves no long silence behind."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

WINDOW_S = 0.005
QUIET_DB, QUIETEST_DBFS = -40.0, -60.0  #: beside the loudest moment; and what nobody hears at all
CLOSURE_S = 0.1  #: a stop's closure inside a word is shorter than this silence
SEARCH_S = 0.25  #: a last phoneme may be heard so much less long than planned
FADE_S = 0.01
REST_S = 0.2  #: silence left after a single word


def quiet_after(samples: Floats, sample_rate_hz: int, spoken_s: float) -> Floats:
    """The samples without what sounds again once the line has fallen silent: after `spoken_s`, when its last
    phoneme should be over, or after a silence of `CLOSURE_S`. The very same where nothing does."""
    ends_s = first_silence_s(samples, sample_rate_hz, spoken_s)
    if ends_s is None or last_sound_s(samples, sample_rate_hz) <= ends_s + WINDOW_S:
        return samples
    start, length = round(ends_s * sample_rate_hz), int(FADE_S * sample_rate_hz)
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(length) / length)
    gain = np.zeros(len(samples) - start, np.float32)
    gain[:length] = ramp[: len(gain)]
    return np.concatenate([samples[:start], samples[start:] * gain])


def first_silence_s(samples: Floats, sample_rate_hz: int, spoken_s: float) -> float | None:
    """When the line's end begins; None where it sounds to the last."""
    loud = audible(samples, sample_rate_hz)
    started = np.flatnonzero(loud)
    if not len(started):
        return None
    quiet = 0
    for at in range(int(started[0]), len(loud)):
        quiet = 0 if loud[at] else quiet + 1
        here_s, since_s = (at + 1) * WINDOW_S, (at + 1 - quiet) * WINDOW_S
        is_late = quiet > 0 and here_s - max(since_s, spoken_s) >= 2 * FADE_S
        is_long = here_s - since_s >= CLOSURE_S and since_s >= spoken_s - SEARCH_S
        if is_late or is_long:
            return since_s
    return None


def last_sound_s(samples: Floats, sample_rate_hz: int) -> float:
    """When the last of it has been heard."""
    heard = np.flatnonzero(audible(samples, sample_rate_hz))
    return float((heard[-1] + 1) * WINDOW_S) if len(heard) else 0.0


def audible(samples: Floats, sample_rate_hz: int) -> npt.NDArray[np.bool_]:
    """Whether something is heard in each window of 5 ms."""
    size = int(WINDOW_S * sample_rate_hz)
    rows = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.square(rows, dtype=np.float64).mean(axis=1)
    loudest = power.max(initial=0)
    heard: npt.NDArray[np.bool_] = power > max(loudest * 10 ** (QUIET_DB / 10), 10 ** (QUIETEST_DBFS / 10))
    return heard
