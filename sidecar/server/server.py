"""The server's thread: what comes through the door is dispatched, and what time brings is done.

One thread runs `Server.run`: it reads requests, answers those that need no device at once and hands
lines to the desk. The threads of device, disk and clips leave what they have done with the door and ring
its bell. So control never waits for speech, and state needs no locks.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future

import zmq

from sidecar.protocol import wire
from sidecar.protocol.errors import InternalError, NpcVoiceError
from sidecar.protocol.events import Event, ModelCanary, ModelReleased, ServerStopping, event_map
from sidecar.protocol.inbound import Inbound, holds_token, read_request
from sidecar.protocol.replies import ErrorReply, Reply, Retold, reply_frame
from sidecar.reload.policy import cost_ratio, judge
from sidecar.server.config import CacheConfig, FitConfig, ServeConfig
from sidecar.server.dispatch import Dispatch
from sidecar.server.door.door import Door, Endpoints, Visitors
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.clip_listener import ClipListener
from sidecar.server.lines.clip_voices import ClipVoices
from sidecar.server.lines.desk import Desk, Tools
from sidecar.server.lines.device_thread import DeviceThread
from sidecar.server.lines.disk_cache import DiskCache
from sidecar.server.lines.flight import Caller, now_s
from sidecar.server.lines.memory_cache import MemoryCache
from sidecar.server.lines.queue import Stores
from sidecar.server.lines.voice_fitter import FitOrder, FitResult, VoiceFitter, complaint_of
from sidecar.server.live_voices import LiveVoices
from sidecar.server.metrics import Metrics, MetricsSnapshot, ServerLevel
from sidecar.server.reloading.dependencies import ServerSide
from sidecar.server.reloading.reloader import Reloader

log = logging.getLogger(__name__)

POLL_S = 0.5  #: where a signal does not interrupt the wait (Windows), it is seen after this time
SNAPSHOT_S = 2.0  #: how long another thread waits for what only the server's thread knows
FAULTS_TOLD_EVERY_S = 1.0
DRAIN_S = 30.0
PASS_S = 1.0  #: how long the end waits for a pass whose line nobody waits for any more


class Server:
    """Serves voices: `bind`, then `run` until `stop` or a `shutdown` request."""

    def __init__(
        self, voices: LiveVoices, token: str, config: ServeConfig | None = None,
        endpoints: Endpoints | None = None,
    ) -> None:  # fmt: skip
        self._voices, self._token, self._config = voices, token.encode(), config or ServeConfig()
        limits = self._config.limits
        visitors = Visitors(
            self._receive, lambda header: holds_token(header, limits, self._token), self._left
        )
        self._door = Door(endpoints or Endpoints(), limits, visitors, self._safely)
        self._reloader: Reloader | None = None
        self._served = voices.fingerprints
        self._stops: list[tuple[str, bool]] = []
        self._stopping: str | None = None
        self._give_up_s: float | None = None
        self._told_fault_s = float("-inf")
        self._heard_s = now_s()
        self.metrics = Metrics()
        self.device_lost = False
        self._device = DeviceThread(
            lambda outcomes: self._later(lambda: self._desk.finished(outcomes)),
            lambda: self._later(self._lose_device),
        )
        self._cache = MemoryCache(self._config.cache.memory_bytes)
        self._disk = self._disk_cache(self._config.cache)
        answers = Answers(self._send, self.publish, self.metrics, now_s)
        self._clip_listener = ClipListener(
            lambda names, heard: self._later(lambda: self._desk.heard(names, heard))
        )
        stores = Stores(self._cache, self._disk)
        self._fitter, self._clip_voices = self._fitting(self._config.fit)
        tools = Tools(voices, self._device, stores, answers, self._clip_listener, self._clip_voices)
        self._desk = Desk(tools, self._config.queue)
        self._dispatch = Dispatch(
            voices, self._desk, self.metrics, self._cache, limits,
            lambda: self._begin_to_stop("a shutdown request", True, now_s()), self._config.log_text,
            clip_voices=self._clip_voices,
        )  # fmt: skip

    def reload_with(self, make: Callable[[ServerSide], Reloader]) -> None:
        """Let a reloader bring packs to life, from `run` on; it is stopped with the server."""
        device = self._device
        self._reloader = self._dispatch.reloader = make(
            ServerSide(self._voices, self._desk, self._later, self.publish, now_s, lambda: device.busy)
        )

    def bind(self) -> tuple[str, str]:
        """Listen; the endpoints of commands and events. Raises `zmq.ZMQError` or `OSError` when a port is
        taken."""
        return self._door.bind()

    def run(self) -> bool:
        """Serve until told to stop, finish what was accepted, then close; returns what `close` does.

        Raises `OSError` or `StorageError` when a folder that it needs cannot be used."""
        try:
            self._start_threads()
            while not self._ended():
                self._safely(lambda: self._door.wait(self._wait_s(now_s())))
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
        if self._fitter is not None:
            self._fitter.start()

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
        self._door.ring()

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
            self._voices.names, self._voices.reloads, self._voices.figures,
            self._stopping is None and self._voices.has_default,
        )  # fmt: skip

    def publish(self, event: Event) -> None:
        """Tell everybody who listens, if anybody does. Only on the thread of `run`, or before it."""
        self._door.publish(event.topic.encode(), lambda: wire.encode(event_map(event)))

    def close(self) -> bool:
        """End the threads and close the sockets; `run` does this itself. False if the device is still in a
        pass, which nothing can interrupt: then only the process's end ends it."""
        if self._fitter is not None:
            self._fitter.stop()
        ended = self._device.stop(PASS_S)
        if self._reloader is not None:
            ended = self._reloader.stop(PASS_S) and ended
        self._clip_listener.stop()
        if self._disk is not None:
            self._disk.stop()
        self._door.close()
        return ended

    def _later(self, job: Callable[[], None]) -> None:
        """Do `job` on the server's thread."""
        self._door.later(job)

    def _disk_cache(self, config: CacheConfig) -> DiskCache | None:
        if config.disk is None or not config.disk_bytes:
            return None
        return DiskCache(
            config.disk,
            config.disk_bytes,
            lambda key, take: self._later(lambda: self._desk.found_on_disk(key, take)),
        )

    def _fitting(self, config: FitConfig | None) -> tuple[VoiceFitter | None, ClipVoices | None]:
        """What fits voices to clips, and who speaks meanwhile."""
        if config is None:
            return None, None

        def begun(order: FitOrder) -> None:
            self._later(lambda: voices.begun(order))

        def told(result: FitResult) -> None:
            self._later(lambda: voices.done(result))

        fitter = VoiceFitter(config, begun, told)
        voices = ClipVoices(self._voices, fitter, self.publish, now_s, complaint_of(config))
        return fitter, voices

    # --- the clock

    def _look_at_the_clock(self) -> None:
        now = now_s()
        while self._stops:
            reason, drain = self._stops.pop(0)
            self._begin_to_stop(reason, drain and self._stopping is None, now)
        if (due_s := self._desk.due_s) is not None and now >= due_s:
            self._desk.work()
        self._look_at_the_voices(now)
        if self._clip_voices is not None:
            self._clip_voices.look()
        idle_s = self._config.stop.idle_exit_s
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
            if (verdict := judge(trial.voice.trial, live.trial, self._config.trial)) is None:
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
                    self._reloader.give_back_memory()

    def _begin_to_stop(self, reason: str, drain: bool, now: float) -> None:
        if self._stopping is None:
            self._stopping = reason
            self._desk.close_door()
            log.info("stopping", extra={"reason": reason, "lines": self._desk.open_lines})
            self.publish(ServerStopping(reason, self._desk.open_lines))
        self._give_up_s = now + (DRAIN_S if drain else 0.0)

    def _ended(self) -> bool:
        return self._stopping is not None and not (self._desk.unfinished and self._give_up_s is not None)

    def _wait_s(self, now: float) -> float:
        dues = [due_s for due_s in (self._desk.due_s, self._give_up_s) if due_s is not None]
        return min(POLL_S, max(0.0, min(dues) - now)) if dues else POLL_S

    # --- requests

    def _receive(self, route: bytes, frames: list[bytes]) -> bool:
        """Answer one request, or hand it to the desk; whether it held the token."""
        arrived_s, came = now_s(), Inbound()
        try:
            came = read_request(frames, self._config.limits, self._token)
            if came.envelope is not None:
                self._heard_s = arrived_s
            self._do(route, came, arrived_s)
        except NpcVoiceError as error:
            self._reply(route, came.id, ErrorReply.of(error))
        except Exception as error:
            log.exception("a request failed")
            failure = InternalError(f"the request failed: {type(error).__name__}")
            self._reply(route, came.id, ErrorReply.of(failure))
        return came.envelope is not None

    def _do(self, route: bytes, came: Inbound, arrived_s: float) -> None:
        """Raises what is wrong with it."""
        if came.envelope is None or came.request is None:
            raise came.error or InternalError("a request that was not read has no error")
        self.metrics.requests[came.envelope.op] += 1
        own = came.envelope.session
        session = f"\0{route.hex()}" if own is None else own  # its connection's name, which nobody can spell
        caller = Caller(route, came.id, session, arrived_s, own)
        reply = self._dispatch.do(caller, came.request, came.bodies)
        if reply is not None:
            self._send(caller, reply)

    def _left(self, route: bytes) -> None:
        """A peer is gone. Later, since the desk may be in the middle of answering it."""
        self._later(lambda: self._desk.left(route))

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
        sent = self._door.send(route, reply_frame(request_id, reply), body)
        self.metrics.replies_dropped += not sent
