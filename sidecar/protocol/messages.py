"""Requests and replies as frozen dataclasses; `to_header` and `from_header` are each other's inverse."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from sidecar.protocol import fields
from sidecar.protocol.errors import (
    BadRequest,
    NpcVoiceError,
    TextTooLong,
    TooLarge,
    UnknownOp,
    UnsupportedVersion,
    did_you_mean,
)
from sidecar.protocol.limits import SAMPLE_RATES_HZ, SEED_LIMIT, VERSION, Limits
from sidecar.protocol.wire import Header

FORMATS = ("pcm_s16le", "pcm_f32le", "wav", "ogg")
TIMINGS = ("words", "phonemes")
Speaker = str | int | tuple[float, ...] | Mapping[str, float] | None


@dataclass(frozen=True)
class Envelope:
    """What every request carries. `token` is kept out of every printed form."""

    id: str
    op: str
    token: str

    def __repr__(self) -> str:
        return f"Envelope(id={self.id!r}, op={self.op!r})"

    @classmethod
    def from_header(cls, header: Header, limits: Limits) -> "Envelope":
        """Raises `UnsupportedVersion` or `BadRequest`."""
        if header.get("v") != VERSION:
            raise UnsupportedVersion(
                f"protocol version {header.get('v')!r}: this sidecar speaks {VERSION}", field="v"
            )
        envelope = cls(
            fields.text(header, "id"), fields.text(header, "op"), fields.optional_text(header, "token") or ""
        )
        if len(envelope.id.encode()) > limits.id_bytes:
            raise TooLarge(f"id is longer than {limits.id_bytes} bytes", field="id")
        return envelope

    def to_header(self) -> Header:
        return {"v": VERSION, **asdict(self)}


@dataclass(frozen=True)
class Hello:
    op: ClassVar[str] = "hello"


@dataclass(frozen=True)
class Ping:
    op: ClassVar[str] = "ping"


@dataclass(frozen=True)
class Speakers:
    op: ClassVar[str] = "speakers"


@dataclass(frozen=True)
class Shutdown:
    op: ClassVar[str] = "shutdown"


@dataclass(frozen=True)
class Synthesize:
    """One line to speech; fields and defaults as the protocol page lists them."""

    op: ClassVar[str] = "synthesize"

    text: str
    speaker: Speaker = None
    emotion: str | Mapping[str, float] = "neutral"
    intensity: float = 0.5
    speed: float = 1.0
    pitch: float = 0.0
    language: str | None = None
    format: str = "pcm_s16le"
    sample_rate: int | None = None
    timings: tuple[str, ...] = ()
    seed: int | None = None

    @classmethod
    def from_header(cls, header: Header, limits: Limits) -> "Synthesize":
        """Raises `TextTooLong` or `BadRequest` naming the field."""
        text = fields.text(header, "text")
        if len(text) > limits.text_characters:
            raise TextTooLong(
                f"text has {len(text)} characters, at most {limits.text_characters} fit", field="text"
            )
        return cls(
            text=text,
            speaker=speaker(header),
            emotion=fields.weights(header, "emotion") or "neutral",
            intensity=fields.number(header, "intensity", 0, 1, 0.5),
            speed=fields.number(header, "speed", 0.5, 2, 1),
            pitch=fields.number(header, "pitch", -12, 12, 0),
            language=fields.optional_text(header, "language"),
            format=fields.one_of(header, "format", FORMATS, "pcm_s16le"),
            sample_rate=fields.optional_integer(header, "sample_rate", *SAMPLE_RATES_HZ),
            timings=fields.names(header, "timings", TIMINGS),
            seed=fields.optional_integer(header, "seed", 0, SEED_LIMIT),
        )

    def to_header(self) -> Header:
        header = {name: value for name, value in asdict(self).items() if value is not None}
        header["timings"] = list(self.timings)
        if isinstance(self.speaker, tuple):
            header["speaker"] = list(self.speaker)
        return header


Request = Hello | Ping | Speakers | Shutdown | Synthesize
_PLAIN: dict[str, type[Hello] | type[Ping] | type[Speakers] | type[Shutdown]] = {
    kind.op: kind for kind in (Hello, Ping, Speakers, Shutdown)
}
OPS = (*_PLAIN, Synthesize.op)


def parse_request(op: str, header: Header, body: bytes | None, limits: Limits) -> Request:
    """The typed request. Raises `UnknownOp` or what its fields raise. Unknown keys are ignored."""
    if body is not None and len(body) > limits.body_bytes:
        raise TooLarge(f"the body has {len(body)} bytes, at most {limits.body_bytes} fit")
    if op == Synthesize.op:
        return Synthesize.from_header(header, limits)
    if op not in _PLAIN:
        raise UnknownOp(f"unknown op {op[:40]!r}{did_you_mean(op, OPS)}", field="op")
    return _PLAIN[op]()


def request_header(envelope: Envelope, request: Request) -> Header:
    """What a client sends."""
    own = request.to_header() if isinstance(request, Synthesize) else {}
    return {**own, **envelope.to_header()}


def speaker(header: Header) -> Speaker:
    """A name, an index, a list of numbers or a map of weights."""
    value = header.get("speaker")
    if isinstance(value, list):
        if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
            raise fields.wrong("speaker", value, "a list of numbers only")
        return tuple(float(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return fields.weights(header, "speaker")


@dataclass(frozen=True)
class ErrorReply:
    """A refusal or failure; `code` is one of the protocol's."""

    id: str
    code: str
    message: str
    field: str | None = None
    retryable: bool = False
    retry_after_ms: int | None = None

    @classmethod
    def of(cls, request_id: str, error: NpcVoiceError) -> "ErrorReply":
        return cls(request_id, error.code, error.message, error.field, error.retryable, error.retry_after_ms)

    def to_header(self) -> Header:
        error = {key: value for key, value in asdict(self).items() if key != "id" and value is not None}
        return {"v": VERSION, "id": self.id, "ok": False, "error": error}

    @classmethod
    def from_header(cls, header: Header) -> "ErrorReply":
        error = header.get("error")
        if not isinstance(error, dict):
            raise BadRequest("a reply that is not ok must carry error", field="error")
        return cls(
            fields.text(header, "id"),
            fields.text(error, "code"),
            fields.text(error, "message"),
            fields.optional_text(error, "field"),
            fields.flag(error, "retryable"),
            fields.optional_integer(error, "retry_after_ms", 0, 2**31),
        )


@dataclass(frozen=True)
class OkReply:
    """A success; `fields` are the op's own."""

    id: str
    fields: Mapping[str, Any]

    def to_header(self) -> Header:
        return {**self.fields, "v": VERSION, "id": self.id, "ok": True}

    @classmethod
    def from_header(cls, header: Header) -> "OkReply":
        own = {key: value for key, value in header.items() if key not in ("v", "id", "ok")}
        return cls(fields.text(header, "id"), own)


def parse_reply(header: Header) -> OkReply | ErrorReply:
    """What a client received. Raises `BadRequest` when it is no reply of this protocol."""
    if header.get("v") != VERSION:
        raise UnsupportedVersion(f"reply of version {header.get('v')!r}, expected {VERSION}", field="v")
    return OkReply.from_header(header) if fields.flag(header, "ok") else ErrorReply.from_header(header)
