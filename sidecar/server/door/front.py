"""The loopback ports: a small ZMTP server of our own, in which no peer decides how much we hold.

libzmq bounds the size of a frame but not the frames of a message nor the connections of a socket, and
speaks old ZMTP, in which an HTTP request is a good beginning. So what comes by TCP without keys comes here.
A peer is a *stranger* until it has shown what makes it known: the token, or a wish for events that there
are. Known peers take turns, a message each; strangers share a slice of the time, and the oldest of them
goes when there are too many. All of it happens on the thread that calls `turn`.
"""

import contextlib
import errno
import selectors
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

from sidecar.protocol.events import TOPICS
from sidecar.protocol.limits import Limits
from sidecar.server.door.zmtp import MORE, Broken, Rules, Talk, frame, head

BACKLOG = 128
HANDSHAKE_S = 5.0  #: within which a peer has to greet
STRANGERS_S = 0.002  #: of each turn, beside what known peers ask; one thing is always done
SIZES_TOLD = 8  #: a body so many times too large is read, so that it can be told, from known peers
HEADER_TOLD = 2  #: the same, of a header, from anybody
SUBSCRIPTION_BYTES = 1024  #: a longer one cuts its peer off; one that is not an event's is not kept
STEPS_TO_BE_KNOWN = 3  #: a greeting, a READY and a message
_TOPICS = tuple(topic.encode() for topic in TOPICS)
_ROUTE_BYTES = 9  #: of a peer's name; libzmq's own have 5, and others that begin with 0 it refuses


@dataclass(frozen=True)
class Room:
    """How many peers a port holds, and how many messages wait for one that does not read.

    All ports together stay under the 512 sockets that Windows can wait for.
    """

    known: int
    strangers: int
    unread: int


COMMANDS = Room(known=256, strangers=128, unread=128)
EVENTS = Room(known=32, strangers=32, unread=1000)


@dataclass(eq=False)
class Gate:
    """A port, and who has come through it. `hear` is called with each message."""

    socket: socket.socket
    rules: Rules
    room: Room
    hear: Callable[["Peer", list[bytes]], None]
    known: set["Peer"] = field(default_factory=set)
    strangers: dict["Peer", None] = field(default_factory=dict)  # the oldest first


@dataclass(eq=False)
class Peer:
    socket: socket.socket
    route: bytes
    gate: Gate
    came_s: float
    talk: Talk
    out: deque[list[memoryview]] = field(default_factory=deque)  # what is left of messages to it
    is_heard: bool = False  # a message of its has come
    is_queued: bool = False
    events: int = 0  # what the selector is to tell of it
    wanted: set[bytes] = field(default_factory=set)  # how the topics begin that it wants to be told


