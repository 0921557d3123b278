"""Mouth shapes in time: rows of (start_s, id, weight) from the phonemes' planned times.

The rows that share a start are one *state*: every shape that is not zero until the next start. States
cover the line without a gap; the last holds to its end. They begin where phonemes begin, save that

- a state under `LEAST_S` is no more than a flicker: it joins one as short beside it, or its neighbours
  share its time, so that no boundary moves by more than `SHIFT_S`;
- lips that must close do so however short the sound: they borrow from their neighbours, as little;
- a diphthong has two shapes and changes from one to the other inside.

Consonants show the vowel they lead to: a rounded one as early as the consonants before it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sidecar.lipsync.sounds import (
    CONSONANTS,
    DIPHTHONGS,
    OF_THE_LAST,
    OF_THE_NEXT,
    SHAPES,
    SILENCE,
    STRESS,
    TONES,
    VOWELS,
    Pose,
)
from sidecar.lipsync.states import LEAST_S, SAME_S, State, mean, scaled, steady, total

Row = tuple[float, int, float]  #: start_s, id (a place in `SHAPES`), weight

PAUSE_S = 0.12  #: a rest between words that is shorter does not bring the mouth to silence
REACH_S = 0.2  #: how far from a vowel a consonant may show it
GLIDE = 0.55  #: the part of a diphthong that is its first shape
UNSTRESSED, TONED = 0.75, 0.95  #: how far a vowel opens; 1 under stress
_IDS = {shape: index for index, shape in enumerate(SHAPES)}
CLOSED = _IDS["sil"]  #: the id of a mouth at rest
_ROUNDED = frozenset(("oh", "ou"))
_ROUND, _OTHER, _PAST = 1.0, 0.7, 0.5  #: how much of a vowel a consonant shows: ahead round, ahead, behind
_IN_PASSING = 0.7  #: how much of its neighbours' shapes a short rest keeps


class Timed(Protocol):
    """A phoneme or mark and when it is heard."""

    @property
    def symbol(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


@dataclass(frozen=True)
class _Sound:
    """A phoneme with what belongs to it; `symbol` is "" for a rest. A vowel opens to `open`."""

    symbol: str
    start_s: float
    end_s: float
    open: float = UNSTRESSED

    @property
    def is_vowel(self) -> bool:
        return self.symbol in VOWELS or self.symbol in DIPHTHONGS

    @property
    def is_pause(self) -> bool:
        return not self.symbol and self.end_s - self.start_s >= PAUSE_S - SAME_S


def visemes(phonemes: Iterable[Timed], start_s: float, end_s: float) -> tuple[Row, ...]:
    """The rows of a phrase that is heard from `start_s` to `end_s`; its phonemes come in their order."""
    states = steady(_states(_sounds(phonemes, start_s, end_s)))
    return tuple((state.start_s, shape, weight) for state in states for shape, weight in _shown(state.pose))


def weights(rows: Sequence[Row]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """The states' starts [n] in seconds, and their shapes' weights [n, 15]."""
    starts_s, state = np.unique([start_s for start_s, _, _ in rows], return_inverse=True)
    table = np.zeros((len(starts_s), len(SHAPES)), np.float32)
    table[state, [shape for _, shape, _ in rows]] = [weight for _, _, weight in rows]
    return starts_s, table


def _sounds(phonemes: Iterable[Timed], start_s: float, end_s: float) -> list[_Sound]:
    """Sounds and rests without a gap. What is neither a sound nor belongs to one is a rest."""
    sounds: list[_Sound] = []
    at_s, begins_s, stress = start_s, None, UNSTRESSED
    for phoneme in phonemes:
        symbol, ends_s = phoneme.symbol, max(at_s, min(phoneme.end_s, end_s))
        if symbol in OF_THE_NEXT:
            begins_s = phoneme.start_s if begins_s is None else begins_s
            stress = STRESS.get(symbol, stress)
        elif symbol in OF_THE_LAST and begins_s is None and sounds and sounds[-1].symbol:
            sounds[-1] = replace(sounds[-1], end_s=ends_s)
            if symbol in TONES:
                _open(sounds, TONED)
            at_s = ends_s
        elif symbol in VOWELS or symbol in DIPHTHONGS or symbol in CONSONANTS:
            begins_s = phoneme.start_s if begins_s is None else begins_s
            at_s = _rest_until(sounds, at_s, begins_s)
            sounds.append(_Sound(symbol, at_s, ends_s, stress))
            at_s, begins_s = ends_s, None
            stress = stress if symbol in CONSONANTS else UNSTRESSED
        else:
            at_s, begins_s = _rest_until(sounds, at_s, ends_s), None
    _rest_until(sounds, at_s, end_s)
    return sounds


def _rest_until(sounds: list[_Sound], at_s: float, until_s: float) -> float:
    """Fill what is between with a rest; where the next sound begins."""
    if until_s - at_s <= SAME_S:
        return at_s
    if sounds and not sounds[-1].symbol:
        at_s = sounds.pop().start_s
    sounds.append(_Sound("", at_s, until_s))
    return until_s


def _open(sounds: list[_Sound], to: float) -> None:
    """Open the vowels of the last syllable so far."""
    for index in reversed(range(len(sounds))):
        if not sounds[index].is_vowel:
            return
        sounds[index] = replace(sounds[index], open=to)


def _states(sounds: Sequence[_Sound]) -> list[State]:
    poses = [_poses(sounds, index) for index in range(len(sounds))]
    states: list[State] = []
    for index, sound in enumerate(sounds):
        if not poses[index]:
            pose = scaled(mean(poses[index - 1][-1], 0.5, poses[index + 1][0]), _IN_PASSING)
            states.append(State.of(pose, sound.start_s, sound.end_s))
        elif len(poses[index]) == 2:
            states += _glide(sound, *poses[index])
        else:
            states.append(State.of(poses[index][0], sound.start_s, sound.end_s))
    return states


def _glide(sound: _Sound, first: Pose, second: Pose) -> list[State]:
    """A diphthong's two states, or one of both where it is too short for two."""
    turn_s = sound.start_s + GLIDE * (sound.end_s - sound.start_s)
    if sound.end_s - turn_s < LEAST_S:
        return [State.of(mean(first, GLIDE, second), sound.start_s, sound.end_s)]
    return [State.of(first, sound.start_s, turn_s), State.of(second, turn_s, sound.end_s)]


