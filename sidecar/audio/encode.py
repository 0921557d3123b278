"""Samples -> the bytes a client asked for."""

import io

import numpy as np
import numpy.typing as npt
import soundfile

from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.protocol.formats import AUDIO_FORMATS

Floats = npt.NDArray[np.float32]


def encode(samples: Floats, sample_rate_hz: int, kind: str) -> bytes:
    """Mono samples in -1..1 (beyond is clipped) as `kind`. Raises `BadRequest` for an unknown format."""
    clipped = np.clip(samples, -1, 1)
    if kind == "pcm_f32le":
        return clipped.astype("<f4").tobytes()
    if kind == "pcm_s16le":
        return _as_16_bits(clipped).tobytes()
    subtype = AUDIO_FORMATS[kind].subtype if kind in AUDIO_FORMATS else None
    if subtype is None:
        raise BadRequest(f"unknown format {kind!r}{did_you_mean(kind, AUDIO_FORMATS)}", field="format")
    exact = _as_16_bits(clipped) if subtype == "PCM_16" else clipped  # libsndfile would round otherwise
    return _contained(exact, sample_rate_hz, kind.upper(), subtype)


def _as_16_bits(samples: Floats) -> npt.NDArray[np.int16]:
    return np.round(samples * 32767).astype("<i2")


def _contained(
    samples: Floats | npt.NDArray[np.int16], sample_rate_hz: int, container: str, subtype: str
) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate_hz, 1, subtype=subtype, format=container) as file:
        for start in range(0, len(samples), sample_rate_hz):  # Vorbis overflows its stack on long writes
            file.write(samples[start : start + sample_rate_hz])
    return buffer.getvalue()