class Front:
    """Accepts, reads and writes. `receive` is called in `turn` with a route and a message's frames and tells
    whether they held the token; `vouch` tells it of a header, before its body is kept. `gone` is told the
    routes of known peers that have left, whoever closed the connection; it may be called within `send`."""

    def __init__(
        self,
        limits: Limits,
        vouch: Callable[[bytes], bool],
        receive: Callable[[bytes, list[bytes]], bool],
        gone: Callable[[bytes], None],
    ) -> None:
        header_bytes, body_bytes = HEADER_TOLD * limits.header_bytes, SIZES_TOLD * limits.body_bytes
        frame_bytes = (header_bytes, header_bytes, body_bytes, body_bytes, header_bytes)
        kinds = frozenset((b"REQ", b"DEALER", b"ROUTER"))
        self._commands = Rules(b"ROUTER", kinds, frame_bytes, vouched_from=2)
        listeners = frozenset((b"SUB", b"XSUB"))
        self._events = Rules(b"PUB", listeners, (SUBSCRIPTION_BYTES,), 2, SUBSCRIPTION_BYTES)
        self._vouch, self._receive, self._gone = vouch, receive, gone
        self._selector = selectors.DefaultSelector()
        self._gates: list[Gate] = []
        self._peers: dict[bytes, Peer] = {}
        self._listeners: set[Peer] = set()  # who wants to be told something
        self._count = 0
        self._known: deque[Peer] = deque()  # those with something to do
        self._newcomers: deque[Peer | Gate] = deque()
        self._strangers: deque[Peer | Gate] = deque()  # whose messages have been in vain so far
        self._looked_s = self._rest_until_s = 0.0

    def listen(self, address: str, port: int, events_port: int) -> tuple[str, str]:
        """The endpoints of commands and events; port 0 lets the system choose. Raises `OSError`."""
        commands = self._open(address, port, self._commands, COMMANDS, self._hear_request)
        return commands, self._open(address, events_port, self._events, EVENTS, self._hear_listener)

    def watch(self, descriptor: int) -> None:
        """Let `turn` end early when that can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def turn(self, timeout_s: float) -> None:
        """Wait until something happens, and do a share of it."""
        self._look(self._patience_s(timeout_s))
        for _ in range(len(self._known)):
            self._step(self._known.popleft())
        began_s = perf_counter()
        self._serve(self._newcomers, began_s + STRANGERS_S)
        if self._strangers and began_s >= self._rest_until_s:
            self._serve(self._strangers, began_s + STRANGERS_S)
            now = perf_counter()
            self._rest_until_s = now + (now - began_s)  # half the time is for what else there is to do

    def _patience_s(self, timeout_s: float) -> float:
        """How long to wait at most for something new, beside what is queued."""
        if self._known or self._newcomers:
            return 0.0
        return max(0.0, self._rest_until_s - perf_counter()) if self._strangers else timeout_s

    def _serve(self, queue: "deque[Peer | Gate]", until_s: float) -> None:
        while queue:
            one = queue.popleft()
            self._let_in(one) if isinstance(one, Gate) else self._step(one)
            if perf_counter() >= until_s:
                return

    def is_ours(self, route: bytes) -> bool:
        return len(route) == _ROUTE_BYTES and route[:1] == b"\0"

    def send(self, route: bytes, header: bytes, body: memoryview | None = None) -> bool:
        """A reply to whom that route leads; False where it is gone or does not read."""
        peer = self._peers.get(route)
        if peer is None:
            return False
        delimiter = head(0, MORE)
        if body is None:
            return self._write(peer, [memoryview(delimiter + frame(header))])
        opening = delimiter + frame(header, MORE) + head(body.nbytes)
        return self._write(peer, [memoryview(opening), body])

    def is_wanted(self, topic: bytes) -> bool:
        return any(wants(peer, topic) for peer in self._listeners)

    def tell(self, topic: bytes, content: bytes) -> None:
        """An event to all who want it; who does not read misses it."""
        event = memoryview(frame(topic, MORE) + frame(content))
        for peer in [peer for peer in self._listeners if wants(peer, topic)]:
            self._write(peer, [event])

    def close(self, linger_s: float) -> None:
        """Close all, after what waits for peers that read has gone out."""
        for gate in self._gates:
            gate.socket.close()
        until_s = perf_counter() + linger_s
        with selectors.DefaultSelector() as writers:
            for peer in self._peers.values():
                if peer.out:
                    writers.register(peer.socket, selectors.EVENT_WRITE, peer)
            while writers.get_map() and (left_s := until_s - perf_counter()) > 0:
                for key, _ in writers.select(left_s):
                    if not self._send_some(key.data) or not key.data.out:
                        writers.unregister(key.fileobj)
        for peer in self._peers.values():
            peer.socket.close()
        self._peers.clear()
        self._selector.close()

    # --- coming and going

    def _open(
        self, address: str, port: int, rules: Rules, room: Room, hear: Callable[[Peer, list[bytes]], None]
    ) -> str:
        is_ipv6 = ":" in address
        listener = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET)
        gate = Gate(listener, rules, room, hear)
        self._gates.append(gate)
        # On Windows the usual option would let another program take the port over.
        alone = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        listener.setsockopt(socket.SOL_SOCKET, alone, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, gate)
        port = listener.getsockname()[1]
        return f"tcp://[{address}]:{port}" if is_ipv6 else f"tcp://{address}:{port}"

    def _let_in(self, gate: Gate) -> None:
        """One more, if somebody waits."""
        try:
            accepted, _ = gate.socket.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room(gate)
            return
        self._newcomers.append(gate)
        if len(gate.strangers) >= gate.room.strangers:
            self._make_room(gate)
        accepted.setblocking(False)
        with contextlib.suppress(OSError):  # macOS: when it has gone again
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._count += 1
        talk = Talk(gate.rules, self._vouch)
        peer = Peer(
            accepted, b"\0" + self._count.to_bytes(_ROUTE_BYTES - 1, "big"), gate, perf_counter(), talk
        )
        gate.strangers[peer] = None
        self._peers[peer.route] = peer
        self._attend(peer, selectors.EVENT_READ)
        self._say(peer)

    def _make_room(self, gate: Gate) -> None:
        """The oldest stranger goes, unless what it has sent meanwhile makes it known."""
        oldest = next(iter(gate.strangers), None)
        if oldest is None:
            return
        if not oldest.is_queued:
            self._read(oldest)
        for _ in range(STEPS_TO_BE_KNOWN):
            self._step(oldest)
        if oldest in gate.strangers:
            self._drop(oldest)

    def _drop(self, peer: Peer) -> None:
        if self._peers.pop(peer.route, None) is not None:
            self._attend(peer, 0)
            peer.socket.close()
            self._listeners.discard(peer)
            peer.gate.known.discard(peer)
            peer.gate.strangers.pop(peer, None)
            if peer.talk.known:
                self._gone(peer.route)

    def _drop_the_silent(self, now: float) -> None:
        """Those who have not greeted in time."""
        for gate in self._gates:
            for peer in tuple(gate.strangers):
                if not peer.talk.is_ready and now - peer.came_s > HANDSHAKE_S:
                    self._drop(peer)

    def _attend(self, peer: Peer, events: int) -> None:
        if events == peer.events:
            return
        if not peer.events:
            self._selector.register(peer.socket, events, peer)
        elif not events:
            self._selector.unregister(peer.socket)
        else:
            self._selector.modify(peer.socket, events, peer)
        peer.events = events

    # --- reading

    def _look(self, timeout_s: float) -> None:
        """Take what has come into the queues of those with something to do."""
        for key, what in self._selector.select(timeout_s):
            one = key.data
            if isinstance(one, Gate):
                if one not in self._newcomers:
                    self._newcomers.append(one)
            elif one is not None:
                if what & selectors.EVENT_WRITE:
                    self._flush(one)
                if what & selectors.EVENT_READ and not one.is_queued:
                    self._read(one)
        if (now := perf_counter()) > self._looked_s + 1.0:
            self._looked_s = now
            self._drop_the_silent(now)

    def _read(self, peer: Peer) -> None:
        try:
            content = peer.socket.recv(peer.talk.appetite_bytes)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if content:
            peer.talk.feed(content)
            self._queue(peer)
        else:
            self._drop(peer)

    def _queue(self, peer: Peer) -> None:
        peer.is_queued = True
        if peer in peer.gate.known:
            self._known.append(peer)
        elif not peer.is_heard:
            self._newcomers.append(peer)
        else:  # what more it has sent must not wake us while strangers rest
            self._attend(peer, peer.events & ~selectors.EVENT_READ)
            self._strangers.append(peer)

    def _step(self, peer: Peer) -> None:
        if peer.route not in self._peers:
            return
        peer.is_queued = False
        try:
            message = peer.talk.step()
        except Broken:
            self._drop(peer)
            return
        self._say(peer)
        if peer.talk.known:
            self._recognise(peer)
        if message is not None:
            peer.is_heard = True
            peer.gate.hear(peer, message)
        if peer.route not in self._peers:
            return
        if peer.talk.is_hungry:
            self._attend(peer, peer.events | selectors.EVENT_READ)
        else:
            self._queue(peer)

    def _recognise(self, peer: Peer) -> None:
        """Where there are too many it is served among the strangers."""
        gate = peer.gate
        if peer in gate.strangers and len(gate.known) < gate.room.known:
            del gate.strangers[peer]
            gate.known.add(peer)

    def _hear_request(self, peer: Peer, frames: list[bytes]) -> None:
        if self._receive(peer.route, frames):
            peer.talk.known = True
            self._recognise(peer)

    def _hear_listener(self, peer: Peer, frames: list[bytes]) -> None:
        """A first byte of 1 begins, of 0 ends what a listener wants to be told."""
        wish, topic = frames[0][:1], frames[0][1:]
        if not is_beginning(topic):
            return
        if wish == b"\1":
            peer.wanted.add(topic)
            self._listeners.add(peer)
            peer.talk.known = True
            self._recognise(peer)
        elif wish == b"\0":
            peer.wanted.discard(topic)

    # --- writing

    def _say(self, peer: Peer) -> None:
        """What the protocol itself has to say."""
        while peer.talk.to_say:
            self._write(peer, [memoryview(peer.talk.to_say.pop(0))])

    def _write(self, peer: Peer, pieces: list[memoryview]) -> bool:
        if len(peer.out) >= peer.gate.room.unread:
            return False
        peer.out.append(pieces)
        if not peer.events & selectors.EVENT_WRITE:
            self._flush(peer)
        return True

    def _flush(self, peer: Peer) -> None:
        if not self._send_some(peer):
            self._drop(peer)
        else:
            write = selectors.EVENT_WRITE if peer.out else 0
            self._attend(peer, peer.events & ~selectors.EVENT_WRITE | write)

    def _send_some(self, peer: Peer) -> bool:
        """As much as the system takes; False when the peer has gone."""
        while peer.out:
            pieces = peer.out[0]
            try:
                sent = peer.socket.send(pieces[0])
            except BlockingIOError:
                return True
            except OSError:
                return False
            if sent < len(pieces[0]):
                pieces[0] = pieces[0][sent:]
            elif len(pieces) > 1:
                del pieces[0]
            else:
                peer.out.popleft()
        return True


def wants(peer: Peer, topic: bytes) -> bool:
    return any(topic.startswith(wanted) for wanted in peer.wanted)


def is_beginning(topic: bytes) -> bool:
    """Whether some event's topic begins so."""
    return any(known.startswith(topic) for known in _TOPICS)
