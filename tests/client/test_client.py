"""The client: one answer for each request whatever happens to the sidecar, and nothing left behind."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest
import zmq

from sidecar.client import AsyncClient, Client
from sidecar.line import Line
from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import (
    BadRequest,
    Cancelled,
    EmptyText,
    Overloaded,
    UnknownSpeaker,
    Unreachable,
    Unsupported,
)
from sidecar.protocol.events import LineDone, LineStarted, ModelReleased
from sidecar.protocol.record import to_map
from sidecar.server.door.door import Endpoints
from sidecar.server.server import Server
from sidecar.voice import Voice
from tests.client.peers import peer
from tests.fakes import ToneEngine, still, tone_voices
from tests.prosody.sounds import speaking
from tests.prosody.test_clip_memory import wav
from tests.protocol.examples import REPLIES

TOKEN = "t"
LONG = (
    "The old mine has been sealed for ten long years, traveler, and nobody who went in ever came back out. "
    "Take a lantern and a rope. And for the love of all that is holy, take somebody with you this time."
)


@contextmanager
def serving(file: Path, token: str = TOKEN, port: int = 0) -> Iterator[Server]:
    """A sidecar in this process, with its connection file."""
    voices = tone_voices()
    server = Server(voices, token, endpoints=Endpoints(port=port))
    server.reload_with(still(file.parent, voices.default))
    commands, events = server.bind()
    connection = Connection(os.getpid(), commands, events, token, time.time())
    connection.write(file)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop("test", drain=False)
        thread.join(30)
        connection.remove(file)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "connection.json"
    with serving(path):
        yield path


def spoken(text: str) -> bytes:
    return tone_voices().default.synthesizer.speak(Line(text)).encoded("pcm_s16le")


def test_every_op_has_its_method(file: Path):
    with Client(file) as client:
        client.ping()
        assert client.hello().protocol == 1
        assert client.speakers().default == "alto"
        assert client.emotions().emotions[0].name == "neutral"
        assert client.models().models == client.rescan().models == client.activate("tone").models
        assert client.say("Halt!").audio == spoken("Halt!")
        assert client.cancel("nothing") is False
        for refused in (lambda: client.rollback("tone"), lambda: client.canary("tone", 0.5)):
            with pytest.raises(Exception, match="tone"):
                refused()
        assert client.stats().requests["synthesize"] == 1
        assert client.shutdown().lines == 0


def test_a_stream_comes_chunk_by_chunk_and_is_the_line(file: Path):
    with Client(file) as client:
        parts = list(client.stream(LONG))
        assert len(parts) > 2 and parts[-1].reply.chunk.last
        assert b"".join(part.audio for part in parts) == spoken(LONG)


def test_visemes_are_rows_of_a_start_an_id_and_a_weight(file: Path):
    rows = tone_voices().default.synthesizer.speak(Line(LONG)).visemes
    with Client(file) as client:
        whole = client.say(LONG, timings=["visemes"])
        parts = [chunk.reply.visemes for chunk in client.stream(LONG, timings=["visemes"])]
    assert whole.reply.visemes == tuple((round(at_s, 4), shape, weight) for at_s, shape, weight in rows)
    assert len(parts) > 1 and tuple(row for part in parts for row in part) == whole.reply.visemes


def test_leaving_a_stream_early_cancels_the_rest(file: Path):
    with Client(file) as client:
        for _ in client.stream(LONG):
            break
        assert client.stats().streams == 0


def test_a_refusal_is_the_exception_of_its_code(file: Path):
    with Client(file) as client:
        with pytest.raises(UnknownSpeaker, match="alto") as refusal:
            client.say("Hi.", speaker="altos")
        assert refusal.value.field == "speaker"
        with pytest.raises(EmptyText):
            client.say("")
        with pytest.raises(BadRequest, match="mood"):
            client.say("Hi.", mood="good")


def test_manner_loudness_and_clips_are_those_of_the_python_api(file: Path):
    voice, excited, calm = Voice(tone_voices().default.synthesizer), wav(speaking(150, 5)), wav(speaking())
    like = voice.synthesize("Hear!", reference=excited, baseline=calm)
    other = voice.synthesize("Hear!", manner="alto", loudness_lufs=-30)
    with Client(file) as client:
        assert client.say("Hear!", clip=excited, baseline=calm).audio == like.encoded("pcm_s16le")
        assert client.say("Hear!", manner="alto", loudness=-30).audio == other.encoded("pcm_s16le")
        streamed = client.stream("Hear!", clip=excited, baseline=calm)
        assert b"".join(chunk.audio for chunk in streamed) == like.encoded("pcm_s16le")
        with pytest.raises(BadRequest, match="a baseline needs the reference"):
            client.say("Hear!", baseline=calm)
        with pytest.raises(Unsupported, match="not a stream"):
            list(client.stream("Hear!", loudness=-30))
        assert client.stats().requests["hello"] == 1


def test_a_sidecar_that_would_pass_over_a_field_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sidecar.server.dispatch.LINE_FIELDS", ("text", "speaker"))
    with serving(tmp_path / "old") as server, Client(tmp_path / "old") as client:
        for fields in ({"manner": "alto"}, {"loudness": -30}, {"clip": b"RIFF", "baseline": b"RIFF"}):
            with pytest.raises(Unsupported, match="does not know") as refusal:
                client.say("Halt!", **fields)
            assert refusal.value.field in fields
        assert client.say("Halt!").audio == spoken("Halt!")
        assert server.metrics.requests["synthesize"] == server.metrics.requests["hello"] == 1


def test_a_sidecar_that_was_started_again_is_greeted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "connection.json"
    with Client(path) as client:
        with serving(path, "new"):
            client.say("Halt!", manner="alto")
        monkeypatch.setattr("sidecar.server.dispatch.LINE_FIELDS", ("text", "speaker"))
        with serving(path, "old"), pytest.raises(Unsupported, match="manner"):
            client.say("Halt!", manner="alto")


def test_threads_can_share_a_client(file: Path):
    with Client(file) as client:
        found: dict[int, bytes] = {}

        def speak(number: int) -> None:
            found[number] = client.say(f"Number {number}.").audio

        threads = [threading.Thread(target=speak, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert found == {number: spoken(f"Number {number}.") for number in range(8)}


def test_events_are_told(file: Path):
    with Client(file) as client:
        both, done = client.events("line.", timeout_s=10), client.events("line.done", timeout_s=10)
        lines = [f"Hear {number}!" for number in range(200)]
        teller = threading.Thread(target=lambda: [client.say(line, session="npc") for line in lines])
        teller.start()
        told, filtered = [next(both) for _ in range(4)], [next(done) for _ in range(4)]
        both.close()
        done.close()
        teller.join(30)
    assert {type(event) for event in told} == {LineStarted, LineDone}
    assert {type(event) for event in filtered} == {LineDone}
    assert {event.session for event in (*told, *filtered)} == {"npc"}


def test_events_of_a_newer_sidecar_are_passed_over_and_so_are_new_fields(tmp_path: Path):
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        publisher.bind("tcp://127.0.0.1:*")
        endpoint = publisher.getsockopt_string(zmq.LAST_ENDPOINT)
        Connection(os.getpid(), endpoint, endpoint, TOKEN, 0).write(tmp_path / "c.json")

        def tell() -> None:
            publisher.recv()  # somebody listens
            publisher.send_multipart([b"model.dreams", b"\xc1 in a form of its own"])
            event = {"name": "tone", "version": "2.0.0", "why": "nobody speaks with it"}
            publisher.send_multipart([b"model.released", msgpack.packb(event)])

        teller = threading.Thread(target=tell)
        teller.start()
        with Client(tmp_path / "c.json") as client:
            assert list(client.events("model.", timeout_s=0.5)) == [ModelReleased("tone", "2.0.0")]
        teller.join(10)


def test_a_stream_goes_on_where_it_was_with_a_sidecar_that_is_started_again(tmp_path: Path):
    file = tmp_path / "connection.json"
    with serving(file) as first, Client(file) as client:
        chunks = client.stream(LONG)
        heard = [next(chunks).audio]
        first._later(lambda: (first._desk._streams._open.clear(), first._desk._retries.__init__()))
        heard += [chunk.audio for chunk in chunks]
    assert len(heard) > 2 and b"".join(heard) == spoken(LONG)


def test_a_sidecar_that_is_started_again_is_found(tmp_path: Path):
    file = tmp_path / "c.json"
    with Client(file, timeout_s=5) as client:
        with serving(file):
            assert client.say("Halt!").audio == spoken("Halt!")
        threading.Timer(0.5, lambda: None).start()
        with serving(file, token="another"):
            assert client.say("Halt!").audio == spoken("Halt!")


def test_a_sidecar_started_again_on_its_port_has_another_token(tmp_path: Path):
    file = tmp_path / "c.json"
    with Client(file) as client:
        with serving(file):
            client.ping()
            port = int(Connection.read(file).commands.rpartition(":")[2])
        with serving(file, token="another", port=port):
            client.ping()


def test_no_sidecar_is_one_plain_error(tmp_path: Path):
    refusal = pytest.raises(Unreachable, match="no sidecar is running")
    with Client(tmp_path / "absent.json", timeout_s=0.2) as client, refusal:
        client.ping()


class Deaf:
    """A sidecar that leaves the first requests unanswered, and remembers the ids of all."""

    def __init__(self, file: Path, unanswered: int, reply: dict) -> None:
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind("tcp://127.0.0.1:*")
        endpoint = self._router.getsockopt_string(zmq.LAST_ENDPOINT)
        Connection(os.getpid(), endpoint, endpoint, TOKEN, 0).write(file)
        self.asked: list[tuple[str, str]] = []
        self._unanswered, self._reply = unanswered, reply
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while self._router.poll(5_000):
            route, _, frame = self._router.recv_multipart()
            header = msgpack.unpackb(frame)
            if header["op"] == "stop":
                break
            self.asked.append((header["session"], header["id"]))
            if len(self.asked) > self._unanswered:
                answer = msgpack.packb({"v": 1, "id": header["id"], **self._reply})
                self._router.send_multipart([route, b"", answer])

    def close(self) -> None:
        with self._context.socket(zmq.REQ) as socket:
            socket.connect(self._router.getsockopt_string(zmq.LAST_ENDPOINT))
            socket.send(msgpack.packb({"op": "stop"}))
            self._thread.join()
        self._router.close()
        self._context.term()


def test_an_unanswered_request_is_sent_again_with_the_same_id(tmp_path: Path):
    deaf = Deaf(tmp_path / "c.json", 2, {"ok": True})
    with Client(tmp_path / "c.json", timeout_s=0.2) as client:
        client.ping()
    deaf.close()
    assert len(deaf.asked) == 3 and len(set(deaf.asked)) == 1


def test_a_sidecar_that_never_answers_is_given_up(tmp_path: Path):
    deaf = Deaf(tmp_path / "c.json", 99, {})
    given_up = pytest.raises(Unreachable, match="3 times")
    with Client(tmp_path / "c.json", timeout_s=0.1, attempts=3) as client, given_up:
        client.ping()
    deaf.close()
    assert len(deaf.asked) == 3


class Slow(Deaf):
    """A sidecar that answers no line before it was asked so often, and says meanwhile how many it speaks."""

    def __init__(self, file: Path, unanswered: int, lines: int) -> None:
        self._lines = lines
        super().__init__(file, unanswered, {"ok": False, "error": REFUSED})

    def _run(self) -> None:
        while self._router.poll(5_000):
            route, _, frame = self._router.recv_multipart()
            header = msgpack.unpackb(frame)
            if header["op"] == "stop":
                break
            reply = {"ok": True, **to_map(REPLIES["stats"]), "lines_waiting": 0, "lines_running": self._lines}
            if header["op"] == "synthesize":
                self.asked.append((header["session"], header["id"]))
                reply = self._reply if len(self.asked) > self._unanswered else None
            if reply is not None:
                answer = msgpack.packb({"v": 1, "id": header["id"], **reply})
                self._router.send_multipart([route, b"", answer])


REFUSED = {"code": "empty_text", "message": "nothing in it", "retryable": False}


def test_a_line_is_waited_for_while_the_sidecar_speaks(tmp_path: Path):
    slow = Slow(tmp_path / "c.json", unanswered=2, lines=1)
    with Client(tmp_path / "c.json", timeout_s=0.2, attempts=2) as client, pytest.raises(EmptyText):
        client.say("A long line.")
    slow.close()
    assert len(slow.asked) == 3 and len(set(slow.asked)) == 1  # more often than twice, but not at each wait


def test_a_line_that_takes_long_is_spoken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    speak = ToneEngine.render
    begun = []

    def slowly(self, plans, seeds):
        begun.append(seeds)
        time.sleep(1)
        return speak(self, plans, seeds)

    monkeypatch.setattr(ToneEngine, "render", slowly)
    file = tmp_path / "connection.json"
    with serving(file), Client(file, timeout_s=0.2, attempts=2) as client:
        assert client.say(LONG).duration_s > 1
    assert len(begun) == len(tone_voices().default.synthesizer.prepare(Line(LONG)).phrases) > 1


def test_a_line_that_the_sidecar_does_not_speak_is_given_up(tmp_path: Path):
    slow = Slow(tmp_path / "c.json", unanswered=99, lines=0)
    given_up = pytest.raises(Unreachable, match="2 times")
    with Client(tmp_path / "c.json", timeout_s=0.2, attempts=2) as client, given_up:
        client.say("A long line.")
    slow.close()
    assert len(slow.asked) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_client_says_so_in_a_forked_process(tmp_path: Path):
    script = (
        "import multiprocessing, sys\n"
        "from sidecar.client import Client\n"
        "client = Client(sys.argv[1])\n"
        "client.ping()\n"
        "def child(answers):\n"
        "    try:\n"
        "        client.ping()\n"
        "    except Exception as error:\n"
        "        answers.put(repr(error))\n"
        "    client.close()\n"
        "    with Client(sys.argv[1]) as own:\n"
        "        own.ping()\n"
        "    answers.put('its own')\n"
        "forks = multiprocessing.get_context('fork')\n"
        "answers = forks.Queue()\n"
        "process = forks.Process(target=child, args=(answers,), daemon=True)\n"
        "process.start()\n"
        "print(answers.get(timeout=20), answers.get(timeout=20))\n"
        "client.ping()\n"
        "client.close()\n"
    )
    file = tmp_path / "c.json"
    with peer() as (process, endpoint):
        Connection(process.pid, endpoint, endpoint, TOKEN, 0).write(file)
        command = [sys.executable, "-c", script, str(file)]
        ended = subprocess.run(command, timeout=60, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "forked" in ended.stdout and "its own" in ended.stdout


def test_overload_is_waited_out_as_long_as_it_says(tmp_path: Path):
    error = {"code": "overloaded", "message": "later", "retryable": True, "retry_after_ms": 150}
    deaf = Deaf(tmp_path / "c.json", 0, {"ok": False, "error": error})
    began = time.monotonic()
    with Client(tmp_path / "c.json", attempts=3) as client, pytest.raises(Overloaded):
        client.ping()
    deaf.close()
    assert 0.45 <= time.monotonic() - began < 3
    assert len(deaf.asked) == 3


@pytest.mark.parametrize(
    "reply", [{"ok": 3}, {"ok": True, "v": 2}, {"ok": False}, {"ok": True, "lines": "many"}]
)
def test_a_reply_that_is_none_is_an_error_and_not_a_hang(tmp_path: Path, reply: dict):
    deaf = Deaf(tmp_path / "c.json", 0, reply)
    with (
        Client(tmp_path / "c.json") as client,
        pytest.raises(Exception, match=r"must be|expected|missing|carry"),
    ):
        client.shutdown()
    deaf.close()


def test_a_cancelled_task_cancels_its_line(file: Path):
    async def scenario() -> None:
        async with AsyncClient(file) as client:
            line = asyncio.create_task(client.say(LONG * 9))
            while (await client.stats()).lines_running == 0:
                await asyncio.sleep(0)
            line.cancel()
            with pytest.raises(asyncio.CancelledError):
                await line
            while (stats := await client.stats()).lines_running:
                await asyncio.sleep(0.01)
            assert stats.errors == {"cancelled": 1}

    asyncio.run(scenario())


def test_a_line_can_be_cancelled_by_its_id(file: Path):
    async def scenario() -> None:
        async with AsyncClient(file) as client:
            line = asyncio.create_task(client.say(LONG * 9, id="tale"))
            while not await client.cancel("tale"):
                await asyncio.sleep(0)
            with pytest.raises(Cancelled):
                await line

    asyncio.run(scenario())


def test_lines_of_one_asyncio_client_do_not_wait_for_each_other(file: Path):
    async def scenario() -> list[str]:
        async with AsyncClient(file) as client:
            order = []

            async def speak(name: str, text: str, priority: str) -> None:
                await client.say(text, priority=priority)
                order.append(name)

            await asyncio.gather(
                speak("monologue", LONG * 9, "dialogue"),
                *(speak("bark", f"Duck {n}!", "bark") for n in range(3)),
            )
            return order

    assert asyncio.run(scenario()) == ["bark", "bark", "bark", "monologue"]


def test_a_closed_client_leaves_no_thread_and_says_so(file: Path):
    with Client(file) as first:
        first.ping()  # the sidecar's own threads are all there now
    before = set(threading.enumerate())
    client = Client(file)
    client.ping()
    client.close()
    client.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]
    with pytest.raises(Unreachable, match="closed"):
        client.ping()


def test_closing_ends_calls_of_other_threads(tmp_path: Path):
    deaf = Deaf(tmp_path / "c.json", 99, {})
    client = Client(tmp_path / "c.json", timeout_s=60)
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            client.ping()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not deaf.asked:
        time.sleep(0.01)
    client.close()
    thread.join(10)
    deaf.close()
    assert not thread.is_alive() and len(ended) == 1


def test_closing_ends_calls_of_other_tasks(tmp_path: Path):
    deaf = Deaf(tmp_path / "c.json", 99, {})

    async def scenario() -> None:
        client = AsyncClient(tmp_path / "c.json", timeout_s=60)
        asked = asyncio.create_task(client.ping())
        while not deaf.asked:
            await asyncio.sleep(0.01)
        await client.close()
        with pytest.raises(Unreachable, match="closed"):
            await asyncio.wait_for(asked, 5)

    asyncio.run(scenario())
    deaf.close()


def test_the_client_needs_no_torch():
    import subprocess
    import sys

    program = "import sys, sidecar.client; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
