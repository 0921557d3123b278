"""Whether the emotion of one speaker's clip arrives in another's voice, judged by tools that are not ours.

    python -m tests.benchmarks.reference [--voices af_heart,zm_yunxi] [--labels angry,sad] [--pairs 2]

Speaker A says a line neutrally and with an emotion: baseline and reference. Speaker B says another line like
that. Every cue that is clearly another in A's clip (Praat, openSMILE) must move the same way in B's line
against B's neutral one, and B's line must be nearer to B than to A (Resemblyzer). Needs the `bench` extra.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sidecar.speech import Speech
from sidecar.voice import Voice
from tests.benchmarks.emotion_lines import VOICES, lines_of
from tests.benchmarks.hearing import Cues, Ears, Floats, Heard
from tests.benchmarks.judging import RISES

LABELS = ("happy", "sad", "angry", "fearful", "calm")
#: From where on a cue of the clip is another than the baseline's, in the units of `RISES`.
CLEAR = {"F0": 1.0, "range": 1.5, "rate": 0.1, "level": 1.5, "tilt": 1.5}
LEAST_SIGNS, LEAST_NEARER = 0.90, 0.98


@dataclass(frozen=True)
class Trial:
    """`b` speaks like `a`'s clip. `moved`: cue -> how far it moved in the clip, and in what came of it."""

    a: str
    b: str
    label: str
    moved: dict[str, tuple[float, float]]
    to_a: float
    to_b: float

    def clear(self) -> dict[str, bool]:
        """The cues that the clip moves clearly, and whether they followed."""
        return {
            cue: clip * follows > 0 for cue, (clip, follows) in self.moved.items() if abs(clip) >= CLEAR[cue]
        }


class Studio:
    """Speaks and hears; neutral lines once."""

    def __init__(self) -> None:
        self.voice, self._ears = Voice.load(device="cpu"), Ears()
        self._neutral: dict[tuple[str, str], tuple[Speech, Heard]] = {}

    def neutral(self, voice: str, text: str) -> tuple[Speech, Heard]:
        if (voice, text) not in self._neutral:
            self._neutral[voice, text] = self.said(text, voice)
        return self._neutral[voice, text]

    def said(self, text: str, voice: str, **how: object) -> tuple[Speech, Heard]:
        speech = self.voice.synthesize(text, voice, intensity=1.0, **how)  # type: ignore[arg-type]
        return speech, self.hear(speech.samples, speech.sample_rate_hz)

    def hear(self, samples: Floats, rate_hz: int) -> Heard:
        return self._ears.hear(samples, rate_hz)

    def centroid(self, voice: str) -> np.ndarray:
        """[256] of three neutral lines, unit length."""
        mean = np.mean([self.neutral(voice, text)[1].embedding for text in lines_of(voice)[:3]], 0)
        centroid: np.ndarray = mean / np.linalg.norm(mean)
        return centroid


def trials(studio: Studio, voices: tuple[str, ...], labels: tuple[str, ...], pairs: int) -> Iterator[Trial]:
    for number, a in enumerate(voices):
        text = lines_of(a)[0]
        calm, calm_heard = studio.neutral(a, text)
        for label in labels:
            clip, clip_heard = studio.said(text, a, emotion=label)
            for step in range(1, pairs + 1):
                b = voices[(number + 5 * step) % len(voices)]
                spoken = lines_of(b)[1 + step % 2]
                _, base = studio.neutral(b, spoken)
                _, heard = studio.said(spoken, b, reference=clip.encoded("wav"), baseline=calm.encoded("wav"))
                likeness = [float(studio.centroid(who) @ heard.embedding) for who in (a, b)]
                moved = against(clip_heard.cues, calm_heard.cues), against(heard.cues, base.cues)
                both = {cue: (moved[0][cue], moved[1][cue]) for cue in RISES}
                yield Trial(a, b, label, both, *likeness)


def against(cues: Cues, base: Cues) -> dict[str, float]:
    return {cue: rise(cues, base) for cue, (_, rise) in RISES.items()}


def report(found: list[Trial]) -> bool:
    follows: dict[str, list[bool]] = defaultdict(list)
    for trial in found:
        for cue, followed in trial.clear().items():
            follows[cue].append(followed)
            follows[f"  {trial.label} {cue}"].append(followed)
    for what in [*RISES, *sorted(name for name in follows if name not in RISES)]:
        if follows[what]:
            print(f"  {what:18} {100 * np.mean(follows[what]):5.1f} % of {len(follows[what])}")
    signs = float(np.mean([followed for cue in RISES for followed in follows[cue]]))
    nearer = float(np.mean([trial.to_b > trial.to_a for trial in found]))
    to_a, to_b = (np.mean([getattr(trial, name) for trial in found]) for name in ("to_a", "to_b"))
    print(f"cues that follow the clip: {100 * signs:.1f} % (bar {100 * LEAST_SIGNS:.0f})")
    print(f"nearer to the speaker than to the clip's: {100 * nearer:.1f} % of {len(found)} ", end="")
    print(f"(bar {100 * LEAST_NEARER:.0f}); likeness {to_b:.3f} and {to_a:.3f}")
    return signs >= LEAST_SIGNS and nearer >= LEAST_NEARER


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--voices", type=lambda text: tuple(text.split(",")), default=VOICES)
    parser.add_argument("--labels", type=lambda text: tuple(text.split(",")), default=LABELS)
    parser.add_argument("--pairs", type=int, default=2, help="other speakers for each clip")
    options = parser.parse_args()
    return not report(list(trials(Studio(), options.voices, options.labels, options.pairs)))


if __name__ == "__main__":
    sys.exit(main())
