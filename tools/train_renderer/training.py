"""The renderer learns from lessons, step by step; a run can be stopped and taken up again to the same end."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sidecar.engines.layers import Span
from sidecar.engines.tensors import write_tensors
from sidecar.engines.torch_runtime import gains_from_bfloat16
from tools.train_renderer.adversary import Adversary, hinge, matching, persuasion
from tools.train_renderer.batches import Batch, Lessons
from tools.train_renderer.losses import PHASE_WINDOWS, WINDOWS, phase_loss, share_loss, spectral_loss
from tools.train_renderer.renderer import HOP, FastConfig, FastRenderer

WARM_UP_STEPS = 100
AVERAGE_EVERY, AVERAGE_WEIGHT = 4, 0.01


@dataclass(frozen=True)
class Recipe:
    """`excerpt_steps` are steps of 12.5 ms. `rate` is reached after a short rise and falls to 0 over the last
    `decay` of the run. `share_power` under 1 asks for more harmony than is found in the teacher's power,
    since too little is found. `blur` is noise on what is heard, as a share of its spread. The adversary comes
    in from `adversary_from` on, a share of the run; 1 is never."""

    batch: int = 4
    excerpt_steps: int = 90
    rate: float = 8e-4
    decay: float = 0.25
    phase: float = 0.5
    share: float = 2.0
    share_power: float = 0.5
    blur: float = 0.15
    adversary_from: float = 1.0
    adversary_rate: float = 4e-4
    adversary_channels: int = 16
    adversary_alone_steps: int = 200
    persuasion: float = 0.1
    matching: float = 2.0
    seed: int = 1


class Trainer:
    """Owns the networks, their optimisers and the average of the renderer's weights, which is what counts."""

    def __init__(
        self, renderer: FastRenderer, lessons: Lessons, recipe: Recipe, device: torch.device
    ) -> None:
        self.recipe, self.lessons, self.device = recipe, lessons, device
        self.chance = random.Random(recipe.seed)
        self.noise = torch.Generator(device).manual_seed(recipe.seed)
        self.halves = gains_from_bfloat16(device)
        self.renderer = renderer.requires_grad_(True).to(device).train()
        self.adversary = Adversary(recipe.adversary_channels).to(device)
        self.optimizer = adam(self.renderer, recipe.rate, (0.9, 0.98))
        self.adversary_optimizer = adam(self.adversary, recipe.adversary_rate, (0.8, 0.99))
        self.average = {name: value.clone() for name, value in self.renderer.state_dict().items()}
        self.step_number = self.adversary_steps = 0

    def step(self, progress: float) -> dict[str, float]:
        """Learn from one batch, at `progress` 0..1 of the run; the losses by name."""
        recipe = self.recipe
        factor = rate_factor(self.step_number, progress, recipe.decay)
        batch = self.lessons.batch(recipe.batch, recipe.excerpt_steps, self.chance).to(self.device)
        pulsed, one, two = self._rendered(batch)
        theirs = batch.judged(batch.audio)
        losses = self._plain_losses(theirs, pulsed, one, two, batch)
        loss = losses["spectral"] + recipe.phase * losses["phase"] + recipe.share * losses["share"]
        if progress >= recipe.adversary_from:
            found = self._opinions(theirs, one, batch)
            if self.adversary_steps >= recipe.adversary_alone_steps:
                loss = loss + recipe.persuasion * found["persuasion"] + recipe.matching * found["matching"]
            doubts = gradients(found["adversary"], self.adversary, keep=True)
            losses |= found
        norm = descend(gradients(loss, self.renderer), self.renderer, self.optimizer, recipe.rate * factor)
        if progress >= recipe.adversary_from:
            descend(doubts, self.adversary, self.adversary_optimizer, recipe.adversary_rate * factor)
            self.adversary_steps += 1
        self.step_number += 1
        if self.step_number % AVERAGE_EVERY == 0:
            self._update_average()
        return {name: float(value.detach()) for name, value in {**losses, "norm": norm}.items()}

    def _rendered(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What counts of the pulses' part, and of the whole with two draws of noise."""
        span, renderer = Span(batch.lengths, self.device), self.renderer
        x, s, mean, spread = self._blurred(batch)
        there = span.scaled(HOP)
        noises = [there.clean(self._noise(batch.audio)[..., None])[..., 0] for _ in range(2)]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.halves):
            pulsed, hiss = renderer(batch.heard(x), renderer.condition(s, mean, spread), noises, span)
        pulsed, one, two = (
            batch.judged(there.clean(wave[..., None])[..., 0])
            for wave in (pulsed, *(pulsed + h for h in hiss))
        )
        return pulsed, one, two

    def _noise(self, like: Tensor) -> Tensor:
        """Of unit power, shaped as something else."""
        return torch.randn(like.shape, generator=self.noise, device=self.device)

    def _blurred(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is heard with noise on it. A phrase's mean and spread are its fingerprint: half the time they
        are withheld, so that phrases are not learned by heart."""
        blur, unit = self.recipe.blur, 1 / self.renderer.x_scale
        if not blur:
            return batch.x, batch.s, batch.mean, batch.spread
        told = (self._noise(batch.s[:, :1]) > 0).float()
        noise = [blur * unit * self._noise(value) for value in (batch.x, batch.mean, batch.spread)]
        mean = self.renderer.x_mean.lerp(batch.mean, told) + noise[1]
        spread = torch.lerp(unit.expand_as(batch.spread), batch.spread, told) + noise[2]
        s = batch.s + 0.3 * blur * batch.s.std() * self._noise(batch.s)
        return batch.x + noise[0], s, mean, spread

    def _plain_losses(
        self, theirs: Tensor, pulsed: Tensor, one: Tensor, two: Tensor, batch: Batch
    ) -> dict[str, Tensor]:
        windows = self.chance.sample(WINDOWS, 2)
        share = batch.judged_share() ** self.recipe.share_power
        return {
            "spectral": sum(spectral_loss(theirs, one, two, points) for points in windows) / 2,
            "phase": phase_loss(theirs, pulsed, self.chance.choice(PHASE_WINDOWS)),
            "share": share_loss(theirs, pulsed, one - pulsed, share),
        }

    def _opinions(self, theirs: Tensor, made: Tensor, batch: Batch) -> dict[str, Tensor]:
        """What the adversary and the renderer are to lower, from one look at both."""
        f0_hz = batch.judged_f0()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.halves):
            real, mine = self.adversary(theirs, f0_hz), self.adversary(made, f0_hz)
        return {
            "adversary": hinge(real, mine),
            "persuasion": persuasion(mine),
            "matching": matching(real, mine),
        }

    @torch.no_grad()
    def _update_average(self) -> None:
        weight = max(AVERAGE_WEIGHT, min(1.0, 8 / self.step_number))
        for name, value in self.renderer.state_dict().items():
            self.average[name].lerp_(value, weight)

    def averaged(self) -> FastRenderer:
        """A renderer of the averaged weights."""
        renderer = FastRenderer(self.renderer.config)
        renderer.load_state_dict(self.average)
        return renderer.to(self.device).eval().requires_grad_(False)

    def save(self, path: Path) -> None:
        """All that a run goes on from; whole, or as it was."""
        kept = {
            "weights": self.renderer.state_dict(), "average": self.average,
            "adversary": self.adversary.state_dict(), "optimizer": self.optimizer.state_dict(),
            "adversary_optimizer": self.adversary_optimizer.state_dict(),
            "steps": (self.step_number, self.adversary_steps),
            "chance": self.chance.getstate(), "noise": self.noise.get_state(),
        }  # fmt: skip
        unfinished = path.with_suffix(".unfinished")
        torch.save(kept, unfinished)
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        """Go on where a run of the same recipe was saved."""
        kept: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.renderer.load_state_dict(kept["weights"])
        self.average = kept["average"]
        self.adversary.load_state_dict(kept["adversary"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.adversary_optimizer.load_state_dict(kept["adversary_optimizer"])
        self.step_number, self.adversary_steps = kept["steps"]
        self.chance.setstate(kept["chance"])
        self.noise.set_state(kept["noise"].cpu())

    def export(self, path: Path) -> None:
        """The averaged weights in float16, as `FastRenderer.load` reads them."""
        write_tensors(self.average, path, torch.float16)


def rate_factor(step: int, progress: float, decay: float) -> float:
    """Share of the full rate: a short rise, level, then a line down to nothing."""
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, 1.0 - progress) / decay)


def adam(network: nn.Module, rate: float, betas: tuple[float, float]) -> torch.optim.AdamW:
    return torch.optim.AdamW(network.parameters(), lr=rate, betas=betas, weight_decay=0.01, fused=True)


def gradients(loss: Tensor, network: nn.Module, keep: bool = False) -> tuple[Tensor | None, ...]:
    """Of the network's parameters alone; `keep` the graph for others."""
    wanted = list(network.parameters())
    return torch.autograd.grad(loss, wanted, allow_unused=True, retain_graph=keep)


def descend(
    found: tuple[Tensor | None, ...], network: nn.Module, optimizer: torch.optim.Optimizer, rate: float
) -> Tensor:
    """One step at that rate; none where the gradient is no number. Its norm."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    for parameter, gradient in zip(network.parameters(), found, strict=True):
        parameter.grad = gradient
    norm = nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    if torch.isfinite(norm):
        optimizer.step()
    return norm


def fresh(lessons: Lessons, config: FastConfig) -> FastRenderer:
    """A renderer that has learned nothing, and hears features in units of their spread.

    Pulses begin louder than noise: where noise has once taken the place of harmonics it is hard to drive out.
    """
    renderer = FastRenderer(config)
    with torch.no_grad():
        renderer.x_mean[:], renderer.x_scale[:] = lessons.feature_statistics()
        for block in renderer.blocks:
            for weights in (block.film.weight, block.film.bias, block.down.bias):
                weights.zero_()
            nn.init.normal_(block.down.weight, std=0.3 / block.down.in_features**0.5)
        nn.init.normal_(renderer.out.weight, std=0.3 / config.channels**0.5)
        starts = (-4.0, 1.0, 0.0, -7.0, 0.0)
        bias = [torch.full((n,), start) for n, start in zip(config.outputs, starts, strict=True)]
        renderer.out.bias.copy_(torch.cat(bias).repeat(2))
        renderer.unvoiced.fill_(2.0)
    return renderer
