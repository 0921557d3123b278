"""Is a clip what its line was planned to be? Measures that need no model, on the sound before it is encoded.

The bounds lie between what was measured on clean lines of Kokoro-82M (112 lines, 13 emotions) and on lines
that were cut, silenced, clipped, clicked, stretched or shifted by an octave on purpose
(`tests/benchmarks/bake_gate.py`), but for two clean lines whose corner is over its bound:

    measure                       clean            faulty
    length off the plan           0                from 0.1 s
    flat share of the samples     0 .. 0.00005     from 0.0002
    corner at an end              0 .. 0.04, 0.08  from 0.1
    weakest word, of the line     0 .. -56 dB      -100 dB
    longest phoneme inside        0.03 .. 0.19 s   from 0.26 s
    vowels on end an octave off   0 or 1           from 2
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sidecar.audio.loudness import integrated_loudness
from sidecar.audio.shape import resampled
from sidecar.line import Line
from sidecar.prosody.activity import runs
from sidecar.prosody.f0 import FRAMES_PER_S, RATE_HZ, Doubles, tracked
from sidecar.prosody.plan import Floats
from sidecar.prosody.shape import VOWELS
from sidecar.speech import Speech, TimedPhoneme, TimedWord
from sidecar.text.tokens import MARKS

SILENT_DBFS = -55.0
LENGTH_S = 0.03
LEVELS_LUFS, TARGET_LU = (-45.0, -9.0), 2.0  #: whatever the emotion; and off what was asked for
EFFECT_DB = 25.0  #: an effect may ask for 20, and a room's tail takes some
PEAK = 0.85  #: a line whose peak is here was not made as loud as asked for, so as not to clip
FLAT_SHARE, FLAT_RUN, FLAT_OF_PEAK, CUT_SHARE = 0.0001, 3, 0.9995, 0.0005
EDGE_S, CORNER, STEP = 0.02, 0.04, 0.02  #: the latter of full scale
WORD_DB = -58.0  #: under the line's level
VOWEL_S, BLURRED_S = 0.04, 0.01  #: shorter vowels may be swallowed
PHONEME_S, INSIDE_S = 1.2, 0.25  #: the longest before a pause, and on average in a word inside a phrase
OCTAVES = ((0.7, 3), (0.85, 2))  #: so far off are so many vowels on end
VOICED_FRAMES = 3
_LENGTHS = frozenset("ˈˌː")
_DRAWN_OUT = re.compile(r"(\w)\1\1")
_TINY = 1e-12


@dataclass(frozen=True)
class Finding:
    """`kind` is stable: silent, length, clipped, click, level, missing, stretched or octave; `how_bad` from
    1, at the bound, upwards; `at_s` where in the clip, if that can be said."""

    kind: str
    detail: str
    how_bad: float = 1.0
    at_s: float | None = None


def judged(sound: Floats, speech: Speech, line: Line) -> tuple[Finding, ...]:
    """What speaks against `sound`, mono at `speech`'s rate, as what was planned; the worst first."""
    level_db = _level_db(sound)
    if level_db < SILENT_DBFS:
        return (Finding("silent", f"it is at {level_db:.0f} dB of full scale", 10.0),)
    findings = [
        *_length(sound, speech), *_clipped(sound, speech), *_clicks(sound, speech.sample_rate_hz),
        *_loudness(sound, speech.sample_rate_hz, line), *_missing(sound, speech, level_db),
        *_stretched(speech, line.speed), *_octaves(sound, speech),
    ]  # fmt: skip
    return tuple(sorted(findings, key=lambda finding: -finding.how_bad))


def judged_effect(speech: Speech, plain: Speech) -> tuple[Finding, ...]:
    """What speaks against a line's sound with its effect, which was nothing but `plain` before: that it is
    silent, or far off `plain`'s level. What an effect does on purpose is no fault."""
    before_db, after_db = _level_db(plain.samples), _level_db(speech.samples)
    if after_db < SILENT_DBFS <= before_db:
        return (Finding("silent", f"with its effect it is at {after_db:.0f} dB of full scale", 10.0),)
    off = abs(after_db - before_db)
    if off > EFFECT_DB:
        return (Finding("level", f"its effect changes its level by {off:.0f} dB", off / EFFECT_DB),)
    return ()


def _length(sound: Floats, speech: Speech) -> Iterator[Finding]:
    rate_hz = speech.sample_rate_hz
    off_s = abs(len(sound) / rate_hz - speech.planned_s)
    if off_s > LENGTH_S:
        detail = f"it is {len(sound) / rate_hz:.2f} s long, planned were {speech.planned_s:.2f} s"
        yield Finding("length", detail, off_s / LENGTH_S)


def _clipped(sound: Floats, speech: Speech) -> Iterator[Finding]:
    share, cut = flat_share(sound), speech.cut_samples / max(1, len(speech.samples))
    if share > FLAT_SHARE or cut > CUT_SHARE:
        detail = f"{max(share, cut):.2%} of its samples are cut off flat"
        yield Finding("clipped", detail, max(share / FLAT_SHARE, cut / CUT_SHARE))


def flat_share(sound: Floats) -> float:
    """The share of samples in runs that stay at the peak."""
    size = np.abs(sound)
    flat = runs(size >= FLAT_OF_PEAK * size.max())
    lengths = flat[:, 1] - flat[:, 0]
    return float(lengths[lengths >= FLAT_RUN].sum() / len(sound))


