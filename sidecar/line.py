"""A request to speak, and what can be refused of it before anything is rendered."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.audio.effects import Effect
from sidecar.engines.base import SpeakerChoice
from sidecar.prosody.change import NONE, Change
from sidecar.prosody.emotions import NEUTRAL, Mood, check_weights
from sidecar.prosody.plan import Phrase
from sidecar.protocol.errors import BadRequest, EmptyText, TextTooLong
from sidecar.protocol.fields import check_range, wrong
from sidecar.protocol.limits import (
    INTENSITY,
    LINE_PHONEMES,
    LINE_S,
    LINE_SOUND_BYTES,
    LOUDNESS_LUFS,
    PITCH_ST,
    PROMPT_CHARACTERS,
    SAMPLE_RATE_HZ,
    SEED,
    SPEED,
)
from sidecar.protocol.requests import Synthesize
from sidecar.text.phrases import SpokenPhrase

#: On average, marks and spaces counted; measured: 0.049 to 0.080 over 20 lines in 20 voices.
PHONEME_S = 0.065


@dataclass(frozen=True)
class Line:
    """A request to speak. None means: as the model or the line itself suggests.

    `manner` is a second speaker who lends tune and rhythm while `speaker` keeps the timbre. `reference`
    is what was heard in a clip (`ClipMemory.change`); it adds to `emotion`, and `intensity` scales both.
    `prompt` says in words how to speak, to models that read it. `effect` is one by name, or its measures.
    `seed` decides the breath noise; by default it follows from the request.
    """

    text: str
    speaker: SpeakerChoice | None = None
    manner: SpeakerChoice | None = None
    emotion: str | Mapping[str, float] = NEUTRAL
    intensity: float = 0.5
    speed: float = 1.0
    pitch_semitones: float = 0.0
    language: str | None = None
    sample_rate_hz: int | None = None
    loudness_lufs: float | None = None
    seed: int | None = None
    reference: Change = NONE
    prompt: str = ""
    effect: str | Effect | None = None


def line_of(request: Synthesize, reference: Change = NONE) -> Line:
    """What a request asks to be spoken; `reference`: what was heard in its clip."""
    return Line(
        text=request.text,
        speaker=request.speaker,
        manner=request.manner,
        emotion=request.emotion or NEUTRAL,
        intensity=request.intensity,
        speed=request.speed,
        pitch_semitones=request.pitch,
        language=request.language,
        sample_rate_hz=request.sample_rate,
        loudness_lufs=request.loudness,
        seed=request.seed,
        reference=reference,
        prompt=request.prompt or "",
        effect=request.effect,
    )


def check_line(line: Line, max_characters: int) -> None:
    """Raise the `RequestError` for the first field that is out of range."""
    if not isinstance(line.text, str):
        raise BadRequest(f"text must be text, got {type(line.text).__name__}", field="text")
    if not line.text.strip():
        raise EmptyText("the line is empty", field="text")
    if len(line.text) > max_characters:
        raise TextTooLong(
            f"the line has {len(line.text)} characters, at most {max_characters} fit", field="text"
        )
    check_range("speed", line.speed, SPEED)
    check_range("pitch", line.pitch_semitones, PITCH_ST)
    check_range("intensity", line.intensity, INTENSITY)
    if line.language is not None and not isinstance(line.language, str):
        raise BadRequest(f"language must be a tag such as 'en-US', got {line.language!r}", field="language")
    for name, value, limits in (
        ("sample_rate", line.sample_rate_hz, SAMPLE_RATE_HZ), ("seed", line.seed, SEED),
        ("loudness", line.loudness_lufs, LOUDNESS_LUFS),
    ):  # fmt: skip
        if value is not None:
            check_range(name, value, limits)
    check_weights(line.emotion)
    if not isinstance(line.prompt, str) or len(line.prompt) > PROMPT_CHARACTERS:
        raise BadRequest(f"prompt must be text of at most {PROMPT_CHARACTERS} characters", field="prompt")
    if not isinstance(line.effect, str | Effect | None):
        raise wrong("effect", line.effect, "the name of one")


def check_extent(
    line: Line, spoken: Sequence[SpokenPhrase], said: Sequence[Phrase], mood: Mood, own_rate_hz: int
) -> None:
    """Raise `TextTooLong` for a line that would be spoken for too long, or fill the memory."""
    phonemes = sum(len(phrase.phonemes) for phrase in said)
    slowest_oct = min(mood.men.rate_oct, mood.women.rate_oct)
    pauses_s = sum(phrase.before_s + phrase.after_s for phrase in spoken)
    duration_s = phonemes * PHONEME_S / (line.speed * 2**slowest_oct) + pauses_s
    if phonemes > LINE_PHONEMES or duration_s > LINE_S:
        raise TextTooLong(
            f"the line is {phonemes:,} phonemes, about {duration_s:,.0f} s, at most {LINE_PHONEMES:,} and "
            f"{LINE_S:g} s fit",
            field="text",
            tip="speak it as several lines",
        )
    rate_hz, highest_hz = line.sample_rate_hz or own_rate_hz, int(LINE_SOUND_BYTES / 4 / duration_s)
    if rate_hz > highest_hz:
        raise TextTooLong(
            f"the line is about {duration_s:,.0f} s, too long at {rate_hz} Hz, the nearest is {highest_hz}",
            field="sample_rate",
        )


def derived_seed(line: Line) -> int:
    """31 bits from what is said, by whom and how fast: the same request gives the same bytes.

    Emotion is left out: at intensity 0 every emotion is neutral, to the bit.
    """
    who = [repr(_plain(choice)) for choice in (line.speaker, line.manner)]
    told = (line.prompt,) if line.prompt else ()
    key = repr((line.text, who, float(line.speed), float(line.pitch_semitones), *told))
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:4], "big") >> 1


def _plain(choice: SpeakerChoice | None) -> object:
    """A speaker in the one form that equal choices share."""
    if isinstance(choice, Mapping):
        return sorted((name, float(weight)) for name, weight in choice.items())
    if choice is None or isinstance(choice, str | int):
        return choice
    return [float(number) for number in choice]
