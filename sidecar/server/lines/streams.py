"""Lines that are pulled chunk by chunk: their handles, and who waits for a chunk that is not ready."""

import secrets
from collections import OrderedDict

from sidecar.protocol.errors import BadRequest, Cancelled, Overloaded
from sidecar.protocol.replies import ModelName
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.flight import Caller, Recording, Stream

LIFE_S = 30.0  #: a stream that is not pulled for so long is dropped
MOST = 256  #: streams that have not ended
BYTES = 256 << 20  #: what may lie ready for listeners who do not pull it
PARKED = 16  #: requests for chunks of one stream that may wait
ENDED_KEPT, ENDED_BYTES = 64, 16 << 20


class Streams:
    """The open streams. A handle that was dropped is known for a while, and answers `cancelled`."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._open: dict[str, Stream] = {}
        self._dropped: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def has(self, session: str) -> bool:
        """Whether a client has a stream that has not ended."""
        return any(not s.ended and s.caller.session == session for s in self._open.values())

    def full(self, promised: int = 0, has_own: bool = False) -> bool:
        """Whether there is no room for one more beside those that were `promised` to lines under way. The
        last places are for clients that have none."""
        if self.unfinished + promised >= MOST - (MOST // 8 if has_own else 0):
            return True
        waiting = {id(s.recording): s.recording.size_bytes for s in self._open.values() if not s.ended}
        return sum(waiting.values()) > BYTES

    @property
    def parked(self) -> int:
        """Requests for chunks that are not ready."""
        return sum(len(stream.parked) for stream in self._open.values())

    @property
    def unfinished(self) -> int:
        """Streams whose listener has not had the last chunk."""
        return sum(not stream.ended for stream in self._open.values())

    def open(
        self, caller: Caller, request: Synthesize, recording: Recording, model: ModelName, cached: bool
    ) -> Stream:
        """A new stream, whose first chunk is `caller`'s."""
        self._forget_ended()
        handle, now = secrets.token_hex(12), self._answers.clock()
        stream = self._open[handle] = Stream(handle, request, caller, recording, model, cached, now, now)
        stream.index_for(caller)
        return stream

    def repeat_first(self, caller: Caller, stream: Stream) -> None:
        """Its first chunk, to one who asks for the line again."""
        self._answers.chunk(caller, stream, 0)

    def next(self, caller: Caller, handle: str) -> None:
        """The next chunk, now or when it is ready. Raises `Cancelled`, `BadRequest` or `Overloaded`."""
        stream = self._found(handle)
        if caller.asked not in stream.given:
            stream.check_not_past_end(len(stream.given))
        if len(stream.parked) >= PARKED:
            raise Overloaded("too many requests wait for this stream's chunks: pull one after the other")
        index = stream.index_for(caller)
        if stream.ready(index):
            self._answers.chunk(caller, stream, index)
        elif stream.recording.error is not None:
            raise stream.recording.error
        else:
            stream.parked.append(caller)

    def serve(self, stream: Stream) -> None:
        """Answer those who wait for chunks that are ready now, or never will be."""
        for caller in list(stream.parked):
            index = stream.given[caller.asked]
            if stream.ready(index):
                stream.parked.remove(caller)
                self._answers.chunk(caller, stream, index)
            elif stream.recording.error is not None or stream.recording.take is not None:
                stream.parked.remove(caller)
                self._answers.error(caller, stream.recording.error or stream.past_end())

    def drop(self, stream: Stream) -> None:
        """Its parked requests, and all later ones, get `cancelled`."""
        del self._open[stream.handle]
        self._dropped[stream.handle] = None
        if len(self._dropped) > MOST:
            self._dropped.popitem(last=False)
        for caller in stream.parked:
            self._answers.error(caller, Cancelled("the stream was cancelled", field="stream"))
        stream.parked.clear()

    def is_open(self, stream: Stream) -> bool:
        return stream.handle in self._open

    def of(self, caller: Caller, target: str) -> list[Stream]:
        """Those that the request `target` of the caller's connection or session has opened."""
        return [stream for stream in self._open.values() if stream.caller.is_meant(caller, target)]

    def opened_by(self, route: bytes) -> list[Stream]:
        """Those of a connection that are of no session: nobody else can pull them."""
        mine = [s for s in self._open.values() if s.caller.route == route]
        return [stream for stream in mine if stream.caller.own_session is None]

    def forget_callers(self, route: bytes, now_s: float) -> None:
        """Nobody waits for chunks on a connection that is closed; whoever did may come back for them."""
        for stream in self._open.values():
            if any(caller.route == route for caller in stream.parked):
                stream.parked = [caller for caller in stream.parked if caller.route != route]
                stream.pulled_s = now_s

    def unpulled(self, now_s: float) -> list[Stream]:
        """Those whose life is over."""
        return [s for s in self._open.values() if now_s - s.pulled_s > LIFE_S and not s.parked]

    def dues_s(self) -> list[float]:
        """When lives end."""
        return [stream.pulled_s + LIFE_S for stream in self._open.values() if not stream.parked]

    def _forget_ended(self) -> None:
        """Keep but the latest of those that were pulled to their end; they are there for retries only."""
        ended = [stream for stream in self._open.values() if stream.ended and not stream.parked]
        kept = kept_bytes = 0
        for stream in reversed(ended):
            kept, kept_bytes = kept + 1, kept_bytes + stream.recording.size_bytes
            if kept > ENDED_KEPT or kept_bytes > ENDED_BYTES:
                self.drop(stream)

    def _found(self, handle: str) -> Stream:
        stream = self._open.get(handle)
        if stream is not None:
            return stream
        if handle in self._dropped:
            raise Cancelled(
                "the stream was dropped: it was cancelled, or not pulled for 30 s", field="stream"
            )
        raise BadRequest(f"unknown stream {handle[:40]!r}", field="stream")
