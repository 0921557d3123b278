"""The same mouth as the nine drawings of Rhubarb Lip Sync, for faces in two dimensions.

Shapes and files are as its manual describes them: A pressed lips, B clenched teeth, C open, D wide open,
E slightly round, F puckered, G teeth on lip, H tongue raised in an open mouth, X at rest. Times are in
hundredths of a second, the end cut to one; a TSV ends with it and an X.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.lipsync.oculus import Row, weights
from sidecar.lipsync.sounds import SHAPES

_LETTERS = dict(
    sil="X", PP="A", FF="G", TH="B", DD="B", kk="B", CH="B", SS="B", nn="B", RR="E", aa="C", E="C", ih="B",
    oh="E", ou="F",
)  # fmt: skip
_WIDE = 0.8  #: from this weight on, an aa is wide open
_RAISED = 0.3  #: with so much of an open vowel in it, a tongue behind the teeth is seen
_OPEN = tuple(SHAPES.index(shape) for shape in ("aa", "E", "oh"))


@dataclass(frozen=True)
class Cue:
    """One drawing, and when it is shown."""

    start_s: float
    end_s: float
    shape: str


def cues(rows: Sequence[Row], end_s: float) -> tuple[Cue, ...]:
    """The drawings from the first row's start to `end_s`, no two alike in a row, no gap between them."""
    starts_s, states = weights(rows)
    found: list[Cue] = []
    for start_s, state, until_s in zip(
        starts_s.tolist(), states.tolist(), [*starts_s[1:], end_s], strict=True
    ):
        shape = _letter(state)
        if found and found[-1].shape == shape:
            start_s = found.pop().start_s
        found.append(Cue(start_s, float(until_s), shape))
    return tuple(found)


def tsv(shown: Sequence[Cue]) -> str:
    """Rhubarb's TSV: a start and a shape a line."""
    lines = [f"{cue.start_s:.2f}\t{cue.shape}\n" for cue in shown]
    return "".join([*lines, f"{_cut(shown[-1].end_s):.2f}\tX\n"])


def as_json(shown: Sequence[Cue], sound_file: str) -> str:
    """Rhubarb's JSON, naming the sound it belongs to."""
    end_s = _cut(shown[-1].end_s)
    metadata = {"soundFile": sound_file, "duration": end_s}
    mouth = [
        {"start": round(cue.start_s, 2), "end": min(round(cue.end_s, 2), end_s), "value": cue.shape}
        for cue in shown
    ]
    return json.dumps({"metadata": metadata, "mouthCues": mouth}, indent=2) + "\n"


def _cut(time_s: float) -> float:
    return math.floor(time_s * 100 + 1e-6) / 100


def _letter(state: Sequence[float]) -> str:
    """The drawing nearest to a state's weights: that of its strongest shape."""
    strongest = max(range(len(SHAPES)), key=state.__getitem__)
    if SHAPES[strongest] == "aa" and state[strongest] >= _WIDE:
        return "D"
    if SHAPES[strongest] == "nn" and sum(state[shape] for shape in _OPEN) >= _RAISED:
        return "H"
    return _LETTERS[SHAPES[strongest]]
