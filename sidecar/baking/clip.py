"""One line spoken, and everything that is written of it."""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile

from sidecar.baking import subtitles
from sidecar.baking.gate import Finding, judged, judged_effect
from sidecar.baking.manifest import Entry
from sidecar.baking.orders import Order
from sidecar.lipsync import files as lip_files
from sidecar.prosody.plan import Floats
from sidecar.protocol.errors import InternalError
from sidecar.speech import Speech
from sidecar.synthesis import Synthesizer, with_effect

#: Rhubarb's table names no sound file, its JSON does: a clip can be renamed without being made again.
LIP_ENDINGS = {"oculus": ".oculus.json", "arkit": ".arkit.json", "rhubarb": ".rhubarb.tsv"}


@dataclass(frozen=True)
class Clip:
    """`entry` as the manifest has it, but for its files: they are here, (name, content), the sound first."""

    entry: Entry
    files: tuple[tuple[str, bytes], ...]


def spoken_clip(synthesizer: Synthesizer, order: Order, key: str) -> Clip:
    """Speak the line and judge it. Raises the `NpcVoiceError` that says why it cannot be."""
    prepared = synthesizer.prepare(order.line)
    plain = synthesizer.said_dry(prepared)
    speech = with_effect(plain, prepared)
    sound = speech.encoded(order.format, marked=order.marked)
    _check_file(sound, speech)
    shown = subtitles.plain(order.request.text)
    contents = [(f"{order.stem}.{order.format}", sound), *_lips(order, speech), *_subtitles(order, speech)]
    words = tuple((w.text, round(w.start_s, 4), round(w.end_s, 4)) for w in speech.words)
    found = (*judged(plain.samples, plain, order.line), *judged_effect(speech, plain))
    findings = tuple(map(rounded, found))
    entry = Entry(
        order.id, shown, speech.mark.voice, speech.mark.model, speech.seed, round(speech.duration_s, 4), key,
        (), words, order.character, findings,
    )  # fmt: skip
    return Clip(entry, tuple(contents))


def heard(sound: bytes) -> tuple[Floats, int]:
    """The samples of a file as a player gets them, and their rate in Hz."""
    samples, rate_hz = soundfile.read(io.BytesIO(sound), dtype="float32")
    return samples, rate_hz


def _check_file(sound: bytes, speech: Speech) -> None:
    """Raises `InternalError` unless a player would hear all of it."""
    if (samples := len(heard(sound)[0])) != len(speech.samples):
        raise InternalError(f"the file holds {samples} samples of {len(speech.samples)}")


def rounded(finding: Finding) -> Finding:
    """As it is kept."""
    at_s = None if finding.at_s is None else round(finding.at_s, 3)
    return replace(finding, how_bad=round(finding.how_bad, 2), at_s=at_s)


def _lips(order: Order, speech: Speech) -> list[tuple[str, bytes]]:
    return [
        (name, lip_files.content(speech.visemes, speech.duration_s, Path(name), kind, "").encode())
        for kind in order.lips
        if (name := order.stem + LIP_ENDINGS[kind])
    ]


def _subtitles(order: Order, speech: Speech) -> list[tuple[str, bytes]]:
    shown = subtitles.cues(order.request.text, speech.words, speech.duration_s)
    return [(f"{order.stem}.{kind}", subtitles.content(shown, kind).encode()) for kind in order.subtitles]
