"""Spoken lines as bytes: what a request sounds like, what has been spoken of it, and how it is replied."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import zmq

from sidecar.line import Line, line_of
from sidecar.prosody.change import NONE, Change
from sidecar.prosody.emotions import NEUTRAL
from sidecar.protocol.formats import FILES
from sidecar.protocol.replies import (
    Audio,
    Chunk,
    LineTiming,
    ModelName,
    Retold,
    SpokenReply,
    TimedRow,
    VisemeRow,
)
from sidecar.protocol.requests import Speaker, Synthesize, whole_lines_alone
from sidecar.speech import Speech


@dataclass(frozen=True)
class Referring(Synthesize):
    """A request whose clip has been heard: `change` is what was in it. `asked_as` tells it from others where
    its speaker was chosen by the clip, since that may be another the next time."""

    change: Change = NONE
    asked_as: object = field(default=None, compare=False)

    @classmethod
    def to(cls, change: Change, request: Synthesize, asked_as: object = None) -> "Referring":
        own = {f.name: getattr(request, f.name) for f in fields(Synthesize)}
        return cls(**own, change=change, asked_as=asked_as)


def asked_as(request: Synthesize) -> object:
    """What makes a request the same as an earlier one."""
    return request.asked_as if isinstance(request, Referring) and request.asked_as else request


def reference_of(request: Synthesize) -> Change:
    return request.change if isinstance(request, Referring) else NONE


@dataclass(frozen=True)
class TakeKey:
    """Everything that decides a line's bytes. `voice` is the fingerprint of the model and its settings,
    `added` what tells other packs' voices that are in the line.

    `whole`: parts of a container are files of their own, so a line in one piece has other bytes
    than a streamed one, and loudness and effect are those of the whole; other raw samples are the same
    either way, but for the last bit where the model renders a stream in pieces.
    """

    voice: str
    text: str
    speaker: object
    manner: object
    mood: object
    speed: float
    pitch: float
    language: str | None
    sample_rate: int | None
    loudness: float | None
    seed: int | None
    prompt: str | None
    effect: str | None
    format: str
    whole: bool
    pieced: bool = False
    added: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, voice: str, request: Synthesize, in_pieces: bool = False, added: tuple[str, ...] = ()
    ) -> "TakeKey":
        """`in_pieces`: the model can render a phrase bit by bit."""
        return cls(
            voice, request.text, hashable(request.speaker), hashable(request.manner), mood_of(request),
            request.speed, request.pitch, request.language, request.sample_rate, request.loudness,
            request.seed, request.prompt, request.effect, request.format, is_in_one_piece(request),
            in_pieces and request.stream, added,
        )  # fmt: skip


def is_in_one_piece(request: Synthesize) -> bool:
    """Whether no part has its bytes before all of the line is spoken."""
    is_one_file = request.format in FILES and not request.stream
    return is_one_file or whole_lines_alone(request.loudness, request.effect) is not None


def hashable(speaker: Speaker) -> object:
    return tuple(sorted(speaker.items())) if isinstance(speaker, Mapping) else speaker


def mood_of(request: Synthesize) -> object:
    """One value for all that sounds neutral."""
    emotion = {request.emotion: 1.0} if isinstance(request.emotion, str) else request.emotion
    reference = reference_of(request)
    if not emotion.keys() - {NEUTRAL} and reference.is_none:
        return None
    mood = tuple(sorted(emotion.items())), request.intensity
    return mood if reference.is_none else (*mood, reference)


@dataclass(frozen=True)
class TakePart:
    """One phrase, or a whole line, in the bytes of its format; times count from the line's start."""

    audio: bytes
    frames: int
    words: tuple[TimedRow, ...]
    phonemes: tuple[TimedRow, ...]
    visemes: tuple[VisemeRow, ...]
    timing: LineTiming

    @property
    def size_bytes(self) -> int:
        """Roughly what it takes in memory."""
        return len(self.audio) + 200 * (len(self.words) + len(self.phonemes) + len(self.visemes))

    @cached_property
    def frame(self) -> zmq.Frame:
        """The bytes as ZeroMQ sends them again and again without copying."""
        return zmq.Frame(self.audio)


@dataclass(frozen=True)
class Take:
    """A line as it was spoken, complete. `seed` is the one that was used."""

    parts: tuple[TakePart, ...]
    model: ModelName
    format: str
    sample_rate_hz: int
    seed: int

    @cached_property
    def whole(self) -> TakePart:
        """All parts as one: the samples of raw formats follow on each other, containers have one part."""
        if len(self.parts) == 1:
            return self.parts[0]
        return TakePart(
            b"".join(part.audio for part in self.parts),
            sum(part.frames for part in self.parts),
            tuple(row for part in self.parts for row in part.words),
            tuple(row for part in self.parts for row in part.phonemes),
            tuple(row for part in self.parts for row in part.visemes),
            LineTiming(
                text_ms=sum(part.timing.text_ms for part in self.parts),
                infer_ms=sum(part.timing.infer_ms for part in self.parts),
                encode_ms=sum(part.timing.encode_ms for part in self.parts),
            ),
        )

    @cached_property
    def _retold(self) -> dict[tuple[str, ...], Retold]:
        return {}

    def retold(self, request: Synthesize, timing: LineTiming) -> Retold:
        """The reply of the whole to those who find it ready."""
        if (known := self._retold.get(request.timings)) is None:
            known = Retold.of(self.reply(request, self.whole, LineTiming(), cached=True))
            self._retold[request.timings] = known
        return known.after(timing)

    @property
    def size_bytes(self) -> int:
        """Roughly what it takes in memory; several parts are kept once more as one."""
        parts_bytes = sum(part.size_bytes for part in self.parts)
        return parts_bytes * (1 if len(self.parts) == 1 else 2) + 1000

    @property
    def audio_s(self) -> float:
        return sum(part.frames for part in self.parts) / self.sample_rate_hz

    def reply(self, request: Synthesize, part: TakePart, timing: LineTiming, cached: bool) -> SpokenReply:
        """What is said of `part`, which is the whole or one of the parts."""
        return SpokenReply(
            Audio(self.format, self.sample_rate_hz, 1, part.frames),
            self.model,
            timing,
            cached,
            self.seed,
            part.words if "words" in request.timings else None,
            part.phonemes if "phonemes" in request.timings else None,
            part.visemes if "visemes" in request.timings else None,
        )


def as_chunk(reply: SpokenReply, stream: str, index: int, last: bool) -> SpokenReply:
    return replace(reply, stream=stream, chunk=Chunk(index, last))


def part_of(speech: Speech, audio: bytes, encode_ms: float) -> TakePart:
    """`speech` with its bytes `audio`, whose encoding took `encode_ms`."""
    timing = speech.timing
    return TakePart(
        audio,
        len(speech.samples),
        tuple((word.text, round(word.start_s, 4), round(word.end_s, 4)) for word in speech.words),
        tuple((p.symbol, round(p.start_s, 4), round(p.end_s, 4)) for p in speech.phonemes),
        tuple((round(start_s, 4), shape, weight) for start_s, shape, weight in speech.visemes),
        LineTiming(text_ms=timing.text_ms, infer_ms=timing.infer_ms, encode_ms=timing.encode_ms + encode_ms),
    )


def as_line(request: Synthesize) -> Line:
    return line_of(request, reference_of(request))
