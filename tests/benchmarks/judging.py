"""What is asked of emotions, judged on measured takes. Every judgement says what failed."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.hearing import Cues
from tests.benchmarks.quality import spoken_words, word_errors
from tests.benchmarks.takes import NEUTRAL, Row, Rows, Take

SIGN_SHARE, FIRM_FROM = 0.95, 0.5
FEAR_SLACK_ST = 0.25
LEAST_SPEARMAN = 0.9
LEAST_HIMSELF = 0.95
MOST_WER_GAIN, MOST_MOS_LOSS = 1.5, 0.15
FULL = 1.0
WHISPERING = "whispering"


@dataclass(frozen=True)
class Verdict:
    """One bar: what was measured, as text, and whether it was held."""

    what: str
    measured: str
    held: bool

    def __str__(self) -> str:
        return f"  {'ok    ' if self.held else 'MISSED'}  {self.what:34} {self.measured}"


#: How much a cue rose against neutral; rate in octaves, as the same text takes less time.
RISES: dict[str, tuple[str, Callable[[Cues, Cues], float]]] = {
    "F0": ("st", lambda cue, base: cue.f0_st - base.f0_st),
    "range": ("st", lambda cue, base: cue.range_st - base.range_st),
    "rate": ("oct", lambda cue, base: float(np.log2(base.extent_s / cue.extent_s))),
    "level": ("dB", lambda cue, base: cue.level_dbfs - base.level_dbfs),
    "tilt": ("dB", lambda cue, base: cue.tilt_db - base.tilt_db),
}


@dataclass(frozen=True)
class Gate:
    """A cue that a label must move up or down."""

    label: str
    cue: str
    up: bool = True

    def __str__(self) -> str:
        return f"{self.label} {self.cue} {'up' if self.up else 'down'}"

    @property
    def unit(self) -> str:
        return RISES[self.cue][0]

    def rise(self, row: Row, rows: Rows) -> float:
        """Against the same line said neutrally by the same voice."""
        return RISES[self.cue][1](row.cues, rows[Take(row.take.voice, row.take.text)].cues)

    def moved(self, row: Row, rows: Rows) -> float:
        """How far in the wanted direction."""
        return self.rise(row, rows) if self.up else -self.rise(row, rows)


GATES = (
    Gate("angry", "F0"), Gate("angry", "range"), Gate("angry", "rate"), Gate("angry", "level"),
    Gate("angry", "tilt"),
    Gate("happy", "F0"), Gate("happy", "range"), Gate("happy", "level"), Gate("happy", "tilt"),
    Gate("fearful", "F0"), Gate("fearful", "range"), Gate("fearful", "rate"),
    Gate("sad", "rate", up=False), Gate("sad", "level", up=False),
    Gate("surprised", "range"),
    Gate("disgusted", "rate", up=False), Gate("disgusted", "F0", up=False),
)  # fmt: skip
GATED = tuple(dict.fromkeys(gate.label for gate in GATES))


def signs(rows: Rows, worst: int) -> Iterator[Verdict]:
    """Each gate on each line at half intensity and above."""
    for gate in GATES:
        firm = [r for r in rows.values() if r.take.label == gate.label and r.take.intensity >= FIRM_FROM]
        yield from _sign(str(gate), gate.unit, [(row, gate.moved(row, rows)) for row in firm], worst)
    yield from _sign("fearful F0 as much as angry", "st", list(_fear_over_anger(rows)), worst)


def _fear_over_anger(rows: Rows) -> Iterator[tuple[Row, float]]:
    for take, row in rows.items():
        angry = rows.get(Take(take.voice, take.text, "angry", take.intensity))
        if take.label == "fearful" and take.intensity >= FIRM_FROM and angry:
            yield row, row.cues.f0_st - angry.cues.f0_st + FEAR_SLACK_ST


def _sign(what: str, unit: str, moved: list[tuple[Row, float]], worst: int) -> Iterator[Verdict]:
    if not moved:
        return
    by_intensity = defaultdict(list)
    for row, value in moved:
        by_intensity[row.take.intensity].append(value)
    share = np.mean([value > 0 for _, value in moved])
    steps = "  ".join(
        f"{intensity:g}: {100 * np.mean(np.array(values) > 0):.0f} % ({np.median(values):+.2f} {unit})"
        for intensity, values in sorted(by_intensity.items())
    )
    yield Verdict(what, f"{100 * share:5.1f} % of {len(moved)}   {steps}", bool(share >= SIGN_SHARE))
    wrong = sorted((pair for pair in moved if not pair[1] > 0), key=lambda pair: pair[1])
    for row, value in wrong[:worst]:
        print(f"            {value:+.2f} {unit}  {row.take}")


def intensity(rows: Rows) -> Iterator[Verdict]:
    """Nothing at 0, more with every step, and even steps."""
    yield from _nothing_at_zero(rows)
    for gate in GATES:
        curves = dict(_curves(gate, rows))
        if not curves:
            continue
        rho = {voice: spearman(curve) for voice, curve in curves.items()}
        weak = {voice: curves[voice] for voice, value in rho.items() if not value >= LEAST_SPEARMAN}
        steps = np.diff(np.array(list(curves.values())), axis=1)
        sizes = "  ".join(f"{m:+.2f}±{s:.2f}" for m, s in zip(steps.mean(0), steps.std(0), strict=True))
        yield Verdict(
            f"{gate} monotone", f"{len(rho) - len(weak)} of {len(rho)} voices   steps {sizes} {gate.unit}",
            not weak,
        )  # fmt: skip
        for voice, curve in weak.items():
            print(f"            {voice}: rho {rho[voice]:.2f}, {' '.join(f'{v:+.2f}' for v in curve)}")


def _nothing_at_zero(rows: Rows) -> Iterator[Verdict]:
    zeros = [row for row in rows.values() if row.take.label != NEUTRAL and row.take.intensity == 0]
    if zeros:
        other = [r for r in zeros if r.audio_sha256 != rows[Take(r.take.voice, r.take.text)].audio_sha256]
        yield Verdict(
            "0 is neutral, bit for bit", f"{len(zeros) - len(other)} of {len(zeros)} lines", not other
        )
        for row in other:
            print(f"            differs: {row.take}")


def _curves(gate: Gate, rows: Rows) -> Iterator[tuple[str, list[float]]]:
    """By voice the mean movement over its lines at every intensity, from 0 on."""
    moved: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.values():
        if row.take.label == gate.label and row.take.intensity > 0:
            moved[row.take.voice][row.take.intensity].append(gate.moved(row, rows))
    for voice, steps in moved.items():
        if len(steps) >= 3:
            yield voice, [0.0, *(float(np.mean(values)) for _, values in sorted(steps.items()))]


def spearman(curve: Sequence[float]) -> float:
    """Rank correlation of a curve with its own order; ties count half, a flat curve is 0."""
    pairs = [(late - early) for at, late in enumerate(curve) for early in curve[:at]]
    if not any(pairs):
        return 0.0
    ranks = [sum((v > w) + 0.5 * (v == w) for w in curve) for v in curve]
    return round(float(np.corrcoef(ranks, np.arange(len(curve)))[0, 1]), 9)  # two neighbours changed are 0.9


@dataclass(frozen=True, eq=False)
class Crowd:
    """All voices as heard on neutral lines."""

    voices: tuple[str, ...]
    centroids: np.ndarray  # [voices, 256], unit length

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Crowd":
        voices = tuple(dict.fromkeys(row.take.voice for row in rows))
        means = np.array(
            [np.mean([r.embedding for r in rows if r.take.voice == voice], 0) for voice in voices]
        )
        return cls(voices, means / np.linalg.norm(means, axis=1, keepdims=True))

    def nearest(self, row: Row) -> str:
        return self.voices[int(np.argmax(self.centroids @ row.embedding))]

    def likeness(self, row: Row) -> float:
        """To the voice's own centroid, cosine."""
        return float(self.centroids[self.voices.index(row.take.voice)] @ row.embedding)


