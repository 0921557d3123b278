"""What must be true of the desk after every event, whatever comes in whatever order.

    python -m tests.server.test_desk_invariants [--sequences N] [--seed N]

runs as many random sequences as one likes; the suite runs a few hundred that hypothesis chooses.
"""

import argparse
import logging
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.prosody.clip_memory import Clips
from sidecar.protocol.errors import BadAudio, InternalError, NpcVoiceError
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines import streams
from sidecar.server.lines.desk import AWAY_S, Desk, Tools
from sidecar.server.lines.device_thread import Failed
from sidecar.server.lines.flight import Caller
from sidecar.server.lines.queue import Stores
from sidecar.server.lines.scheduling import QueueLimits
from sidecar.server.lines.streams import LIFE_S
from tests.fakes import tone_voice
from tests.server.test_desk import EXCITED, Room

TEXTS = ("Halt!", "Who goes there?", "One. Two. Three.", "Duck! And run. And hide.", "", "Well.")
EVENTS = (
    "ask", "ask", "ask", "stream", "stream", "next", "next", "cancel", "left", "step", "step", "step", "fail",
    "late", "wait", "long", "disk", "clip", "hear", "deaf", "pause", "resume", "swap", "again", "throw",
)  # fmt: skip
Event = tuple[str, int, int]


class Disk:
    """Finds what it was given, when told to look."""

    def __init__(self) -> None:
        self.asked: list = []
        self.kept: dict = {}

    def look_up(self, key) -> bool:
        self.asked.append(key)
        return len(self.asked) < 4

    def keep(self, key, take) -> None:
        self.kept[key] = take


