"""What each op answers. Ops that need the device run on its thread, the others where they arrive."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar import __version__
from sidecar.engines.base import Engine
from sidecar.protocol.limits import VERSION, Limits
from sidecar.protocol.messages import FORMATS, OPS, TIMINGS, Synthesize
from sidecar.synthesis import NEUTRAL, Line, Speech, Synthesizer, elapsed_ms


@dataclass(frozen=True)
class Answer:
    """A reply's own fields, and its body if it has one."""

    fields: Mapping[str, Any]
    body: bytes | None = None


def hello(synthesizer: Synthesizer, limits: Limits) -> Answer:
    engine = synthesizer.model.engine.description
    return Answer(
        {
            "server": f"npc-voice {__version__}",
            "protocol": VERSION,
            "ops": list(OPS),
            "limits": {
                "header_bytes": limits.header_bytes,
                "body_bytes": limits.body_bytes,
                "nesting": limits.nesting,
                "text_characters": limits.text_characters,
            },
            "models": [model_identity(synthesizer)],
            "device": {"name": engine.device, "precision": engine.precision},
            "languages": list(engine.languages),
            "formats": list(FORMATS),
            "timings": list(TIMINGS),
            "emotions": [NEUTRAL],
        }
    )


def speakers(engine: Engine) -> Answer:
    names = engine.description.speakers
    listed = [{"name": name, "language": engine.language_of(name)} for name in names]
    return Answer({"speakers": listed, "default": engine.description.default_speaker})


def synthesize(synthesizer: Synthesizer, request: Synthesize, arrived: float) -> Answer:
    """`arrived` is `time.perf_counter()` when the request was read. Raises as `Synthesizer.speak`."""
    queue_ms = elapsed_ms(arrived)
    speech = synthesizer.speak(as_line(request))
    began = time.perf_counter()
    body = speech.encoded(request.format)
    encode_ms = speech.timing.encode_ms + elapsed_ms(began)
    timing = {
        "queue_ms": queue_ms,
        "text_ms": speech.timing.text_ms,
        "infer_ms": speech.timing.infer_ms,
        "encode_ms": encode_ms,
        "total_ms": elapsed_ms(arrived),
    }
    fields = {
        "audio": {
            "format": request.format,
            "sample_rate": speech.sample_rate_hz,
            "channels": 1,
            "frames": len(speech.samples),
        },
        "model": model_identity(synthesizer),
        "timing": {stage: round(ms, 3) for stage, ms in timing.items()},
        "cached": False,
        "seed": speech.seed,
        **asked_timings(speech, request.timings),
    }
    return Answer(fields, body)


def as_line(request: Synthesize) -> Line:
    return Line(
        text=request.text,
        speaker=request.speaker,
        emotion=request.emotion,
        intensity=request.intensity,
        speed=request.speed,
        pitch_semitones=request.pitch,
        language=request.language,
        sample_rate_hz=request.sample_rate,
        seed=request.seed,
    )


def asked_timings(speech: Speech, asked: tuple[str, ...]) -> dict[str, list[list[Any]]]:
    """[[text, start_s, end_s], ...] for each kind asked for."""
    every = {
        "words": [[word.text, round(word.start_s, 4), round(word.end_s, 4)] for word in speech.words],
        "phonemes": [[p.symbol, round(p.start_s, 4), round(p.end_s, 4)] for p in speech.phonemes],
    }
    return {kind: every[kind] for kind in asked}


def model_identity(synthesizer: Synthesizer) -> dict[str, str]:
    manifest = synthesizer.model.manifest
    return {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256}
