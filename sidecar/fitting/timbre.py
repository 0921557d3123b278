"""A timbre fitted to a person, layer by layer: gradients through the network's second half.

Each step speaks either a crop of the recording again, with its own durations, F0 and energy, and compares the
two sounds; or a sentence of ours, and compares what is heard of a voice in any words. Both are heard through
the same random equaliser and noise, so that no single view of a voice is fitted. One timbre for all layers
reaches what encoders hear but not the voice; with an offset in each layer ("W+", Abdal et al. 2019) it
reaches both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sidecar.engines.tunable import Space, Tunable
from sidecar.fitting import spectra
from sidecar.fitting.bands import to_16k
from sidecar.fitting.encoders import Encoder
from sidecar.fitting.ge2e import unit
from sidecar.fitting.material import Crop, Sentence
from sidecar.fitting.views import View, view_of
from sidecar.prosody.f0 import Floats

STEPS = 72
_RATE, _LAYER_RATE, _LAST_SHARE = 0.15, 0.075, 0.4
_BETAS = (0.8, 0.98)

#: Of an encoder's likeness, by its name, and of what its layers are like.
ENCODER_WEIGHTS: Mapping[str, float] = {"ge2e": 1.2, "campplus": 1.0}
_INNER_WEIGHT, _WHOLE_SHARE = 0.3, 0.5
_MEL_WEIGHT, _SHAPE_WEIGHT, _AVERAGE_WEIGHT, _MOVEMENT_WEIGHT = 0.5, 0.5, 0.02, 0.3
_NEARNESS, _LAYER_NEARNESS = 0.05, 0.29


@dataclass(frozen=True, eq=False)
class Person:
    """What sentences are compared with: all of the recording [1, N] at 24 kHz, nothing over `edge_hz`."""

    heard: Tensor
    edge_hz: float


@dataclass(eq=False)
class Progress:
    """Where a fit stands, all that is needed to go on: numbers and Adam's memory, by name."""

    step: int = 0
    tensors: dict[str, Tensor] = field(default_factory=dict)


Kept = Callable[[Progress], None]


