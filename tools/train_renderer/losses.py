"""What the renderer is asked for: the teacher's spectra, the phase of its low harmonics, and its harmony."""

import torch
from torch import Tensor

from tools.train_renderer.renderer import RATE_HZ
from tools.train_renderer.spectra import FLOOR, band_power, magnitude, spectrum

WINDOWS = (2048, 1024, 512, 256, 128)
PHASE_WINDOWS = (512, 1024)
PHASE_HZ = 1000.0  #: above, the teacher's phase cannot be foreseen
LEAST_POWER = 5 * FLOOR**2


def spectral_loss(theirs: Tensor, one: Tensor, two: Tensor, points: int) -> Tensor:
    """Energy distance of magnitude spectra (Gritsenko et al. 2020) from two renderings [B, N] that differ in
    their noise: unlike a mean distance it does not ask noise to be smaller than it is."""
    y, a, b = (magnitude(spectrum(wave, points, points // 4)) for wave in (theirs, one, two))
    log_y, log_a, log_b = (torch.log(size + FLOOR) for size in (y, a, b))
    scale = y.mean((1, 2))[:, None] + 1e-3
    to_one = distance(y, a, log_y, log_a, scale)
    to_two = distance(y, b, log_y, log_b, scale)
    return to_one + to_two - distance(a, b, log_a, log_b, scale)


def distance(a: Tensor, b: Tensor, log_a: Tensor, log_b: Tensor, scale: Tensor) -> Tensor:
    """Of magnitudes [B, bins, frames], frame by frame as vectors: of their logarithms, and of themselves."""
    log = (log_a - log_b).square().mean(1).add(1e-8).sqrt().mean()
    return log + ((a - b).abs().mean(1) / scale).mean()


def phase_loss(theirs: Tensor, pulsed: Tensor, points: int) -> Tensor:
    """1 less the cosine of the difference in phase [B, N], where the teacher is loud and low.

    Magnitudes are left alone: asked for a wave whose phase it cannot foresee, a network answers with silence,
    and noise takes its place.
    """
    y, mine = spectrum(theirs, points, points // 4), spectrum(pulsed, points, points // 4)
    size_y, size = magnitude(y), magnitude(mine)
    cosine = (y.real * mine.real + y.imag * mine.imag) / ((size_y + 1e-5) * (size + 1e-5))
    hz = torch.linspace(0, RATE_HZ / 2, y.shape[1], device=y.device)[:, None]
    weight = size_y.sqrt() * (size.detach() > FLOOR) / (1 + (hz / PHASE_HZ) ** 2)
    return (weight * (1 - cosine)).sum() / (weight.sum() + 1e-3)


def share_loss(theirs: Tensor, pulsed: Tensor, hiss: Tensor, share: Tensor) -> Tensor:
    """How far pulses and noise [B, N] are from their shares of the teacher's power, in nepers of power.

    `share` [B, frames, bands] is the harmonic part. Spectra alone would rather have noise than harmonics that
    are not quite in place.
    """
    power, mine, noise = (band_power(wave) for wave in (theirs, pulsed, hiss))
    share = share.transpose(1, 2)[..., : power.shape[-1]]
    harmonic = torch.log(share * power + LEAST_POWER) - torch.log(mine + LEAST_POWER)
    noisy = torch.log((1 - share).clamp_min(0.01) * power + LEAST_POWER) - torch.log(noise + LEAST_POWER)
    return (harmonic.abs().mean() + noisy.abs().mean()) / 2
