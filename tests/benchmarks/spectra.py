"""How far apart two renderings of one plan are."""

import numpy as np
import torch

from sidecar.prosody.plan import Floats

_WINDOW, _HOP = 1024, 256
_FLOOR = 1e-6  #: power; a full sine has 65,536, so 108 dB below it


def log_spectral_distance_db(one: Floats, other: Floats) -> float:
    """The root mean square difference over the bins of a frame (1024 points, every 256), mean over frames."""
    spectra = [_log_power_db(samples) for samples in (one, other)]
    frames = min(len(spectrum) for spectrum in spectra)
    difference = spectra[0][:frames] - spectra[1][:frames]
    return float(np.sqrt((difference**2).mean(1)).mean())


def _log_power_db(samples: Floats) -> Floats:
    spectrum = torch.stft(
        torch.from_numpy(samples), _WINDOW, _HOP, window=torch.hann_window(_WINDOW), return_complex=True
    )
    power: Floats = (10 * spectrum.abs().square().clamp_min(_FLOOR).log10()).T.numpy()
    return power