class TimbreFit:
    """The fit of one timbre. Not thread-safe. The same inputs and seed give the same numbers on one
    machine."""

    def __init__(
        self, tuning: Tunable, space: Space, start: Floats, items: Sequence[Crop | Sentence], person: Person,
        encoders: Mapping[str, Encoder], seed: int, steps: int = STEPS,
    ) -> None:  # fmt: skip
        self._tuning, self._space, self._items, self._person = tuning, space, items, person
        self._encoders, self._seed, self.steps = encoders, seed, steps
        self._z = space.of_numbers(start).requires_grad_()
        self._d = torch.zeros(tuning.layers, tuning.width, device=tuning.device, requires_grad=True)
        groups = [{"params": [self._z], "lr": _RATE}, {"params": [self._d], "lr": _LAYER_RATE}]
        self._adam = torch.optim.Adam(groups, betas=_BETAS)
        self._scales: dict[str, Tensor] = {}
        self._at = 0

    @property
    def timbre(self) -> tuple[Floats, Floats]:
        """The timbre [width], and what each layer adds [layers, width]."""
        timbre, layers = self._space.numbers(self._z), self._space.offsets(self._d)
        return timbre.detach().cpu().numpy(), layers.detach().cpu().numpy()

    def run(self, kept: Kept, keep_every: int = 8) -> None:
        """To the end; `kept` is given where it stands now and then."""
        while self._at < self.steps:
            self.step()
            if self._at % keep_every == 0 or self._at == self.steps:
                kept(self.progress())

    def step(self) -> float:
        """One step; its loss."""
        for group, rate in zip(self._adam.param_groups, (_RATE, _LAYER_RATE), strict=True):
            group["lr"] = rate * min(1.0, (self.steps - self._at) / (_LAST_SHARE * self.steps))
        random = np.random.default_rng((self._seed, self._at))
        loss = self.loss(self._items[self._at % len(self._items)], random)
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
        self._at += 1
        return float(loss.detach())

    def loss(self, item: Crop | Sentence, random: np.random.Generator) -> Tensor:
        timbre = self._space.numbers(self._z) + self._space.offsets(self._d)
        spoken = self._tuning.render(item.said, timbre)
        heard = (
            item.heard if isinstance(item, Crop) else _stretch(self._person.heard, spoken.shape[1], random)
        )
        near = _NEARNESS * self._z.square().mean() + _LAYER_NEARNESS * self._d.square().mean()
        sound = self._aligned(spoken, heard) if isinstance(item, Crop) else self._average(spoken)
        return sound + self._likeness(spoken, heard, isinstance(item, Crop), view_of(random)) + near

    def _aligned(self, spoken: Tensor, heard: Tensor) -> Tensor:
        """Log mel spectra step by step, as they are and without what is the same all the time."""
        total = spoken.new_zeros(())
        for size, weight in ((1024, 1.0), (512, 0.5)):
            a, b = (spectra.log_mel(each, size, self._person.edge_hz) for each in (spoken, heard))
            shape = (a - a.mean(-1, keepdim=True)) - (b - b.mean(-1, keepdim=True))
            total = total + weight * (_MEL_WEIGHT * (a - b).abs().mean() + _SHAPE_WEIGHT * shape.abs().mean())
            total = (
                total + weight * _MOVEMENT_WEIGHT * (spectra.movement(a) - spectra.movement(b)).abs().mean()
            )
        return total

    def _average(self, spoken: Tensor) -> Tensor:
        a, b = (spectra.log_mel(each, 1024, self._person.edge_hz) for each in (spoken, self._person.heard))
        return _AVERAGE_WEIGHT * (spectra.average_db(a) - spectra.average_db(b)).abs().mean()

    def _likeness(self, spoken: Tensor, heard: Tensor, is_same: bool, view: View) -> Tensor:
        """What encoders hear through a view, of the same words or of others."""
        said_16k, heard_16k = (view(to_16k(each, self._person.edge_hz)) for each in (spoken, heard))
        total = spoken.new_zeros(())
        for name, encoder in self._encoders.items():
            ours = encoder(said_16k)
            with torch.no_grad():
                theirs = encoder(heard_16k)
            target = unit(_WHOLE_SHARE * self._whole(name) + (1 - _WHOLE_SHARE) * theirs[0])
            inner = torch.stack(
                [
                    self._apart(f"{name}.{at}.{is_same}", a, b)
                    for at, (a, b) in enumerate(zip(ours[1:], theirs[1:], strict=True))
                ]
            )
            total = total + ENCODER_WEIGHTS[name] * (1 - ours[0] @ target + _INNER_WEIGHT * inner.mean())
        return total

    def _whole(self, name: str) -> Tensor:
        """The embedding of all of the recording."""
        if f"{name}.whole" not in self._scales:
            with torch.no_grad():
                heard = to_16k(self._person.heard, self._person.edge_hz)
                self._scales[f"{name}.whole"] = self._encoders[name](heard)[0]
        return self._scales[f"{name}.whole"]

    def _apart(self, key: str, a: Tensor, b: Tensor) -> Tensor:
        """How far two are apart, 1 being how far they were at first."""
        far = (a - b).norm()
        if key not in self._scales:
            self._scales[key] = far.detach().clamp_min(1e-6)
        return far / self._scales[key]

    def progress(self) -> Progress:
        tensors = {"z": self._z.detach().clone(), "d": self._d.detach().clone()}
        tensors |= {f"scale.{key}": value for key, value in self._scales.items()}
        for name, parameter in (("z", self._z), ("d", self._d)):
            for key, value in self._adam.state[parameter].items():
                tensors[f"adam.{name}.{key}"] = value.detach().clone()
        return Progress(self._at, tensors)

    def resume(self, progress: Progress) -> None:
        """Go on where another fit of the same inputs was, to the bit."""
        self._at, tensors = progress.step, progress.tensors
        with torch.no_grad():
            self._z.copy_(tensors["z"])
            self._d.copy_(tensors["d"])
        for name, parameter in (("z", self._z), ("d", self._d)):
            self._adam.state[parameter] = self._moments(tensors, f"adam.{name}.")
        self._scales = {
            key.removeprefix("scale."): value.to(self._z.device)
            for key, value in tensors.items()
            if key.startswith("scale.")
        }

    def _moments(self, tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
        """Adam's memory of one parameter; its count of steps stays on the CPU."""
        found = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        return {
            key: value.clone() if key == "step" else value.to(self._z.device, copy=True)
            for key, value in found.items()
        }


def _stretch(heard: Tensor, samples: int, random: np.random.Generator) -> Tensor:
    """Some of a recording [1, N], at least two seconds and as long as what it is compared with."""
    wanted = min(max(samples, 2 * spectra.RATE_HZ), heard.shape[1])
    first = int(random.integers(0, heard.shape[1] - wanted + 1))
    return heard[:, first : first + wanted]