def _poses(sounds: Sequence[_Sound], index: int) -> list[Pose]:
    """One pose, or a diphthong's two; none yet for a rest that is passed over."""
    sound = sounds[index]
    if not sound.symbol:
        return [SILENCE] if sound.is_pause or index in (0, len(sounds) - 1) else []
    if sound.is_vowel:
        return _vowel(sound)
    return [_with_vowel(CONSONANTS[sound.symbol], sounds, index)]


def _vowel(sound: _Sound) -> list[Pose]:
    poses = DIPHTHONGS.get(sound.symbol) or (VOWELS[sound.symbol],)
    return [scaled(pose, sound.open) for pose in poses]


def _with_vowel(own: Pose, sounds: Sequence[_Sound], index: int) -> Pose:
    """A consonant's pose, and in what it leaves free that of the vowel it leads to, or else comes from."""
    free = 1 - sum(own.values())
    if free <= 0:
        return own
    if (ahead := _nearest_vowel(sounds, index, 1)) is not None:
        vowel = _vowel(ahead)[0]
        return total(own, scaled(vowel, free * (_OTHER if _ROUNDED.isdisjoint(vowel) else _ROUND)))
    if (behind := _nearest_vowel(sounds, index, -1)) is not None:
        return total(own, scaled(_vowel(behind)[-1], free * _PAST))
    return own


def _nearest_vowel(sounds: Sequence[_Sound], index: int, step: int) -> _Sound | None:
    """The first vowel on that side, across consonants but no pause, within reach."""
    here = sounds[index]
    at = index + step
    while 0 <= at < len(sounds) and not sounds[at].is_pause:
        other = sounds[at]
        away_s = other.start_s - here.end_s if step > 0 else here.start_s - other.end_s
        if away_s > REACH_S:
            return None
        if other.is_vowel:
            return other
        at += step
    return None


def _shown(pose: Pose) -> list[tuple[int, float]]:
    """Ids and weights in thousandths, cut so that they stay 1 at most together; zeros are left out."""
    weighted = sorted(
        (_IDS[shape], math.floor(1000 * weight + 1e-6) / 1000) for shape, weight in pose.items()
    )
    return [(shape, weight) for shape, weight in weighted if weight > 0]
