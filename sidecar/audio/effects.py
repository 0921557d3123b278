"""Voices of creatures and machines: what is done to a line's sound after it has been spoken.

Some of the measures are the voice's own (pitch, tune, and what a `Timbre` says): those are spoken, rather
than computed from a recording. The others are treated here, in the order of the fields. Nothing moves in
time: words and lips stay where they are, and a tail is added behind them.

The filters are Butterworth magnitudes without phase; the room is noise that decays exponentially (Moorer,
"About This Reverberation Business", 1979), duller than what it answers; both are one convolution. Chorus and
ring modulation are as Dutilleux and Zölzer describe them in "DAFX" (2002).
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sidecar.audio.shape import faded
from sidecar.audio.timbre import Timbre, held_back

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex64]

RMS = 0.1  #: at which a line is treated, so that a whisper is distorted like a shout
TINY = 1e-9
KERNEL_S, ORDER = 0.06, 4  #: of the filters
ROOM_DELAY_S, DAMPED_HZ = 0.012, 4500.0
TAIL_SHARE = 0.6  #: of the time in which a room is 60 dB quieter, that is heard behind a line
CHORUS_S = 0.018


@dataclass(frozen=True)
class Effect:
    """What sets a creature's voice apart; 0 is none of it.

    The voice: `pitch_st` semitones; `monotone` 0..1, the share of the tune that is lost; `formants_oct`
    octaves of the vocal tract's resonances (less: larger); `breath`, `whisper` 0..1. The sound:
    `drive_db` into a soft limit; `ring_hz`, as much of it as `ring_share` says; `crush_bits` a sample, at
    `crush_hz`; `chorus_ms` of delay swept at `chorus_hz`, as much as `chorus_share`; `low_cut_hz` and
    `high_cut_hz`; `room_s` until a room is 60 dB quieter, as much of it as `room_share`; `level_db` over
    what the line had.
    """

    pitch_st: float = 0.0
    monotone: float = 0.0
    formants_oct: float = 0.0
    breath: float = 0.0
    whisper: float = 0.0
    drive_db: float = 0.0
    ring_hz: float = 0.0
    ring_share: float = 0.0
    crush_bits: float = 0.0
    crush_hz: float = 0.0
    chorus_ms: float = 0.0
    chorus_hz: float = 0.0
    chorus_share: float = 0.0
    low_cut_hz: float = 0.0
    high_cut_hz: float = 0.0
    room_s: float = 0.0
    room_share: float = 0.0
    level_db: float = 0.0

    @property
    def is_heard_after(self) -> bool:
        """Whether anything is done to the finished sound."""
        return any(getattr(self, name) for name in AFTER)

    @property
    def tail_s(self) -> float:
        """How much longer a line becomes."""
        return TAIL_SHARE * self.room_s if self.room_share else 0.0


DRY = Effect()
_VOICE = ("pitch_st", "monotone", "formants_oct", "breath", "whisper")
#: The measures of the finished sound.
AFTER = tuple(field.name for field in fields(Effect) if field.name not in _VOICE)

#: The least and the most of each.
LIMITS: dict[str, tuple[float, float]] = {
    "pitch_st": (-12, 12),
    "monotone": (0, 1),
    "formants_oct": (-0.5, 0.5),
    "breath": (0, 1),
    "whisper": (0, 1),
    "drive_db": (0, 40),
    "ring_hz": (0, 2000),
    "ring_share": (0, 1),
    "crush_bits": (0, 16),
    "crush_hz": (0, 24_000),
    "chorus_ms": (0, 20),
    "chorus_hz": (0, 10),
    "chorus_share": (0, 1),
    "low_cut_hz": (0, 4000),
    "high_cut_hz": (0, 20_000),
    "room_s": (0, 6),
    "room_share": (0, 1),
    "level_db": (-20, 12),
}


def with_voice_of(timbre: Timbre, effect: Effect) -> Timbre:
    """A line's voice quality with that of an effect."""
    return replace(
        timbre,
        formants_oct=timbre.formants_oct + effect.formants_oct,
        breath=min(timbre.breath + effect.breath, 1),
        whisper=min(timbre.whisper + effect.whisper, 1),
    )


def treated(samples: Floats, rate_hz: int, effect: Effect) -> Floats:
    """The finished sound [T] with an effect, as long as it was: a line's tail is silence at its end already.

    As loud as before (root mean square), but for `level_db`; the same bytes for the same samples. Silence
    stays silence.
    """
    rms = _rms(samples)
    if not effect.is_heard_after or rms < TINY:
        return samples
    sound = samples * np.float32(RMS / rms)
    for step in (_driven, _rung, _crushed, _chorused, _placed, _ended):
        sound = step(sound, rate_hz, effect)
    gain = 10 ** (effect.level_db / 20) * rms / max(_rms(sound), TINY)
    return faded(held_back(sound * np.float32(gain)), rate_hz)


def _driven(sound: Floats, rate_hz: int, effect: Effect) -> Floats:
    if not effect.drive_db:
        return sound
    return np.tanh(sound * np.float32(10 ** (effect.drive_db / 20)))


def _rung(sound: Floats, rate_hz: int, effect: Effect) -> Floats:
    if not effect.ring_share:
        return sound
    turns = np.arange(len(sound)) * (effect.ring_hz / rate_hz)  # in full: a phase must not wear off
    carrier = np.sin(((turns - np.floor(turns)) * 2 * np.pi).astype(np.float32))
    share = np.float32(effect.ring_share)
    return sound * (1 - share + share * carrier)


