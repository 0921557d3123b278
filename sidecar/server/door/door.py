"""The sockets: requests in, replies and events out, and the bell by which other threads wake the server.

What comes by TCP without keys comes through our own `front`; ZeroMQ itself serves `ipc` and those with keys.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zmq

from sidecar.protocol.limits import Limits
from sidecar.server.door.front import SUBSCRIPTION_BYTES, Front, is_beginning
from sidecar.server.door.keys import Curve
from sidecar.server.door.zap import Authenticator

#: Of one's own user, who comes by `ipc`, frames this many times over the body's limit are cut off by
#: ZeroMQ, connection and all; up to there a client is told.
CUT_OFF = 8
REPLIES_UNREAD = 128  #: replies that may wait for a client that does not read; later ones are dropped
BELL = b"bell"  #: the name by which other threads wake the server; a client that takes it only wakes it
HANDSHAKE_MS = 5_000  #: within which a peer with keys has to show them
LINGER_MS = 2_000


@dataclass(frozen=True)
class Endpoints:
    """Where to listen. Ports 0 let the system choose; an address other than loopback needs `curve`.

    `ipc` is a path for a second endpoint of commands.
    """

    address: str = "127.0.0.1"
    port: int = 0
    events_port: int = 0
    ipc: Path | None = None
    curve: Curve | None = None


@dataclass(frozen=True)
class Visitors:
    """What the door asks and tells of those who come, on the thread that calls `wait`.

    `receive` takes a route and a message's frames and tells whether they held the token; `is_trusted` tells
    it of a header, before its body is kept; `left` takes the route of one who is gone.
    """

    receive: Callable[[bytes, list[bytes]], bool]
    is_trusted: Callable[[bytes], bool]
    left: Callable[[bytes], None]


class Door:
    """`bind`, then `wait` again and again. But for `later` and `ring`, all belongs to one thread."""

    def __init__(
        self, endpoints: Endpoints, limits: Limits, visitors: Visitors,
        do: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        """`do` is called with each job of `later`."""
        self._endpoints, self._limits, self._visitors, self._do = endpoints, limits, visitors, do
        self._context = zmq.Context()
        self._router: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._publisher: zmq.Socket[bytes] = self._context.socket(zmq.XPUB)
        self._ringer: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        self._ring_lock = threading.RLock()  # a signal may find its own thread inside
        self._front = Front(limits, visitors.is_trusted, visitors.receive, visitors.left)
        self._guard: Authenticator | None = None
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wanted: set[bytes] = set()  # what listeners with keys have subscribed to

    def bind(self) -> tuple[str, str]:
        """Listen; the endpoints of commands and events. Raises `zmq.ZMQError` or `OSError` when a port is
        taken."""
        endpoints = self._endpoints
        for option, value in (
            (zmq.MAXMSGSIZE, CUT_OFF * self._limits.body_bytes), (zmq.LINGER, LINGER_MS),
            (zmq.ROUTER_MANDATORY, 1), (zmq.SNDHWM, REPLIES_UNREAD), (zmq.RCVHWM, REPLIES_UNREAD),
        ):  # fmt: skip
            self._router.setsockopt(option, value)
        self._router.bind("inproc://bell")
        self._ringer.setsockopt(zmq.ROUTING_ID, BELL)
        self._ringer.connect("inproc://bell")
        self._front.watch(int(self._router.getsockopt(zmq.FD)))
        if endpoints.ipc is not None:
            self._router.bind(f"ipc://{endpoints.ipc}")
            endpoints.ipc.chmod(0o600)
        if endpoints.curve is not None:
            return self._bind_with_keys(endpoints.curve)
        return self._front.listen(endpoints.address, endpoints.port, endpoints.events_port)

    def wait(self, timeout_s: float) -> None:
        """Until a request or a job comes, and do a share of what has come."""
        self._front.turn(0.0 if self._has_message() else timeout_s)
        if not self._has_message():
            return
        route, *frames = self._router.recv_multipart()
        if route == BELL:
            while not self._jobs.empty():
                self._do(self._jobs.get())
        else:
            self._visitors.receive(route, frames)

    def later(self, job: Callable[[], None]) -> None:
        """Do `job` on the thread that waits; from any thread."""
        self._jobs.put(job)
        self.ring()

    def ring(self) -> None:
        """Let `wait` return; from any thread or a signal handler."""
        with self._ring_lock:
            if not self._ringer.closed:
                with contextlib.suppress(zmq.Again):  # it is ringing already
                    self._ringer.send(b"", zmq.NOBLOCK)

    def send(self, route: bytes, header: bytes, body: zmq.Frame | None) -> bool:
        """A reply; False where its client is gone or does not read."""
        if self._front.is_ours(route):
            return self._front.send(route, header, None if body is None else body.buffer)
        return self._send_by_zeromq(route, header, body)

    def publish(self, topic: bytes, content: Callable[[], bytes]) -> None:
        """Tell everybody who listens; `content` is made if anybody does."""
        self._hear_listeners()
        by_keys = any(topic.startswith(wanted) for wanted in self._wanted)
        if by_keys or self._front.is_wanted(topic):
            frame = content()
            self._front.tell(topic, frame)
            if by_keys:
                self._publisher.send_multipart([topic, frame])

    def close(self) -> None:
        """Close all, after what waits for clients that read has gone out."""
        if self._guard is not None:
            self._guard.stop()
        self._front.close(LINGER_MS / 1000)
        with self._ring_lock:
            for socket in (self._router, self._publisher, self._ringer):
                socket.close()
        self._context.term()
        if self._endpoints.ipc is not None:
            self._endpoints.ipc.unlink(missing_ok=True)

    def _has_message(self) -> int:
        """Whether ZeroMQ has something; its descriptor tells changes only."""
        return int(self._router.getsockopt(zmq.EVENTS)) & zmq.POLLIN

    def _bind_with_keys(self, curve: Curve) -> tuple[str, str]:
        """TCP by ZeroMQ itself, for those with keys only."""
        limits, endpoints = self._limits, self._endpoints
        self._guard = Authenticator(self._context, curve.clients)
        self._guard.start()
        self._publisher.setsockopt(zmq.LINGER, LINGER_MS)
        is_ipv6 = ":" in endpoints.address
        host = f"[{endpoints.address}]" if is_ipv6 else endpoints.address
        bound = []
        for socket, port, most_bytes in (
            (self._router, endpoints.port, limits.header_bytes + limits.body_bytes),
            (self._publisher, endpoints.events_port, SUBSCRIPTION_BYTES),
        ):
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve.secret_key)
            socket.setsockopt(zmq.MAXMSGSIZE, most_bytes)
            socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
            socket.setsockopt(zmq.IPV6, is_ipv6)
            socket.bind(f"tcp://{host}:{port or '*'}")
            bound.append(socket.getsockopt_string(zmq.LAST_ENDPOINT))
        return bound[0], bound[1]

    def _hear_listeners(self) -> None:
        """A first byte of 1 begins, of 0 ends what somebody with keys wants to be told; no other counts.

        Only beginnings of our own topics are kept, so that nobody decides how much that is."""
        while int(self._publisher.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            message = self._publisher.recv()
            begins, topic = message[:1], message[1:]
            if begins == b"\1" and is_beginning(topic):
                self._wanted.add(topic)
            elif begins == b"\0":
                self._wanted.discard(topic)

    def _send_by_zeromq(self, route: bytes, header: bytes, body: zmq.Frame | None) -> bool:
        try:
            if body is None:
                self._router.send_multipart([route, b"", header], zmq.NOBLOCK)
            else:
                self._router.send_multipart([route, b"", header], zmq.NOBLOCK | zmq.SNDMORE)
                self._router.send(body, zmq.NOBLOCK, copy=False)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise
            return False
        return True
