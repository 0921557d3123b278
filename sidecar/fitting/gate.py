"""Whether a fitted voice may be given out: by measures that no fit is told of, on sentences that no fit has
spoken.

A fit that is refused is tried with half of what it adds to the nearest shipped voice; refused again, the
nearest voice is given with the person's manner, and that is said."""

from dataclasses import dataclass, replace

import numpy as np

from sidecar.audio.shape import resampled
from sidecar.engines.tunable import Tunable
from sidecar.fitting import sentences
from sidecar.fitting.marks import marks
from sidecar.fitting.quality import distance, voice_quality
from sidecar.fitting.recording import ENGINE_HZ, Recordings
from sidecar.line import Line
from sidecar.prosody.f0 import RATE_HZ, Floats, tracked
from sidecar.prosody.plan import Phrase, Speaker
from sidecar.synthesis import Synthesizer

LEAST_NEARER = 0.1  #: of the way from the nearest voice, in voice quality
SHARES = (1.0, 0.5, 0.0)  #: of what a fit adds, in the order in which they are tried
_SHRINK = 0.92  # of layers that reach beyond where the network knows voices
_SEED = 3


@dataclass(frozen=True, eq=False)
class Found:
    """What a fit has come to, and the `start`, a shipped voice's timbre, that it began from."""

    start: Floats
    timbre: Floats
    layers: Floats
    manner: Floats

    def at(self, share: float) -> tuple[Floats, Floats]:
        """The timbre and the layers with so much of what was fitted."""
        return self.start + np.float32(share) * (self.timbre - self.start), np.float32(share) * self.layers


@dataclass(frozen=True)
class Verdict:
    """How a voice was judged. `share` of the timbre that was fitted is in it: 1 all, 0 none of it, which
    means that the voice could not be reached. `quality_before`, `quality_after`: distance in voice quality
    from the recordings, in deviations of shipped voices, of the nearest voice and of this one. `f0_off_st`:
    its median F0 over the person's. `f0_hz`: its median F0. `best_nearer`: how far the best of what was tried
    got."""

    share: float
    quality_before: float
    quality_after: float
    f0_off_st: float
    f0_hz: float
    best_nearer: float
    least_nearer: float = LEAST_NEARER

    @property
    def nearer(self) -> float:
        """The share of the way from the nearest voice to the person, by voice quality."""
        return 1 - self.quality_after / self.quality_before

    @property
    def is_reached(self) -> bool:
        return self.share > 0


def judged(
    synthesizer: Synthesizer,
    tuning: Tunable,
    recordings: Recordings,
    language: str,
    nearest: str,
    found: Found,
) -> tuple[Verdict, dict[str, Floats]]:
    """The voice's tensors, and why these: the first of `SHARES` that is nearer to the person by
    `LEAST_NEARER`."""
    room = _Room(synthesizer, recordings, language, nearest)
    before = room.quality_off(
        room.said(tuning.speaker(nearest, tuning.table(nearest, found.start, tuning.manner(nearest))))
    )
    best = -1.0
    for share in SHARES:
        tensors = within_reach(tuning, nearest, found, share)
        verdict = room.verdict(room.said(tuning.speaker("fitted", tensors)), share, before)
        best = max(best, verdict.nearer) if share else best
        if verdict.nearer >= LEAST_NEARER:
            break
    return replace(verdict, best_nearer=best), tensors


def within_reach(tuning: Tunable, nearest: str, found: Found, share: float) -> dict[str, Floats]:
    """The tensors of a voice, its layers shrunk until no number lies beyond where the network knows
    voices."""
    timbre, layers = found.at(share)
    tensors = {
        **tuning.table(nearest, timbre, found.manner),
        "layers": layers.astype(np.float16).astype(np.float32),
    }
    if share == 0:
        del tensors["layers"]
        return tensors
    while tuning.complaint(tensors) and np.abs(layers).max() > 1e-3:
        layers = layers * np.float32(_SHRINK)
        tensors["layers"] = layers.astype(np.float16).astype(np.float32)
    return tensors


class _Room:
    """Where voices speak the same sentences to be compared with a person."""

    def __init__(self, synthesizer: Synthesizer, recordings: Recordings, language: str, speaker: str) -> None:
        self._engine, self._recordings = synthesizer.model.engine, recordings
        lines = sentences.of(sentences.JUDGED, language)
        prepared = (synthesizer.prepare(Line(line, speaker, language=language)) for line in lines)
        self._phrases = [phrase for line in prepared for phrase in line.phrases]
        self._wanted = voice_quality(recordings.joined, ENGINE_HZ)

    def said(self, speaker: Speaker) -> Floats:
        phrases = [Phrase(phrase.phonemes, speaker, speaker) for phrase in self._phrases]
        plans = self._engine.plan(phrases)
        return np.concatenate(self._engine.render(plans, [_SEED] * len(plans)))

    def quality_off(self, said: Floats) -> float:
        return distance(voice_quality(said, ENGINE_HZ), self._wanted, marks().spread)

    def verdict(self, said: Floats, share: float, before: float) -> Verdict:
        f0_hz = median_hz(said)
        off_st = 12 * float(np.log2(f0_hz / median_hz(self._recordings.joined)))
        after = self.quality_off(said)
        return Verdict(share, before, after, off_st, f0_hz, 1 - after / before)


def median_hz(samples: Floats) -> float:
    """Of the voiced part of samples at 24 kHz."""
    f0_hz = tracked(resampled(samples, ENGINE_HZ, RATE_HZ))
    return float(np.median(f0_hz[f0_hz > 0]))
