"""Shift a renderer's balance from noise to pulses, in its weights: less hoarse than it was taught to be.

Spectra are nearest with some noise where harmonics are not quite in place; the ear would rather have it
without.
"""

import math

import torch
from torch import Tensor

from tools.train_renderer.renderer import RATE_HZ, FastRenderer

HOARSE_HZ = (700.0, 4500.0)  #: where harmonics are too weak; noise is too loud below as well
EDGE_HZ = (100.0, 300.0)  #: how gently it ends on either side


@torch.no_grad()
def balance(renderer: FastRenderer, noise_nepers: float, pulse_nepers: float) -> None:
    """Noise of voiced steps softer, pulses louder, in place. Unvoiced steps stay as they are."""
    below = torch.sigmoid((HOARSE_HZ[1] - points_hz(renderer.config.gains)) / EDGE_HZ[1])
    above = torch.sigmoid((points_hz(renderer.config.gains) - HOARSE_HZ[0]) / EDGE_HZ[0])
    for half in renderer.out.bias.view(2, -1):  # one filter each
        gain, _, _, noise_gain, _ = half.split(renderer.config.outputs)
        gain += pulse_nepers * above * below
        noise_gain -= noise_nepers * below
    renderer.unvoiced += noise_nepers * below


def points_hz(points: int) -> Tensor:
    """Of the gains, even in mel."""
    top = math.log10(1 + RATE_HZ / 2 / 700)
    return 700 * (10 ** (torch.linspace(0, 1, points) * top) - 1)
