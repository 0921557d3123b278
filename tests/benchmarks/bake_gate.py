"""How many planted faults a bake's gate finds, and how often it is alarmed by clean clips.

    python -m tests.benchmarks.bake_gate [--lines 112] [--faults 50]

Speaks the sample dialogue and a few short lines with the default voice, plants cut, silenced, clipped,
clicked, stretched and octave-shifted stretches (`tests/baking/faults.py`), and counts. The bars: at least
95 % found, at most 2 % false alarms.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np

from sidecar.baking.gate import judged
from sidecar.demo import INTENSITY, sample_lines
from sidecar.line import Line
from sidecar.speech import Speech
from sidecar.voice import Voice
from tests.baking.faults import KINDS, planted

SHORT = (
    ("No.", "af_heart"), ("Who's there?", "am_michael"), ("Hm.", "bf_emma"), ("I said stop!", "am_adam"),
    ("Yes, my lord.", "af_bella"), ("Arrow!", "am_puck"), ("Well... I suppose so.", "am_onyx"),
    ("Help me, please, somebody help me!", "bf_alice"), ("The 3rd of May, 1492, was a Tuesday.", "bm_lewis"),
    ("Take the left path, and don't talk to the ferryman.", "bm_george"),
    ("你好,欢迎来到我们的酒馆。", "zf_xiaobei"), ("小心!后面有人!", "zm_yunxi"),
)  # fmt: skip


def lines() -> Iterator[Line]:
    for line in sample_lines():
        yield Line(line.text, line.voice, emotion=line.mood, intensity=INTENSITY)
    for text, speaker in SHORT:
        yield Line(text, speaker)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--lines", type=int, default=112)
    options.add_argument("--faults", type=int, default=50)
    given = options.parse_args()
    voice = Voice.load(threads=1)
    spoken = [(line, voice.synthesizer.speak(line)) for line in islice(lines(), given.lines)]
    alarms = [(line, found) for line, speech in spoken if (found := judged(speech.samples, speech, line))]
    for line, found in alarms:
        print(f"false alarm: {line.text[:40]!r} {found[0].kind}: {found[0].detail}")
    print(f"clean: {len(alarms)} of {len(spoken)} alarmed ({len(alarms) / len(spoken):.1%})")
    tried, hit = faults(spoken, given.faults)
    for kind in KINDS:
        print(f"{kind}: {hit[kind]} of {tried[kind]} found")
    print(f"faults: {hit.total()} of {tried.total()} found ({hit.total() / tried.total():.1%})")


def faults(spoken: list[tuple[Line, Speech]], count: int) -> tuple[Counter[str], Counter[str]]:
    """How many of each kind were tried, and found. A whisper has no pitch to jump."""
    rng = np.random.default_rng(11)
    tried: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    hosts = cycle(rng.permutation([n for n, (_, speech) in enumerate(spoken) if len(speech.words) > 4]))
    for kind in islice(cycle(KINDS), count):
        line, speech = spoken[next(hosts)]
        while kind == "octave" and line.emotion == "whispering":
            line, speech = spoken[next(hosts)]
        tried[kind] += 1
        hit[kind] += bool(judged(planted(kind, speech, rng), speech, line))
    return tried, hit


if __name__ == "__main__":
    main()
