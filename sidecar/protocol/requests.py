"""What a client may ask, as frozen dataclasses; `request_header` and `parse_request` are inverse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from sidecar.protocol import fields as read
from sidecar.protocol.errors import (
    BadRequest,
    TextTooLong,
    TooLarge,
    UnknownOp,
    Unsupported,
    UnsupportedVersion,
    did_you_mean,
)
from sidecar.protocol.formats import SENT
from sidecar.protocol.limits import (
    DEADLINE_MS,
    INTENSITY,
    LOUDNESS_LUFS,
    PITCH_ST,
    SAMPLE_RATE_HZ,
    SEED,
    SHARE,
    SPEED,
    VERSION,
    Limits,
)
from sidecar.protocol.wire import Header

TIMINGS = ("words", "phonemes", "visemes")
PRIORITIES = ("bark", "dialogue", "ambient", "bake")  #: the most urgent first
REFERENCE_USES = ("emotion", "voice", "both")
#: Fields of a line that the first sidecars pass over in silence: a client looks for them in `hello` first.
LATER_FIELDS = ("manner", "baseline", "loudness", "effect")
Speaker = str | int | tuple[float, ...] | Mapping[str, float] | None


@dataclass(frozen=True)
class Envelope:
    """What every request carries. `token` is kept out of every printed form.

    `session` names one NPC or conversation and outlives a reconnection; None: this connection.
    """

    id: str
    op: str
    token: str = field(repr=False)
    session: str | None = None

    @classmethod
    def from_header(cls, header: Header, limits: Limits) -> "Envelope":
        """Raises `UnsupportedVersion`, `BadRequest` or `TooLarge`."""
        if header.get("v") != VERSION:
            raise UnsupportedVersion(
                f"protocol version {header.get('v')!r}: this sidecar speaks {VERSION}", field="v"
            )
        envelope = cls(
            read.text(header, "id"),
            read.text(header, "op"),
            read.optional_text(header, "token") or "",
            read.optional_text(header, "session"),
        )
        for name, value in (("id", envelope.id), ("session", envelope.session or "")):
            if len(value) > limits.id_bytes or len(value.encode()) > limits.id_bytes:
                raise TooLarge(f"{name} is longer than {limits.id_bytes} bytes", field=name)
        return envelope

    def to_header(self) -> Header:
        own = {"v": VERSION, "op": self.op, "id": self.id, "token": self.token}
        return own if self.session is None else {**own, "session": self.session}


class Plain:
    """A request whose fields, if it has any, are all text."""

    @classmethod
    def from_header(cls: type["P"], header: Header, limits: Limits) -> "P":
        """Raises `BadRequest` naming the field that is missing or no text."""
        return cls(*(read.text(header, field.name) for field in fields(cls)))  # type: ignore[arg-type]


P = TypeVar("P", bound=Plain)


@dataclass(frozen=True)
class Hello(Plain):
    op: ClassVar[str] = "hello"


@dataclass(frozen=True)
class Ping(Plain):
    op: ClassVar[str] = "ping"


@dataclass(frozen=True)
class Speakers(Plain):
    op: ClassVar[str] = "speakers"


@dataclass(frozen=True)
class Emotions(Plain):
    op: ClassVar[str] = "emotions"


@dataclass(frozen=True)
class Models(Plain):
    op: ClassVar[str] = "models"


@dataclass(frozen=True)
class Rescan(Plain):
    op: ClassVar[str] = "rescan"


@dataclass(frozen=True)
class Stats(Plain):
    op: ClassVar[str] = "stats"


@dataclass(frozen=True)
class Shutdown(Plain):
    op: ClassVar[str] = "shutdown"


@dataclass(frozen=True)
class Activate(Plain):
    """Make `model` (`name@version`) the live one of its name, and pin it."""

    op: ClassVar[str] = "activate"
    model: str


@dataclass(frozen=True)
class Rollback(Plain):
    """Back to the version of `model` (a name) that was live before."""

    op: ClassVar[str] = "rollback"
    model: str


@dataclass(frozen=True)
class Remove(Plain):
    """`model` (`name@version`, or a name: all versions) is gone: what was dropped, its copy, its voice."""

    op: ClassVar[str] = "remove"
    model: str


@dataclass(frozen=True)
class Canary:
    """Give `model` (`name@version`) a `share` of the sessions, 0..1; 0 ends the trial."""

    op: ClassVar[str] = "canary"
    model: str
    share: float

    @classmethod
    def from_header(cls, header: Header, limits: Limits) -> "Canary":
        share = read.number(header, "share", SHARE)
        return cls(read.text(header, "model"), share)


@dataclass(frozen=True)
class Next(Plain):
    """The next chunk of the stream with this handle."""

    op: ClassVar[str] = "next"
    stream: str


@dataclass(frozen=True)
class Cancel(Plain):
    """`target` is the id of a request of this connection or of the same session."""

    op: ClassVar[str] = "cancel"
    target: str


@dataclass(frozen=True)
class Synthesize:
    """One line to speech; fields and defaults as the protocol page lists them."""

    op: ClassVar[str] = "synthesize"

    text: str
    speaker: Speaker = None
    manner: Speaker = None
    emotion: str | Mapping[str, float] = "neutral"
    intensity: float = 0.5
    speed: float = 1.0
    pitch: float = 0.0
    reference: str | None = None
    baseline: bool = False
    language: str | None = None
    model: str | None = None
    priority: str = "dialogue"
    deadline_ms: int | None = None
    format: str = "pcm_s16le"
    sample_rate: int | None = None
    loudness: float | None = None
    stream: bool = False
    timings: tuple[str, ...] = ()
    seed: int | None = None
    prompt: str | None = None
    effect: str | None = None

    @classmethod
    def from_header(cls, header: Header, limits: Limits) -> "Synthesize":
        """Raises `TextTooLong`, `Unsupported` or `BadRequest` naming the field."""
        text = read.text(header, "text")
        if len(text) > limits.text_characters:
            raise TextTooLong(
                f"text has {len(text)} characters, at most {limits.text_characters} fit", field="text"
            )
        given = {name: _LINE_FIELDS[name](header) for name in header if name in _LINE_FIELDS}
        line = cls(text=text, **given)
        check_streamed(line)
        return line


LINE_FIELDS = tuple(field.name for field in fields(Synthesize))

#: How each field of a line but its text is read, where it is given.
_LINE_FIELDS: dict[str, Callable[[Header], Any]] = {
    "speaker": lambda header: speaker(header, "speaker"),
    "manner": lambda header: speaker(header, "manner"),
    "emotion": lambda header: read.weights(header, "emotion") or "neutral",
    "intensity": lambda header: read.number(header, "intensity", INTENSITY),
    "speed": lambda header: read.number(header, "speed", SPEED),
    "pitch": lambda header: read.number(header, "pitch", PITCH_ST),
    "reference": lambda header: reference_use(header),
    "baseline": lambda header: read.flag(header, "baseline"),
    "language": lambda header: read.optional_text(header, "language"),
    "model": lambda header: read.optional_text(header, "model"),
    "priority": lambda header: read.one_of(header, "priority", PRIORITIES),
    "deadline_ms": lambda header: read.optional_integer(header, "deadline_ms", DEADLINE_MS),
    "format": lambda header: read.one_of(header, "format", SENT),
    "sample_rate": lambda header: read.optional_integer(header, "sample_rate", SAMPLE_RATE_HZ),
    "loudness": lambda header: read.optional_number(header, "loudness", LOUDNESS_LUFS),
    "stream": lambda header: read.flag(header, "stream"),
    "timings": lambda header: read.names(header, "timings", TIMINGS),
    "seed": lambda header: read.optional_integer(header, "seed", SEED),
    "prompt": lambda header: read.optional_text(header, "prompt"),
    "effect": lambda header: read.optional_text(header, "effect"),
}


Request = (
    Hello | Ping | Speakers | Emotions | Models | Rescan | Stats | Shutdown
    | Activate | Rollback | Remove | Canary | Next | Cancel | Synthesize
)  # fmt: skip
KINDS: tuple[type[Request], ...] = (
    Hello, Synthesize, Next, Cancel, Speakers, Emotions, Models, Activate, Rollback, Remove, Canary, Rescan,
    Stats, Ping, Shutdown,
)  # fmt: skip
_BY_OP: dict[str, type[Request]] = {kind.op: kind for kind in KINDS}
OPS = tuple(_BY_OP)


def parse_request(op: str, header: Header, bodies: Sequence[bytes], limits: Limits) -> Request:
    """The typed request. Raises `UnknownOp` or what its fields raise. Unknown keys are ignored."""
    for body in bodies:
        if len(body) > limits.body_bytes:
            raise TooLarge(f"the body has {len(body)} bytes, at most {limits.body_bytes} fit")
    kind = _BY_OP.get(op)
    if kind is None:
        raise UnknownOp(f"unknown op {op[:40]!r}{did_you_mean(op, OPS)}", field="op")
    return kind.from_header(header, limits)


def request_header(envelope: Envelope, request: Request) -> Header:
    """What a client sends: only what differs from the default."""
    return {**_changed(request), **envelope.to_header()}


def _changed(request: Request) -> Header:
    own = {f.name: value for f in fields(request) if (value := getattr(request, f.name)) != f.default}
    return {name: _sent(name, value) for name, value in own.items()}


def _sent(name: str, value: Any) -> Any:
    if name == "reference":
        return {"use": value}
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def later_fields(request: Request) -> list[str]:
    """Those of its fields that the first sidecars pass over."""
    changed = _changed(request) if isinstance(request, Synthesize) else {}
    return [name for name in LATER_FIELDS if name in changed]


def speaker(header: Header, name: str) -> Speaker:
    """A name, an index, a list of numbers or a map of weights."""
    value = header.get(name)
    if isinstance(value, list):
        if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in value):
            raise read.wrong(name, value, "a list of numbers only")
        return tuple(float(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return read.weights(header, name)


def reference_use(header: Header) -> str | None:
    """What the body is a reference for. Raises `BadRequest`."""
    value = header.get("reference")
    if value is None:
        return None
    if not isinstance(value, dict) or "use" not in value:
        raise read.wrong("reference", value, "a map with the key use")
    use: str = value["use"]
    if use not in REFERENCE_USES:
        near = did_you_mean(str(use), REFERENCE_USES)
        raise BadRequest(f"unknown use {str(use)[:40]!r}{near}", field="reference")
    return use


def check_streamed(line: Synthesize) -> None:
    """Raises `Unsupported` where a stream is asked for what only a whole line can have."""
    if line.stream and (field := whole_lines_alone(line.loudness, line.effect)):
        raise of_stream(field)


def whole_lines_alone(loudness: object, effect: object) -> str | None:
    """The field, of a line's loudness and effect, for which it must be there as a whole; None for neither."""
    return "loudness" if loudness is not None else "effect" if effect is not None else None


def of_stream(field: str) -> Unsupported:
    return Unsupported(f"{field} can only be set for a whole line, not a stream", field=field)


def baseline_alone() -> BadRequest:
    return BadRequest("a baseline needs the reference that it is compared with", field="baseline")


def check_bodies(request: Synthesize, bodies: Sequence[bytes]) -> None:
    """A reference comes as body, its baseline as a second one, and nothing else does. Raises `BadRequest`."""
    if request.baseline and request.reference is None:
        raise baseline_alone()
    if (request.reference is not None) != bool(bodies):
        expected = "a body is read as a reference only" if bodies else "a reference needs its clip as body"
        raise BadRequest(f"{expected}: send reference and body together, or neither", field="reference")
    has_second = len(bodies) > 1
    if request.baseline != has_second:
        read_only = "a second body is read as a baseline only"
        expected = read_only if has_second else "a baseline needs its clip as second body"
        raise BadRequest(f"{expected}: send baseline and second body together, or neither", field="baseline")
