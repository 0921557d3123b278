"""How much of a teacher's sound is harmonic: what repeats from period to period of its F0 curve."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from tools.train_renderer.renderer import HOP, RATE_HZ, STRIDE, VOICED_ABOVE_HZ
from tools.train_renderer.spectra import BAND_POINTS, BANDS, band_power

Reals = npt.NDArray[np.float64]

READINGS = 300  #: points in which a period is read
SIDE_S = 0.009  #: over how many seconds on either side periods are averaged
FEWEST_PERIODS = 4


def harmonic_share(audio: Tensor, f0_hz: Tensor) -> Tensor:
    """[300 T], [T] -> [2T, BANDS] in 0..1: what part of each band's power is harmonic.

    Each voiced run is read along the phase of F0, averaged with its neighbouring periods and read back along
    time. The part of noise that survives such an average by chance is taken off.
    """
    turns, wave = phase_turns(f0_hz.numpy()), audio.double().numpy()
    plain, repeated, chance = (np.zeros(len(wave)) for _ in range(3))
    for run in voiced_runs(f0_hz.numpy()):
        here = turns[run]
        periods = int(here[-1] - here[0])
        if periods >= FEWEST_PERIODS:
            plain[run], repeated[run], chance[run] = averaged(wave[run], here, periods)
    half = BAND_POINTS // 2
    centred = (half - STRIDE // 2, half + STRIDE // 2)  # so that frames lie amid half steps
    whole, harmonic = (
        band_power(F.pad(torch.from_numpy(w).float(), centred)[None])[0] for w in (plain, repeated)
    )
    share = (harmonic / (whole + 1e-10)).T[: 2 * len(f0_hz)]
    floor = torch.from_numpy(chance[STRIDE // 2 :: STRIDE]).float()[:, None]
    found = ((share - floor) / (1 - floor) * (floor > 0)).clamp(0, 1)
    assert found.shape == (2 * len(f0_hz), BANDS)
    return found


def phase_turns(f0_hz: npt.NDArray[np.float32]) -> Reals:
    """[T] -> [300 T] turns of the first harmonic, as the generator's source makes them."""
    amid = np.cumsum(f0_hz.astype(np.float64) / RATE_HZ) * HOP
    at = (np.arange(HOP * len(f0_hz)) + 0.5) / HOP - 0.5
    return np.interp(at, np.arange(len(f0_hz)), amid)


def voiced_runs(f0_hz: npt.NDArray[np.float32]) -> Iterator[slice]:
    """Stretches of samples."""
    voiced = np.concatenate([[False], f0_hz > VOICED_ABOVE_HZ, [False]])
    edges = np.flatnonzero(voiced[1:] != voiced[:-1])
    for begin, end in edges.reshape(-1, 2):
        yield slice(begin * HOP, end * HOP)


def averaged(wave: Reals, turns: Reals, periods: int) -> tuple[Reals, Reals, float]:
    """A run as it was read, as it is when averaged over periods, and what part of noise's power remains."""
    grid = turns[0] + np.arange(periods * READINGS) / READINGS
    read = np.interp(grid, turns, wave)
    side = max(1, round(SIDE_S * periods * RATE_HZ / len(wave)))
    weights = 1 - np.abs(np.arange(-side, side + 1)) / (side + 1)
    weights /= weights.sum()
    table = np.pad(read.reshape(periods, READINGS), ((side, side), (0, 0)), mode="edge")
    mean = sum(weight * table[n : n + periods] for n, weight in enumerate(weights)).ravel()
    chance = float((weights**2).sum())
    return np.interp(turns, grid, read), np.interp(turns, grid, mean), chance
