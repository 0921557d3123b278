"""Plain types between a model's two halves: who speaks, what is said, and the plan of how."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Style = tuple[tuple[str, float], ...]
UNVOICED_UNDER_HZ = 40.0  #: no voice is that low; models let F0 sink to nothing where they do not voice
Reals = npt.NDArray[np.floating[Any]]  #: of either precision, on the way to a curve


@dataclass(frozen=True, eq=False)
class Speaker:
    """A voice: `table` [rows, width]; a phrase of n phonemes uses row n - 1, or the last there is.

    `layers` [layers, width of the timbre], for models whose layers can differ: what is added to a row's
    timbre in each of them.
    """

    name: str
    table: Floats
    layers: Floats | None = None

    def row(self, phonemes: int) -> Floats:
        """The embedding [width] for a phrase of that many phonemes."""
        row: Floats = self.table[min(max(phonemes, 1), len(self.table)) - 1]
        return row


@dataclass(frozen=True, eq=False)
class Phrase:
    """What one pass of the model speaks: `phonemes`, in the timbre of one and the manner of another voice.

    `text` is what was written, for engines that listen to the meaning too. For engines that read prompts,
    `prompt` says in words how to speak, and `style` to which other prompts to lean, and how far (1: all the
    way to it).
    """

    phonemes: str
    timbre: Speaker
    manner: Speaker
    speed: float = 1.0
    text: str = ""
    prompt: str = ""
    style: Style = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """How a phrase is going to sound, before it sounds.

    `durations_frames` [n + 2]: frames for each phoneme, and for the silence before and after.
    `f0_hz`, `energy` [2 * sum(durations_frames)]: two steps a frame; F0 under 10 Hz is unvoiced;
    energy is the model's own log-like unit. `frame_s` is one frame in seconds. Where it `can_rest`, no voice
    and little energy are silence; other models have tokens for that.
    """

    can_rest: ClassVar[bool] = True
    phrase: Phrase
    durations_frames: Ints
    f0_hz: Floats
    energy: Floats
    frame_s: float

    def __post_init__(self) -> None:
        steps = 2 * int(self.durations_frames.sum())
        if len(self.durations_frames) != len(self.phrase.phonemes) + 2:
            raise ValueError(
                f"{len(self.durations_frames)} durations for {len(self.phrase.phonemes)} phonemes"
            )
        if self.f0_hz.shape != (steps,) or self.energy.shape != (steps,):
            raise ValueError(f"curves {self.f0_hz.shape}, {self.energy.shape} for {steps} steps")

    @property
    def frames(self) -> int:
        return int(self.durations_frames.sum())

    @property
    def duration_s(self) -> float:
        return self.frames * self.frame_s

    def boundaries_s(self) -> Floats:
        """[n + 3] start of each token in seconds, and the end of the last."""
        frames = np.concatenate([[0], np.cumsum(self.durations_frames)])
        seconds: Floats = (frames * self.frame_s).astype(np.float32)
        return seconds

    def mean_f0_hz(self) -> Floats:
        """[n + 2] of each token's voiced steps; 0 where it has none."""
        is_voiced = self.f0_hz > UNVOICED_UNDER_HZ
        ends = 2 * np.cumsum(self.durations_frames)
        steps, sums = (
            np.diff(np.concatenate([[0], np.cumsum(curve)])[ends], prepend=0)
            for curve in (is_voiced, np.where(is_voiced, self.f0_hz, 0).astype(np.float64))
        )
        means: Floats = (sums / np.maximum(steps, 1)).astype(np.float32)
        return means