def himself(rows: Sequence[Row], crowd: Crowd, labels: Sequence[str], worst: int) -> Iterator[Verdict]:
    """Whether the nearest of all voices is still the right one."""
    at_neutral = np.mean([crowd.likeness(row) for row in rows if row.take.label == NEUTRAL])
    for label in labels:
        meant = [row for row in rows if row.take.label == label]
        if not meant:
            continue
        missed = [row for row in meant if crowd.nearest(row) != row.take.voice]
        share = 1 - len(missed) / len(meant)
        likeness = np.mean([crowd.likeness(row) for row in meant])
        measured = (
            f"{100 * share:5.1f} % of {len(meant)}   likeness {likeness:.3f} ({likeness - at_neutral:+.3f})"
        )
        if label == WHISPERING:
            print(f"          {label + ' (no bar)':34} {measured}")
            continue
        yield Verdict(f"{label} is himself", measured, share >= LEAST_HIMSELF)
        for row in missed[:worst]:
            print(f"            taken for {crowd.nearest(row)}: {row.take}")


def understood(
    rows: Sequence[Row], whisperer: Sequence[Row], labels: Sequence[str], worst: int
) -> Iterator[Verdict]:
    """Words (English only) and sound against neutral; beside a whisper how `whisperer`'s own one sounds."""
    base = Words.of(rows, NEUTRAL), sound(rows, NEUTRAL)
    for label in labels:
        words, mos = Words.of(rows, label), sound(rows, label)
        gain, loss = words.error_percent - base[0].error_percent, base[1] - mos
        yield Verdict(f"{label}: words", f"WER {words} ({gain:+.2f} points)", gain <= MOST_WER_GAIN)
        for row, count in words.worst[:worst]:
            print(f"            {count} wrong: {row.take}  heard:{row.transcript}")
        beside = (
            f"; a speaker recorded whispering {sound(whisperer, NEUTRAL):.3f}" if label == WHISPERING else ""
        )
        yield Verdict(f"{label}: sound", f"DNSMOS {mos:.3f} ({-loss:+.3f}){beside}", loss <= MOST_MOS_LOSS)


@dataclass(frozen=True, eq=False)
class Words:
    """How many words were heard wrong; `worst`: the rows with most errors first."""

    errors: int
    words: int
    worst: tuple[tuple[Row, int], ...]

    @classmethod
    def of(cls, rows: Sequence[Row], label: str) -> "Words":
        heard = [row for row in rows if row.take.label == label and row.transcript is not None]
        counts = [word_errors(spoken_words(r.take.text), spoken_words(r.transcript or "")) for r in heard]
        wrong = [pair for pair in zip(heard, counts, strict=True) if pair[1]]
        return cls(
            sum(counts),
            sum(len(spoken_words(row.take.text)) for row in heard),
            tuple(sorted(wrong, key=lambda pair: -pair[1])),
        )

    @property
    def error_percent(self) -> float:
        return 100 * self.errors / self.words if self.words else 0.0

    def __str__(self) -> str:
        return f"{self.error_percent:.2f} %, {self.errors} of {self.words}"


def sound(rows: Sequence[Row], label: str) -> float:
    return float(np.mean([row.mos for row in rows if row.take.label == label and row.mos is not None]))
