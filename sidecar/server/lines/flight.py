"""A line on its way through the device, and everybody who waits for it."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from sidecar.line import Line
from sidecar.protocol.errors import BadRequest, NpcVoiceError
from sidecar.protocol.replies import ModelName
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.scheduling import Pace, Waiting
from sidecar.server.lines.takes import Take, TakeKey, TakePart
from sidecar.server.live_voices import ServedVoice
from sidecar.speech import Speech
from sidecar.synthesis import LineRendering, PreparedLine


@dataclass(frozen=True)
class Caller:
    """Whom to answer. `route` is the connection; `session` the client's own, or else its route's name.

    `arrived_s` is `time.perf_counter()` when the request was read.
    """

    route: bytes
    id: str
    session: str
    arrived_s: float
    own_session: str | None = None

    @property
    def asked(self) -> tuple[str, str]:
        """What a retry shares with the first request."""
        return self.session, self.id

    def is_meant(self, other: "Caller", target: str) -> bool:
        """Whether `other` means this request when it names `target`."""
        return self.id == target and (self.session == other.session or self.route == other.route)


@dataclass(eq=False)
class Recording:
    """The parts of a line as they become ready. `take` is there once it is complete, `error` if it never
    will be."""

    parts: list[TakePart] = field(default_factory=list)
    take: Take | None = None
    error: NpcVoiceError | None = None
    sample_rate_hz: int = 0
    seed: int = 0

    @classmethod
    def of(cls, take: Take) -> "Recording":
        return cls(list(take.parts), take, None, take.sample_rate_hz, take.seed)

    @property
    def size_bytes(self) -> int:
        """Roughly what it takes in memory so far."""
        return self.take.size_bytes if self.take is not None else sum(part.size_bytes for part in self.parts)

    def audio_s(self) -> float:
        return sum(part.frames for part in self.parts) / self.sample_rate_hz if self.parts else 0.0

    def so_far(self, model: ModelName, kind: str) -> Take:
        """What there is, as a take."""
        return self.take or Take(tuple(self.parts), model, kind, self.sample_rate_hz, self.seed)


@dataclass(eq=False)
class Stream:
    """A line that is pulled chunk by chunk. `given` remembers which request got which chunk, for retries;
    `parked` are requests for a chunk that is not ready."""

    handle: str
    request: Synthesize
    caller: Caller
    recording: Recording
    model: ModelName
    cached: bool
    opened_s: float
    pulled_s: float
    given: "OrderedDict[tuple[str, str], int]" = field(default_factory=OrderedDict)
    parked: list[Caller] = field(default_factory=list)
    ended: bool = False

    def index_for(self, caller: Caller) -> int:
        """The chunk that this request gets: the next, or the one it already got."""
        return self.given.setdefault(caller.asked, len(self.given))

    def ready(self, index: int) -> bool:
        return index < len(self.recording.parts)

    def is_last(self, index: int) -> bool:
        return self.recording.take is not None and index + 1 == len(self.recording.parts)

    def past_end(self) -> BadRequest:
        return BadRequest("the stream has ended: its last chunk was marked so", field="stream")

    def check_not_past_end(self, index: int) -> None:
        """Raises `BadRequest` when the stream has no such chunk."""
        if self.recording.take is not None and index >= len(self.recording.parts):
            raise self.past_end()

    def unheard_s(self, now_s: float) -> float:
        """Sound that there is and that its listener, who began with the first chunk, has not heard yet."""
        return self.recording.audio_s() - (now_s - self.opened_s)


@dataclass(frozen=True)
class Waiter:
    """A caller whose answer is not there yet: a whole line, or a stream's first chunk."""

    caller: Caller
    request: Synthesize
    due_s: float | None

    @classmethod
    def of(cls, caller: Caller, request: Synthesize) -> "Waiter":
        due_s = None if request.deadline_ms is None else caller.arrived_s + request.deadline_ms / 1000
        return cls(caller, request, due_s)


@dataclass(eq=False)
class Flight:
    """One synthesis, however many asked for it. `rendering` is the device thread's while a
    pass runs; `prepared` and `spoken_phrases` are what it had come to after the last."""

    number: int
    key: TakeKey
    voice: ServedVoice
    line: Line
    rendering: LineRendering
    rank: int
    waiters: list[Waiter] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    recording: Recording = field(default_factory=Recording)
    prepared: PreparedLine | None = None
    earlier: tuple[Speech, ...] = ()
    spoken_phrases: int = 0
    began_s: float | None = None
    done_s: float = 0.0
    running: bool = False

    @property
    def wanted(self) -> bool:
        return bool(self.waiters or self.streams)

    @property
    def is_for_version(self) -> bool:
        """Whether somebody wants this very version of the voice."""
        return any("@" in (waiter.request.model or "") for waiter in self.waiters)

    @property
    def client(self) -> str:
        """Whose share of the device it takes: a session's, on however many connections."""
        return self.first.session

    @property
    def first(self) -> Caller:
        return self.waiters[0].caller if self.waiters else self.streams[0].caller

    def waiting(self, pace: Pace, client_s: float, now_s: float, pass_s: float) -> Waiting:
        """The scheduler's view. `pass_s` is what is left of the device's pass, for flights that are in it."""
        first_s = work_s = pace.work_s(len(self.line.text) / self.line.speed)
        if self.prepared:
            sizes = [len(phrase.phonemes) for phrase in self.prepared.phrases]
            first_s = work_s * sizes[min(self.spoken_phrases, len(sizes) - 1)] / sum(sizes)
            work_s *= sum(sizes[self.spoken_phrases :]) / sum(sizes)
        whole = any(not waiter.request.stream for waiter in self.waiters)
        dues = [waiter.due_s for waiter in self.waiters]
        return Waiting(
            key=self.number,
            rank=self.rank,
            client=self.client,
            client_s=client_s,
            arrived_s=self.first.arrived_s,
            work_s=work_s,
            first_s=work_s if whole else min(work_s, first_s) if self.prepared else 0.3 * work_s,
            begun=self.began_s is not None,
            done_s=self.done_s,
            pass_s=min(pass_s, work_s) if self.running else 0.0,
            ahead_s=None if self.waiters else min(stream.unheard_s(now_s) for stream in self.streams),
            due_s=None if not dues or None in dues else max(due for due in dues if due is not None),
            model=id(self.voice),
        )


def now_s() -> float:
    """The clock of everything in the server: monotonic seconds."""
    return time.perf_counter()
