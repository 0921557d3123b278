"""Samples -> the bytes a client asked for."""

import io
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import soundfile

from sidecar.protocol.errors import BadRequest, did_you_mean

Floats = npt.NDArray[np.float32]

Format = Literal["pcm_s16le", "pcm_f32le", "wav", "ogg", "flac"]
FORMATS: tuple[str, ...] = get_args(Format)
CONTAINERS = {"wav": ("WAV", "PCM_16"), "ogg": ("OGG", "VORBIS"), "flac": ("FLAC", "PCM_16")}


def encode(samples: Floats, sample_rate_hz: int, kind: str) -> bytes:
    """Mono samples in -1..1 (beyond is clipped) as `kind`. Raises `BadRequest` for an unknown format."""
    clipped = np.clip(samples, -1, 1)
    if kind == "pcm_f32le":
        return clipped.astype("<f4").tobytes()
    if kind == "pcm_s16le":
        return np.round(clipped * 32767).astype("<i2").tobytes()
    if kind not in CONTAINERS:
        raise BadRequest(f"unknown format {kind!r}{did_you_mean(kind, FORMATS)}", field="format")
    return _contained(clipped, sample_rate_hz, *CONTAINERS[kind])


def _contained(samples: Floats, sample_rate_hz: int, container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate_hz, 1, subtype=subtype, format=container) as file:
        for start in range(0, len(samples), sample_rate_hz):  # Vorbis overflows its stack on long writes
            file.write(samples[start : start + sample_rate_hz])
    return buffer.getvalue()
