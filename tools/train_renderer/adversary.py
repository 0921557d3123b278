"""A light adversary: it learns to tell the teacher's spectra from the renderer's.

Discriminators of magnitude spectra at three resolutions (UnivNet, Jang et al. 2021), with hinge losses and
feature matching (MelGAN, Kumar et al. 2019). Each bin is told where it lies, and where F0 has its harmonics,
so that a harmonic out of place or drowned in noise is seen soon.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from tools.train_renderer.renderer import HOP, RATE_HZ, VOICED_ABOVE_HZ
from tools.train_renderer.spectra import magnitude, spectrum

RESOLUTIONS = (2048, 1024, 512)
HIGHEST_HZ = 6000.0  #: above, noise is noise to the ear, and halving the work counts for more
QUIET = 1e-3


@dataclass(frozen=True, eq=False)
class Opinion:
    """Of one resolution: how real each place is, and the features that led there."""

    score: Tensor
    features: list[Tensor]


class Discriminator(nn.Module):
    def __init__(self, points: int, channels: int) -> None:
        super().__init__()
        self.points, self.hop, self.bins = points, points // 4, int(points * HIGHEST_HZ / RATE_HZ)
        kinds = [nn.Conv2d(3, channels, (9, 3), (2, 1), (4, 1))]
        kinds += [nn.Conv2d(channels, channels, (9, 3), (2, 1), (4, n), (1, n)) for n in (2, 4)]
        kinds += [nn.Conv2d(channels, channels, (5, 3), padding=(2, 1))]
        for layer in kinds:
            nn.init.kaiming_normal_(layer.weight, 0.1)
        self.layers = nn.ModuleList(map(weight_norm, kinds))
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, wave: Tensor, f0_hz: Tensor) -> Opinion:
        """[B, 300 T], [B, T]."""
        y, features = self.seen(wave, f0_hz), []
        for layer in self.layers:
            y = F.leaky_relu(layer(y), 0.1)
            features.append(y.float())
        return Opinion(self.last(y).float(), features)

    def seen(self, wave: Tensor, f0_hz: Tensor) -> Tensor:
        """[B, 3, bins, frames]: loudness, place, and the comb of the harmonics of F0."""
        size = magnitude(spectrum(wave, self.points, self.hop)[:, : self.bins])
        loudness = (torch.log(size + QUIET) + 3) / 3
        hz = torch.arange(self.bins, device=wave.device)[:, None] * (RATE_HZ / self.points)
        centres = (torch.arange(size.shape[2], device=wave.device) * self.hop + self.points // 2) // HOP
        f0 = f0_hz[:, None, centres]
        comb = torch.cos(2 * math.pi * hz / f0.clamp_min(40)) * (f0 > VOICED_ABOVE_HZ)
        place = (2 * hz / HIGHEST_HZ - 1).expand_as(size)
        return torch.stack([loudness, place, comb], 1)


class Adversary(nn.Module):
    """Discriminators of several resolutions."""

    def __init__(self, channels: int = 16, resolutions: Sequence[int] = RESOLUTIONS) -> None:
        super().__init__()
        self.judges = nn.ModuleList(Discriminator(points, channels) for points in resolutions)

    def forward(self, wave: Tensor, f0_hz: Tensor) -> list[Opinion]:
        return [judge(wave, f0_hz) for judge in self.judges]


def hinge(real: Sequence[Opinion], made: Sequence[Opinion]) -> Tensor:
    """What the adversary lowers."""
    losses = [
        F.relu(1 - a.score).mean() + F.relu(1 + b.score).mean() for a, b in zip(real, made, strict=True)
    ]
    return torch.stack(losses).mean()


def persuasion(made: Sequence[Opinion]) -> Tensor:
    """What the renderer lowers: how far it is from being taken for the teacher."""
    return torch.stack([-opinion.score.mean() for opinion in made]).mean()


def matching(real: Sequence[Opinion], made: Sequence[Opinion]) -> Tensor:
    """Distance of features, each in units of its usual size."""
    losses = [
        (a.detach() - b).abs().mean() / a.detach().abs().mean()
        for theirs, mine in zip(real, made, strict=True)
        for a, b in zip(theirs.features, mine.features, strict=True)
    ]
    return torch.stack(losses).mean()
