"""The process's ear and mouth: sockets, typed requests in, typed replies out.

One thread runs `Server.run`: it reads requests, answers those that need no device at once and hands
lines to the desk. The threads of device, disk and clips leave what they have done in a queue and ring
a bell at the requests' own socket. So control never waits for speech, and state needs no locks.
"""

import contextlib
import hmac
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from sidecar import __version__
from sidecar.prosody.clip_memory import Clips
from sidecar.protocol import wire
from sidecar.protocol.errors import (
    BadRequest,
    InternalError,
    NpcVoiceError,
    Unauthorized,
    Unsupported,
)
from sidecar.protocol.events import Event, ModelCanary, ModelReleased, ServerStopping, event_map
from sidecar.protocol.formats import SENT
from sidecar.protocol.limits import VERSION, Limits
from sidecar.protocol.replies import (
    CancelReply,
    EmotionsReply,
    ErrorReply,
    HelloReply,
    ModelsReply,
    PingReply,
    Reply,
    Retold,
    ShutdownReply,
    SpeakersReply,
    StatsReply,
    reply_frame,
)
from sidecar.protocol.replies import (
    Device as DeviceName,
)
from sidecar.protocol.requests import (
    LINE_FIELDS,
    OPS,
    PRIORITIES,
    TIMINGS,
    Activate,
    Canary,
    Cancel,
    Emotions,
    Envelope,
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
    check_bodies,
    parse_request,
)
from sidecar.reload.policy import TrialRules, cost_ratio, judge
from sidecar.server.door.front import SUBSCRIPTION_BYTES, Front, is_beginning
from sidecar.server.door.keys import Curve
from sidecar.server.door.zap import Authenticator
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.clip_listener import ClipListener
from sidecar.server.lines.desk import Desk, Tools
from sidecar.server.lines.device_thread import DeviceThread
from sidecar.server.lines.disk_cache import DiskCache
from sidecar.server.lines.flight import Caller, now_s
from sidecar.server.lines.memory_cache import MemoryCache
from sidecar.server.lines.scheduling import QueueLimits
from sidecar.server.live_voices import LiveVoices
from sidecar.server.metrics import Metrics, MetricsSnapshot, ServerLevel, resident_bytes
from sidecar.server.process.host import device_bytes
from sidecar.server.reloading.dependencies import ServerSide
from sidecar.server.reloading.reloader import Reloader

log = logging.getLogger(__name__)

#: Of one's own user, who comes by `ipc`, frames this many times over the body's limit are cut off by
#: ZeroMQ, connection and all; up to there a client is told.
CUT_OFF = 8
REPLIES_UNREAD = 128  #: replies that may wait for a client that does not read; later ones are dropped
BELL = b"bell"  #: the name by which other threads wake the server; a client that takes it only wakes it
POLL_S = 0.5  #: where a signal does not interrupt the wait (Windows), it is seen after this time
HANDSHAKE_MS = 5_000  #: within which a peer with keys has to show them
SNAPSHOT_S = 2.0  #: how long another thread waits for what only the server's thread knows
FAULTS_TOLD_EVERY_S = 1.0
LINGER_MS = 2_000
DRAIN_S = 30.0
PASS_S = 1.0  #: how long the end waits for a pass whose line nobody waits for any more


@dataclass(frozen=True)
class ServerSettings:
    """`port` and `events_port` 0 let the system choose; `address` other than loopback needs `curve`.

    `ipc` is a path for a second endpoint. `cache_bytes` is the memory for spoken lines;
    `disk_cache_bytes` above 0 keeps them in `disk_cache` too. `idle_exit_s`: stop when nothing was asked
    for so long. `log_text` lets the text of lines into the log.
    """

    token: str = field(repr=False)
    address: str = "127.0.0.1"
    port: int = 0
    events_port: int = 0
    ipc: Path | None = None
    curve: Curve | None = None
    limits: Limits = field(default_factory=Limits)
    queue: QueueLimits = field(default_factory=QueueLimits)
    trial: TrialRules = field(default_factory=TrialRules)
    cache_bytes: int = 64 << 20
    disk_cache: Path | None = None
    disk_cache_bytes: int = 0
    idle_exit_s: float | None = None
    log_text: bool = False


