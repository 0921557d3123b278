"""How short lines pause and end, as the model itself speaks them (before) and as we do (after).

    python -m tests.benchmarks.endings

Speaks six one-word lines by every voice, murmurs and lines with marks inside by a few, and counts what is
heard where silence should be. A moment is heard when it is within 40 dB of the line's loudest and over
-60 dBFS.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sidecar.audio.ending import WINDOW_S, audible
from sidecar.line import Line
from sidecar.speech import Speech
from sidecar.voice import Voice

WORDS = ("No.", "Yes.", "Hi.", "Oh.", "Go!", "Stop.")
MURMURS = ("Mm.", "Sh.", "Mm!")
MURMURING = (
    "af_heart", "af_bella", "am_michael", "am_echo", "bm_george", "bf_emma", "zf_xiaoxiao", "zm_yunxi",
)  # fmt: skip
PAUSING = {  # each with how many inner marks it has
    "Stop! Thief! Guards!": 2, "Well… I suppose so.": 1, "No. No! NO!": 2,
    "He was… gone.": 1, "Wait — no!": 1,
}  # fmt: skip
SPEAKING = ("af_heart", "am_michael", "bm_george", "af_bella")
TICK_AFTER_S = 0.02  #: what sounds again after so much silence behind the word's planned end is no part of it
REST_S = 0.1  #: a shorter silence is a stop's closure


@dataclass(frozen=True)
class Found:
    """Over all lines: `ticks` behind the word; the longest and the mean silence at the end of one word; how
    long murmurs are heard at least; the shortest pause at an inner mark, 0 where one has none."""

    ticks: int
    rest_s: float
    mean_rest_s: float
    murmur_s: float
    pause_s: float


def heard(speech: Speech) -> list[tuple[float, float]]:
    """From when to when something is heard."""
    loud = np.concatenate([[False], audible(speech.samples, speech.sample_rate_hz), [False]])
    edges = np.flatnonzero(loud[1:] != loud[:-1]) * WINDOW_S
    return [(float(start), float(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def ticks(speech: Speech, planned_s: float) -> int:
    """Whether anything sounds again behind the word."""
    stretches = heard(speech)
    pairs = itertools.pairwise(stretches)
    return int(any(b[0] >= planned_s and b[0] - a[1] >= TICK_AFTER_S for a, b in pairs))


def rest_s(speech: Speech) -> float:
    return speech.duration_s - heard(speech)[-1][1]


def pauses_s(speech: Speech, marks: int) -> list[float]:
    stretches = heard(speech)
    rests = sorted((b[0] - a[1] for a, b in itertools.pairwise(stretches)), reverse=True)
    return [*(rest if rest >= REST_S else 0.0 for rest in rests), *([0.0] * marks)][:marks]


def both(voice: Voice, texts: Sequence[str], speakers: Sequence[str]) -> Iterator[tuple[str, Speech, Speech]]:
    """Each line as the model speaks it, and as we do."""
    for text in texts:
        for speaker in speakers:
            prepared = voice.synthesizer.prepare(Line(text, speaker))
            yield text, voice.synthesizer.said(prepared.bare()), voice.synthesizer.said(prepared)


def found(voice: Voice) -> tuple[Found, Found]:
    words = list(both(voice, WORDS, voice.description.speakers))
    murmurs, pausing = list(both(voice, MURMURS, MURMURING)), list(both(voice, tuple(PAUSING), SPEAKING))
    results = []
    for which in (1, 2):
        rests = [rest_s(row[which]) for row in words]
        results.append(
            Found(
                sum(ticks(row[which], row[1].words[-1].end_s) for row in words),
                max(rests),
                float(np.mean(rests)),
                min(sum(end - start for start, end in heard(row[which])) for row in murmurs),
                min(min(pauses_s(row[which], PAUSING[row[0]])) for row in pausing),
            )
        )
    return results[0], results[1]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    for name, result in zip(("before", "after"), found(Voice.load()), strict=True):
        print(f"{name:7} {result}")


if __name__ == "__main__":
    main()
