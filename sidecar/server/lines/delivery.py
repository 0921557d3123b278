"""What has been spoken, to those who asked for it: whole, chunk by chunk, or once more.

Everything here runs on the server's thread.
"""

from sidecar.protocol.errors import NpcVoiceError
from sidecar.protocol.replies import ModelName
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.flight import Caller, Flight, Recording, Stream
from sidecar.server.lines.refusals import Refusals
from sidecar.server.lines.retries import Retries
from sidecar.server.lines.scheduling import Admission
from sidecar.server.lines.streams import Streams
from sidecar.server.lines.takes import Take


class Delivery:
    """Hands parts and takes to callers, and opens their streams."""

    def __init__(self, answers: Answers, retries: Retries, refusals: Refusals) -> None:
        self._answers, self._retries, self._refusals = answers, retries, refusals
        self.streams = Streams(answers)

    def take(
        self, caller: Caller, request: Synthesize, model: ModelName, take: Take, cached: bool = True
    ) -> None:
        """What there is already, whole or from its first chunk on. Raises `Overloaded`."""
        if not request.stream:
            self._answers.whole(caller, request, take, cached)
        else:
            stream = self._open(caller, request, Recording.of(take), model, cached)
            self._answers.chunk(caller, stream, 0)

    def first_chunks(self, flight: Flight) -> None:
        """Those who wait for a first chunk get it, and a handle for the rest."""
        for waiter in [w for w in flight.waiters if w.request.stream]:
            flight.waiters.remove(waiter)
            with self._refusals.refusing(waiter):
                stream = self._open(waiter.caller, waiter.request, flight.recording, flight.voice.name, False)
                flight.streams.append(stream)
                self._answers.chunk(waiter.caller, stream, 0, flight.began_s)

    def chunks(self, flight: Flight) -> None:
        """The flight's streams get what is ready, or why there is no more."""
        for stream in flight.streams:
            self.streams.serve(stream)

    def whole(self, flight: Flight, take: Take) -> None:
        """All of it, to those who do not stream it."""
        for waiter in [w for w in flight.waiters if not w.request.stream]:
            flight.waiters.remove(waiter)
            with self._refusals.refusing(waiter):
                self._answers.whole(waiter.caller, waiter.request, take, False, flight.began_s)

    def failure(self, flight: Flight, error: NpcVoiceError) -> None:
        """Everybody who waits for the flight is told."""
        for waiter in flight.waiters:
            self._refusals.refuse(waiter, error)
        self.chunks(flight)

    def _open(
        self, caller: Caller, request: Synthesize, recording: Recording, model: ModelName, cached: bool
    ) -> Stream:
        """Raises `Overloaded`."""
        if self.streams.full():
            raise self._refusals.overloaded(Admission(False, retry_after_s=1.0))
        stream = self.streams.open(caller, request, recording, model, cached)
        self._retries.opened(caller, stream)
        return stream