def _crushed(sound: Floats, rate_hz: int, effect: Effect) -> Floats:
    """Fewer samples, each held, and fewer steps between silence and the loudest."""
    if 0 < effect.crush_hz < rate_hz:
        held = np.floor(np.arange(len(sound)) * (effect.crush_hz / rate_hz))
        sound = sound[(held * (rate_hz / effect.crush_hz)).astype(np.int64)]
    if effect.crush_bits:
        steps = np.float32(2 ** max(effect.crush_bits - 1, 0) / np.abs(sound).max())
        sound = np.rint(sound * steps) / steps
    return sound


def _chorused(sound: Floats, rate_hz: int, effect: Effect) -> Floats:
    """Two voices behind the first, by a delay that wanders: where one comes nearer, the other goes."""
    if not effect.chorus_share:
        return sound
    late, depth = CHORUS_S * rate_hz, effect.chorus_ms / 2000 * rate_hz
    wave = np.arange(len(sound), dtype=np.float32) * np.float32(2 * np.pi * effect.chorus_hz / rate_hz)
    sweep = np.float32(depth) * np.sin(wave)
    room = int(late + depth) + 2
    before = np.concatenate([np.zeros(room, np.float32), sound])
    others = sum(_delayed(before, room, np.float32(late) + side * sweep) for side in (1, -1))
    share = np.float32(effect.chorus_share / 2)
    return sound * (1 - share) + others * share


def _delayed(before: Floats, room: int, delay: Floats) -> Floats:
    """What was `delay` samples ago, with `room` samples before the first; between two by both."""
    whole = delay.astype(np.int32)
    at = np.arange(room, len(before), dtype=np.int32) - whole
    later = before[at]
    return later + (delay - whole).astype(np.float32) * (before[at - 1] - later)


def _placed(sound: Floats, rate_hz: int, effect: Effect) -> Floats:
    """Through filters, in a room."""
    measures = (effect.low_cut_hz, effect.high_cut_hz, effect.room_s, effect.room_share)
    if not any(measures):
        return sound
    kernel, ahead = _kernel(rate_hz, *measures)
    size = _fft_size(min(len(sound) + len(kernel) - 1, 4 * len(kernel)))
    spectrum = _spectrum(size, rate_hz, *measures)
    return _filtered(sound, spectrum, len(kernel), size)[ahead : ahead + len(sound)]


def _ended(sound: Floats, rate_hz: int, effect: Effect) -> Floats:
    """The tail dies away before it is cut."""
    length = min(int(effect.tail_s / 2 * rate_hz), len(sound))
    if not length:
        return sound
    return np.concatenate([sound[:-length], sound[-length:] * np.linspace(1, 0, length, dtype=np.float32)])


@lru_cache(maxsize=4)
def _spectrum(size: int, *measures: float) -> Spectrum:
    return np.fft.rfft(_kernel(*measures)[0].astype(np.float32), size).astype(np.complex64)


@lru_cache(maxsize=8)
def _kernel(
    rate_hz: int, low_cut_hz: float, high_cut_hz: float, room_s: float, room_share: float
) -> tuple[Doubles, int]:
    """What a click becomes, and how many samples of that come before it."""
    filters = _filters(rate_hz, low_cut_hz, high_cut_hz)
    ahead = len(filters) // 2
    if not room_share or not room_s:
        return filters, ahead
    room = _room(rate_hz, room_s) * room_share
    room[0] += 1 - room_share
    size = _fft_size(len(filters) + len(room))
    whole = np.fft.irfft(np.fft.rfft(filters, size) * np.fft.rfft(room, size), size)
    return whole[: len(filters) + len(room) - 1], ahead


def _filters(rate_hz: int, low_cut_hz: float, high_cut_hz: float) -> Doubles:
    size = 2 ** round(np.log2(KERNEL_S * rate_hz))
    hz = np.fft.rfftfreq(size, 1 / rate_hz)
    gains = np.ones_like(hz)
    if low_cut_hz:
        gains /= np.sqrt(1 + (low_cut_hz / np.maximum(hz, 1e-3)) ** (2 * ORDER))
    if high_cut_hz:
        gains /= np.sqrt(1 + (hz / high_cut_hz) ** (2 * ORDER))
    return np.roll(np.fft.irfft(gains), size // 2) * np.hanning(size + 1)[:-1]


def _room(rate_hz: int, room_s: float) -> Doubles:
    """As loud as what it answers."""
    length, silent = int(room_s * rate_hz), int(ROOM_DELAY_S * rate_hz)
    time_s = np.arange(length) / rate_hz
    noise = np.random.default_rng(1979).standard_normal(length) * 10 ** (-3 * time_s / room_s)
    spectrum = np.fft.rfft(noise, 2 * length)
    damped = spectrum / (1 + 1j * np.fft.rfftfreq(2 * length, 1 / rate_hz) / DAMPED_HZ)
    answer = np.fft.irfft(damped, 2 * length)[:length]
    return np.concatenate([np.zeros(silent + 1), answer / np.sqrt(np.sum(answer**2))])


def _fft_size(least: int) -> int:
    """What is quickly transformed: a power of two, or three quarters of one."""
    power = 2 ** int(np.ceil(np.log2(max(least, 4))))
    return power * 3 // 4 if power * 3 // 4 >= least else power


def _filtered(sound: Floats, spectrum: Spectrum, taps: int, size: int) -> Floats:
    """With a kernel of so many `taps`, by overlapping blocks: memory is the kernel's, however long the
    line."""
    step = size - taps + 1
    result = np.zeros(len(sound) + size, np.float32)
    for start in range(0, len(sound), step):
        block = np.fft.rfft(sound[start : start + step], size)
        result[start : start + size] += np.fft.irfft(block * spectrum, size)
    return result[: len(sound) + taps - 1]


def _rms(samples: Floats | Doubles) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
