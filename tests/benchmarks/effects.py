"""What voice effects cost, whether their words are still understood, and how they look.

    python -m tests.benchmarks.effects [--lines 30] [--effects ghost,giant] [--draw FOLDER]

Lines are English ones of the samples, neutral, each spoken with one thread. Cost: what `with_effect` and the
timbre take of a line's own work, in time of the same thread (bar: 2 %). Understood: word errors of Whisper
(`tests/benchmarks/quality.py`, the `bench` extra) against the same lines without an effect, for the effects
that are meant to be understood (bar: 3 points more). `--draw` writes a page a preset, as `npc-voice report`.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from sidecar.audio.effects import with_voice_of
from sidecar.audio.timbre import Timbre, treated
from sidecar.demo import sample_lines
from sidecar.line import Line
from sidecar.report import report
from sidecar.synthesis import Synthesizer, with_effect
from sidecar.voice import Voice
from tests.benchmarks.quality import Listener, spoken_words, word_errors

#: Whose words a player has to understand. An underwater voice is heard, not followed.
UNDERSTOOD = ("ghost", "giant", "imp", "radio", "robot", "demon", "telephone", "cave")
DRAWN = "Who goes there? Nobody passes the north gate after dark."


def lines(count: int) -> list[Line]:
    english = (line for line in sample_lines() if line.language != "zh-CN")
    return [Line(line.text, line.voice, seed=7) for line in islice(english, count)]


def costs(synthesizer: Synthesizer, spoken: list[Line]) -> Iterator[tuple[str, float, float]]:
    """For each effect: milliseconds a second of speech, and the share of a line's own work."""
    synthesizer.speak(spoken[0])
    took: dict[str, float] = defaultdict(float)
    work_s = sound_s = 0.0
    for line in spoken:
        began = time.thread_time()
        prepared = synthesizer.prepare(line)
        plain = synthesizer.said_dry(prepared)
        work_s, sound_s = work_s + time.thread_time() - began, sound_s + plain.duration_s
        for name, effect in synthesizer.effects.known.items():
            timbre, still = with_voice_of(Timbre(), effect), np.zeros(0, np.float32)
            began = time.thread_time()
            with_effect(plain, replace(prepared, effect=effect))
            treated(plain.samples, plain.sample_rate_hz, timbre, still, 1)
            took[name] += time.thread_time() - began
    for name, cost_s in took.items():
        yield name, 1000 * cost_s / sound_s, cost_s / work_s


def errors(synthesizer: Synthesizer, spoken: list[Line], listener: Listener, effect: str | None) -> float:
    """Words wrong, of those that were to be said."""
    wrong = words = 0
    for line in spoken:
        expected = spoken_words(line.text)
        sound = synthesizer.speak(replace(line, effect=effect)).samples
        wrong += word_errors(expected, spoken_words(listener.transcript(sound)))
        words += len(expected)
    return wrong / words


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--lines", type=int, default=30)
    options.add_argument("--cost-lines", type=int, default=12)
    options.add_argument("--effects", help="Only these are listened to.")
    options.add_argument("--draw", type=Path)
    given = options.parse_args()
    voice = Voice.load(device="cpu", threads=1)
    heard = given.effects.split(",") if given.effects else list(voice.effects)
    for name, ms, share in costs(voice.synthesizer, lines(given.cost_lines)):
        print(f"{name}: {ms:.2f} ms a second of speech, {share:.2%} of a line's work")
    if given.draw is not None:
        given.draw.mkdir(parents=True, exist_ok=True)
        for name in voice.effects:
            page = report(voice, Line(DRAWN, "am_michael", effect=name))
            (given.draw / f"{name}.html").write_text(page, "utf-8")
    if given.lines:
        listener, spoken = Listener(1), lines(given.lines)
        plain = errors(voice.synthesizer, spoken, listener, None)
        print(f"without: {plain:.1%} of words wrong", flush=True)
        for name in heard:
            found = errors(voice.synthesizer, spoken, listener, name)
            meant = "" if name in UNDERSTOOD else ", not meant to be understood"
            print(f"{name}: {found:.1%}, {100 * (found - plain):+.1f} points{meant}", flush=True)


if __name__ == "__main__":
    main()
