"""What encoders hear in samples of any length."""

from collections.abc import Mapping

import numpy as np
import torch

from sidecar.fitting.bands import to_16k
from sidecar.fitting.encoders import Encoder
from sidecar.prosody.f0 import Floats


def embeddings(
    encoders: Mapping[str, Encoder], samples: Floats, edge_hz: float = 8000.0
) -> dict[str, Floats]:
    """Mono samples at 24 kHz -> by encoder an embedding of unit length, deaf over `edge_hz`."""
    with torch.no_grad():
        heard = to_16k(torch.from_numpy(np.ascontiguousarray(samples))[None], edge_hz)
        return {name: encoder(heard)[0].cpu().numpy() for name, encoder in encoders.items()}
