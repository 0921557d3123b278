"""The process's ear and mouth: one ROUTER socket, typed requests in, typed replies out."""

import hmac
import logging
import queue
import threading
import time
from dataclasses import dataclass, field

import zmq

from sidecar.protocol import wire
from sidecar.protocol.errors import (
    BadRequest,
    InternalError,
    NpcVoiceError,
    ShuttingDown,
    Unauthorized,
)
from sidecar.protocol.limits import Limits
from sidecar.protocol.messages import (
    Envelope,
    ErrorReply,
    Hello,
    OkReply,
    Ping,
    Request,
    Shutdown,
    Speakers,
    Synthesize,
    parse_request,
)
from sidecar.server import handlers
from sidecar.server.handlers import Answer
from sidecar.server.worker import Job, Worker
from sidecar.synthesis import Synthesizer

log = logging.getLogger(__name__)

#: Frames this many times over the body's limit are cut off by ZeroMQ, connection and all, before they
#: take memory; up to there a client is told.
CUT_OFF = 8
POLL_MS = 500  # where a signal does not interrupt the wait (Windows), it is seen after this time
DRAIN_LINGER_MS = 2_000


@dataclass(frozen=True)
class ServerSettings:
    """`port` 0 lets the system choose. Only loopback is bound."""

    token: str = field(repr=False)
    port: int = 0
    limits: Limits = field(default_factory=Limits)


class Server:
    """Serves one synthesizer: `bind`, then `run` until `stop` or a `shutdown` request."""

    def __init__(self, synthesizer: Synthesizer, settings: ServerSettings) -> None:
        self._synthesizer, self._settings = synthesizer, settings
        self._context = zmq.Context()
        self._results: queue.SimpleQueue[tuple[Job, Answer | NpcVoiceError]] = queue.SimpleQueue()
        self._worker = Worker(synthesizer, self._finished)
        self._router: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._bell, self._ringer = self._pair()
        self._ring_lock = threading.RLock()  # a signal may find its own thread inside
        self._stopping = threading.Event()
        self._open_jobs = 0

    def bind(self) -> str:
        """Listen; returns the endpoint. Raises `zmq.ZMQError` when the port is taken."""
        limits = self._settings.limits
        self._router.setsockopt(zmq.MAXMSGSIZE, CUT_OFF * limits.body_bytes)
        self._router.setsockopt(zmq.LINGER, DRAIN_LINGER_MS)
        self._router.bind(f"tcp://127.0.0.1:{self._settings.port or '*'}")
        return self._router.getsockopt_string(zmq.LAST_ENDPOINT)

    def run(self) -> None:
        """Serve until told to stop, finish what was accepted, then close every socket."""
        self._worker.start()
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._bell, zmq.POLLIN)
        try:
            while not (self._stopping.is_set() and self._open_jobs == 0):
                ready = dict(poller.poll(POLL_MS))
                if self._router in ready:
                    self._receive()
                if self._bell in ready:
                    self._answer_finished()
        finally:
            self.close()

    def stop(self) -> None:
        """Ask `run` to end; from any thread or a signal handler."""
        self._stopping.set()
        self._ring()

    def close(self) -> None:
        """End the worker and close the sockets. `run` does this itself."""
        self._worker.stop()
        for socket in (self._router, self._bell, self._ringer):
            socket.close()
        self._context.term()

    def _pair(self) -> tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]:
        """Two ends of an in-process line by which other threads wake the poller."""
        bell, ringer = self._context.socket(zmq.PULL), self._context.socket(zmq.PUSH)
        bell.bind("inproc://bell")
        ringer.connect("inproc://bell")
        return bell, ringer

    def _ring(self) -> None:
        with self._ring_lock:
            if not self._ringer.closed:
                self._ringer.send(b"")

    def _finished(self, job: Job, outcome: Answer | NpcVoiceError) -> None:
        self._results.put((job, outcome))
        self._ring()

    def _receive(self) -> None:
        """Read one request and answer it, or pass it to the device's thread."""
        route, *frames = self._router.recv_multipart()
        arrived = time.perf_counter()
        request_id = ""
        try:
            header, body = self._split(frames)
            request_id = readable_id(header)
            envelope = Envelope.from_header(header, self._settings.limits)
            self._authorise(envelope)
            request = parse_request(envelope.op, header, body, self._settings.limits)
            answer = self._dispatch(route, envelope, request, arrived)
        except NpcVoiceError as error:
            self._send(route, ErrorReply.of(request_id, error).to_header())
            return
        except Exception as error:  # the process must outlive any bug in a request's way
            log.exception("a request failed")
            failure = InternalError(f"the request failed: {type(error).__name__}")
            self._send(route, ErrorReply.of(request_id, failure).to_header())
            return
        if answer is not None:
            self._send(route, OkReply(request_id, answer.fields).to_header(), answer.body)

    def _split(self, frames: list[bytes]) -> tuple[wire.Header, bytes | None]:
        """Frames after the route -> header and body. REQ and DEALER both send the empty delimiter."""
        if not frames or frames[0] != b"":
            raise BadRequest("a message must start with an empty delimiter frame")
        if len(frames) not in (2, 3):
            raise BadRequest(f"a message has 1 or 2 frames after the delimiter, got {len(frames) - 1}")
        return wire.decode(frames[1], self._settings.limits), frames[2] if len(frames) == 3 else None

    def _authorise(self, envelope: Envelope) -> None:
        if not hmac.compare_digest(envelope.token.encode(), self._settings.token.encode()):
            raise Unauthorized(
                "the token is missing or wrong: read it from the connection file", field="token"
            )

    def _dispatch(self, route: bytes, envelope: Envelope, request: Request, arrived: float) -> Answer | None:
        """The answer, or None when it will come from the device's thread."""
        if self._stopping.is_set():
            raise ShuttingDown("the sidecar is stopping")
        if isinstance(request, Synthesize):
            self._open_jobs += 1
            self._worker.submit(Job(route, envelope.id, request, arrived))
            return None
        if isinstance(request, Hello):
            return handlers.hello(self._synthesizer, self._settings.limits)
        if isinstance(request, Speakers):
            return handlers.speakers(self._synthesizer.model.engine)
        if isinstance(request, Shutdown):
            self._stopping.set()
        else:
            assert isinstance(request, Ping)
        return Answer({})

    def _answer_finished(self) -> None:
        self._bell.recv()
        while not self._results.empty():
            job, outcome = self._results.get()
            self._open_jobs -= 1
            if isinstance(outcome, Answer):
                self._send(job.route, OkReply(job.request_id, outcome.fields).to_header(), outcome.body)
            else:
                self._send(job.route, ErrorReply.of(job.request_id, outcome).to_header())

    def _send(self, route: bytes, header: wire.Header, body: bytes | None = None) -> None:
        """Reply; a client that is gone is forgotten by ROUTER without a word."""
        frames = [route, b"", wire.encode(header)]
        self._router.send_multipart(frames if body is None else [*frames, body])


def readable_id(header: wire.Header) -> str:
    """The request's id for an error reply, or nothing where it cannot be read."""
    value = header.get("id")
    return value[:64] if isinstance(value, str) else ""
