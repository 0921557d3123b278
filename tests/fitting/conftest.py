"""Speech for tests: the default voice speaks it once a run, seconds of work."""

import numpy as np
import pytest

from sidecar.engines.runtimes import place, precision_for_gradients
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack
from sidecar.prosody.f0 import Floats
from sidecar.synthesis import Synthesizer
from sidecar.voice import Voice

LINES = (
    "The north gate closes at noon, so be quick about it, and do not forget the letter for the captain.",
    "My brother works in the kitchen all day long.",
)  # fmt: skip


@pytest.fixture(scope="session")
def synthesizer(pack: Pack) -> Synthesizer:
    """The real model as fits use it."""
    return Synthesizer(load_model(pack, place("cpu", precision_for_gradients("cpu"))))


@pytest.fixture(scope="session")
def spoken(voice: Voice) -> dict[str, Floats]:
    """Some seven seconds at 24 kHz of a man and of a woman."""
    return {
        name: np.concatenate([voice.synthesize(line, name, seed=1).samples for line in LINES])
        for name in ("am_michael", "af_heart")
    }