def _clicks(sound: Floats, rate_hz: int) -> Iterator[Finding]:
    """A step to or from nothing, or a sharp corner in the silence at an end."""
    corners = np.abs(np.diff(sound.astype(np.float64), 2))
    edge = int(EDGE_S * rate_hz)
    for where, corner, step, at_s in (
        ("beginning", corners[:edge], sound[:1], 0.0),
        ("end", corners[-edge:], sound[-1:], len(sound) / rate_hz),
    ):
        worst = max(float(corner.max(initial=0)) / CORNER, float(np.abs(step).max(initial=0)) / STEP)
        if worst > 1:
            yield Finding("click", f"it clicks at its {where}", worst, at_s)


def _loudness(sound: Floats, rate_hz: int, line: Line) -> Iterator[Finding]:
    loudness = integrated_loudness(sound, rate_hz)
    if line.loudness_lufs is not None:
        off = abs(loudness - line.loudness_lufs)
        if off > TARGET_LU and np.abs(sound).max() < PEAK:
            yield Finding(
                "level", f"it is at {loudness:.1f} LUFS, not {line.loudness_lufs:g}", off / TARGET_LU
            )
    elif not LEVELS_LUFS[0] <= loudness <= LEVELS_LUFS[1]:
        yield Finding(
            "level", f"it is at {loudness:.1f} LUFS, expected {LEVELS_LUFS[0]:g} to {LEVELS_LUFS[1]:g}"
        )


def _missing(sound: Floats, speech: Speech, level_db: float) -> Iterator[Finding]:
    """Words, and vowels of words, at which nothing is heard."""
    vowels = [p for p in speech.phonemes if p.symbol in VOWELS and p.end_s - p.start_s >= VOWEL_S]
    for word in speech.words:
        parts: list[TimedWord | TimedPhoneme] = [word]
        parts += [p for p in vowels if word.start_s <= p.start_s < word.end_s]
        weakest = min(_heard_db(sound, part, speech) for part in parts) - level_db
        if weakest < WORD_DB:
            detail = f"nothing is heard of {word.text!r}, {-weakest:.0f} dB under the line"
            yield Finding("missing", detail, weakest / WORD_DB, word.start_s)


def _heard_db(sound: Floats, part: TimedWord | TimedPhoneme, speech: Speech) -> float:
    """What is inside it: its edges are its neighbours' too."""
    first, end = (part.start_s + BLURRED_S, part.end_s - BLURRED_S)
    inside = sound[round(first * speech.sample_rate_hz) : max(0, round(end * speech.sample_rate_hz))]
    return _level_db(inside) if len(inside) else 0.0


def _stretched(speech: Speech, speed: float) -> Iterator[Finding]:
    """Sounds that hold for longer than anybody would, before a pause or inside a phrase."""
    longest = max(
        speech.phonemes, key=lambda p: 0.0 if p.symbol in MARKS else p.end_s - p.start_s, default=None
    )
    if longest is not None and longest.symbol not in MARKS:
        held_s = (longest.end_s - longest.start_s) * speed
        if held_s > PHONEME_S:
            detail = f"a sound is held for {held_s / speed:.1f} s"
            yield Finding("stretched", detail, held_s / PHONEME_S, longest.start_s)
    for word in _inside(speech):
        sounds = max(2, sum(symbol not in _LENGTHS for symbol in word.phonemes))
        held_s = (word.end_s - word.start_s) / sounds * speed
        if held_s > INSIDE_S and not _DRAWN_OUT.search(word.text):
            detail = f"{word.text!r} takes {word.end_s - word.start_s:.1f} s"
            yield Finding("stretched", detail, held_s / INSIDE_S, word.start_s)


def _inside(speech: Speech) -> Iterator[TimedWord]:
    """The words that no mark follows."""
    starts = [p.start for p in speech.phonemes if p.symbol in MARKS]
    for word, after in pairwise(speech.words):
        if not any(word.end <= start < after.start for start in starts):
            yield word


def _octaves(sound: Floats, speech: Speech) -> Iterator[Finding]:
    """Vowels whose F0 is far from what was planned. One or two may be errors of the tracker."""
    vowels = [p for p in speech.phonemes if p.symbol in VOWELS and p.f0_hz > 0]
    if not vowels or len(sound) < speech.sample_rate_hz // 10:
        return
    off = list(_off_octaves(vowels, tracked(resampled(sound, speech.sample_rate_hz, RATE_HZ))))
    octaves = np.array([octaves for _, octaves in off])
    worst = max((_on_end(octaves, bound, least) for bound, least in OCTAVES), key=lambda found: found[0])
    if worst[0] >= 1:
        vowel, far = off[worst[1]]
        side = "over" if far > 0 else "under"
        yield Finding(
            "octave", f"its pitch is {abs(far):.1f} octaves {side} the plan", worst[0], vowel.start_s
        )


def _on_end(octaves: Doubles, bound: float, least: int) -> tuple[float, int]:
    """How many vowels on end are off by so much, of the least that count, and the first of them."""
    wrong = runs(np.abs(octaves) > bound).tolist()
    first, end = max(wrong, key=lambda run: run[1] - run[0], default=(0, 0))
    return (end - first) / least, first


def _off_octaves(vowels: Sequence[TimedPhoneme], f0_hz: Doubles) -> Iterator[tuple[TimedPhoneme, float]]:
    for vowel in vowels:
        heard = f0_hz[int(vowel.start_s * FRAMES_PER_S) : int(vowel.end_s * FRAMES_PER_S) + 2]
        heard = heard[heard > 0]
        if len(heard) >= VOICED_FRAMES:
            yield vowel, float(np.log2(np.median(heard) / vowel.f0_hz))


def _level_db(sound: Floats) -> float:
    power = float(np.mean(sound.astype(np.float64) ** 2)) if len(sound) else 0.0
    return 10 * float(np.log10(power + _TINY))
