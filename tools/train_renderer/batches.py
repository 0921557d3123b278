"""Excerpts of teacher speech, drawn by chance, as batches."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from sidecar.engines.layers import Span
from tools.train_renderer.corpus import Utterance
from tools.train_renderer.renderer import CURVE_HZ, HOP, STRIDE, Heard, statistics
from tools.train_renderer.shares import harmonic_share
from tools.train_renderer.spectra import BAND_POINTS

MARGIN = 9  #: steps at a cut that are heard only: their neighbours are not there
FIRST_FRAME = BAND_POINTS // (2 * STRIDE)  #: the half step amid which the first frame of `band_power` lies
EDGES = 0.15  #: share of batches at the beginning of phrases, and as many at their end


@dataclass(frozen=True, eq=False)
class Batch:
    """Excerpts of T steps; the fields of `Utterance` and `Heard` with a batch in front.

    `share` [B, 2T, bands] is the harmonic part of the audio's power, `mean` and `spread` [B, 512] are the
    phrases'. The first `left` and the last `right` steps are not to be judged.
    """

    x: Tensor
    s: Tensor
    mean: Tensor
    spread: Tensor
    f0_hz: Tensor
    energy: Tensor
    turns: Tensor
    before: Tensor
    after: Tensor
    audio: Tensor
    share: Tensor
    lengths: tuple[int, ...]
    left: int
    right: int

    def to(self, device: torch.device) -> "Batch":
        values = (getattr(self, field.name) for field in fields(self))
        return Batch(*(value.to(device) if isinstance(value, Tensor) else value for value in values))

    def heard(self, x: Tensor) -> Heard:
        """With the features as they are to be heard."""
        return Heard(x, self.f0_hz, self.energy, self.turns, self.before, self.after)

    def judged(self, wave: Tensor) -> Tensor:
        """[B, 300 T] -> what counts of it; at the edges of a phrase with the silence around."""
        steps = self.f0_hz.shape[1]
        inner = wave[:, self.left * HOP : (steps - self.right) * HOP]
        return F.pad(inner, (0 if self.left else MARGIN * HOP, 0 if self.right else MARGIN * HOP))

    def judged_f0(self) -> Tensor:
        """[B, steps] of what `judged` gives, 0 in the silence around."""
        inner = self.f0_hz[:, self.left : self.f0_hz.shape[1] - self.right]
        return F.pad(inner, (0 if self.left else MARGIN, 0 if self.right else MARGIN))

    def judged_share(self) -> Tensor:
        """The share at each frame of `band_power` over what `judged` gives."""
        inner = self.share[:, 2 * self.left : self.share.shape[1] - 2 * self.right]
        sides = (0 if self.left else 2 * MARGIN, 0 if self.right else 2 * MARGIN)
        return F.pad(inner, (0, 0, *sides))[:, FIRST_FRAME:]


class Lesson:
    """A phrase with what training wants to know of it, found when it is first asked for."""

    def __init__(self, utterance: Utterance) -> None:
        self.said = utterance

    @cached_property
    def heard(self) -> Heard:
        said = self.said
        return Heard.whole(said.x[None], said.f0_hz[None], said.energy[None])

    @cached_property
    def statistics(self) -> tuple[Tensor, Tensor]:
        mean, spread = statistics(self.said.x.float()[None], Span([self.said.steps], torch.device("cpu")))
        return mean[0], spread[0]

    @cached_property
    def share(self) -> Tensor:
        return harmonic_share(self.said.audio, self.said.f0_hz).half()

    def excerpt(self, at: int, steps: int) -> dict[str, Tensor]:
        """From step `at`, zeros beyond the phrase's end."""
        part, (mean, spread) = self.heard.part(slice(at, at + steps)), self.statistics
        tensors = {
            "x": part.x[0].float(), "f0_hz": part.f0_hz[0], "energy": part.energy[0], "turns": part.turns[0],
            "before": part.before[0], "after": part.after[0],
            "audio": self.said.audio[at * HOP : (at + steps) * HOP].float(),
            "share": self.share[2 * at : 2 * (at + steps)].float(),
        }  # fmt: skip
        missing = max(0, at + steps - self.said.steps)
        for name, value in tensors.items():
            tail = missing * {"audio": HOP, "share": 2}.get(name, 1)
            tensors[name] = F.pad(value, (*(0, 0) * (value.ndim - 1), 0, tail))
        return {**tensors, "s": self.said.s, "mean": mean, "spread": spread}


class Lessons:
    """All there is to learn from. Long phrases are drawn more often, so that every second counts alike."""

    def __init__(self, utterances: Sequence[Utterance]) -> None:
        self.all = [Lesson(utterance) for utterance in utterances]
        self._steps = [lesson.said.steps for lesson in self.all]

    @property
    def duration_s(self) -> float:
        return sum(self._steps) / CURVE_HZ

    def feature_statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and the inverse of the standard deviation of every feature."""
        x = torch.cat([lesson.said.x for lesson in self.all]).float()
        return x.mean(0), 1 / (x.std(0) + 1e-3)

    def batch(self, size: int, steps: int, chance: random.Random) -> Batch:
        """Excerpts of `steps` steps: all from inside phrases, or all from their beginning or end."""
        kind = chance.random()
        at_start, at_end = kind < EDGES, EDGES <= kind < 2 * EDGES
        lessons = self._drawn(size, 0 if at_start else steps, chance)
        rows, lengths = [], []
        for lesson in lessons:
            last = max(0, lesson.said.steps - steps)
            at = 0 if at_start else last if at_end else chance.randrange(last + 1)
            rows.append(lesson.excerpt(at, steps))
            lengths.append(min(steps, lesson.said.steps - at))
        tensors = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        return Batch(
            **tensors, lengths=tuple(lengths), left=0 if at_start else MARGIN, right=0 if at_end else MARGIN
        )

    def _drawn(self, size: int, least_steps: int, chance: random.Random) -> list[Lesson]:
        weights = [steps if steps >= least_steps else 0 for steps in self._steps]
        if not any(weights):
            raise ValueError(f"no phrase has {least_steps} steps")
        return chance.choices(self.all, weights, k=size)
