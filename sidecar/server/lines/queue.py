"""Lines that wait for the device, and the pass that it does now. Everything here runs on the server's thread.

A line joins a flight that makes the same sound, or becomes a flight of its own if `scheduling.admit` lets it.
The device does one pass at a time; after each, `scheduling.choose` says what is next.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sidecar.protocol.errors import Cancelled, InsufficientMemory, InternalError, NpcVoiceError
from sidecar.protocol.events import LineStarted
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.delivery import Delivery
from sidecar.server.lines.device_thread import DeviceThread, Failed, Outcome, SpokenPart, Task
from sidecar.server.lines.disk_cache import DiskCache
from sidecar.server.lines.flight import Caller, Flight, Stream, Waiter
from sidecar.server.lines.memory_cache import MemoryCache
from sidecar.server.lines.paused import PausedLines
from sidecar.server.lines.refusals import Refusals, too_late
from sidecar.server.lines.retries import Retries
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
from sidecar.server.lines.takes import TakeKey, as_line
from sidecar.server.live_voices import LiveVoices, ServedVoice
from sidecar.synthesis import LineRendering

log = logging.getLogger(__name__)

SHARES = 1024  #: clients whose part of the device is remembered while lines wait


@dataclass(frozen=True)
class Pass:
    """What the device does now. `work_s` is expected; `voice` is in use even if its lines were dropped."""

    began_s: float
    work_s: float
    voice: ServedVoice


@dataclass(frozen=True)
class Stores:
    """Where what has been spoken is kept."""

    memory: MemoryCache
    disk: DiskCache | None


class LineQueue:
    """`add` takes lines in, `work` gives the device its next pass, `finished` takes what it has done."""

    def __init__(
        self, flights: dict[int, Flight], limits: QueueLimits, voices: LiveVoices, device: DeviceThread,
        stores: Stores, answers: Answers, retries: Retries, refusals: Refusals, delivery: Delivery,
    ) -> None:  # fmt: skip
        self.flights, self._limits, self._voices, self._device = flights, limits, voices, device
        self._stores, self._answers, self._retries = stores, answers, retries
        self._refusals, self._delivery = refusals, delivery
        self._by_key: dict[TakeKey, Flight] = {}
        self.paused = PausedLines()
        self._shares: dict[str, float] = {}
        self._pace = Pace()
        self._pass: Pass | None = None
        self._numbers = 0

    # --- lines come in

    def joinable(self, key: TakeKey) -> Flight | None:
        """Who makes the same sound already."""
        return self._by_key.get(key)

    def join(self, flight: Flight, waiter: Waiter) -> None:
        flight.rank = min(flight.rank, RANKS[waiter.request.priority])
        flight.waiters.append(waiter)
        self._retries.keep(waiter.caller, waiter.request, flight.recording, flight.voice.name)
        if waiter.request.stream and flight.recording.parts:
            self._open_streams(flight)

    def add(self, waiter: Waiter, key: TakeKey, voice: ServedVoice) -> None:
        """A flight of its own, if there is room and time. Raises `Overloaded` or `DeadlineExceeded`."""
        now, request = self._answers.clock(), waiter.request
        self._numbers += 1
        line = as_line(request)
        rendering = LineRendering(voice.synthesizer, line, key.pieced)
        flight = Flight(self._numbers, key, voice, line, rendering, RANKS[request.priority], [waiter])
        share_s = self._admitted(flight, now)
        self.flights[flight.number] = self._by_key[key] = flight
        self._shares[flight.client] = share_s
        self._retries.keep(waiter.caller, request, flight.recording, voice.name)
        voice.leases += 1
        self.expire()
        self.work()

    def _admitted(self, flight: Flight, now: float) -> float:
        """Its client's share of the device, in seconds. One that waits may have to go for it."""
        others = self._seen(self.flights.values(), now)
        share_s = entered(self._shares, flight.client, [line.client for line in others])
        new = flight.waiting(self._pace, share_s, now, 0.0)
        rows = flight.voice.synthesizer.model.engine.description.batch_rows
        decision = admit(others, new, now, self._limits_beside_paused(flight.first), rows)
        if not decision.admitted:
            raise too_late() if decision.reason == "late" else self._refusals.overloaded(decision)
        if decision.evicted is not None:
            self.fail(self.flights[decision.evicted], self._refusals.overloaded(decision))
        return share_s

    # --- passes

    def work(self) -> None:
        """Give the device its next pass if it is idle."""
        while self._pass is None and self.flights:
            if not self._begin_pass():
                return

    def expire(self) -> None:
        """Refuse what can no longer be in time."""
        now = self._answers.clock()
        self.drop_waiters(lambda w: w.due_s is not None and now > w.due_s, too_late())
        for key in late(self._waiting(now), now):
            flight = self.flights[key]
            for waiter in list(flight.waiters):
                self._drop_waiter(flight, waiter, too_late())

    def finished(self, outcomes: Sequence[Outcome]) -> None:
        """Take in what a pass has made; `work` is to follow."""
        self._pass = None
        for outcome in outcomes:
            flight = self.flights.get(outcome.key)
            if flight is None:
                continue  # nobody wanted it any more when it ended
            flight.running = False
            error = outcome.error if isinstance(outcome, Failed) else self._attempt(flight, outcome)
            if error is not None:
                self.fail(flight, error)

    @property
    def in_use(self) -> str | None:
        """The name whose voice is in the device's pass."""
        return self._pass.voice.name.name if self._pass is not None else None

    def _begin_pass(self) -> bool:
        """False when nothing waits. A line that cannot even be begun fails, and the next is tried."""
        now = self._answers.clock()
        waiting = self._waiting(now)
        flights = [self.flights[key] for key in choose(waiting, self._voices.engine.batch_rows)]
        expected = {line.key: line.first_s for line in waiting}
        begun = [(flight, task) for flight in flights if (task := self._begun(flight, now)) is not None]
        if begun:
            work_s = sum(expected[flight.number] for flight, _ in begun)
            self._pass = Pass(now, work_s, begun[0][0].voice)
            self._device.submit([task for _, task in begun])
        return bool(flights)

    def _begun(self, flight: Flight, now: float) -> Task | None:
        try:
            return self._begin(flight, now)
        except Exception as error:
            log.exception("a line could not be begun")
            self.fail(flight, InternalError(f"the line failed: {type(error).__name__}"))
            return None

    def _begin(self, flight: Flight, now: float) -> Task:
        """The flight's next task."""
        if flight.began_s is None:
            flight.began_s = now
            caller = flight.first
            self._answers.publish(
                LineStarted(caller.id, flight.waiters[0].request.priority, caller.own_session)
            )
        flight.running = True
        key = flight.key
        return Task(flight.number, flight.rendering, key.format, key.whole, key.pieced, flight.earlier)

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
        self._delivery.chunks(flight)

    def _account(self, flight: Flight, outcome: SpokenPart) -> None:
        phrases, part = outcome.prepared.phrases, outcome.spoken
        share = part.share * len(phrases[part.phrase].phonemes) / sum(len(p.phonemes) for p in phrases)
        self._pace = self._pace.learnt(outcome.work_s, share * len(flight.line.text) / flight.line.speed)
        client = flight.client
        self._shares[client] = self._shares.get(client, 0.0) + outcome.work_s
        flight.done_s += outcome.work_s
        self._answers.metrics.worked(outcome.work_s, part.speech.duration_s)
        self._answers.metrics.mended_samples += part.speech.mended_samples

    def _open_streams(self, flight: Flight) -> None:
        self._delivery.first_chunks(flight)
        self._land_unwanted(flight)

    # --- the end of a flight

    def _complete(self, flight: Flight) -> None:
        """Keep the take and answer everybody who waits for the whole."""
        recording = flight.recording
        recording.take = take = recording.so_far(flight.voice.name, flight.key.format)
        self._retries.grown(recording)
        flight.voice.did(flight.done_s, take.audio_s, failed=False)
        if flight.key.voice in self._voices.fingerprints:  # else nobody can ask for it any more
            self._stores.memory.put(flight.key, take)
            if self._stores.disk is not None:
                self._stores.disk.keep(flight.key, take)
        self._land(flight)
        self._delivery.whole(flight, take)

    def fail(self, flight: Flight, error: NpcVoiceError) -> None:
        """Everybody who waits for it is told `error`."""
        if isinstance(error, InternalError | InsufficientMemory):
            flight.voice.did(flight.done_s, 0.0, failed=True)
        flight.recording.error = error
        self._land(flight)
        self._delivery.failure(flight, error)

    def _land(self, flight: Flight) -> None:
        """Out of the queue; what its clients have had is forgotten once nobody waits."""
        if self.flights.pop(flight.number, None) is not None:
            flight.voice.leases -= 1
        if self._by_key.get(flight.key) is flight:
            del self._by_key[flight.key]
        if not self.flights or len(self._shares) > SHARES:
            busy = {line.client for line in self.flights.values()}
            self._shares = {client: had_s for client, had_s in self._shares.items() if client in busy}

    def _land_unwanted(self, flight: Flight) -> None:
        """End a flight that nobody waits for any more; a retry starts afresh."""
        if not flight.wanted and flight.number in self.flights:
            flight.recording.error = Cancelled("the line was cancelled")
            self._land(flight)

    # --- those who wait

    def waiters(self) -> Iterator[Waiter]:
        """Everybody who waits for a line here, or for a stream's first chunk."""
        yield from self.paused
        for flight in self.flights.values():
            yield from flight.waiters

    def drop_waiters(self, is_meant: Callable[[Waiter], bool], error: NpcVoiceError) -> bool:
        """Refuse those who wait here; True if there were any."""
        paused = [waiter for waiter in self.paused if is_meant(waiter)]
        for waiter in paused:
            self.paused.drop(waiter)
            self._refusals.refuse(waiter, error)
        flying = [(flight, w) for flight in self.flights.values() for w in flight.waiters if is_meant(w)]
        for flight, waiter in flying:
            self._drop_waiter(flight, waiter, error)
        return bool(paused or flying)

    def _drop_waiter(self, flight: Flight, waiter: Waiter, error: NpcVoiceError) -> None:
        if waiter in flight.waiters:
            flight.waiters.remove(waiter)
            self._refusals.refuse(waiter, error)
        self._land_unwanted(flight)

    def drop_stream(self, stream: Stream) -> None:
        """Its flight ends if nobody else wants it."""
        self._delivery.streams.drop(stream)
        for flight in [f for f in self.flights.values() if stream in f.streams]:
            flight.streams.remove(stream)
            self._land_unwanted(flight)

    # --- a name whose voice is exchanged in place

    def pause(self, name: str) -> None:
        """Begin no line for `name`: what comes waits, and so does what has not begun. Lines under way, and
        those that ask for a version, end on the voice that they were taken in for."""
        self.paused.begin(name)
        for flight in list(self.flights.values()):
            if flight.voice.name.name == name and flight.began_s is None and not flight.is_for_version:
                for waiter in flight.waiters:
                    self._retries.forget(waiter.caller)
                    self.paused.hold(name, waiter)
                self._land(flight)

    def hold(self, waiter: Waiter) -> bool:
        """True when it has to wait for its voice. Raises `Overloaded`."""
        name = self._voices.name_of(waiter.request.model)
        if not self.paused.holds_up(name):
            return False
        own = sum(flight.client == waiter.caller.session for flight in self.flights.values())
        own += self.paused.of_client(waiter.caller)
        if own >= self._limits.client_lines:
            raise self._refusals.overloaded(Admission(False, reason="client", retry_after_s=1.0))
        if len(self.flights) + len(self.paused) >= self._limits.places(own):
            raise self._refusals.overloaded(Admission(False, reason="full", retry_after_s=1.0))
        self.paused.hold(name, waiter)
        return True

    # --- what the scheduler sees

    @property
    def running(self) -> int:
        return sum(flight.running for flight in self.flights.values())

    @property
    def waiting(self) -> int:
        return len(self.flights) - self.running + len(self.paused)

    def _limits_beside_paused(self, caller: Caller) -> QueueLimits:
        """How many lines may fly: those that are held keep their places in the queue."""
        return QueueLimits(
            self._limits.lines - len(self.paused), self._limits.client_lines - self.paused.of_client(caller)
        )

    def _waiting(self, now: float) -> list[Waiting]:
        return self._seen([flight for flight in self.flights.values() if not flight.running], now)

    def _seen(self, flights: Iterable[Flight], now: float) -> list[Waiting]:
        pass_s = max(0.0, self._pass.began_s + self._pass.work_s - now) if self._pass else 0.0
        return [
            flight.waiting(self._pace, self._shares.get(flight.client, 0.0), now, pass_s)
            for flight in flights
        ]
