"""What a family offers whose voices can be fitted to a recording: its network as a function of a voice's
numbers.

Voices are points in the space that the known ones span. `Space` whitens it, so that a step is as far in every
direction and a known voice lies about one from the middle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sidecar.prosody.plan import Floats, Plan, Speaker


@dataclass(frozen=True, eq=False)
class Space:
    """Numbers of a voice [width] = `middle` + `basis` @ z, with z of unit variance over known voices."""

    middle: Tensor
    basis: Tensor  # [width, width]

    @classmethod
    def of(cls, voices: Floats, device: torch.device) -> "Space":
        """By known voices [voices, rows, width]: what sets them apart, and half of what each varies."""
        known = voices.astype(np.float64)
        middle, means = known.mean((0, 1)), known.mean(1)
        apart, own = means - middle, (known - means[:, None]).reshape(-1, known.shape[-1])
        spread = apart.T @ apart / max(len(known) - 1, 1) + 0.5 * own.T @ own / len(own)
        width = len(spread)
        values, vectors = np.linalg.eigh(spread + 1e-3 * np.trace(spread) / width * np.eye(width))
        numbers = (torch.tensor(each, dtype=torch.float32) for each in (middle, vectors * np.sqrt(values)))
        return cls(*(each.to(device) for each in numbers))

    def of_numbers(self, numbers: Floats) -> Tensor:
        """[width] of a voice -> z [width]"""
        away = torch.from_numpy(np.array(numbers, np.float32)).to(self.middle.device) - self.middle
        return torch.linalg.solve(self.basis, away)

    def numbers(self, z: Tensor) -> Tensor:
        """z [..., width] -> the voice's numbers [..., width]; gradients pass."""
        return self.middle + z @ self.basis.T

    def offsets(self, z: Tensor) -> Tensor:
        """z [..., width] -> what it adds to a voice's numbers [..., width]"""
        return z @ self.basis.T


@dataclass(frozen=True, eq=False)
class Said:
    """A plan as the network's second half takes it; what is inside is the family's own. `frames`: how
    long."""

    frames: int
    inputs: Any


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a manner makes of a phrase: frames of each token [1, tokens], not rounded; F0 in Hz and energy
    [1, 2 * frames] along the durations that were given."""

    frames: Tensor
    f0_hz: Tensor
    energy: Tensor


class Tunable(Protocol):
    """A network whose voices can be fitted. Not thread-safe. `layers` x `width` is what a timbre may differ
    by."""

    layers: int
    width: int
    device: torch.device

    def timbres(self, names: tuple[str, ...]) -> Space:
        """The space of timbres that these voices span."""

    def manners(self, names: tuple[str, ...]) -> Space: ...

    def timbre(self, name: str) -> Floats:
        """[width] of a known voice, for a phrase of usual length."""

    def manner(self, name: str) -> Floats: ...

    def table(self, name: str, timbre: Floats, manner: Floats) -> dict[str, Floats]:
        """The tensors of a voice that varies with the length of phrases as `name` does, around these numbers,
        by the last part of their names."""

    def speaker(self, name: str, tensors: Mapping[str, Floats]) -> Speaker:
        """A voice of such tensors, as phrases have it."""

    def complaint(self, tensors: Mapping[str, Floats]) -> str | None:
        """What of a voice, as `table` gives it and with its `layers`, lies beyond where the network knows
        voices."""

    def said(self, plan: Plan) -> Said: ...

    def cut(self, said: Said, first: int, end: int) -> Said:
        """Its frames from `first` to `end`."""

    def render(self, said: Said, timbre: Tensor) -> Tensor:
        """By a timbre [layers, width] -> samples [1, N]; gradients pass to the timbre."""

    def predict(self, plan: Plan, manner: Tensor) -> Predicted:
        """By a manner [width], along the plan's durations; gradients pass to the manner."""
