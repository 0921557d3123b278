"""The same mouth as ARKit's 52 blend shapes, frame by frame.

Names, order and meaning are Apple's (`ARFaceAnchor.BlendShapeLocation`); what each viseme does to them is
ours. Only the mouth moves: eyes and brows are left to the game.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sidecar.lipsync.oculus import Row, weights
from sidecar.lipsync.sounds import SHAPES

Floats = npt.NDArray[np.float32]

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_SIDES = ("Left", "Right")


def _both(*names: str) -> tuple[str, ...]:
    return tuple(name + side for name in names for side in _SIDES)


NAMES = (
    *(f"eye{what}{side}" for side in _SIDES for what in _EYE),
    "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker",
    *_both("mouth", "mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    *_both("mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown"), "browInnerUp",
    *_both("browOuterUp"), "cheekPuff", *_both("cheekSquint", "noseSneer"), "tongueOut",
)  # fmt: skip

FPS = 60.0
BLEND_S = 0.06  #: a state becomes the next in its last so many seconds, or its last half
JAW_PER_S = 5.0  #: how fast `jawOpen` changes at most: about 20 cm/s, the fastest a speaking jaw gets

#: A name without its side moves both.
_POSES: dict[str, Mapping[str, float]] = {
    "sil": {},
    "PP": {"jawOpen": 0.08, "mouthPress": 0.6, "mouthRollLower": 0.35, "mouthRollUpper": 0.25},
    "FF": {"jawOpen": 0.08, "mouthRollLower": 0.55, "mouthUpperUp": 0.25},
    "TH": {"jawOpen": 0.16, "tongueOut": 0.35, "mouthLowerDown": 0.25, "mouthUpperUp": 0.1},
    "DD": {"jawOpen": 0.16, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15, "mouthStretch": 0.1},
    "kk": {"jawOpen": 0.22, "mouthLowerDown": 0.2, "mouthUpperUp": 0.15},
    "CH": {"jawOpen": 0.12, "mouthFunnel": 0.5, "mouthPucker": 0.2, "mouthShrugUpper": 0.1},
    "SS": {"jawOpen": 0.06, "mouthStretch": 0.25, "mouthSmile": 0.15, "mouthLowerDown": 0.25},
    "nn": {"jawOpen": 0.16, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1},
    "RR": {"jawOpen": 0.15, "mouthFunnel": 0.35, "mouthPucker": 0.25},
    "aa": {"jawOpen": 0.6, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2},
    "E": {"jawOpen": 0.38, "mouthStretch": 0.3, "mouthSmile": 0.2, "mouthLowerDown": 0.3},
    "ih": {"jawOpen": 0.2, "mouthStretch": 0.3, "mouthSmile": 0.3, "mouthLowerDown": 0.2},
    "oh": {"jawOpen": 0.42, "mouthFunnel": 0.6, "mouthPucker": 0.2},
    "ou": {"jawOpen": 0.18, "mouthFunnel": 0.3, "mouthPucker": 0.75},
}  # fmt: skip
_JAW, _CLOSE = NAMES.index("jawOpen"), NAMES.index("mouthClose")
_PP = SHAPES.index("PP")


def _effects() -> Floats:
    """[15, 52]: what each viseme at full weight does to each blend shape."""
    table = np.zeros((len(SHAPES), len(NAMES)), np.float32)
    for row, shape in enumerate(SHAPES):
        for name, value in _POSES[shape].items():
            for one in (name,) if name in NAMES else _both(name):
                table[row, NAMES.index(one)] = value
    return table


_EFFECTS = _effects()


@dataclass(frozen=True, eq=False)
class BlendShapes:
    """`values` [frames, 52] in 0..1; frame n is `n / fps` seconds after the first row's start."""

    names: tuple[str, ...]
    values: Floats
    fps: float


def blend_shapes(rows: Sequence[Row], end_s: float, fps: float = FPS) -> BlendShapes:
    """The rows as frames to `end_s`. The lips shut in one frame at least of every PP, at any rate."""
    starts_s, states = weights(rows)
    ends_s = np.append(starts_s[1:], end_s)
    times_s = starts_s[0] + np.arange(int(np.ceil((end_s - starts_s[0]) * fps - 1e-6))) / fps
    shown = _blended(starts_s, ends_s, states, times_s)
    middles_s = (starts_s + ends_s) / 2 - starts_s[0]
    closed = states[:, _PP] == 1
    frames = np.rint(middles_s[closed] * fps).astype(int).clip(0, len(times_s) - 1)
    shown[frames] = np.eye(len(SHAPES), dtype=np.float32)[_PP]
    values = shown @ _EFFECTS
    values[:, _JAW] = _no_faster(values[:, _JAW], JAW_PER_S / fps)
    values[:, _CLOSE] = values[:, _JAW] * shown[:, _PP]  # lips meet whatever the jaw does
    return BlendShapes(NAMES, values.clip(0, 1), fps)


def _blended(
    starts_s: npt.NDArray[np.float64], ends_s: npt.NDArray[np.float64], states: Floats,
    times_s: npt.NDArray[np.float64],
) -> Floats:  # fmt: skip
    """[times, 15]: each state held, then eased into the next, which is whole at its start."""
    at = np.searchsorted(starts_s, times_s, side="right") - 1
    blend_s = np.minimum(BLEND_S, (ends_s - starts_s) / 2)[at]
    done = ((times_s - (ends_s[at] - blend_s)) / blend_s).clip(0, 1)
    eased = (done * done * (3 - 2 * done)).astype(np.float32)[:, None]
    after = states[np.minimum(at + 1, len(states) - 1)]
    blended: Floats = states[at] * (1 - eased) + after * eased
    return blended


def _no_faster(curve: Floats, step: float) -> Floats:
    """The highest curve under this one that changes by at most `step` a frame: late for nothing."""
    ramp = np.arange(len(curve)) * step
    onward = np.minimum.accumulate(curve - ramp) + ramp
    both_ways: npt.NDArray[np.float64] = np.minimum.accumulate((onward + ramp)[::-1])[::-1] - ramp
    return both_ways.astype(np.float32)