class Server:
    """Serves voices: `bind`, then `run` until `stop` or a `shutdown` request."""

    def __init__(self, voices: LiveVoices, settings: ServerSettings) -> None:
        self._voices, self._settings = voices, settings
        self._reloader: Reloader | None = None
        self._token = settings.token.encode()
        self._context = zmq.Context()
        self._router: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        self._publisher: zmq.Socket[bytes] = self._context.socket(zmq.XPUB)
        self._front = Front(settings.limits, self._is_trusted, self._receive, self._left)
        self._done: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._guard: Authenticator | None = None
        self._ringer: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        self._ring_lock = threading.RLock()  # a signal may find its own thread inside
        self._served = voices.fingerprints
        self._wanted: set[bytes] = set()  # what listeners with keys have subscribed to
        self._stops: list[tuple[str, bool]] = []
        self._stopping: str | None = None
        self._give_up_s: float | None = None
        self._told_fault_s = float("-inf")
        self._began_s = self._heard_s = now_s()
        self.metrics = Metrics()
        self.device_lost = False
        self._device = DeviceThread(
            lambda outcomes: self._later(lambda: self._desk.finished(outcomes)),
            lambda: self._later(self._lose_device),
        )
        self._cache = MemoryCache(settings.cache_bytes)
        self._disk = self._disk_cache()
        answers = Answers(self._send, self.publish, self.metrics, now_s)
        self._clip_listener = ClipListener(
            lambda names, heard: self._later(lambda: self._desk.heard(names, heard))
        )
        tools = Tools(voices, self._device, self._cache, self._disk, answers, self._clip_listener)
        self._desk = Desk(tools, settings.queue)

    def reload_with(self, make: Callable[[ServerSide], Reloader]) -> None:
        """Let a reloader bring packs to life, from `run` on; it is stopped with the server."""
        device = self._device
        self._reloader = make(
            ServerSide(self._voices, self._desk, self._later, self.publish, now_s, lambda: device.busy)
        )

    def bind(self) -> tuple[str, str]:
        """Listen; the endpoints of commands and events. Raises `zmq.ZMQError` or `OSError` when a port is
        taken."""
        settings = self._settings
        for option, value in (
            (zmq.MAXMSGSIZE, CUT_OFF * settings.limits.body_bytes), (zmq.LINGER, LINGER_MS),
            (zmq.ROUTER_MANDATORY, 1), (zmq.SNDHWM, REPLIES_UNREAD), (zmq.RCVHWM, REPLIES_UNREAD),
        ):  # fmt: skip
            self._router.setsockopt(option, value)
        self._router.bind("inproc://bell")
        self._ringer.setsockopt(zmq.ROUTING_ID, BELL)
        self._ringer.connect("inproc://bell")
        self._front.watch(int(self._router.getsockopt(zmq.FD)))
        if settings.ipc is not None:
            self._router.bind(f"ipc://{settings.ipc}")
            settings.ipc.chmod(0o600)
        if settings.curve is not None:
            return self._bind_with_keys(settings.curve)
        return self._front.listen(settings.address, settings.port, settings.events_port)

    def _bind_with_keys(self, curve: Curve) -> tuple[str, str]:
        """TCP by ZeroMQ itself, for those with keys only."""
        limits, settings = self._settings.limits, self._settings
        self._guard = Authenticator(self._context, curve.clients)
        self._guard.start()
        self._publisher.setsockopt(zmq.LINGER, LINGER_MS)
        is_ipv6 = ":" in settings.address
        host = f"[{settings.address}]" if is_ipv6 else settings.address
        endpoints = []
        for socket, port, most_bytes in (
            (self._router, settings.port, limits.header_bytes + limits.body_bytes),
            (self._publisher, settings.events_port, SUBSCRIPTION_BYTES),
        ):
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt(zmq.CURVE_SECRETKEY, curve.secret_key)
            socket.setsockopt(zmq.MAXMSGSIZE, most_bytes)
            socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
            socket.setsockopt(zmq.IPV6, is_ipv6)
            socket.bind(f"tcp://{host}:{port or '*'}")
            endpoints.append(socket.getsockopt_string(zmq.LAST_ENDPOINT))
        return endpoints[0], endpoints[1]

    def run(self) -> bool:
        """Serve until told to stop, finish what was accepted, then close; returns what `close` does.

        Raises `OSError` or `StorageError` when a folder that it needs cannot be used."""
        try:
            self._start_threads()
            while not self._ended():
                self._safely(self._hear)
                self._safely(self._look_at_the_clock)
        except BaseException:
            self.close()
            raise
        return self.close()

    def _start_threads(self) -> None:
        self._device.start()
        self._clip_listener.start()
        if self._reloader is not None:
            self._reloader.start()
        if self._disk is not None:
            self._disk.start()

    def _safely(self, job: Callable[[], None]) -> None:
        """The process must outlive any bug in a request's, a line's or a voice's way: what it concerned
        fails, everybody else is served."""
        try:
            job()
        except Exception:
            self.metrics.faults += 1
            if now_s() - self._told_fault_s >= FAULTS_TOLD_EVERY_S:
                self._told_fault_s = now_s()
                log.exception("something failed on the server's thread, which goes on")

    def stop(self, reason: str = "asked to", drain: bool = True) -> None:
        """Ask `run` to end, from any thread or a signal handler. A second call, or one without `drain`,
        answers what is open with `shutting_down` instead of finishing it."""
        self._stops.append((reason, drain))
        self._ring()

    def _lose_device(self) -> None:
        """There is nothing left to speak with; who was at fault has been answered."""
        self.device_lost = True
        self.stop("the device is lost", drain=False)

    def snapshot(self) -> MetricsSnapshot:
        """What was counted and what is the case now; for any thread but the server's own.

        Raises `concurrent.futures.TimeoutError` when the server does not answer, as before its start and
        after its end."""
        told: Future[MetricsSnapshot] = Future()
        self._later(lambda: told.set_result(MetricsSnapshot(self.metrics.copy(), self._level())))
        return told.result(SNAPSHOT_S)

    def _level(self) -> ServerLevel:
        cache, desk = self._cache.stats(), self._desk
        return ServerLevel(
            desk.waiting, desk.running, desk.streams, cache.hits, cache.misses, cache.bytes,
            self._voices.names, self._voices.reloads,
        )  # fmt: skip

    def publish(self, event: Event) -> None:
        """Tell everybody who listens, if anybody does. Only on the thread of `run`, or before it."""
        self._hear_listeners()
        topic = event.topic.encode()
        by_keys = any(topic.startswith(wanted) for wanted in self._wanted)
        if by_keys or self._front.is_wanted(topic):
            content = wire.encode(event_map(event))
            self._front.tell(topic, content)
            if by_keys:
                self._publisher.send_multipart([topic, content])

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

    def close(self) -> bool:
        """End the threads and close the sockets; `run` does this itself. False if the device is still in a
        pass, which nothing can interrupt: then only the process's end ends it."""
        ended = self._device.stop(PASS_S)
        if self._reloader is not None:
            ended = self._reloader.stop(PASS_S) and ended
        self._clip_listener.stop()
        if self._disk is not None:
            self._disk.stop()
        if self._guard is not None:
            self._guard.stop()
        self._front.close(LINGER_MS / 1000)
        with self._ring_lock:
            for socket in (self._router, self._publisher, self._ringer):
                socket.close()
        self._context.term()
        if self._settings.ipc is not None:
            self._settings.ipc.unlink(missing_ok=True)
        return ended

    # --- other threads

    def _ring(self) -> None:
        with self._ring_lock:
            if not self._ringer.closed:
                with contextlib.suppress(zmq.Again):  # it is ringing already
                    self._ringer.send(b"", zmq.NOBLOCK)

    def _later(self, job: Callable[[], None]) -> None:
        """Do `job` on the server's thread."""
        self._done.put(job)
        self._ring()

    def _take_in(self) -> None:
        while not self._done.empty():
            self._safely(self._done.get())

    def _disk_cache(self) -> DiskCache | None:
        if self._settings.disk_cache is None or not self._settings.disk_cache_bytes:
            return None
        return DiskCache(
            self._settings.disk_cache,
            self._settings.disk_cache_bytes,
            lambda key, take: self._later(lambda: self._desk.found_on_disk(key, take)),
        )

    # --- the clock

    def _look_at_the_clock(self) -> None:
        now = now_s()
        while self._stops:
            reason, drain = self._stops.pop(0)
            self._begin_to_stop(reason, drain and self._stopping is None, now)
        if (due_s := self._desk.due_s) is not None and now >= due_s:
            self._desk.work()
        self._look_at_the_voices(now)
        idle_s = self._settings.idle_exit_s
        if self._desk.open_lines:
            self._heard_s = now
        elif idle_s is not None and self._stopping is None and now - self._heard_s > idle_s:
            self._begin_to_stop("idle", True, now)
        if self._give_up_s is not None and now >= self._give_up_s:
            self._give_up_s = None
            self._desk.give_up()

    def _look_at_the_voices(self, now: float) -> None:
        """End trials that are decided, and let go of voices whose last line has ended."""
        for trial, live in self._voices.trials():
            name, version = trial.voice.name.name, trial.voice.name.version
            if (verdict := judge(trial.voice.trial, live.trial, self._settings.trial)) is None:
                continue
            new, old = trial.voice.trial, live.trial
            ratio = cost_ratio(new, old)
            self.publish(ModelCanary(name, version, trial.share, new.requests, new.errors, ratio))
            if verdict.promote:
                self._voices.exchange(trial.voice, now)
            else:
                self._voices.end_trial(name, now)
            if self._reloader is not None:
                self._reloader.trial_over(name, version, verdict)
        if (served := self._voices.fingerprints) != self._served:
            self._cache.keep_only(served)
            self._served = served
        if self._voices.retiring:
            for gone in self._voices.released(now):
                self.publish(ModelReleased(gone.name, gone.version))
                if self._reloader is not None:
                    self._reloader.let_go()

    def _begin_to_stop(self, reason: str, drain: bool, now: float) -> None:
        if self._stopping is None:
            self._stopping = reason
            self._desk.close_door()
            log.info("stopping", extra={"reason": reason, "lines": self._desk.open_lines})
            self.publish(ServerStopping(reason, self._desk.open_lines))
        self._give_up_s = now + (DRAIN_S if drain else 0.0)

    def _ended(self) -> bool:
        return self._stopping is not None and not (self._desk.unfinished and self._give_up_s is not None)

    # --- requests

    def _hear(self) -> None:
        """Wait for requests or the bell until something is due, and do a share of what they ask for."""
        self._front.turn(0.0 if self._rings() else self._wait_s(now_s()))
        if not self._rings():
            return
        route, *frames = self._router.recv_multipart()
        if route == BELL:
            self._take_in()
        else:
            self._receive(route, frames)

    def _rings(self) -> int:
        """Whether ZeroMQ has something; its descriptor tells changes only."""
        return int(self._router.getsockopt(zmq.EVENTS)) & zmq.POLLIN

    def _wait_s(self, now: float) -> float:
        dues = [due_s for due_s in (self._desk.due_s, self._give_up_s) if due_s is not None]
        return min(POLL_S, max(0.0, min(dues) - now)) if dues else POLL_S

    def _is_trusted(self, header: bytes) -> bool:
        """Whether a request's header, whatever else it is, holds our token."""
        try:
            token = wire.decode(header, self._settings.limits).get("token")
        except NpcVoiceError:
            return False
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self._token)

    def _receive(self, route: bytes, frames: list[bytes]) -> bool:
        """Answer one request, or hand it to the desk; whether it held the token. The process must outlive
        any bug in its way."""
        arrived_s, request_id, is_authorised = now_s(), "", False
        try:
            header, bodies = self._split(frames)
            request_id = readable_id(header)
            envelope = Envelope.from_header(header, self._settings.limits)
            self._authorise(envelope)
            is_authorised = True
            self._heard_s = arrived_s
            request = parse_request(envelope.op, header, bodies, self._settings.limits)
            self.metrics.requests[envelope.op] += 1
            session = envelope.session
            if session is None:  # its connection's name, which no client can spell
                session = f"\0{route.hex()}"
            caller = Caller(route, envelope.id, session, arrived_s, envelope.session)
            self._dispatch(caller, request, bodies)
        except NpcVoiceError as error:
            self._reply(route, request_id, ErrorReply.of(error))
        except Exception as error:
            log.exception("a request failed")
            failure = InternalError(f"the request failed: {type(error).__name__}")
            self._reply(route, request_id, ErrorReply.of(failure))
        return is_authorised

    def _left(self, route: bytes) -> None:
        """A peer is gone. Later, since the desk may be in the middle of answering it."""
        self._later(lambda: self._desk.left(route))

    def _split(self, frames: list[bytes]) -> tuple[wire.Header, list[bytes]]:
        """Frames after the route -> header and bodies. REQ and DEALER both send the empty delimiter."""
        if not frames or frames[0] != b"":
            raise BadRequest("a message must start with an empty delimiter frame")
        if len(frames) not in (2, 3, 4):
            raise BadRequest(f"a message has 1 to 3 frames after the delimiter, got {len(frames) - 1}")
        return wire.decode(frames[1], self._settings.limits), frames[2:]

    def _authorise(self, envelope: Envelope) -> None:
        if not hmac.compare_digest(envelope.token.encode(), self._token):
            raise Unauthorized(
                "the token is missing or wrong: read it from the connection file", field="token"
            )

    def _dispatch(self, caller: Caller, request: Request, bodies: list[bytes]) -> None:
        if isinstance(request, Synthesize):
            check_bodies(request, bodies)
            if self._settings.log_text:
                log.info("line", extra={"id": caller.id, "text": request.text})
            self._desk.synthesize(caller, request, Clips(*bodies) if bodies else None)
        elif isinstance(request, Next):
            self._desk.next(caller, request.stream)
        else:
            self._send(caller, self._answer(caller, request))

    def _answer(self, caller: Caller, request: Request) -> Reply:
        """What is known without the device."""
        voices = self._voices
        if isinstance(request, Ping):
            return PingReply()
        if isinstance(request, Cancel):
            return CancelReply(self._desk.cancel(caller, request.target))
        if isinstance(request, Hello):
            return self._hello()
        if isinstance(request, Speakers):
            return SpeakersReply(voices.speakers(), voices.engine.default_speaker)
        if isinstance(request, Emotions):
            return EmotionsReply(voices.described.emotions)
        if isinstance(request, Models | Rescan | Activate | Rollback | Remove | Canary):
            return self._control_models(request)
        if isinstance(request, Stats):
            return self._stats()
        assert isinstance(request, Shutdown)
        self._begin_to_stop("a shutdown request", True, now_s())
        return ShutdownReply(self._desk.open_lines)

    def _control_models(
        self, request: Models | Rescan | Activate | Rollback | Remove | Canary
    ) -> ModelsReply:
        if self._reloader is None:
            raise Unsupported("this sidecar was started without a models folder")
        if isinstance(request, Activate):
            return self._reloader.activate(request.model)
        if isinstance(request, Remove):
            return self._reloader.remove(request.model)
        if isinstance(request, Rollback):
            return self._reloader.rollback(request.model)
        if isinstance(request, Canary):
            return self._reloader.canary(request.model, request.share)
        return self._reloader.rescan() if isinstance(request, Rescan) else self._reloader.rows

    def _hello(self) -> HelloReply:
        engine = self._voices.engine
        return HelloReply(
            server=f"npc-voice {__version__}",
            protocol=VERSION,
            ops=OPS,
            limits=self._settings.limits,
            models=self._voices.names,
            device=DeviceName(engine.device, engine.precision),
            languages=engine.languages,
            formats=SENT,
            timings=TIMINGS,
            emotions=tuple(row.name for row in self._voices.described.emotions),
            priorities=PRIORITIES,
            fields=LINE_FIELDS,
        )

    def _stats(self) -> StatsReply:
        metrics, desk = self.metrics, self._desk
        return StatsReply(
            uptime_s=round(now_s() - self._began_s, 3),
            requests=dict(metrics.requests),
            errors=dict(metrics.errors),
            lines_waiting=desk.waiting,
            lines_running=desk.running,
            streams=desk.streams,
            audio_s=round(metrics.audio_s, 3),
            real_time_factor=round(metrics.real_time_factor, 4),
            latency={stage: histogram.quantiles() for stage, histogram in metrics.stages.items()},
            cache=self._cache.stats(),
            memory_bytes=resident_bytes(),
            device_memory_bytes=device_bytes(),
        )

    def _send(
        self, caller: Caller, reply: Reply | ErrorReply | Retold, body: zmq.Frame | None = None
    ) -> None:
        self._reply(caller.route, caller.id, reply, body)

    def _reply(
        self, route: bytes, request_id: str, reply: Reply | ErrorReply | Retold, body: zmq.Frame | None = None
    ) -> None:
        """A client that is gone, or does not read, misses it and can ask again with the same id."""
        if isinstance(reply, ErrorReply):
            self.metrics.errors[reply.code] += 1
        header = reply_frame(request_id, reply)
        if self._front.is_ours(route):
            sent = self._front.send(route, header, None if body is None else body.buffer)
        else:
            sent = self._send_by_zeromq(route, header, body)
        self.metrics.replies_dropped += not sent

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


def readable_id(header: wire.Header) -> str:
    """The request's id for an error reply, or nothing where it cannot be read."""
    value = header.get("id")
    return value[:64] if isinstance(value, str) else ""
