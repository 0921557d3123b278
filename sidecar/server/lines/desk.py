"""Where lines are asked for, and where those who wait are answered, let go or told that it is too late.

Everything here runs on the server's thread. The way of a line: `intake` (asked before? known? being made?),
`queue` (the device's passes), `delivery` (to whoever asked); `refusals` are for those who get none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sidecar.prosody.clip_memory import Clips
from sidecar.protocol.errors import Cancelled, InternalError, NpcVoiceError, ShuttingDown
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.clip_listener import ClipListener, Compared
from sidecar.server.lines.clip_voices import ClipVoices
from sidecar.server.lines.delivery import Delivery
from sidecar.server.lines.device_thread import DeviceThread, Outcome
from sidecar.server.lines.flight import Caller, Flight, Waiter
from sidecar.server.lines.intake import Intake
from sidecar.server.lines.queue import LineQueue, Stores
from sidecar.server.lines.refusals import Refusals
from sidecar.server.lines.retries import Retries
from sidecar.server.lines.scheduling import QueueLimits
from sidecar.server.lines.takes import Take, TakeKey
from sidecar.server.live_voices import LiveVoices

AWAY_S = 10.0


@dataclass(frozen=True)
class Tools:
    """What the desk works with."""

    voices: LiveVoices
    device: DeviceThread
    stores: Stores
    answers: Answers
    clip_listener: ClipListener
    clip_voices: ClipVoices | None = None


class Desk:
    """`synthesize`, `next` and `cancel` take requests; `finished`, `found_on_disk` and `heard` what other
    threads have done."""

    def __init__(self, tools: Tools, limits: QueueLimits) -> None:
        self._tools, self._clock = tools, tools.answers.clock
        flights: dict[int, Flight] = {}
        self._retries = Retries()
        refusals = Refusals(tools.answers, self._retries, flights)
        self._delivery = Delivery(tools.answers, self._retries, refusals)
        self._queue = LineQueue(
            flights, limits, tools.voices, tools.device, tools.stores, tools.answers, self._retries,
            refusals, self._delivery,
        )  # fmt: skip
        self._intake = Intake(
            tools.voices, tools.stores, tools.clip_listener, self._retries, refusals, self._delivery,
            self._queue, lambda route: route in self._away, tools.clip_voices,
        )  # fmt: skip
        self._streams = self._delivery.streams
        self._away: dict[bytes, float] = {}  # connections that are closed, and until when they may come back
        self._due_s: float | None = None
        self._due_changed = True

    # --- what clients ask

    def synthesize(self, caller: Caller, request: Synthesize, clips: Clips | None = None) -> None:
        """Answer now, or wait for the device. `clips` come with a reference and never without.

        Raises what is wrong with the request.
        """
        self._due_changed = True
        self._intake.ask(caller, request, clips)

    def next(self, caller: Caller, handle: str) -> None:
        """A stream's next chunk, now or when it is ready. Raises `Cancelled` or `BadRequest`."""
        self._due_changed = True
        self._streams.next(caller, handle)

    def cancel(self, caller: Caller, target: str) -> bool:
        """End the waiting of a request of this connection or session; True if there was one."""
        self._due_changed = True
        found = self._drop_waiters(
            lambda w: w.caller.is_meant(caller, target), Cancelled("the line was cancelled")
        )
        for stream in self._streams.of(caller, target):
            found = found or not stream.ended
            self._queue.drop_stream(stream)
        return found

    def left(self, route: bytes) -> None:
        """A connection is closed, and what it had waiting goes with it. What it asked for under a session of
        its own goes on for `AWAY_S`: the session may come back and ask for it by its id."""
        self._due_changed = True
        gone = Cancelled("the connection was closed")
        self._drop_waiters(lambda w: w.caller.route == route and w.caller.own_session is None, gone)
        for stream in self._streams.opened_by(route):
            self._queue.drop_stream(stream)
        self._streams.forget_callers(route, self._clock())
        if any(waiter.caller.route == route for waiter in self._waiters()):
            self._away[route] = self._clock() + AWAY_S

    # --- what the device, the disk and the clips' thread have done

    def finished(self, outcomes: Sequence[Outcome]) -> None:
        """Take in what a pass has made, and start the next."""
        self._queue.finished(outcomes)
        self.work()

    def found_on_disk(self, key: TakeKey, take: Take | None) -> None:
        """The answer to a look-up."""
        self._due_changed = True
        self._intake.found_on_disk(key, take)

    def heard(self, names: tuple[str, ...], heard: Compared | InternalError) -> None:
        """What was heard in the clips of those names."""
        self._due_changed = True
        self._intake.heard(names, heard)

    # --- what time does

    def work(self) -> None:
        """Give the device its next pass if it is idle; to be called when `due_s` has come."""
        self._expire()
        self._queue.work()

    @property
    def due_s(self) -> float | None:
        """When `work` has to be called, at the latest: a deadline, or the end of a stream's life."""
        if self._due_changed:
            dues = [w.due_s for w in self._waiters() if w.due_s is not None]
            dues += [*self._streams.dues_s(), *self._away.values()]
            self._due_s, self._due_changed = min(dues, default=None), False
        return self._due_s

    def _expire(self) -> None:
        """Refuse what can no longer be in time; forget unpulled streams and sessions that stay away."""
        self._due_changed = True
        now = self._clock()
        self._intake.expire(now)
        self._queue.expire()
        for stream in self._streams.unpulled(now):
            self._queue.drop_stream(stream)
        over = {route for route, until_s in self._away.items() if now >= until_s}
        if over:
            self._drop_waiters(lambda w: w.caller.route in over, Cancelled("the session did not come back"))
            self._away = {route: until_s for route, until_s in self._away.items() if route not in over}

    # --- those who wait

    def _waiters(self) -> Iterator[Waiter]:
        """Everybody who waits for a line, or for a stream's first chunk, wherever that is."""
        yield from self._intake.waiters()
        yield from self._queue.waiters()

    def _drop_waiters(self, is_meant: Callable[[Waiter], bool], error: NpcVoiceError) -> bool:
        """Refuse those who wait, wherever that is; True if there were any."""
        in_intake = self._intake.drop_waiters(is_meant, error)
        return self._queue.drop_waiters(is_meant, error) or in_intake

    @property
    def open_lines(self) -> int:
        """Lines and chunks that were accepted and are not answered."""
        return sum(1 for _ in self._waiters()) + self._streams.parked

    @property
    def unfinished(self) -> bool:
        """Whether anybody still has something to come."""
        return self.open_lines > 0 or self._streams.unfinished > 0

    @property
    def streams(self) -> int:
        return len(self._streams)

    @property
    def running(self) -> int:
        return self._queue.running

    @property
    def waiting(self) -> int:
        return self._queue.waiting

    # --- the end

    def close_door(self) -> None:
        """Take in no new line from now on; what was accepted, and its retries, are still answered."""
        self._intake.closed = True

    def give_up(self) -> None:
        """Answer everything that is open with `shutting_down`."""
        error = ShuttingDown("the sidecar is stopping")
        for flight in list(self._queue.flights.values()):
            self._queue.fail(flight, error)
        self._drop_waiters(lambda _: True, error)
        self._intake.forget()

    # --- a name whose voice is exchanged in place

    def pause(self, name: str) -> None:
        """Begin no line for `name`: what comes waits, and so does what has not begun. Lines under way, and
        those that ask for a version, end on the voice that they were taken in for."""
        self._due_changed = True
        self._queue.pause(name)

    def let_go(self, name: str) -> bool:
        """Let go of the voice of a paused name; False as long as it is needed."""
        return self._queue.in_use != name and self._tools.voices.let_go(name)

    def resume(self, name: str) -> None:
        """What was held is taken in as if it came now, with whoever speaks for `name`."""
        self._expire()
        self._intake.resume(name)
