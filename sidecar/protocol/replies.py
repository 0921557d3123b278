"""What the sidecar answers, as frozen dataclasses; `reply_header` and `parse_reply` are inverse."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.protocol import fields as read
from sidecar.protocol.errors import BadRequest, NpcVoiceError, UnsupportedVersion, error_class
from sidecar.protocol.limits import VERSION, Limits
from sidecar.protocol.marking import DIGITAL_SOURCE_TYPE
from sidecar.protocol.record import from_map, to_map
from sidecar.protocol.requests import (
    Activate,
    Canary,
    Cancel,
    Emotions,
    Hello,
    Models,
    Next,
    Ping,
    Remove,
    Request,
    Rescan,
    Rollback,
    Shutdown,
    Speakers,
    Stats,
    Synthesize,
)
from sidecar.protocol.wire import Header, encode, encode_fields, joined

TimedRow = tuple[str, float, float]  #: text, start_s, end_s
VisemeRow = tuple[float, int, float]  #: start_s, id, weight


@dataclass(frozen=True)
class ModelName:
    """Which model spoke or is live; `sha256` is that of its weights."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Device:
    name: str
    precision: str


@dataclass(frozen=True)
class HelloReply:
    """`fields` are those of a line that this sidecar reads, `effects` the names that there are; the first
    sidecars did not say."""

    server: str
    protocol: int
    ops: tuple[str, ...]
    limits: Limits
    models: tuple[ModelName, ...]
    device: Device
    languages: tuple[str, ...]
    formats: tuple[str, ...]
    timings: tuple[str, ...]
    emotions: tuple[str, ...]
    priorities: tuple[str, ...]
    fields: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpeakerRow:
    """`display` is a name to show a person; `language` a BCP 47 tag."""

    name: str
    display: str
    language: str
    model: str


@dataclass(frozen=True)
class SpeakersReply:
    speakers: tuple[SpeakerRow, ...]
    default: str


@dataclass(frozen=True)
class EmotionRow:
    """`display` maps a language to a name to show."""

    name: str
    display: Mapping[str, str]
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class EmotionsReply:
    emotions: tuple[EmotionRow, ...]


@dataclass(frozen=True)
class ModelRow:
    """A pack that has been seen. `state`: found, checking, ready, loading, canary, live or rejected.

    `reason` and `detail` say why it was rejected, or why a ready one waits to be activated; `share` is its
    part of the sessions, 0..1. `dropped`: whether what it was made from still lies in the models folder.
    """

    name: str
    version: str
    state: str
    sha256: str | None = None
    pinned: bool = False
    share: float | None = None
    reason: str | None = None
    detail: str | None = None
    dropped: bool | None = None


@dataclass(frozen=True)
class ModelsReply:
    models: tuple[ModelRow, ...]


@dataclass(frozen=True)
class LineTiming:
    """Wall time by stage of one line or chunk, in milliseconds."""

    queue_ms: float = 0.0
    text_ms: float = 0.0
    infer_ms: float = 0.0
    encode_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True)
class Audio:
    """What the body holds; `frames` are samples a channel."""

    format: str
    sample_rate: int
    channels: int
    frames: int


@dataclass(frozen=True)
class Chunk:
    index: int
    last: bool


@dataclass(frozen=True)
class SpokenReply:
    """A line, or a chunk of a streamed one, whose times count from the line's start. For machines it says
    that nobody spoke it (`marking`), which bare samples cannot."""

    audio: Audio
    model: ModelName
    timing: LineTiming
    cached: bool
    seed: int
    words: tuple[TimedRow, ...] | None = None
    phonemes: tuple[TimedRow, ...] | None = None
    visemes: tuple[VisemeRow, ...] | None = None
    stream: str | None = None
    chunk: Chunk | None = None
    synthetic: bool = True
    digital_source_type: str = DIGITAL_SOURCE_TYPE


@dataclass(frozen=True)
class CancelReply:
    """`cancelled`: whether there was such a request and it has not been answered."""

    cancelled: bool


