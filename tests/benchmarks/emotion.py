"""Whether emotions work, judged on the audio by tools that are not ours.

    python -m tests.benchmarks.emotion --cache FOLDER [--full] [--parts signs,himself] [--labels angry,sad]
        [--voices af_heart,zm_yunxi | all] [--lines N] [--intensities 0.5,1] [--picture confusion.png]

Signs: each label moves its cues the right way (Praat, openSMILE) against the same line said neutrally.
Intensity: 0 is neutral to the bit, more is more. Distinct: a linear classifier on eGeMAPS tells labels
apart in voices it was not trained on. Himself: a speaker encoder (Resemblyzer) still finds the right
one among all voices. Understood: Whisper tiny.en and DNSMOS. Cost: what an emotion adds to the time of
synthesis. Rows are kept in the cache folder, by the sources they were made with. The status is 1 when
a bar is missed. Needs the `bench` extra.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sidecar.voice import Voice
from tests.benchmarks.classifier import absolute, draw, guesses, relative
from tests.benchmarks.emotion_lines import VOICES, known_lines_of, lines_of, turn
from tests.benchmarks.judging import (
    FIRM_FROM,
    FULL,
    GATED,
    WHISPERING,
    Crowd,
    Verdict,
    himself,
    intensity,
    signs,
    understood,
)
from tests.benchmarks.takes import NEUTRAL, Order, Rows, Shelf, Take, merged, prints, taken

LABELS = (
    NEUTRAL, "happy", "excited", "sad", "angry", "fearful", "surprised", "disgusted", "calm", "bored",
    "tender", "whispering", "shouting",
)  # fmt: skip
EIGHT = (NEUTRAL, "happy", "sad", "angry", "fearful", "surprised", "disgusted", "calm")
INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
PARTS = ("signs", "intensity", "distinct", "himself", "understood", "cost")
#: Intensity -> the least share of right guesses on features relative to the voice.
DISTINCT = {1.0: 0.85, 0.5: 0.65}
DISTINCT_ABSOLUTE = 0.60
MOST_COST = 0.05
#: A speaker recorded whispering: how real whisper is judged.
WHISPERER = "af_nicole"
COST_LABELS = ("angry", "sad", "fearful", "whispering")


@dataclass(frozen=True)
class Selection:
    """What is tried. `lines` a voice; every line is said by some voice when they are few."""

    voices: tuple[str, ...]
    labels: tuple[str, ...]
    intensities: tuple[float, ...]
    lines: int
    every_zero: bool

    def lines_of(self, voice: str) -> tuple[str, ...]:
        return turn(voice, lines_of(voice), self.lines, self.voices.index(voice))

    def takes(self, labels: Sequence[str], intensities: Sequence[float]) -> Iterator[Take]:
        """Emotional takes of the tried lines, where both label and intensity are selected."""
        for voice in self.voices:
            for text in self.lines_of(voice):
                for label in labels:
                    if label != NEUTRAL and label in self.labels:
                        yield from (Take(voice, text, label, i) for i in intensities if i in self.intensities)

    def neutral(self) -> Iterator[Take]:
        return (Take(voice, text) for voice in self.voices for text in self.lines_of(voice))

    def all_neutral(self) -> Iterator[Take]:
        return (Take(voice, text) for voice in self.voices for text in lines_of(voice))

    def zeros(self) -> Iterator[Take]:
        """Emotions at intensity 0: on every line, or on one a voice."""
        for take in self.takes(self.labels, [0.0]):
            if self.every_zero or take.text == self.lines_of(take.voice)[0]:
                yield take


def known(voices: Sequence[str]) -> list[Take]:
    """Other lines, by which every voice there is gets known."""
    return [Take(voice, text) for voice in voices for text in known_lines_of(voice)]


def orders(selection: Selection, parts: Sequence[str], everybody: Sequence[str]) -> Iterator[Order]:
    """All takes that the parts need, neutral ones first."""
    if set(parts) == {"cost"}:
        return
    listened = "understood" in parts
    yield from (Order(take, listened) for take in selection.neutral())
    firm = [i for i in INTENSITIES if i >= FIRM_FROM]
    if "distinct" in parts:
        yield from map(Order, selection.all_neutral())
        yield from map(Order, selection.takes(LABELS, list(DISTINCT)))
    if "signs" in parts:
        yield from map(Order, selection.takes(GATED, firm))
    if "intensity" in parts:
        yield from map(Order, selection.takes(GATED, INTENSITIES[1:]))
        yield from map(Order, selection.zeros())
    if "himself" in parts:
        yield from map(Order, known(everybody))
    if listened and WHISPERING in selection.labels:
        yield from (Order(take, listened=True) for take in known([WHISPERER]))
    if "himself" in parts or listened:
        yield from (Order(take, listened) for take in selection.takes(LABELS, [FULL]))


def distinct(rows: Rows, selection: Selection, picture: Path | None) -> Iterator[Verdict]:
    """Eight labels against their bars, all labels beside them."""
    neutral = [rows[take] for take in selection.all_neutral()]
    drawn = []
    for at in sorted(set(DISTINCT) & set(selection.intensities), reverse=True):
        for names, bars in ((EIGHT, True), (LABELS, False)):
            labels = [label for label in names if label in selection.labels]
            if not bars and set(labels) <= set(EIGHT):
                continue
            tried = [rows[t] for t in [*selection.neutral(), *selection.takes(labels, [at])]]
            for kind, features, bar in (
                ("relative", relative(tried, neutral), DISTINCT[at]),
                ("absolute", absolute(tried), DISTINCT_ABSOLUTE if at == FULL else 0.0),
            ):
                found = guesses(tried, features, labels)
                title = f"{len(labels)} labels at {at:g}, {kind}"
                if bars and bar:
                    yield Verdict(title, f"{found}, bar {100 * bar:.0f} %", found.accuracy() >= bar)
                else:
                    print(f"          {title:34} {found}")
                if kind == "relative":
                    drawn.append((title, found))
                    print_recalls(found)
    if picture:
        draw(drawn, picture)


def print_recalls(found) -> None:
    table = found.confusion()
    for label, row in zip(found.labels, table, strict=True):
        wrong = sorted(
            ((n, o) for n, o in zip(row, found.labels, strict=True) if n and o != label), reverse=True
        )
        takers = ", ".join(f"{other} {100 * n / row.sum():.0f} %" for n, other in wrong[:3])
        own = 100 * row[found.labels.index(label)] / max(row.sum(), 1)
        print(f"            {label:11} {own:5.1f} %" + (f"   taken for {takers}" if takers else ""))


def cost(selection: Selection, rounds: int) -> Iterator[Verdict]:
    """Seconds of one thread in turn: emotional, and neutral at the speed that makes the line as long, since
    a slow line is more to speak whoever feels what."""
    voice = Voice.load(device="cpu", threads=1)
    spent: dict[tuple[Take, str, str], list[float]] = defaultdict(list)
    takes = [
        Take(name, lines_of(name)[0]) for name in selection.voices[:: max(1, len(selection.voices) // 3)]
    ]
    labels = [label for label in COST_LABELS if label in selection.labels]
    for turned in range(rounds + 1):
        for take in takes:
            plain = voice.synthesize(take.text, take.voice).duration_s
            for label in labels:
                began = time.process_time()
                acted = voice.synthesize(take.text, take.voice, emotion=label, intensity=FULL).duration_s
                between = time.process_time()
                paced = voice.synthesize(take.text, take.voice, speed=plain / acted).duration_s
                ended = time.process_time()
                if turned:  # the first round warms up
                    spent[take, label, "acted"].append((between - began) / acted)
                    spent[take, label, "paced"].append((ended - between) / paced)
    for label in labels:
        ratios = [
            np.median(spent[take, label, "acted"]) / np.median(spent[take, label, "paced"]) for take in takes
        ]
        more = float(np.mean(ratios)) - 1
        yield Verdict(f"{label} costs", f"{100 * more:+.1f} % of a line as long", more <= MOST_COST)


def judge(name: str, rows: Rows, selection: Selection, options: argparse.Namespace) -> Iterator[Verdict]:
    tried = [rows[t] for t in [*selection.neutral(), *selection.takes(LABELS, [FULL])] if t in rows]
    if name == "signs":
        return signs(rows, options.worst)
    if name == "intensity":
        return intensity(rows)
    if name == "distinct":
        return distinct(rows, selection, options.picture)
    if name == "himself":
        everybody = [rows[take] for take in known(options.everybody)]
        return himself(tried, Crowd.of(everybody), selection.labels, options.worst)
    if name == "understood":
        whisperer = [rows[take] for take in known([WHISPERER]) if take in rows]
        return understood(tried, whisperer, selection.labels, options.worst)
    return cost(selection, options.rounds)


def comma(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(","))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--voices", type=comma, default=VOICES, help="or all: every English and Chinese one")
    parser.add_argument("--lines", type=int, default=3, help="lines a voice, 1 to 10")
    parser.add_argument("--labels", type=comma, default=LABELS)
    parser.add_argument("--intensities", type=lambda v: tuple(map(float, comma(v))), default=INTENSITIES)
    parser.add_argument("--parts", type=comma, default=PARTS)
    parser.add_argument("--full", action="store_true", help="ten lines a voice, and every one at intensity 0")
    parser.add_argument("--cache", type=Path, help="folder where measured takes are kept")
    parser.add_argument(
        "--probes", action="store_true", help="take rows of other sources whose probe lines sound the same"
    )
    parser.add_argument("--picture", type=Path, help="where to save the confusion matrices")
    parser.add_argument("--worst", type=int, default=3, help="failures to name a bar")
    parser.add_argument("--rounds", type=int, default=5, help="of the cost part")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    labels = tuple(dict.fromkeys([NEUTRAL, *options.labels]))
    lines = 10 if options.full else options.lines
    voice = Voice.load(device="cpu", threads=1)
    options.everybody = voice.description.speakers
    if options.voices == ("all",):
        engine = voice.synthesizer.model.engine
        read = engine.description.languages
        options.voices = tuple(name for name in options.everybody if engine.language_of(name) in read)
    selection = Selection(options.voices, labels, options.intensities, lines, options.full)
    print(
        f"{len(selection.voices)} voices x {lines} lines, {len(labels)} labels, intensities "
        f"{', '.join(f'{i:g}' for i in selection.intensities)}; parts {', '.join(options.parts)}"
    )
    with tempfile.TemporaryDirectory() as passing:
        shelf = Shelf(options.cache or Path(passing), prints(labels, voice, options.probes))
        rows = taken(merged(orders(selection, options.parts, options.everybody)), shelf, options.workers)
    verdicts = []
    for name in options.parts:
        print(f"\n{name}")
        for verdict in judge(name, rows, selection, options):
            print(verdict)
            verdicts.append(verdict)
    missed = [verdict for verdict in verdicts if not verdict.held]
    print(f"\n{len(verdicts) - len(missed)} of {len(verdicts)} bars held")
    print("\n".join(map(str, missed)))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
