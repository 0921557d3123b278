"""The audio formats that there are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AudioFormat:
    """`subtype` is how libsndfile codes the samples of a file of that kind; None: bare samples, whose pieces
    can be joined. `is_sent`: the server offers it too."""

    subtype: str | None = None
    is_sent: bool = True


AUDIO_FORMATS = {
    "pcm_s16le": AudioFormat(),
    "pcm_f32le": AudioFormat(),
    "wav": AudioFormat("PCM_16"),
    "ogg": AudioFormat("VORBIS"),
    "flac": AudioFormat("PCM_16", is_sent=False),
}
SENT = tuple(name for name, kind in AUDIO_FORMATS.items() if kind.is_sent)
FILES = tuple(name for name, kind in AUDIO_FORMATS.items() if kind.subtype is not None)
FILE_ENDINGS = ", ".join(f".{name}" for name in FILES)
