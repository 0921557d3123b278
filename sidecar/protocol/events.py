"""What the sidecar tells everybody who listens: one dataclass an event, whose name is its topic."""

from dataclasses import dataclass
from typing import ClassVar

from sidecar.protocol.errors import BadRequest, did_you_mean
from sidecar.protocol.record import from_map, to_map
from sidecar.protocol.wire import Header


@dataclass(frozen=True)
class ModelFound:
    """A candidate lies in the models folder. `source` is its file's or folder's name there."""

    topic: ClassVar[str] = "model.found"
    source: str


@dataclass(frozen=True)
class ModelChecking:
    topic: ClassVar[str] = "model.checking"
    source: str


@dataclass(frozen=True)
class ModelRejection:
    """`reason` is a stable word, `detail` says it in plain words."""

    topic: ClassVar[str] = "model.rejected"
    source: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ModelLive:
    """`name` speaks with version `to` from now on, `from_` before; `ms` from found to live."""

    topic: ClassVar[str] = "model.live"
    name: str
    to: str
    ms: float
    from_: str | None = None


@dataclass(frozen=True)
class ModelCanary:
    """How a trial goes: requests and errors of the new version, and what it costs: the device's work for a
    second of speech, as a multiple of the old version's."""

    topic: ClassVar[str] = "model.canary"
    name: str
    version: str
    share: float
    requests: int
    errors: int
    cost_ratio: float | None = None


@dataclass(frozen=True)
class ModelRolledBack:
    topic: ClassVar[str] = "model.rolled_back"
    name: str
    version: str
    to: str
    reason: str


@dataclass(frozen=True)
class ModelReleased:
    topic: ClassVar[str] = "model.released"
    name: str
    version: str


@dataclass(frozen=True)
class VoiceFit:
    """How the voice of a clip (`reference.use` voice or both) comes along. `clip` is the sha256 of its bytes,
    `speaker` what the voice is or will be called, for `model`; `state`: waiting, running, dropped (fitted, on
    its way to life), ready or failed. `reason` is the error's code, `detail` says how it went."""

    topic: ClassVar[str] = "voice.fit"
    clip: str
    speaker: str
    model: str
    state: str
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class FleetDecided:
    """Where a rollout of the fleet is now: `phase`, `weight` in percent of the nodes, and why."""

    topic: ClassVar[str] = "fleet.decided"
    name: str
    version: str
    phase: str
    weight: int
    reason: str


@dataclass(frozen=True)
class ServerOverloaded:
    topic: ClassVar[str] = "server.overloaded"
    lines_waiting: int
    retry_after_ms: int


@dataclass(frozen=True)
class ServerStopping:
    topic: ClassVar[str] = "server.stopping"
    reason: str
    lines: int


@dataclass(frozen=True)
class LineStarted:
    """The device has begun with a request. `session` is absent where the client sent none."""

    topic: ClassVar[str] = "line.started"
    id: str
    priority: str
    session: str | None = None


@dataclass(frozen=True)
class LineDone:
    """A line was answered; `code` is the error's where it failed."""

    topic: ClassVar[str] = "line.done"
    id: str
    total_ms: float
    cached: bool = False
    audio_s: float | None = None
    session: str | None = None
    code: str | None = None


Event = (
    ModelFound | ModelChecking | ModelRejection | ModelLive | ModelCanary | ModelRolledBack | ModelReleased
    | VoiceFit | FleetDecided | ServerOverloaded | ServerStopping | LineStarted | LineDone
)  # fmt: skip
KINDS: tuple[type[Event], ...] = (
    ModelFound, ModelChecking, ModelRejection, ModelLive, ModelCanary, ModelRolledBack, ModelReleased,
    VoiceFit, FleetDecided, ServerOverloaded, ServerStopping, LineStarted, LineDone,
)  # fmt: skip
_BY_TOPIC = {kind.topic: kind for kind in KINDS}
TOPICS = tuple(_BY_TOPIC)


def event_map(event: Event) -> Header:
    """The second frame of an event; the first is its topic."""
    return to_map(event)


def is_known(topic: str) -> bool:
    """Whether `parse_event` takes it. A client passes over the rest: later versions tell more."""
    return topic in _BY_TOPIC


def parse_event(topic: str, data: Header) -> Event:
    """Raises `BadRequest` for a topic that is not known."""
    if not is_known(topic):
        raise BadRequest(f"unknown event {topic[:40]!r}{did_you_mean(topic, _BY_TOPIC)}", field="topic")
    return from_map(_BY_TOPIC[topic], data)