@dataclass(frozen=True)
class Quantiles:
    """Of all since the start, in milliseconds."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float


@dataclass(frozen=True)
class CacheStats:
    hits: int
    misses: int
    entries: int
    bytes: int


@dataclass(frozen=True)
class FitStats:
    """Voices of clips since the start: fits that wait, that run, whose voice is ready, that have failed."""

    waiting: int
    running: int
    ready: int
    failed: int


@dataclass(frozen=True)
class StatsReply:
    """Since the start. `real_time_factor`: seconds of work for a second of speech. `fits`: where voices can
    be fitted to clips."""

    uptime_s: float
    requests: Mapping[str, int]
    errors: Mapping[str, int]
    lines_waiting: int
    lines_running: int
    streams: int
    audio_s: float
    real_time_factor: float
    latency: Mapping[str, Quantiles]
    cache: CacheStats
    memory_bytes: int
    device_memory_bytes: int | None = None
    fits: FitStats | None = None


@dataclass(frozen=True)
class PingReply:
    pass


@dataclass(frozen=True)
class ShutdownReply:
    """`lines` are still to be finished."""

    lines: int


Reply = (
    HelloReply | SpokenReply | CancelReply | SpeakersReply | EmotionsReply | ModelsReply | StatsReply
    | PingReply | ShutdownReply
)  # fmt: skip
REPLY_TO: dict[type[Request], type[Reply]] = {
    Hello: HelloReply, Synthesize: SpokenReply, Next: SpokenReply, Cancel: CancelReply,
    Speakers: SpeakersReply, Emotions: EmotionsReply, Models: ModelsReply, Activate: ModelsReply,
    Rollback: ModelsReply, Remove: ModelsReply, Canary: ModelsReply, Rescan: ModelsReply, Stats: StatsReply,
    Ping: PingReply, Shutdown: ShutdownReply,
}  # fmt: skip


@dataclass(frozen=True)
class ErrorReply:
    """A refusal or failure; `code` is one of the protocol's."""

    code: str
    message: str
    field: str | None = None
    retryable: bool = False
    retry_after_ms: int | None = None

    @classmethod
    def of(cls, error: NpcVoiceError) -> "ErrorReply":
        return cls(error.code, error.message, error.field, error.retryable, error.retry_after_ms)

    def exception(self) -> NpcVoiceError:
        """What a client raises for it."""
        kind = error_class(self.code)
        return kind(self.message, field=self.field, retry_after_ms=self.retry_after_ms)


@dataclass(frozen=True)
class Retold:
    """A success that is told again and again: its `count` fields, encoded once, and what is new each time."""

    count: int
    fields: bytes
    timing: LineTiming

    @classmethod
    def of(cls, reply: SpokenReply) -> "Retold":
        fields = {"v": VERSION, "ok": True, **to_map(reply)}
        del fields["timing"]
        return cls(len(fields), encode_fields(fields), reply.timing)

    def after(self, timing: LineTiming) -> "Retold":
        return Retold(self.count, self.fields, timing)


def reply_frame(request_id: str, reply: Reply | ErrorReply | Retold) -> bytes:
    """The header that the sidecar sends, encoded."""
    if isinstance(reply, Retold):
        new = {"id": request_id, "timing": to_map(reply.timing)}
        return joined(reply.count + len(new), reply.fields + encode_fields(new))
    return encode(reply_header(request_id, reply))


def reply_header(request_id: str, reply: Reply | ErrorReply) -> Header:
    """What the sidecar sends."""
    if isinstance(reply, ErrorReply):
        return {"v": VERSION, "id": request_id, "ok": False, "error": to_map(reply)}
    return {"v": VERSION, "id": request_id, "ok": True, **to_map(reply)}


@dataclass(frozen=True)
class Answer:
    """A reply as a client receives it; `body` is the speech."""

    id: str
    reply: Reply | ErrorReply
    body: bytes | None = field(default=None, repr=False)


def parse_reply(kind: type[Reply], header: Header, body: bytes | None = None) -> Answer:
    """What a client received in answer to a request. Raises `BadRequest` when it is no such reply."""
    if header.get("v") != VERSION:
        raise UnsupportedVersion(f"reply of version {header.get('v')!r}, expected {VERSION}", field="v")
    request_id = read.text(header, "id")
    if read.flag(header, "ok"):
        return Answer(request_id, from_map(kind, header), body)
    error = header.get("error")
    if not isinstance(error, dict):
        raise BadRequest("a reply that is not ok must carry error", field="error")
    return Answer(request_id, from_map(ErrorReply, error, "error."))
