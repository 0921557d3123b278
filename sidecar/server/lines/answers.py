"""Takes and errors as replies, counted and told to those who listen."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import zmq

from sidecar.protocol.errors import NpcVoiceError
from sidecar.protocol.events import Event, LineDone
from sidecar.protocol.replies import ErrorReply, LineTiming, Reply, Retold
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.flight import Caller, Stream
from sidecar.server.lines.takes import Take, TakePart, as_chunk
from sidecar.server.metrics import Metrics

Send = Callable[[Caller, Reply | ErrorReply | Retold, zmq.Frame | None], None]


@dataclass(frozen=True)
class Answers:
    """`send` answers a caller, `publish` tells everybody. Times are of `clock`, in seconds."""

    send: Send
    publish: Callable[[Event], None]
    metrics: Metrics
    clock: Callable[[], float]

    def whole(
        self, caller: Caller, request: Synthesize, take: Take, cached: bool, began_s: float | None = None
    ) -> None:
        """All of a take. `began_s` is when the device began with it, for a line that had to wait."""
        part = take.whole
        timing = self._timed(caller, part, cached, began_s)
        reply = take.retold(request, timing) if cached else take.reply(request, part, timing, cached)
        self.send(caller, reply, part.frame)
        self.metrics.answered(timing, cached)
        self._done(caller, cached, take.audio_s)

    def chunk(self, caller: Caller, stream: Stream, index: int, began_s: float | None = None) -> None:
        """A stream's part that is ready."""
        stream.pulled_s = self.clock()
        part, last = stream.recording.parts[index], stream.is_last(index)
        take = stream.recording.so_far(stream.model, stream.request.format)
        timing = self._timed(caller, part, stream.cached, began_s)
        reply = take.reply(stream.request, part, timing, stream.cached)
        self.send(caller, as_chunk(reply, stream.handle, index, last), part.frame)
        self.metrics.answered(timing, stream.cached)
        if last and not stream.ended:
            stream.ended = True
            self._done(stream.caller, stream.cached, stream.recording.audio_s())

    def error(self, caller: Caller, error: NpcVoiceError) -> None:
        self.send(caller, ErrorReply.of(error), None)

    def refusal(self, caller: Caller, error: NpcVoiceError) -> None:
        """The error of a line that had been accepted."""
        self.error(caller, error)
        self.publish(LineDone(caller.id, self._since_ms(caller), session=caller.own_session, code=error.code))

    def _done(self, caller: Caller, cached: bool, audio_s: float) -> None:
        self.publish(
            LineDone(caller.id, self._since_ms(caller), cached, round(audio_s, 3), caller.own_session)
        )

    def _timed(self, caller: Caller, part: TakePart, cached: bool, began_s: float | None) -> LineTiming:
        """The stages' times as this caller met them. What was ready beforehand took no time."""
        if cached:
            return LineTiming(total_ms=self._since_ms(caller))
        queue_ms = max(0.0, 1000 * (began_s - caller.arrived_s)) if began_s is not None else 0.0
        return replace(part.timing, queue_ms=round(queue_ms, 3), total_ms=self._since_ms(caller))

    def _since_ms(self, caller: Caller) -> float:
        return round(1000 * (self.clock() - caller.arrived_s), 3)
