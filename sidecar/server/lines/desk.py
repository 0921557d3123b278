"""Where lines are taken in, joined, queued and answered. Everything here runs on the server's thread.

A request is answered from the cache, joined to a flight that makes the same sound, or becomes a flight
of its own if `scheduling.admit` lets it. The device does one pass at a time; after each,
`scheduling.choose` says what is next.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sidecar.prosody.clip_memory import Clips
from sidecar.protocol.errors import (
    Cancelled,
    DeadlineExceeded,
    InsufficientMemory,
    InternalError,
    NpcVoiceError,
    Overloaded,
    ShuttingDown,
    Unsupported,
)
from sidecar.protocol.events import LineStarted, ServerOverloaded
from sidecar.protocol.replies import ModelName
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.clip_listener import ClipListener, Compared
from sidecar.server.lines.device_thread import DeviceThread, Failed, Outcome, SpokenPart, Task
from sidecar.server.lines.disk_cache import DiskCache
from sidecar.server.lines.flight import Caller, Flight, Recording, Stream, Waiter
from sidecar.server.lines.memory_cache import MemoryCache
from sidecar.server.lines.paused import PausedLines
from sidecar.server.lines.retries import Asked, Retries
from sidecar.server.lines.scheduling import (
    RANKS,
    Admission,
    Pace,
    QueueLimits,
    Waiting,
    admit,
    choose,
    entered,
    late,
)
from sidecar.server.lines.streams import Streams
from sidecar.server.lines.takes import Referring, Take, TakeKey, as_line
from sidecar.server.live_voices import LiveVoices, ServedVoice
from sidecar.synthesis import LineRendering

log = logging.getLogger(__name__)

MAX_WAITERS, MAX_OWN_WAITERS = 4096, 512  #: in all, and of one client
AWAY_S = 10.0
SHARES = 1024  #: clients whose part of the device is remembered while lines wait
OVERLOAD_EVENT_EVERY_S = 1.0
LEAST_RETRY_MS = 50


@dataclass(frozen=True)
class Tools:
    """What the desk works with."""

    voices: LiveVoices
    device: DeviceThread
    cache: MemoryCache
    disk: DiskCache | None
    answers: Answers
    clip_listener: ClipListener


@dataclass(frozen=True)
class Pass:
    """What the device does now. `work_s` is expected; `voice` is in use even if its lines were dropped."""

    began_s: float
    work_s: float
    voice: ServedVoice


class Desk:
    """`synthesize`, `next` and `cancel` take requests; `finished` takes what the device has done."""

    def __init__(self, tools: Tools, limits: QueueLimits) -> None:
        self._tools, self._limits = tools, limits
        self._flights: dict[int, Flight] = {}
        self._by_key: dict[TakeKey, Flight] = {}
        self._streams = Streams(tools.answers)
        self._on_disk: dict[TakeKey, list[Waiter]] = {}
        self._paused = PausedLines()
        self._on_clip: dict[tuple[str, ...], list[Waiter]] = {}
        self._retries = Retries()
        self._away: dict[bytes, float] = {}  # connections that are closed, and until when they may come back
        self._shares: dict[str, float] = {}
        self._pace = Pace()
        self._pass: Pass | None = None
        self._closed = False
        self._due_s: float | None = None
        self._due_changed = True
        self._numbers = 0
        self._told_overload_s = float("-inf")

    # --- what clients ask

    def synthesize(self, caller: Caller, request: Synthesize, clips: Clips | None = None) -> None:
        """Answer now, or wait for the device. `clips` come with a reference and never without.

        Raises what is wrong with the request.
        """
        self._due_changed = True
        if clips is None:
            self._consider(caller, request, self._closed)
            return
        if request.reference != "emotion":
            raise Unsupported(
                f"use is {request.reference!r}: a clip's voice cannot be taken over, only its 'emotion'",
                field="reference",
            )
        if (heard := self._tools.clip_listener.known(clips)) is not None:
            self._consider(caller, referring(request, heard), self._closed)
        else:
            self._ask_ears(clips, Waiter.of(caller, request))

    def _consider(self, caller: Caller, request: Synthesize, is_closed: bool) -> None:
        """A request whose clip, if it has one, has been heard. Raises what is wrong with it."""
        if (asked := self._retries.find(caller, request)) is not None:
            self._again(caller, request, asked)
            return
        if is_closed:
            raise ShuttingDown("the sidecar is stopping")
        self._take_in(Waiter.of(caller, request))

    def _take_in(self, waiter: Waiter) -> None:
        """A line that was not asked for before. Raises what is wrong with it."""
        caller, request = waiter.caller, waiter.request
        if request.stream:
            self._check_streams(caller)
        known = self._tools.voices.describe(request.model, caller.session)
        key = TakeKey.of(known.fingerprint, request, known.engine.in_pieces)
        if (take := self._tools.cache.get(key)) is not None:
            self._from_take(caller, request, known.name, take)
            return
        if (flight := self._by_key.get(key)) is not None:
            self._join(flight, waiter)
            return
        if self._hold(waiter):
            return
        self._tools.voices.find(request.model, caller.session).synthesizer.check(as_line(request))
        if self._tools.disk is None or not self._ask_disk(key, waiter):
            self._fly(waiter)

    def next(self, caller: Caller, handle: str) -> None:
        """A stream's next chunk, now or when it is ready. Raises `Cancelled` or `BadRequest`."""
        self._due_changed = True
        self._streams.next(caller, handle)

    def cancel(self, caller: Caller, target: str) -> bool:
        """End the waiting of a request of this connection or session; True if there was one."""
        found = self._drop_waiters(
            lambda w: w.caller.is_meant(caller, target), Cancelled("the line was cancelled")
        )
        for stream in self._streams.of(caller, target):
            found = found or not stream.ended
            self._drop_stream(stream)
        return found

    def left(self, route: bytes) -> None:
        """A connection is closed, and what it had waiting goes with it. What it asked for under a session of
        its own goes on for `AWAY_S`: the session may come back and ask for it by its id."""
        gone = Cancelled("the connection was closed")
        self._drop_waiters(lambda w: w.caller.route == route and w.caller.own_session is None, gone)
        for stream in self._streams.opened_by(route):
            self._drop_stream(stream)
        self._streams.forget_callers(route, self._tools.answers.clock())
        if any(waiter.caller.route == route for waiter in self._waiters()):
            self._away[route] = self._tools.answers.clock() + AWAY_S
        self._due_changed = True

    def _forget_those_away(self, now: float) -> None:
        over = {route for route, until_s in self._away.items() if now >= until_s}
        if over:
            self._drop_waiters(lambda w: w.caller.route in over, Cancelled("the session did not come back"))
            self._away = {route: until_s for route, until_s in self._away.items() if route not in over}

    def _drop_waiters(self, is_meant: Callable[[Waiter], bool], error: NpcVoiceError) -> bool:
        """Refuse those who wait, wherever that is; True if there were any."""
        found = False
        for waiters in [*self._on_disk.values(), *self._on_clip.values()]:
            for waiter in [w for w in waiters if is_meant(w)]:
                waiters.remove(waiter)
                self._refuse(waiter, error)
                found = True
        for waiter in [w for w in self._paused if is_meant(w)]:
            self._drop_held(waiter, error)
            found = True
        for flight in list(self._flights.values()):
            for waiter in [w for w in flight.waiters if is_meant(w)]:
                self._drop_waiter(flight, waiter, error)
                found = True
        return found

    # --- what the device and the disk have done

    def finished(self, outcomes: Sequence[Outcome]) -> None:
        """Take in what a pass has made, and start the next."""
        self._pass = None
        for outcome in outcomes:
            flight = self._flights.get(outcome.key)
            if flight is None:
                continue  # nobody wanted it any more when it ended
            flight.running = False
            error = outcome.error if isinstance(outcome, Failed) else self._attempt(flight, outcome)
            if error is not None:
                self._fail(flight, error)
        self.work()

    def _attempt(self, flight: Flight, outcome: SpokenPart) -> NpcVoiceError | None:
        """Go on with a line; where that fails, why. A bug in one line's way costs that line."""
        try:
            self._advance(flight, outcome)
        except NpcVoiceError as error:
            return error
        except Exception as error:
            log.exception("a line that was spoken could not be answered")
            return InternalError(f"the line failed: {type(error).__name__}")
        return None

    def found_on_disk(self, key: TakeKey, take: Take | None) -> None:
        """The answer to a look-up."""
        waiters = self._on_disk.pop(key, [])
        if take is not None:
            self._tools.cache.put(key, take)
        for waiter in waiters:
            with self._refusing(waiter):
                if take is not None:
                    self._from_take(waiter.caller, waiter.request, take.model, take)
                else:
                    self._fly(waiter)

    def heard(self, names: tuple[str, ...], heard: Compared | InternalError) -> None:
        """What was heard in the clips of those names."""
        for waiter in self._on_clip.pop(names, []):
            with self._refusing(waiter):
                self._consider(waiter.caller, referring(waiter.request, heard), is_closed=False)

    @contextmanager
    def _refusing(self, waiter: Waiter) -> Iterator[None]:
        """Whatever goes wrong with one who waits is told to that one alone."""
        try:
            yield
        except NpcVoiceError as error:
            self._refuse(waiter, error)
        except Exception as error:
            log.exception("a line that waited could not be taken in")
            self._refuse(waiter, InternalError(f"the request failed: {type(error).__name__}"))

    def work(self) -> None:
        """Give the device its next pass if it is idle."""
        self._expire()
        while self._pass is None and self._flights:
            if not self._begin_pass():
                return

    def _begin_pass(self) -> bool:
        """False when nothing waits. A line that cannot even be begun fails, and the next is tried."""
        now = self._tools.answers.clock()
        waiting = self._waiting(now)
        flights = [self._flights[key] for key in choose(waiting, self._tools.voices.engine.batch_rows)]
        expected = {line.key: line.first_s for line in waiting}
        begun = [(flight, task) for flight in flights if (task := self._begun(flight, now)) is not None]
        if begun:
            work_s = sum(expected[flight.number] for flight, _ in begun)
            self._pass = Pass(now, work_s, begun[0][0].voice)
            self._tools.device.submit([task for _, task in begun])
        return bool(flights)

    def _begun(self, flight: Flight, now: float) -> Task | None:
        try:
            return self._begin(flight, now)
        except Exception as error:
            log.exception("a line could not be begun")
            self._fail(flight, InternalError(f"the line failed: {type(error).__name__}"))
            return None

    def _expire(self) -> None:
        """Refuse what can no longer be in time, forget streams that nobody pulls."""
        self._due_changed = True
        now = self._tools.answers.clock()
        self._drop_waiters(lambda w: w.due_s is not None and now > w.due_s, too_late())
        for key in late(self._waiting(now), now):
            flight = self._flights[key]
            for waiter in list(flight.waiters):
                self._drop_waiter(flight, waiter, too_late())
        for stream in self._streams.unpulled(now):
            self._drop_stream(stream)
        self._forget_those_away(now)

    @property
    def due_s(self) -> float | None:
        """When `work` has to be called, at the latest: a deadline, or the end of a stream's life."""
        if self._due_changed:
            dues = [w.due_s for w in self._waiters() if w.due_s is not None]
            dues += [*self._streams.dues_s(), *self._away.values()]
            self._due_s, self._due_changed = min(dues, default=None), False
        return self._due_s

    def _waiters(self) -> Iterator[Waiter]:
        """Everybody who waits for a line, or for a stream's first chunk, wherever that is."""
        for waiters in (*self._on_disk.values(), *self._on_clip.values()):
            yield from waiters
        yield from self._paused
        for flight in self._flights.values():
            yield from flight.waiters

    # --- the end

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
        return sum(flight.running for flight in self._flights.values())

    @property
    def waiting(self) -> int:
        return len(self._flights) - self.running + len(self._paused)

    def close_door(self) -> None:
        """Take in no new line from now on; what was accepted, and its retries, are still answered."""
        self._closed = True

    def give_up(self) -> None:
        """Answer everything that is open with `shutting_down`."""
        error = ShuttingDown("the sidecar is stopping")
        for flight in list(self._flights.values()):
            self._fail(flight, error)
        self._drop_waiters(lambda _: True, error)
        self._on_disk.clear()
        self._on_clip.clear()

    # --- a voice that gives way to the next

    def pause(self, name: str) -> None:
        """Begin no line for `name`: what comes waits, and so does what has not begun. Lines under way, and
        those that ask for a version, end on the voice that they were taken in for."""
        self._paused.begin(name)
        for flight in list(self._flights.values()):
            if flight.voice.name.name == name and flight.began_s is None and not flight.is_for_version:
                for waiter in flight.waiters:
                    self._retries.forget(waiter.caller)
                    self._paused.hold(name, waiter)
                self._land(flight)

    def let_go(self, name: str) -> bool:
        """Let go of the voice of a paused name; False as long as it is needed."""
        used = self._pass.voice.name.name if self._pass is not None else None
        return used != name and self._tools.voices.let_go(name)

    def resume(self, name: str) -> None:
        """What was held is taken in as if it came now, with whoever speaks for `name`."""
        self._expire()
        for waiter in self._paused.end(name):
            with self._refusing(waiter):
                if (asked := self._retries.find(waiter.caller, waiter.request)) is not None:
                    self._again(waiter.caller, waiter.request, asked)
                else:
                    self._take_in(waiter)

    def _hold(self, waiter: Waiter) -> bool:
        """True when it has to wait for its voice. Raises `Overloaded`."""
        name = self._tools.voices.name_of(waiter.request.model)
        if not self._paused.holds_up(name):
            return False
        own = sum(flight.client == waiter.caller.session for flight in self._flights.values())
        own += self._paused.of_client(waiter.caller)
        if own >= self._limits.client_lines:
            raise self._overloaded(Admission(False, reason="client", retry_after_s=1.0))
        if len(self._flights) + len(self._paused) >= self._limits.places(own):
            raise self._overloaded(Admission(False, reason="full", retry_after_s=1.0))
        self._due_changed = True
        self._paused.hold(name, waiter)
        return True

    def _limits_beside_held(self, caller: Caller) -> QueueLimits:
        """How many lines may fly: those that are held keep their places in the queue."""
        return QueueLimits(
            self._limits.lines - len(self._paused), self._limits.client_lines - self._paused.of_client(caller)
        )

    def _drop_held(self, waiter: Waiter, error: NpcVoiceError) -> None:
        self._paused.drop(waiter)
        self._tools.answers.refusal(waiter.caller, error)

    # --- waiting

    def _ask_disk(self, key: TakeKey, waiter: Waiter) -> bool:
        """Wait for the disk's answer; False when it cannot be asked now."""
        assert self._tools.disk is not None
        if self._is_crowded(waiter.caller):
            return False
        if key not in self._on_disk and not self._tools.disk.look_up(key):
            return False
        self._on_disk.setdefault(key, []).append(waiter)
        return True

    def _ask_ears(self, clips: Clips, waiter: Waiter) -> None:
        """Wait until the clips have been heard. Raises `ShuttingDown` or `Overloaded`."""
        if self._closed:
            raise ShuttingDown("the sidecar is stopping")
        self._check_crowd(waiter.caller)
        if clips.names not in self._on_clip and not self._tools.clip_listener.listen(clips):
            raise self._overloaded(Admission(False, retry_after_s=1.0))
        self._on_clip.setdefault(clips.names, []).append(waiter)

    def _join(self, flight: Flight, waiter: Waiter) -> None:
        self._check_crowd(waiter.caller)
        flight.rank = min(flight.rank, RANKS[waiter.request.priority])
        flight.waiters.append(waiter)
        self._retries.keep(waiter.caller, waiter.request, flight.recording, flight.voice.name)
        if waiter.request.stream and flight.recording.parts:
            self._open_streams(flight)

    def _fly(self, waiter: Waiter) -> None:
        """Join who makes the same sound, or begin to, if there is room and time for it.

        Raises `Overloaded` or `DeadlineExceeded`."""
        if self._hold(waiter):  # its voice went while the disk was asked
            return
        voice = self._tools.voices.find(waiter.request.model, waiter.caller.session)
        now, request = self._tools.answers.clock(), waiter.request
        self._numbers += 1
        key = TakeKey.of(voice.fingerprint, request, voice.description.engine.in_pieces)
        if (known := self._by_key.get(key)) is not None:
            self._join(known, waiter)
            return
        line = as_line(request)
        rendering = LineRendering(voice.synthesizer, line, key.pieced)
        flight = Flight(self._numbers, key, voice, line, rendering, RANKS[request.priority], [waiter])
        others = self._seen(self._flights.values(), now)
        share_s = entered(self._shares, flight.client, [line.client for line in others])
        new = flight.waiting(self._pace, share_s, now, 0.0)
        rows = voice.synthesizer.model.engine.description.batch_rows
        decision = admit(others, new, now, self._limits_beside_held(waiter.caller), rows)
        if not decision.admitted:
            raise too_late() if decision.reason == "late" else self._overloaded(decision)
        if decision.evicted is not None:
            self._fail(self._flights[decision.evicted], self._overloaded(decision))
        self._flights[flight.number] = self._by_key[key] = flight
        self._shares[flight.client] = share_s
        self._retries.keep(waiter.caller, request, flight.recording, voice.name)
        voice.leases += 1
        self.work()

    def _waiting(self, now: float) -> list[Waiting]:
        return self._seen([flight for flight in self._flights.values() if not flight.running], now)

    def _seen(self, flights: Iterable[Flight], now: float) -> list[Waiting]:
        """As the scheduler sees them."""
        pass_s = max(0.0, self._pass.began_s + self._pass.work_s - now) if self._pass else 0.0
        return [
            flight.waiting(self._pace, self._shares.get(flight.client, 0.0), now, pass_s)
            for flight in flights
        ]

    def _check_crowd(self, caller: Caller) -> None:
        """Raises `Overloaded` when too many wait for lines that are made already, or asked for elsewhere."""
        if self._is_crowded(caller):
            raise self._overloaded(Admission(False, retry_after_s=1.0))

    def _is_crowded(self, caller: Caller) -> bool:
        """The last places are for clients that have nothing waiting."""
        waiting = [waiter.caller.session for waiter in self._waiters()]
        own = waiting.count(caller.session)
        return own >= MAX_OWN_WAITERS or len(waiting) >= MAX_WAITERS - (MAX_OWN_WAITERS if own else 0)

    def _check_streams(self, caller: Caller) -> None:
        """Raises `Overloaded` unless one more stream could be opened when its first chunk is there."""
        promised = [waiter.caller.session for waiter in self._waiters() if waiter.request.stream]
        if self._streams.full(len(promised), caller.session in promised or self._streams.has(caller.session)):
            raise self._overloaded(Admission(False, retry_after_s=1.0))

    def _overloaded(self, decision: Admission) -> Overloaded:
        again_ms = max(LEAST_RETRY_MS, round(1000 * decision.retry_after_s))
        now = self._tools.answers.clock()
        if now - self._told_overload_s > OVERLOAD_EVENT_EVERY_S:
            self._told_overload_s = now
            self._tools.answers.publish(ServerOverloaded(len(self._flights), again_ms))
        who = "this client has" if decision.reason == "client" else "there are"
        return Overloaded(f"{who} too many lines waiting: try again later", retry_after_ms=again_ms)

    # --- flying

    def _begin(self, flight: Flight, now: float) -> Task:
        """The flight's next task."""
        if flight.began_s is None:
            flight.began_s = now
            caller = flight.first
            self._tools.answers.publish(
                LineStarted(caller.id, flight.waiters[0].request.priority, caller.own_session)
            )
        flight.running = True
        key = flight.key
        return Task(flight.number, flight.rendering, key.format, key.whole, key.pieced, flight.earlier)

    def _advance(self, flight: Flight, outcome: SpokenPart) -> None:
        """A phrase more, or a piece of one: to streams at once, to the others when it was the last."""
        self._account(flight, outcome)
        recording, speech = flight.recording, outcome.spoken.speech
        flight.prepared = outcome.prepared
        flight.spoken_phrases += outcome.spoken.ends_phrase
        recording.sample_rate_hz, recording.seed = speech.sample_rate_hz, speech.seed
        if outcome.part is None:
            flight.earlier = (*flight.earlier, speech)
            return
        recording.parts.append(outcome.part)
        self._retries.grown(recording)
        if outcome.spoken.ends_line:
            self._complete(flight)
        self._open_streams(flight)
        for stream in flight.streams:
            self._streams.serve(stream)

    def _account(self, flight: Flight, outcome: SpokenPart) -> None:
        phrases, part = outcome.prepared.phrases, outcome.spoken
        share = part.share * len(phrases[part.phrase].phonemes) / sum(len(p.phonemes) for p in phrases)
        self._pace = self._pace.learnt(outcome.work_s, share * len(flight.line.text) / flight.line.speed)
        client = flight.client
        self._shares[client] = self._shares.get(client, 0.0) + outcome.work_s
        flight.done_s += outcome.work_s
        self._tools.answers.metrics.worked(outcome.work_s, part.speech.duration_s)
        self._tools.answers.metrics.mended_samples += part.speech.mended_samples

    def _complete(self, flight: Flight) -> None:
        """Keep the take and answer everybody who waits for the whole."""
        recording = flight.recording
        recording.take = take = recording.so_far(flight.voice.name, flight.key.format)
        self._retries.grown(recording)
        flight.voice.did(flight.done_s, take.audio_s, failed=False)
        if flight.key.voice in self._tools.voices.fingerprints:  # else nobody can ask for it any more
            self._tools.cache.put(flight.key, take)
            if self._tools.disk is not None:
                self._tools.disk.keep(flight.key, take)
        self._land(flight)
        for waiter in [waiter for waiter in flight.waiters if not waiter.request.stream]:
            flight.waiters.remove(waiter)
            with self._refusing(waiter):
                self._tools.answers.whole(waiter.caller, waiter.request, take, False, flight.began_s)

    def _fail(self, flight: Flight, error: NpcVoiceError) -> None:
        if isinstance(error, InternalError | InsufficientMemory):
            flight.voice.did(flight.done_s, 0.0, failed=True)
        flight.recording.error = error
        self._land(flight)
        for waiter in flight.waiters:
            self._refuse(waiter, error)
        for stream in flight.streams:
            self._streams.serve(stream)

    def _land(self, flight: Flight) -> None:
        """Out of the queue; what its clients have had is forgotten once nobody waits."""
        if self._flights.pop(flight.number, None) is not None:
            flight.voice.leases -= 1
        if self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]
        if not self._flights or len(self._shares) > SHARES:
            busy = {line.client for line in self._flights.values()}
            self._shares = {client: had_s for client, had_s in self._shares.items() if client in busy}

    def _land_unwanted(self, flight: Flight) -> None:
        """End a flight that nobody waits for any more; a retry starts afresh."""
        if not flight.wanted and flight.number in self._flights:
            flight.recording.error = Cancelled("the line was cancelled")
            self._land(flight)

    def _drop_waiter(self, flight: Flight, waiter: Waiter, error: NpcVoiceError) -> None:
        if waiter in flight.waiters:
            flight.waiters.remove(waiter)
            self._refuse(waiter, error)
        self._land_unwanted(flight)

    # --- streams and answers

    def _open_streams(self, flight: Flight) -> None:
        """Those who wait for a first chunk get it, and a handle for the rest."""
        for waiter in [w for w in flight.waiters if w.request.stream]:
            flight.waiters.remove(waiter)
            with self._refusing(waiter):
                stream = self._new_stream(
                    waiter.caller, waiter.request, flight.recording, flight.voice.name, False
                )
                flight.streams.append(stream)
                self._tools.answers.chunk(waiter.caller, stream, 0, flight.began_s)
        self._land_unwanted(flight)

    def _new_stream(
        self, caller: Caller, request: Synthesize, recording: Recording, model: ModelName, cached: bool
    ) -> Stream:
        """Raises `Overloaded`."""
        if self._streams.full():
            raise self._overloaded(Admission(False, retry_after_s=1.0))
        stream = self._streams.open(caller, request, recording, model, cached)
        self._retries.opened(caller, stream)
        return stream

    def _drop_stream(self, stream: Stream) -> None:
        """Its flight ends if nobody else wants it."""
        self._streams.drop(stream)
        for flight in [f for f in self._flights.values() if stream in f.streams]:
            flight.streams.remove(stream)
            self._land_unwanted(flight)

    def _again(self, caller: Caller, request: Synthesize, asked: Asked) -> None:
        """A retry: whatever the first request got or is going to get."""
        if asked.stream is not None and self._streams.is_open(asked.stream):
            self._tools.answers.chunk(caller, asked.stream, 0)
        elif (take := asked.recording.take) is not None:
            self._from_take(caller, request, asked.model, take, cached=False)
        else:
            self._check_crowd(caller)
            flight = next(f for f in self._flights.values() if f.recording is asked.recording)
            flight.waiters = [w for w in flight.waiters if not self._has_come_back(w, caller)]
            flight.waiters.append(Waiter.of(caller, request))

    def _has_come_back(self, waiter: Waiter, caller: Caller) -> bool:
        """Whether one who waits on a connection that is closed now asks on another."""
        return waiter.caller.asked == caller.asked and waiter.caller.route in self._away

    def _from_take(
        self, caller: Caller, request: Synthesize, model: ModelName, take: Take, cached: bool = True
    ) -> None:
        if not request.stream:
            self._tools.answers.whole(caller, request, take, cached)
        else:
            stream = self._new_stream(caller, request, Recording.of(take), model, cached)
            self._tools.answers.chunk(caller, stream, 0)

    def _refuse(self, waiter: Waiter, error: NpcVoiceError) -> None:
        self._retries.forget(waiter.caller)
        self._tools.answers.refusal(waiter.caller, error)


def referring(request: Synthesize, heard: Compared | InternalError) -> Referring:
    """The request with what was heard in its clips. Raises what was wrong with those."""
    if isinstance(heard, NpcVoiceError):
        raise heard
    return Referring.to(heard, request)


def too_late() -> DeadlineExceeded:
    return DeadlineExceeded("the line cannot be ready before its deadline", field="deadline_ms")
