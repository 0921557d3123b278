"""Joining, queueing, streaming, cancelling, answering; clock and device are moved by hand."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
import soundfile
import zmq

from sidecar.line import Line
from sidecar.lipsync.sounds import SHAPES
from sidecar.prosody.clip_memory import Clips, Heard
from sidecar.prosody.reference import change_of
from sidecar.prosody.traits import Traits
from sidecar.protocol import wire
from sidecar.protocol.errors import (
    BadAudio,
    BadRequest,
    Cancelled,
    DeadlineExceeded,
    NpcVoiceError,
    Overloaded,
    ShuttingDown,
)
from sidecar.protocol.events import Event, LineDone, LineStarted, ServerOverloaded
from sidecar.protocol.limits import Limits
from sidecar.protocol.replies import ErrorReply, Reply, Retold, SpokenReply, parse_reply, reply_frame
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines import retries, streams
from sidecar.server.lines.answers import Answers
from sidecar.server.lines.clip_listener import Compared
from sidecar.server.lines.desk import AWAY_S, Desk, Tools
from sidecar.server.lines.device_thread import SpokenPart
from sidecar.server.lines.flight import Caller
from sidecar.server.lines.intake import MAX_OWN_WAITERS, MAX_WAITERS
from sidecar.server.lines.memory_cache import MemoryCache
from sidecar.server.lines.queue import Stores
from sidecar.server.lines.scheduling import QueueLimits
from sidecar.server.lines.streams import ENDED_KEPT, LIFE_S, MOST, PARKED
from sidecar.server.live_voices import LiveVoices
from sidecar.server.metrics import Metrics
from tests.fakes import Clock, SteppedDevice, tone_voice

LONG = (
    "The old mine has been sealed for ten long years, traveler, and nobody who went in ever came back out. "
    "Take a lantern and a rope. And for the love of all that is holy, take somebody with you this time."
)


class SteppedClipListener:
    """Remembers what was heard; clips wait until the room tells."""

    def __init__(self) -> None:
        self.heard: dict[tuple[str, ...], Compared] = {}
        self.waiting: list[tuple[str, ...]] = []
        self.full = False

    def known(self, clips: Clips) -> Compared | None:
        return self.heard.get(clips.names)

    def listen(self, clips: Clips) -> bool:
        if not self.full:
            self.waiting.append(clips.names)
        return not self.full


class Room:
    """A desk and everybody around it."""

    def __init__(
        self, rows: int = 1, limits: QueueLimits | None = None, cache_bytes: int = 1 << 20, pieces: int = 1
    ) -> None:
        self.clock, self.device = Clock(), SteppedDevice()
        self.voices = LiveVoices(tone_voice(rows, pieces=pieces))
        self.sent: list[tuple[Caller, Reply | ErrorReply, bytes | None]] = []
        self.events: list[Event] = []
        self.cache = MemoryCache(cache_bytes)

        def send(caller: Caller, reply: Reply | ErrorReply | Retold, body: zmq.Frame | None) -> None:
            if isinstance(reply, Retold):
                header = wire.decode(reply_frame(caller.id, reply), Limits())
                reply = parse_reply(SpokenReply, header).reply
            self.sent.append((caller, reply, body and body.bytes))

        answers = Answers(send, self.events.append, Metrics(), self.clock)
        self.clip_listener = SteppedClipListener()
        tools = Tools(self.voices, self.device, Stores(self.cache, None), answers, self.clip_listener)
        self.desk = Desk(tools, limits or QueueLimits())

    def caller(self, id: str, session: str | None = None, route: bytes = b"r") -> Caller:
        return Caller(route, id, session or f"\0{route.hex()}", self.clock(), session)

    def ask(
        self, id: str, text: str = "Halt!", route: bytes = b"r", session: str | None = None,
        clip: bytes | None = None, neutral: bytes | None = None, **fields,
    ) -> Caller:  # fmt: skip
        caller = self.caller(id, session, route)
        clips = None if clip is None else Clips(clip, neutral)
        self.desk.synthesize(caller, Synthesize(text, **fields), clips)
        return caller

    def tell(self, heard: Heard) -> None:
        """What the oldest clip holds."""
        names = self.clip_listener.waiting.pop(0)
        compared = change_of(heard) if isinstance(heard, Traits) else heard
        self.clip_listener.heard[names] = compared
        self.desk.heard(names, compared)

    def step(self, passes: int = 1, takes_s: float = 1.0) -> None:
        """Passes take as long on the clock, and as the desk is told, whatever this machine does."""
        for _ in range(passes):
            outcomes = [
                replace(outcome, work_s=takes_s) if isinstance(outcome, SpokenPart) else outcome
                for outcome in self.device.step()
            ]
            self.clock.now += takes_s
            self.desk.finished(outcomes)

    def settle(self) -> None:
        while self.device.passes:
            self.step()

    def replies(self, id: str) -> list[Reply | ErrorReply]:
        return [reply for caller, reply, _ in self.sent if caller.id == id]

    def body(self, id: str) -> bytes | None:
        return next(body for caller, _, body in self.sent if caller.id == id)

    def order(self) -> list[str]:
        return [caller.id for caller, _, _ in self.sent]

    def code(self, id: str) -> str:
        (reply,) = self.replies(id)
        assert isinstance(reply, ErrorReply)
        return reply.code


@pytest.fixture
def room() -> Room:
    return Room()


def direct(room: Room, text: str) -> bytes:
    return room.voices.default.synthesizer.speak(Line(text)).encoded("pcm_s16le")


def test_a_line_is_answered_with_its_sound_and_the_times_of_its_stages(room: Room):
    room.ask("first", "One moment please.")
    room.ask("a")
    room.settle()
    (reply,) = room.replies("a")
    assert isinstance(reply, SpokenReply)
    assert room.body("a") == direct(room, "Halt!")
    assert (reply.cached, reply.timing.queue_ms, reply.timing.total_ms) == (False, 1000, 2000)
    assert reply.words is None


def test_the_same_line_at_once_is_made_once(room: Room):
    for number in range(5):
        room.ask(str(number), route=bytes([number]))
    room.settle()
    assert room.voices.default.synthesizer.model.engine.rendered == [1]
    assert sorted(room.order()) == list("01234")
    assert len({room.body(id) for id in "01234"}) == 1


def test_the_same_line_later_comes_from_the_cache(room: Room):
    room.ask("a")
    room.settle()
    room.ask("b", timings=("words",))
    (reply,) = room.replies("b")
    assert reply.cached and reply.words[0][0] == "Halt" and room.body("b") == room.body("a")


def test_a_retry_joins_the_first_request_and_each_is_answered(room: Room):
    room.ask("a", session="npc", route=b"before")
    room.ask("a", session="npc", route=b"after")
    room.settle()
    assert [caller.route for caller, _, _ in room.sent] == [b"before", b"after"]
    assert room.voices.default.synthesizer.model.engine.rendered == [1]


def test_a_retry_after_the_answer_gets_the_same_answer_without_work():
    room = Room(cache_bytes=0)
    room.ask("a", session="npc")
    room.settle()
    room.ask("a", session="npc", route=b"new")
    assert not room.device.passes
    assert [body for _, _, body in room.sent] == [room.body("a")] * 2


def test_an_id_used_for_another_request_is_refused(room: Room):
    room.ask("a", session="npc")
    with pytest.raises(BadRequest) as refusal:
        room.ask("a", "Other words.", session="npc")
    assert refusal.value.field == "id"
    room.ask("a", "Other words.", session="another npc")
    room.settle()
    assert len(room.sent) == 2


def test_a_stream_gives_its_first_phrase_while_the_rest_is_made(room: Room):
    room.ask("a", LONG, stream=True)
    room.step()
    (first,) = room.replies("a")
    assert first.chunk.index == 0 and not first.chunk.last
    room.desk.next(room.caller("n1"), first.stream)
    assert room.replies("n1") == []
    room.step()
    assert room.replies("n1")[0].chunk.index == 1


def chunks(room: Room, id: str = "a") -> list[tuple[SpokenReply, bytes]]:
    """Pull a stream to its end."""
    _, first, body = [entry for entry in room.sent if entry[0].id == id][-1]
    found = [(first, body)]
    while not found[-1][0].chunk.last:
        number = f"{id}-{len(found)}"
        room.desk.next(room.caller(number), first.stream)
        room.settle()
        found.append(next((r, b) for c, r, b in room.sent if c.id == number))
    return found


def test_a_streams_chunks_are_the_whole_line(room: Room):
    room.ask("a", LONG, stream=True, timings=("words",))
    room.settle()
    parts = chunks(room)
    assert len(parts) > 2
    assert [reply.chunk.index for reply, _ in parts] == list(range(len(parts)))
    assert b"".join(body for _, body in parts) == direct(room, LONG)
    room.ask("b", LONG, timings=("words",))
    (whole,) = room.replies("b")
    assert whole.words == tuple(row for reply, _ in parts for row in reply.words)
    assert whole.audio.frames == sum(reply.audio.frames for reply, _ in parts)


@pytest.mark.parametrize("rows", [1, 4])
def test_where_the_model_can_a_stream_comes_in_pieces_of_phrases(rows: int):
    room = Room(rows, pieces=3)
    room.ask("a", LONG, stream=True, timings=("words", "visemes"))
    room.ask("b", LONG)
    room.settle()
    parts, phrases = chunks(room), len(Room().voices.default.synthesizer.prepare(Line(LONG)).phrases)
    assert len(parts) == 3 * phrases
    assert b"".join(body for _, body in parts) == room.body("b") == direct(room, LONG)
    words = [row for reply, _ in parts for row in reply.words]
    assert [text for text, _, _ in words][:3] == ["The", "old", "mine"] and words == sorted(
        words, key=lambda w: w[1]
    )
    start_s = 0.0
    for reply, _ in parts:
        assert reply.visemes[0][0] == pytest.approx(start_s, abs=1e-3)
        start_s += reply.audio.frames / reply.audio.sample_rate
    room.ask("c", LONG, stream=True)
    assert [body for _, body in chunks(room, "c")] == [body for _, body in parts]


def test_a_piece_is_answered_before_the_phrase_is_done_and_a_bark_comes_between():
    room = Room(pieces=3)
    room.ask("a", "A tale.", stream=True, priority="ambient")
    room.step()
    assert not room.replies("a")[0].chunk.last
    room.ask("bark", "Halt!", priority="bark")
    room.step()  # the piece that was begun when the bark came
    room.step()
    assert room.order() == ["a", "bark"] and room.device.passes


def test_a_stream_from_the_cache_has_the_same_chunks(room: Room):
    room.ask("a", LONG, stream=True)
    room.settle()
    made = chunks(room)
    room.ask("b", LONG, stream=True)
    assert [body for _, body in chunks(room, "b")] == [body for _, body in made]


@pytest.mark.parametrize("kind", ["pcm_s16le", "wav"])
def test_visemes_come_with_each_chunk_and_cover_it_to_its_end(room: Room, kind: str):
    room.ask("a", LONG, stream=True, timings=("visemes",), format=kind)
    room.settle()
    parts = [reply for reply, _ in chunks(room)]
    assert len(parts) > 2
    start_s = 0.0
    for reply in parts:
        end_s = start_s + reply.audio.frames / reply.audio.sample_rate
        assert reply.visemes[0] == (pytest.approx(start_s, abs=1e-4), 0, 1.0)
        assert all(start_s <= at_s + 1e-4 and at_s < end_s for at_s, _, _ in reply.visemes)
        start_s = end_s
    room.ask("b", LONG, timings=("visemes",), format=kind)
    room.settle()
    (whole,) = room.replies("b")
    assert whole.visemes == tuple(row for reply in parts for row in reply.visemes)
    assert whole.phonemes is None


def test_visemes_of_a_cached_line_are_there_for_who_asks_later(room: Room):
    room.ask("a")
    room.settle()
    assert room.replies("a")[0].visemes is None
    room.ask("b", timings=("visemes",))
    (reply,) = room.replies("b")
    assert reply.cached and {shape for _, shape, _ in reply.visemes} > {SHAPES.index("sil")}


def test_every_chunk_of_a_container_is_a_file_of_its_own(room: Room):
    room.ask("a", LONG, stream=True, format="wav")
    room.ask("b", LONG, format="wav")
    room.settle()
    assert all(body.startswith(b"RIFF") for _, body in chunks(room))
    with soundfile.SoundFile(io.BytesIO(room.body("b"))) as file:
        assert file.read(dtype="int16").tobytes() == direct(room, LONG)
        assert "Model=tone@1.0.0" in file.copy_metadata()["comment"]


def test_a_retried_next_gets_its_chunk_again(room: Room):
    room.ask("a", LONG, stream=True)
    room.settle()
    handle = room.replies("a")[0].stream
    for _ in range(3):
        room.desk.next(room.caller("n"), handle)
    assert [reply.chunk.index for reply in room.replies("n")] == [1, 1, 1]
    room.ask("a", LONG, stream=True)
    assert [reply.chunk.index for reply in room.replies("a")] == [0, 0]
    assert {reply.stream for reply in room.replies("a")} == {handle}


def test_streams_that_have_ended_are_in_nobodys_way(room: Room):
    for number in range(3 * MOST):
        room.ask(f"s{number}", "Halt!", stream=True)
        room.settle()
    assert all(isinstance(room.replies(f"s{number}")[0], SpokenReply) for number in range(3 * MOST))
    assert room.desk.streams <= ENDED_KEPT + 1


def test_streams_that_are_not_pulled_are_limited(room: Room):
    for number in range(MOST - MOST // 8):  # the last places are for others
        room.ask(f"s{number}", LONG, stream=True)
        room.settle()
    with pytest.raises(Overloaded):
        room.ask("more", LONG, stream=True)
    with pytest.raises(Overloaded):  # one that would have to be made
        room.ask("new", LONG + " And a second phrase.", stream=True)
    room.ask("whole", "Halt!")
    room.ask("another's", LONG, stream=True, route=b"other")
    room.settle()
    assert isinstance(room.replies("whole")[0], SpokenReply)
    assert isinstance(room.replies("another's")[0], SpokenReply)


def test_streams_are_promised_before_their_first_chunk_is_there(room: Room):
    most = MOST - MOST // 8
    for number in range(most):
        room.ask(f"s{number}", "Halt!", stream=True)  # one flight, all join it
    with pytest.raises(Overloaded):
        room.ask("more", "Halt!", stream=True)
    room.settle()
    assert all(isinstance(room.replies(f"s{number}")[0], SpokenReply) for number in range(most))


def test_one_client_that_joins_a_line_again_and_again_keeps_nobody_else_from_joining(room: Room):
    room.ask("first", "Halt!", session="crowd")
    with pytest.raises(Overloaded):
        for number in range(MAX_WAITERS):
            room.ask(f"j{number}", "Halt!", session="crowd")
    assert room.desk.open_lines <= MAX_OWN_WAITERS + 1
    room.ask("other", "Halt!", session="quiet")
    room.settle()
    assert isinstance(room.replies("other")[0], SpokenReply)


def test_a_session_that_comes_back_is_answered_once_and_not_told_that_it_was_cancelled(room: Room):
    room.ask("first", "Another's line first.", route=b"o")
    room.ask("mine", "I come back.", route=b"gone", session="npc")
    room.desk.left(b"gone")
    room.ask("mine", "I come back.", route=b"again", session="npc")
    room.clock.now += AWAY_S + 1
    room.desk.work()
    room.settle()
    assert [caller.route for caller, _, _ in room.sent if caller.id == "mine"] == [b"again"]
    assert not [e for e in room.events if isinstance(e, LineDone) and e.id == "mine" and e.code]


def test_a_stream_whose_listener_lost_its_connection_waits_for_it(room: Room):
    room.ask("a", LONG, stream=True, session="npc")
    room.step()
    handle = room.replies("a")[0].stream
    for number in range(8):
        with contextlib.suppress(NpcVoiceError):
            room.desk.next(room.caller(f"n{number}", "npc", b"gone"), handle)
    room.clock.now += LIFE_S + 1
    room.desk.left(b"gone")
    room.desk.work()
    assert room.desk.streams == 1


def test_sound_that_nobody_pulls_is_bounded_in_bytes(room: Room, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "BYTES", 1 << 20)
    with pytest.raises(Overloaded):
        for number in range(MOST):
            room.ask(f"s{number}", f"{LONG} {number}.", stream=True)
            room.settle()
    held = sum(s.recording.size_bytes for s in room.desk._streams._open.values())
    assert held < (1 << 20) + 1_000_000  # and one line more


def test_requests_for_chunks_that_are_not_there_are_bounded(room: Room):
    room.ask("a", LONG, stream=True)
    room.step()
    handle = room.replies("a")[0].stream
    for number in range(PARKED + 1):  # the first has its chunk already, or waits too
        with contextlib.suppress(Overloaded):
            room.desk.next(room.caller(f"n{number}"), handle)
    (stream,) = room.desk._streams._open.values()
    assert len(stream.parked) <= PARKED and len(stream.given) <= PARKED + 2


def test_what_a_closed_connection_had_waiting_goes_with_it(room: Room):
    room.ask("other", "Somebody else's.", route=b"other")
    room.ask("mine", "Nobody hears this.", route=b"gone")
    room.ask("stays", "I come back.", route=b"gone", session="npc")
    room.desk.left(b"gone")
    assert {w.caller.id for w in room.desk._waiters()} == {"other", "stays"}
    room.ask("stays", "I come back.", route=b"again", session="npc")
    room.settle()
    assert [caller.route for caller, _, _ in room.sent if caller.id == "stays"] == [b"again"]


def test_a_session_that_does_not_come_back_is_forgotten(room: Room):
    room.ask("first")
    room.ask("stays", "I come back.", route=b"gone", session="npc")
    room.desk.left(b"gone")
    room.clock.now += AWAY_S + 0.1
    assert room.desk.due_s <= room.clock.now
    room.desk.work()
    assert room.code("stays") == "cancelled"


def test_who_waits_for_a_clip_or_the_disk_has_a_deadline_too(disk_room):
    room, _ = disk_room
    room.ask("disk", "Halt!", deadline_ms=1000)
    room.ask("clip", "Halt!", clip=b"clip", reference="emotion", deadline_ms=1000)
    assert room.desk.due_s == room.clock.now + 1
    room.clock.now += 1.01
    room.desk.work()
    assert room.code("disk") == room.code("clip") == "deadline_exceeded"


def test_a_line_that_cannot_be_begun_fails_alone(room: Room, monkeypatch: pytest.MonkeyPatch):
    begin, broken = room.desk._queue._begin, []

    def failing(flight, now):
        if flight.line.text == "Broken.":
            broken.append(flight)
            raise ZeroDivisionError
        return begin(flight, now)

    monkeypatch.setattr(room.desk._queue, "_begin", failing)
    room.ask("first")
    room.ask("bad", "Broken.", route=b"b")
    room.ask("good", "Whole.", route=b"c")
    room.settle()
    assert broken and room.code("bad") == "internal"
    assert isinstance(room.replies("good")[0], SpokenReply)


def test_an_answer_that_cannot_be_made_costs_its_own_line(room: Room, monkeypatch: pytest.MonkeyPatch):
    whole = Answers.whole

    def failing(self, caller, *rest):
        if caller.id == "bad":
            raise ZeroDivisionError
        whole(self, caller, *rest)

    monkeypatch.setattr(Answers, "whole", failing)
    for name in ("good", "bad", "too"):
        room.ask(name)
    room.ask("next", "And on.", route=b"n")
    room.settle()
    assert room.code("bad") == "internal"
    assert all(isinstance(room.replies(name)[0], SpokenReply) for name in ("good", "too", "next"))


def test_a_few_connections_cannot_take_every_place():
    room = Room(limits=QueueLimits(lines=16, client_lines=8))
    for client in range(2):
        for number in range(8):
            with contextlib.suppress(Overloaded):
                room.ask(f"{client}/{number}", f"Line {client} {number}.", session=f"loud {client}")
    assert room.desk.waiting + room.desk.running == 14  # the last eighth is kept
    room.ask("newcomer", "And I?", session="quiet")
    with pytest.raises(Overloaded):
        room.ask("again", "And I once more?", session="quiet")


def test_a_clients_share_goes_by_its_session_not_by_its_connections():
    room = Room(limits=QueueLimits(lines=64, client_lines=4))
    for number in range(4):
        room.ask(str(number), f"Line {number}.", route=f"r{number}".encode(), session="npc")
    with pytest.raises(Overloaded):
        room.ask("4", "Line 4.", route=b"another", session="npc")


def test_a_streamed_line_counts_with_its_bytes_for_what_is_remembered(room: Room):
    for number in range(30):
        room.ask(f"s{number}", f"{LONG} {number}.", stream=True)
        room.settle()
        for chunk in range(len(room.replies(f"s{number}")[0:1]) * 12):
            with contextlib.suppress(NpcVoiceError):
                room.desk.next(room.caller(f"s{number}/{chunk}"), room.replies(f"s{number}")[0].stream)
    held = {id(a.recording): a.recording.size_bytes for a in room.desk._retries._asked.values()}
    assert room.desk._retries.held_bytes == sum(held.values()) > 30 * 100_000


def test_what_is_remembered_of_streams_is_bounded(room: Room, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retries, "BYTES", 1 << 20)
    for number in range(30):
        room.ask(f"s{number}", f"{LONG} {number}.", stream=True)
        room.settle()
        room.desk.cancel(room.caller("c"), f"s{number}")
    assert room.desk._retries.held_bytes <= 1 << 20


def test_a_stream_that_ended_says_so(room: Room):
    room.ask("a", stream=True)
    room.settle()
    with pytest.raises(BadRequest, match="ended"):
        room.desk.next(room.caller("n"), room.replies("a")[0].stream)
    with pytest.raises(BadRequest, match="unknown stream"):
        room.desk.next(room.caller("m"), "feed")


def test_a_stream_that_nobody_pulls_is_dropped_and_its_line_is_not_finished(room: Room):
    room.ask("a", LONG, stream=True)
    room.step()
    handle = room.replies("a")[0].stream
    room.clock.now += LIFE_S + 1
    assert room.desk.due_s <= room.clock.now
    room.step()
    assert not room.device.passes
    with pytest.raises(Cancelled):
        room.desk.next(room.caller("n"), handle)


def test_a_bark_is_spoken_between_two_clauses_of_a_monologue(room: Room):
    room.ask("monologue", LONG)
    room.ask("bark", priority="bark", route=b"b")
    room.settle()
    assert room.order() == ["bark", "monologue"]
    assert room.body("monologue") == direct(room, LONG)


def test_cancelling_ends_a_line_between_two_clauses(room: Room):
    room.ask("a", LONG)
    room.ask("b", "Next, please.")
    assert room.desk.cancel(room.caller("c"), "a")
    assert room.code("a") == "cancelled"
    room.settle()
    assert room.order() == ["a", "b"]
    assert not room.desk.cancel(room.caller("c"), "a")


def test_cancelling_one_of_two_who_want_a_line_leaves_the_other(room: Room):
    room.ask("a", route=b"1", session="x")
    room.ask("b", route=b"2", session="y")
    assert not room.desk.cancel(room.caller("c", "y", b"3"), "a")
    assert room.desk.cancel(room.caller("c", "x", b"3"), "a")
    room.settle()
    assert room.code("a") == "cancelled" and room.body("b") == direct(room, "Halt!")


def test_cancelling_a_stream_answers_who_waits_for_its_chunk(room: Room):
    room.ask("a", LONG, stream=True)
    room.step()
    handle = room.replies("a")[0].stream
    room.desk.next(room.caller("n"), handle)
    assert room.desk.cancel(room.caller("c"), "a")
    assert room.code("n") == "cancelled"
    with pytest.raises(Cancelled):
        room.desk.next(room.caller("m"), handle)


def test_a_line_asked_for_again_after_it_was_cancelled_is_made(room: Room):
    room.ask("a", LONG, stream=True)
    room.step()
    room.desk.cancel(room.caller("c"), "a")
    room.ask("a", LONG, stream=True)
    room.settle()
    assert len(chunks(room)) > 2 and len(room.replies("a")) == 2


def test_a_line_that_is_late_while_it_waits_is_refused(room: Room):
    room.ask("long", LONG)
    room.ask("late", "Too late.", deadline_ms=500, route=b"x")
    room.step()
    assert room.code("late") == "deadline_exceeded"
    room.settle()
    assert len(room.replies("long")) == 1


def test_a_line_that_cannot_be_in_time_is_refused_at_the_door(room: Room):
    room.ask("a", "How long does a line take here?")
    room.settle()
    room.ask("long", LONG)
    with pytest.raises(DeadlineExceeded) as refusal:
        room.ask("b", "This cannot be done by then.", deadline_ms=200)
    assert refusal.value.field == "deadline_ms"


def test_one_clients_flood_is_refused_with_a_time_and_told_once_a_second(room: Room):
    room = Room(limits=QueueLimits(lines=10, client_lines=3))
    for number in range(3):
        room.ask(str(number), f"Line {number}.")
    for _ in range(2):
        with pytest.raises(Overloaded) as refusal:
            room.ask("x", "One more.")
        assert refusal.value.retry_after_ms >= 50
    assert sum(isinstance(event, ServerOverloaded) for event in room.events) == 1
    room.ask("y", "Another client's.", route=b"other")
    room.settle()
    assert len(room.sent) == 4


def test_a_line_that_makes_room_for_a_bark_is_told(room: Room):
    room = Room(limits=QueueLimits(lines=2, client_lines=9))
    room.ask("1", "The first.", priority="ambient")
    room.ask("2", "The second.", priority="ambient")
    room.ask("3", "Duck!", priority="bark")
    assert room.code("2") == "overloaded"
    room.settle()
    assert room.order() == ["2", "1", "3"]


def test_waiting_lines_share_a_pass_where_the_device_gains_from_it():
    room = Room(rows=4)
    for number in range(6):
        room.ask(str(number), f"This is line number {number}.", route=bytes([number]))
    room.settle()
    assert room.voices.default.synthesizer.model.engine.rendered == [1, 4, 1]
    for number in range(6):
        assert room.body(str(number)) == direct(room, f"This is line number {number}.")


def test_a_line_that_fails_takes_none_of_its_pass_with_it():
    room = Room(rows=4)
    room.ask("0", "Keep it busy.")
    room.ask("bad", "🙂")
    room.ask("good", "All is well.")
    room.settle()
    assert room.code("bad") == "empty_text"
    assert room.body("good") == direct(room, "All is well.")


def test_what_can_be_known_at_once_is_refused_at_once(room: Room):
    for fields, code in (
        ({"speaker": "alt"}, "unknown_speaker"), ({"emotion": "angy"}, "unknown_emotion"),
        ({"language": "xx"}, "unknown_language"), ({"model": "ton"}, "unknown_model"),
        ({"text": " "}, "empty_text"), ({"reference": "both", "clip": b"RIFF"}, "unsupported"),
    ):  # fmt: skip
        with pytest.raises(NpcVoiceError) as refusal:
            room.ask("a", **fields)
        assert refusal.value.code == code
    assert not room.device.passes


def test_behind_a_closed_door_what_was_accepted_is_finished_and_its_retries_too(room: Room):
    room.ask("a", session="npc")
    room.desk.close_door()
    room.ask("a", session="npc", route=b"new")
    with pytest.raises(ShuttingDown):
        room.ask("b")
    room.settle()
    assert room.order() == ["a", "a"] and not room.desk.unfinished


def test_giving_up_answers_everybody(room: Room):
    room.ask("a", LONG)
    room.ask("b")
    room.ask("s", "Stream this.", stream=True)
    room.desk.give_up()
    assert [room.code(id) for id in "abs"] == ["shutting_down"] * 3
    assert not room.desk.unfinished
    room.step()
    assert len(room.sent) == 3 and not room.device.passes


def test_events_tell_when_a_line_begins_and_ends_and_never_its_text(room: Room):
    room.ask("a", session="npc")
    room.settle()
    room.ask("b", "🙂")
    room.settle()
    assert room.events == [
        LineStarted("a", "dialogue", "npc"),
        LineDone("a", 1000.0, False, pytest.approx(0.7, abs=0.5), "npc"),
        LineStarted("b", "dialogue"),
        LineDone("b", 1000.0, code="empty_text"),
    ]


def test_a_burst_leaves_nothing_behind(room: Room):
    """Whatever was asked, in the end no flight, stream, waiter or share is left."""
    for number in range(40):
        stream = number % 3 == 0
        room.ask(str(number), f"Line {number}, please. {LONG if number % 5 == 0 else ''}", stream=stream)
        if number % 7 == 0:
            room.desk.cancel(room.caller("c"), str(number))
    room.settle()
    room.clock.now += LIFE_S + 1
    room.desk.work()
    queue = room.desk._queue
    assert not (queue.flights or queue._by_key or queue._shares or room.desk.streams)
    assert not room.desk._intake._on_disk
    assert sorted(set(room.order()), key=int) == [str(number) for number in range(40)]


@pytest.fixture
def disk_room() -> tuple[Room, list[Callable[[], None]]]:
    room = Room()
    asked: list = []

    class Disk:
        def look_up(self, key) -> bool:
            asked.append(key)
            return True

        def keep(self, key, take) -> None:
            asked.append((key, take))

    answers = room.desk._tools.answers
    tools = Tools(room.voices, room.device, Stores(room.cache, Disk()), answers, room.clip_listener)
    room.desk = Desk(tools, QueueLimits())
    return room, asked


def test_the_disk_is_asked_before_the_device_and_told_after(disk_room):
    room, asked = disk_room
    room.ask("a")
    room.ask("b", route=b"b")
    assert len(asked) == 1 and not room.device.passes and room.desk.open_lines == 2
    room.desk.found_on_disk(asked[0], None)
    room.settle()
    assert room.order() == ["a", "b"]
    key, take = asked[1]
    room.cache.keep_only(frozenset())
    room.ask("c")
    room.desk.found_on_disk(key, take)
    assert room.replies("c")[0].cached and room.body("c") == room.body("a")
    assert not room.device.passes


def test_lines_that_are_held_come_by_urgency_then_age_and_a_retry_shares_the_first_ones_answer(room: Room):
    room.desk.pause("tone")
    room.ask("ambient", "One.", priority="ambient")
    room.clock.now += 1
    room.ask("first", "Two.", session="npc", route=b"before")
    room.ask("first", "Two.", session="npc", route=b"after")
    room.ask("bark", "Three.", priority="bark")
    assert not room.device.passes and room.desk.waiting == 4
    room.desk.resume("tone")
    room.settle()
    assert room.order() == ["bark", "first", "first", "ambient"]
    assert room.voices.default.synthesizer.model.engine.rendered == [1, 1, 1]


def test_lines_that_are_held_keep_their_places_in_the_queue():
    room = Room(limits=QueueLimits(lines=3, client_lines=2))
    room.ask("running", "Zero.", route=b"a")
    room.desk.pause("tone")
    room.ask("one", "One.", route=b"a")
    with pytest.raises(Overloaded, match="this client"):
        room.ask("two", "Two.", route=b"a")
    room.ask("three", "Three.", route=b"b")
    with pytest.raises(Overloaded, match="there are"):
        room.ask("four", "Four.", route=b"c")
    room.step()
    room.desk.resume("tone")
    room.settle()
    assert room.order() == ["running", "one", "three"]


def test_a_voice_is_not_let_go_of_while_the_device_speaks_with_it_for_nobody(room: Room):
    caller = room.ask("a")
    room.desk.pause("tone")
    room.desk.cancel(caller, "a")
    assert room.voices.default.leases == 0 and not room.desk.let_go("tone")
    room.step()
    assert room.desk.let_go("tone")
    room.ask("b", "Who is there?")
    room.desk.give_up()
    assert room.code("b") == "shutting_down"


EXCITED = Traits(5, 40, 130, 200, 6, -5, -3, 6, 0.4, -20, 5, -5, 19, 0.3)
CLIP = {"reference": "emotion", "clip": b"RIFF"}


def test_a_clip_is_heard_once_for_all_who_ask_and_then_known(room: Room):
    room.ask("a", **CLIP)
    room.ask("b", route=b"b", **CLIP)
    assert len(room.clip_listener.waiting) == 1 and not room.device.passes and room.desk.open_lines == 2
    room.tell(EXCITED)
    room.settle()
    room.ask("c", **CLIP)
    room.ask("neutral")
    room.settle()
    assert room.order() == ["a", "b", "c", "neutral"]
    assert room.body("a") == room.body("b") == room.body("c") != room.body("neutral")
    assert [room.replies(id)[0].cached for id in "abc"] == [False, False, True]


def test_another_clip_is_another_line_unless_it_says_the_same(room: Room):
    for id, clip in (("a", b"one"), ("b", b"two"), ("c", b"three")):
        room.ask(id, reference="emotion", clip=clip)
    for heard in (EXCITED, EXCITED, replace(EXCITED, base_hz=100, middle_hz=110)):
        room.tell(heard)
    room.settle()
    assert room.body("a") == room.body("b") != room.body("c")


def test_a_bad_clip_is_refused_to_all_who_wait_and_at_once_to_others(room: Room):
    room.ask("a", **CLIP)
    room.ask("b", **CLIP)
    room.tell(BadAudio("the clip is silent", field="reference"))
    assert room.code("a") == room.code("b") == "bad_audio"
    assert room.replies("a")[0].field == "reference"
    with pytest.raises(BadAudio):
        room.ask("c", **CLIP)


def test_the_same_clip_beside_another_baseline_is_another_pair(room: Room):
    room.ask("a", **CLIP)
    room.ask("b", **CLIP, neutral=b"calm", baseline=True)
    room.ask("c", **CLIP, neutral=b"other", baseline=True)
    room.ask("d", **CLIP, neutral=b"calm", baseline=True)
    assert len(room.clip_listener.waiting) == 3
    room.tell(EXCITED)
    room.tell(replace(EXCITED, base_hz=100, middle_hz=110))
    room.tell(BadAudio("the clip is silent", field="baseline"))
    room.settle()
    assert room.body("b") == room.body("d") != room.body("a")
    assert room.replies("c")[0].field == "baseline"


def test_another_manner_or_loudness_is_another_line_and_the_same_is_cached(room: Room):
    asked = {
        "plain": {}, "alto": {"manner": "alto"}, "blend": {"manner": {"alto": 0.5, "tenor": 0.5}},
        "quiet": {"loudness": -40}, "loud": {"loudness": -20}, "ghost": {"effect": "ghost"},
    }  # fmt: skip
    for id, fields in asked.items():
        room.ask(id, **fields)
    room.settle()
    for id, fields in asked.items():
        room.ask(f"{id} again", **fields)
        assert room.replies(f"{id} again")[0].cached and room.body(f"{id} again") == room.body(id)
    assert len({room.body(id) for id in asked}) == len(asked)


@pytest.mark.parametrize("format", ["pcm_f32le", "wav"])
def test_an_effect_is_that_of_the_whole_line_in_every_format(room: Room, format: str):
    room.ask("a", LONG, format=format, effect="cave")
    room.settle()
    whole = tone_voice().synthesizer.speak(Line(LONG, effect="cave"))
    assert room.body("a") == whole.encoded(format)
    assert room.replies("a")[0].audio.frames == len(whole.samples)


def test_loudness_is_that_of_the_whole_line_in_every_format(room: Room):
    for kind in ("pcm_f32le", "wav"):
        room.ask(kind, LONG, format=kind, loudness=-30, sample_rate=16_000)
    room.settle()
    whole = tone_voice().synthesizer.speak(Line(LONG, loudness_lufs=-30, sample_rate_hz=16_000))
    assert room.body("pcm_f32le") == whole.encoded("pcm_f32le")
    assert room.body("wav") == whole.encoded("wav")


def test_a_retry_with_another_manner_or_loudness_is_refused(room: Room):
    for fields in ({"manner": "alto"}, {"loudness": -20}, {"effect": "radio"}):
        room.ask(str(fields), session="npc", **fields)
        with pytest.raises(BadRequest, match="another request"):
            room.ask(str(fields), session="npc")


def test_who_waits_for_a_clip_can_cancel(room: Room):
    caller = room.ask("a", **CLIP)
    assert room.desk.cancel(caller, "a") and room.code("a") == "cancelled"
    room.tell(EXCITED)
    assert not room.device.passes


def test_a_retry_with_its_clip_is_one_line_and_with_another_is_refused(room: Room):
    room.ask("a", session="npc", **CLIP)
    room.tell(EXCITED)
    room.ask("a", session="npc", route=b"new", **CLIP)
    room.settle()
    assert len(room.replies("a")) == 2 and room.body("a")
    room.ask("a", session="npc", reference="emotion", clip=b"other")
    room.tell(replace(EXCITED, base_hz=100, middle_hz=110))
    assert room.replies("a")[-1].code == "bad_request"


def test_what_waits_for_a_clip_is_finished_behind_a_closed_door_and_given_up_at_the_end(room: Room):
    room.ask("a", **CLIP)
    room.desk.close_door()
    with pytest.raises(ShuttingDown):
        room.ask("b", reference="emotion", clip=b"other")
    room.tell(EXCITED)
    room.settle()
    assert room.body("a")


def test_a_clip_that_is_still_unheard_at_the_end_is_given_up(room: Room):
    room.ask("a", **CLIP)
    room.desk.give_up()
    assert room.code("a") == "shutting_down" and room.desk.open_lines == 0


def test_more_clips_than_can_wait_are_overload(room: Room):
    room.clip_listener.full = True
    with pytest.raises(Overloaded) as refused:
        room.ask("a", **CLIP)
    assert refused.value.retry_after_ms == 1000
