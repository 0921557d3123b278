"""Whether one person speaks in a recording: encoders hear stretches of it, which must not fall into two
heaps."""

from collections.abc import Mapping

import numpy as np

from sidecar.fitting.encoders import Encoder
from sidecar.fitting.hearing import embeddings
from sidecar.fitting.recording import ENGINE_HZ, Recordings, active_of
from sidecar.prosody.f0 import FRAMES_PER_S, Floats
from sidecar.protocol.errors import BadAudio

#: Stretches of speech that are judged, and how much alike the heaps must be to one encoder or the other.
#: One person's, read with feeling or not, were 0.83 to 0.94 alike to the first and 0.57 to 0.95 to the
#: second, two people's of one sex 0.66 to 0.77 and 0.20 to 0.42.
STRETCH_S, STEP_S = 2.0, 1.0
LEAST_ALIKE: Mapping[str, float] = {"ge2e": 0.80, "campplus": 0.50}
_ROUNDS = 8


def check_one_person(encoders: Mapping[str, Encoder], recordings: Recordings) -> None:
    """Raises `BadAudio` where two people speak, if by nature of all encoders there are two heaps."""
    stretches = _stretches(speech_of(recordings.joined))
    alike = {name: heaps_alike(encoder, stretches, recordings.edge_hz) for name, encoder in encoders.items()}
    if len(stretches) >= 4 and all(alike[name] < LEAST_ALIKE[name] for name in alike):
        name = min(alike)
        raise BadAudio(
            f"two people seem to speak in the recording (parts of it are {alike[name]:.2f} alike to {name}, "
            f"expected {LEAST_ALIKE[name]:g} or more): cut it to one of them"
        )


def heaps_alike(encoder: Encoder, stretches: list[Floats], edge_hz: float) -> float:
    """The cosine between the means of the two heaps that stretches of speech fall into best."""
    rows = np.stack([embeddings({"one": encoder}, each, edge_hz)["one"] for each in stretches])
    means = rows[list(_farthest(rows))]
    for _ in range(_ROUNDS):
        side = (rows @ means.T).argmax(1)
        means = np.stack([_mean(rows[side == at]) if (side == at).any() else means[at] for at in (0, 1)])
    return float(means[0] @ means[1])


def _farthest(rows: Floats) -> tuple[int, int]:
    first, second = np.unravel_index((rows @ rows.T).argmin(), (len(rows), len(rows)))
    return int(first), int(second)


def _mean(rows: Floats) -> Floats:
    mean = rows.mean(0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def speech_of(samples: Floats) -> Floats:
    """Samples at 24 kHz without pauses."""
    inside = np.repeat(active_of(samples).speech, ENGINE_HZ // FRAMES_PER_S)[: len(samples)]
    return samples[: len(inside)][inside]


def _stretches(speech: Floats) -> list[Floats]:
    length, step = int(STRETCH_S * ENGINE_HZ), int(STEP_S * ENGINE_HZ)
    return [speech[at : at + length] for at in range(0, max(len(speech) - length, 0) + 1, step)]
