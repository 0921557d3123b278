"""What is the same of Kokoro-82M whoever runs its network."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from sidecar.engines.base import Engine, EngineDescription
from sidecar.engines.kokoro.config import ARCHITECTURE, CAPABILITIES, DEFAULT_SPEAKER, KokoroConfig
from sidecar.engines.kokoro.vocabulary import BOUNDARY, VOCABULARY
from sidecar.engines.kokoro.voices import Voices
from sidecar.protocol.errors import ModelRejected
from sidecar.text.languages import LANGUAGES

FRAME_S = 0.025


@runtime_checkable
class WithVoices(Protocol):
    """An engine that can speak with more voices."""

    def with_voices(self, more: Sequence[Voices]) -> Engine:
        """The same weights, not copied, with other voices behind its own. Raises `ModelRejected` for layers
        that are not the network's, and for a name that is there already."""


def check_layers(voices: Voices, expected: int) -> None:
    """Raises `ModelRejected` naming a voice whose layers are not the network's."""
    for name in voices.names:
        layers = voices.named(name).layers
        if layers is not None and len(layers) != expected:
            raise ModelRejected(f"voice {name!r} has {len(layers)} layers, expected {expected}")


def described(
    config: KokoroConfig, voices: Voices, rows: int, device: str, precision: str, runtime: str
) -> EngineDescription:
    names = voices.names
    return EngineDescription(
        architecture=ARCHITECTURE,
        sample_rate_hz=config.sample_rate_hz,
        languages=LANGUAGES,
        speakers=names,
        default_speaker=DEFAULT_SPEAKER if DEFAULT_SPEAKER in names else names[0],
        alphabet=frozenset(VOCABULARY),
        batch_rows=rows,
        device=device,
        precision=precision,
        runtime=runtime,
        capabilities=CAPABILITIES,
    )


def token_ids(phonemes: str, config: KokoroConfig) -> npt.NDArray[np.int64]:
    """[T], with a boundary on either side. Raises `ValueError` for more than the network has places for."""
    if len(phonemes) > config.max_phonemes:
        raise ValueError(f"a phrase of {len(phonemes)} phonemes does not fit")
    return np.array([BOUNDARY, *(VOCABULARY[symbol] for symbol in phonemes), BOUNDARY])