class Play:
    """A small desk, so that every limit is met, and who has been answered how often."""

    def __init__(self) -> None:
        self.room = room = Room(limits=QueueLimits(lines=8, client_lines=5), cache_bytes=60_000)
        self.disk = Disk()
        old = room.desk._tools
        room.desk = Desk(
            Tools(room.voices, room.device, Stores(room.cache, self.disk), old.answers, room.clip_listener),
            room.desk._queue._limits,
        )
        self.asked: list[tuple[Caller, Synthesize, bytes | None]] = []
        self.refused: list[Caller] = []
        self.lives = [0, 0, 0, 0]
        self.gone: set[int] = set()  # who may have asked again elsewhere
        self.numbers = 0

    def do(self, event: Event) -> None:
        kind, a, b = event
        getattr(self, f"do_{kind}")(a, b)
        self.check()

    def ask(self, name: str, a: int, b: int, clip: bytes | None = None, **fields) -> None:
        session = f"session {a % 3}" if b % 2 else None
        caller = self.room.caller(name, session, self.route(a))
        request = Synthesize(TEXTS[b % len(TEXTS)], priority=("bark", "dialogue")[a % 2], **fields)
        self._send(caller, request, clip)

    def _send(self, caller: Caller, request: Synthesize, clip: bytes | None) -> None:
        self.asked.append((caller, request, clip))
        try:
            self.room.desk.synthesize(caller, request, None if clip is None else Clips(clip))
        except NpcVoiceError:
            self.refused.append(caller)

    def route(self, a: int) -> bytes:
        return f"route {a % 4}/{self.lives[a % 4]}".encode()

    def name(self) -> str:
        self.numbers += 1
        return f"line {self.numbers}"

    def do_ask(self, a: int, b: int) -> None:
        self.ask(self.name(), a, b)

    def do_stream(self, a: int, b: int) -> None:
        self.ask(self.name(), a, b, stream=True)

    def do_late(self, a: int, b: int) -> None:
        self.ask(self.name(), a, b, deadline_ms=700, stream=bool(a % 2))

    def do_clip(self, a: int, b: int) -> None:
        self.ask(self.name(), a, b, clip=b"clip %d" % (a % 3), reference="emotion", stream=bool(b % 3))

    def do_again(self, a: int, b: int) -> None:
        """A retry, from where it came or from a new connection."""
        if self.asked:
            caller, request, clip = self.asked[a % len(self.asked)]
            route = self.route(b) if b % 2 else b"another"
            self._send(replace(caller, route=route, arrived_s=self.room.clock()), request, clip)

    def do_next(self, a: int, b: int) -> None:
        handles = [*self.room.desk._streams._open, "no such stream"]
        caller = self.room.caller(self.name(), None, self.route(b))
        self.asked.append((caller, Synthesize("-"), None))
        try:
            self.room.desk.next(caller, handles[a % len(handles)])
        except NpcVoiceError:
            self.refused.append(caller)

    def do_cancel(self, a: int, b: int) -> None:
        if self.asked:
            caller, _, _ = self.asked[a % len(self.asked)]
            self.room.desk.cancel(caller, caller.id)

    def do_left(self, a: int, b: int) -> None:
        route = self.route(a)
        self.lives[a % 4] += 1  # a connection's name is never used again
        self.gone |= {id(caller) for caller, _, _ in self.asked if caller.route == route}
        self.room.desk.left(route)

    def do_step(self, a: int, b: int) -> None:
        if self.room.device.passes:
            self.room.step(takes_s=0.1)

    def do_fail(self, a: int, b: int) -> None:
        if self.room.device.passes:
            outcomes = self.room.device.step()
            self.room.desk.finished([Failed(outcome.key, InternalError("it broke")) for outcome in outcomes])

    def do_throw(self, a: int, b: int) -> None:
        """A bug in the way of a line that was spoken."""
        if self.room.device.passes:
            outcomes = [
                o if isinstance(o, Failed) else replace(o, prepared=None) for o in self.room.device.step()
            ]
            self.room.desk.finished(outcomes)

    def do_wait(self, a: int, b: int) -> None:
        self._pass_time(0.4)

    def do_long(self, a: int, b: int) -> None:
        self._pass_time(LIFE_S + 1 if a % 2 else AWAY_S + 1)

    def _pass_time(self, seconds: float) -> None:
        self.room.clock.now += seconds
        self.room.desk.work()

    def do_disk(self, a: int, b: int) -> None:
        if self.disk.asked:
            key = self.disk.asked.pop(0)
            self.room.desk.found_on_disk(key, self.disk.kept.get(key))

    def do_hear(self, a: int, b: int) -> None:
        if self.room.clip_listener.waiting:
            heard = EXCITED if a % 2 else BadAudio("noise")
            self.room.tell(heard)

    def do_deaf(self, a: int, b: int) -> None:
        self.room.clip_listener.full = bool(a % 2)

    def do_pause(self, a: int, b: int) -> None:
        if not self.room.desk._queue.paused.holds_up("tone"):
            self.room.desk.pause("tone")

    def do_resume(self, a: int, b: int) -> None:
        if self.room.desk._queue.paused.holds_up("tone"):
            self.room.desk.resume("tone")

    def do_swap(self, a: int, b: int) -> None:
        self.room.voices.exchange(tone_voice(version=f"1.{self.numbers}.0"), self.room.clock())
        self.room.voices.released(self.room.clock())

    def check(self) -> None:
        desk, queue, intake = self.room.desk, self.room.desk._queue, self.room.desk._intake
        flights = list(queue.flights.values())
        assert all(flight.wanted for flight in flights), "a flight that nobody wants"
        assert all(queue._by_key[flight.key] is flight for flight in flights) and len(queue._by_key) == len(
            flights
        )
        waiters = [id(waiter) for waiter in desk._waiters()]
        assert len(waiters) == len(set(waiters)), "a waiter is counted twice"
        assert all(waiters for waiters in intake._on_disk.values()) or self.disk.asked
        if queue._pass is None:
            assert not flights or intake.closed, "lines wait and the device does nothing"
        leases = Counter(id(flight.voice) for flight in flights)
        voices = [*desk._tools.voices._live.values(), *(v for v, _ in desk._tools.voices._retired)]
        assert all(voice.leases == leases[id(voice)] for voice in voices), "a lease without a line"
        for stream in desk._streams._open.values():
            if stream.recording.take is None and stream.recording.error is None:
                assert any(stream in flight.streams for flight in flights), "a stream that nothing fills"
        assert desk._streams.unfinished <= streams.MOST
        held = {id(a.recording): a.recording.size_bytes for a in desk._retries._asked.values()}
        assert desk._retries.held_bytes == sum(held.values()), "bytes that nobody counts"
        answered = Counter(id(caller) for caller, _, _ in self.room.sent)
        assert all(answered[id(caller)] <= 1 for caller, _, _ in self.asked), "two answers to one request"

    def end(self) -> None:
        """Close the door, finish, give up: everybody has had one answer, and nothing is left."""
        desk, queue, intake = self.room.desk, self.room.desk._queue, self.room.desk._intake
        desk.close_door()
        for _ in range(3):
            self.do_step(0, 0)
            self.check()
        desk.give_up()
        desk.finished([])
        self.room.clock.now += LIFE_S + AWAY_S + 1
        desk.work()
        answered = Counter(id(caller) for caller, _, _ in self.room.sent)
        refused = {id(caller) for caller in self.refused}
        for caller, request, _ in self.asked:
            expected = id(caller) not in refused
            assert answered[id(caller)] == expected or id(caller) in self.gone, (caller, request)
        assert not (
            queue.flights
            or queue._by_key
            or intake._on_disk
            or intake._on_clip
            or queue._shares
            or desk._away
        )
        assert not desk.open_lines and not len(desk._streams)
        assert all(voice.leases == 0 for voice in desk._tools.voices._live.values())


def play(events: list[Event]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "MOST", 4)
        played = Play()
        for event in events:
            played.do(event)
        played.end()


events = st.tuples(st.sampled_from(EVENTS), st.integers(0, 11), st.integers(0, 11))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.lists(events, max_size=60))
def test_nothing_is_lost_counted_twice_or_left_behind(sequence: list[Event]):
    play(sequence)


def chosen(chance: random.Random, length: int) -> list[Event]:
    return [(chance.choice(EVENTS), chance.randrange(12), chance.randrange(12)) for _ in range(length)]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # the bugs that are thrown in are logged
    for number in range(options.sequences):
        sequence = chosen(random.Random(f"{options.seed}/{number}"), 60)
        try:
            play(sequence)
        except BaseException:
            print(f"sequence {number} of seed {options.seed}: {sequence}")
            raise
    print(f"{options.sequences} sequences of 60 events, seed {options.seed}: every invariant held")


if __name__ == "__main__":
    main()
