"""The server on a real socket: right answers, typed refusals, nothing left behind."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import msgpack
import numpy as np
import pytest
import zmq

from sidecar import Voice
from sidecar.engines.placement import DeviceLost
from sidecar.line import Line
from sidecar.protocol.limits import Limits
from sidecar.protocol.requests import OPS
from sidecar.server.config import CacheConfig, ServeConfig, StopConfig
from sidecar.server.door.door import Endpoints
from sidecar.server.lines.scheduling import QueueLimits
from sidecar.server.live_voices import LiveVoices, ServedVoice
from sidecar.server.server import Server
from sidecar.synthesis import Synthesizer
from tests.fakes import ToneEngine, still, tone_voice, tone_voices
from tests.prosody.sounds import speaking
from tests.prosody.test_clip_memory import wav

TOKEN = "correct-token"
WAIT_MS = 60_000
LIMITS = Limits(body_bytes=1 << 20)
LONG = (
    "I told the captain what I saw. He laughed at me in front of the whole company. Now the bridge is gone."
)


@contextmanager
def serving(
    voices: LiveVoices, endpoints: Endpoints | None = None, **config
) -> Iterator[tuple[Server, str, str]]:
    server = Server(voices, TOKEN, ServeConfig(**{"limits": LIMITS, **config}), endpoints)
    with tempfile.TemporaryDirectory() as folder:
        server.reload_with(still(Path(folder), voices.default))
        commands, events = server.bind()
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server, commands, events
        finally:
            server.stop()
            thread.join(timeout=30)
            assert not thread.is_alive()


@contextmanager
def connected(endpoint: str, kind: int = zmq.REQ) -> Iterator[zmq.Socket]:
    with zmq.Context() as context, context.socket(kind) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        socket.setsockopt(zmq.IPV6, "[" in endpoint)
        socket.connect(endpoint)
        yield socket


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving(tone_voices()) as (_, commands, _):
        yield commands


@pytest.fixture
def socket(endpoint: str) -> Iterator[zmq.Socket]:
    with connected(endpoint) as socket:
        yield socket


_ids = iter(range(10**9))


def header(**fields) -> bytes:
    return msgpack.packb({"v": 1, "id": f"id{next(_ids)}", "token": TOKEN, **fields})


def ask(socket: zmq.Socket, **fields) -> tuple[dict, list[bytes]]:
    socket.send(header(**fields))
    reply, *body = socket.recv_multipart()
    return msgpack.unpackb(reply), body


def refused(socket: zmq.Socket, **fields) -> dict:
    reply, body = ask(socket, **fields)
    assert reply["ok"] is False and body == []
    return reply["error"]


def test_ping_is_answered_with_its_id(socket: zmq.Socket):
    assert ask(socket, op="ping", id="é7") == ({"v": 1, "id": "é7", "ok": True}, [])


def test_hello_tells_what_can_be_done(socket: zmq.Socket):
    reply, _ = ask(socket, op="hello")
    assert reply["protocol"] == 1
    assert reply["models"][0]["name"] == "tone"
    assert set(OPS) == set(reply["ops"])
    assert reply["limits"]["text_characters"] == 2000
    assert reply["timings"] == ["words", "phonemes", "visemes"]
    assert {"ghost", "giant", "imp", "radio", "underwater", "robot"} <= set(reply["effects"])


def test_speakers_emotions_and_models_are_listed(socket: zmq.Socket):
    reply, _ = ask(socket, op="speakers")
    assert {"name": "bass", "display": "Bass", "language": "en-US", "model": "tone"} in reply["speakers"]
    assert reply["default"] == "alto"
    assert ask(socket, op="emotions")[0]["emotions"][0]["name"] == "neutral"
    (row,) = ask(socket, op="models")[0]["models"]
    assert (row["name"], row["version"], row["state"]) == ("tone", "1.0.0", "live")
    assert ask(socket, op="rescan")[0]["models"] == [row]
    assert ask(socket, op="activate", model="tone@1.0.0")[0]["models"] == [row]


def test_a_line_of_the_real_voice_is_the_same_as_spoken_in_process(voice: Voice):
    with (
        serving(LiveVoices(ServedVoice.of(voice.synthesizer))) as (_, endpoint, _),
        connected(endpoint) as socket,
    ):
        reply, (body,) = ask(
            socket,
            op="synthesize",
            text="Halt!",
            speaker="am_michael",
            timings=["words", "phonemes", "visemes"],
        )
        speech = voice.synthesize("Halt!", "am_michael")
        assert reply["audio"] == {
            "format": "pcm_s16le",
            "sample_rate": 24_000,
            "channels": 1,
            "frames": len(speech.samples),
        }
        assert body == speech.encoded("pcm_s16le")
        (row,) = reply["words"]
        assert row == ["Halt", pytest.approx(speech.words[0].start_s), pytest.approx(speech.words[0].end_s)]
        assert [p[0] for p in reply["phonemes"]] == [p.symbol for p in speech.phonemes]
        assert reply["visemes"] == [[round(at_s, 4), shape, weight] for at_s, shape, weight in speech.visemes]
        assert reply["model"]["version"] == "1.0.0"
        assert reply["seed"] == speech.seed
        timing = reply["timing"]
        stages = timing["queue_ms"] + timing["text_ms"] + timing["infer_ms"] + timing["encode_ms"]
        assert 0 < stages <= timing["total_ms"] * 1.01 + 1
        first, (opening,) = ask(socket, op="synthesize", text=LONG, stream=True)
        parts = [opening]
        while not first["chunk"]["last"]:
            first, (part,) = ask(socket, op="next", stream=first["stream"])
            parts.append(part)
        assert len(parts) > 1
        assert b"".join(parts) == voice.synthesize(LONG).encoded("pcm_s16le")


@pytest.mark.parametrize(("kind", "magic"), [("wav", b"RIFF"), ("ogg", b"OggS"), ("pcm_f32le", b"")])
def test_formats_are_as_asked(socket: zmq.Socket, kind: str, magic: bytes):
    reply, (body,) = ask(socket, op="synthesize", text="No.", format=kind, sample_rate=16_000)
    assert (reply["audio"]["format"], reply["audio"]["sample_rate"]) == (kind, 16_000)
    assert body.startswith(magic)
    if kind == "pcm_f32le":
        assert len(np.frombuffer(body, "<f4")) == reply["audio"]["frames"]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"op": "synthesize", "text": ""}, "empty_text", "text"),
        ({"op": "synthesize", "text": "🙂"}, "empty_text", "text"),
        ({"op": "synthesize", "text": "x" * 2001}, "text_too_long", "text"),
        ({"op": "synthesize"}, "bad_request", "text"),
        ({"op": "synthesize", "text": "Hi.", "speaker": "alt"}, "unknown_speaker", "speaker"),
        ({"op": "synthesize", "text": "Hi.", "speaker": ["alto"]}, "bad_request", "speaker"),
        ({"op": "synthesize", "text": "Hi.", "emotion": "angy"}, "unknown_emotion", "emotion"),
        ({"op": "synthesize", "text": "Hi.", "language": "xx"}, "unknown_language", "language"),
        ({"op": "synthesize", "text": "Hi.", "model": "tone@9.9.9"}, "unknown_model", "model"),
        ({"op": "synthesize", "text": "Hi.", "speed": float("nan")}, "bad_request", "speed"),
        ({"op": "synthesize", "text": "Hi.", "priority": "barc"}, "bad_request", "priority"),
        ({"op": "synthesize", "text": "Hi.", "deadline_ms": 0}, "bad_request", "deadline_ms"),
        ({"op": "synthesize", "text": "Hi.", "stream": 1}, "bad_request", "stream"),
        ({"op": "synthesize", "text": "Hi.", "session": "s" * 65}, "too_large", "session"),
        ({"op": "synthesize", "text": "Hi.", "reference": {"use": "emotion"}}, "bad_request", "reference"),
        ({"op": "next"}, "bad_request", "stream"),
        ({"op": "next", "stream": "none"}, "bad_request", "stream"),
        ({"op": "cancel"}, "bad_request", "target"),
        ({"op": "activate", "model": "tome"}, "unknown_model", "model"),
        ({"op": "rollback", "model": "tone"}, "unsupported", "model"),
        ({"op": "canary", "model": "tone", "share": 2}, "bad_request", "share"),
        ({"op": "canary", "model": "tone"}, "bad_request", "share"),
        ({"op": "synthesize", "text": "Hi.", "manner": "nobody"}, "unknown_speaker", "manner"),
        ({"op": "synthesize", "text": "Hi.", "loudness": -61}, "bad_request", "loudness"),
        ({"op": "sing"}, "unknown_op", "op"),
        ({"op": "ping", "v": 9}, "unsupported_version", "v"),
        ({"op": "ping", "id": "i" * 65}, "too_large", "id"),
        ({"op": "ping", "token": "wrong"}, "unauthorized", "token"),
        ({"op": "ping", "token": "töken"}, "unauthorized", "token"),
        ({"op": "ping", "token": None}, "unauthorized", "token"),
    ],
)
def test_a_bad_request_is_refused_by_code_and_field(socket: zmq.Socket, fields: dict, code: str, field: str):
    error = refused(socket, **fields)
    assert (error["code"], error.get("field")) == (code, field)
    assert ask(socket, op="ping")[0]["ok"] is True


def test_a_clip_is_taken_only_with_a_reference(socket: zmq.Socket):
    for fields, code in (
        ({}, "bad_request"), ({"reference": {"use": "emotion"}}, "bad_audio"),
        ({"reference": {"use": "voice"}}, "unsupported"),
    ):  # fmt: skip
        socket.send_multipart([header(op="synthesize", text="Hi.", **fields), b"RIFF"])
        error = msgpack.unpackb(socket.recv())["error"]
        assert (error["code"], error["field"]) == (code, "reference")


def test_a_baseline_comes_as_second_body_beside_a_reference_only(socket: zmq.Socket):
    both = {"reference": {"use": "emotion"}, "baseline": True}
    for fields, bodies, field, message in (
        ({"baseline": True}, 1, "baseline", "a baseline needs the reference that it is compared with"),
        (both, 1, "baseline", "a baseline needs its clip as second body"),
        (both, 0, "reference", "a reference needs its clip as body"),
        ({"reference": {"use": "emotion"}}, 2, "baseline", "a second body is read as a baseline only"),
    ):  # fmt: skip
        socket.send_multipart([header(op="synthesize", text="Hi.", **fields), *[b"RIFF"] * bodies])
        error = msgpack.unpackb(socket.recv())["error"]
        assert (error["code"], error["field"]) == ("bad_request", field) and message in error["message"]
    good, bad = wav(speaking()), b"RIFF"
    socket.send_multipart([header(op="synthesize", text="Hi.", **both), good, bad])
    error = msgpack.unpackb(socket.recv())["error"]
    assert (error["code"], error["field"]) == ("bad_audio", "baseline")


def test_each_of_two_bodies_has_the_limit_of_one(socket: zmq.Socket):
    for sizes in ((9, (1 << 20) + 1), (9, 7 << 20)):
        socket.send_multipart([header(op="ping", id="b"), *(b"x" * size for size in sizes)])
        reply = msgpack.unpackb(socket.recv())
        assert (reply["id"], reply["error"]["code"]) == ("b", "too_large")
    assert ask(socket, op="ping")[0]["ok"] is True


def test_a_line_is_compared_with_its_baseline(socket: zmq.Socket):
    fields = {"op": "synthesize", "text": "Hear!", "reference": {"use": "emotion"}, "intensity": 1}
    excited, calm = wav(speaking(150, 5)), wav(speaking())
    voice = Voice(tone_voice().synthesizer)
    for clips in ([excited], [excited, calm], [excited, excited]):
        given = {"baseline": True} if len(clips) > 1 else {}
        socket.send_multipart([header(**fields, **given), *clips])
        reply, body = socket.recv_multipart()
        assert msgpack.unpackb(reply)["ok"] is True
        own = voice.synthesize(
            "Hear!", None, reference=clips[0], baseline=clips[1] if given else None, intensity=1
        )
        assert body == own.encoded("pcm_s16le")


def test_manner_and_loudness_are_those_of_the_python_api(socket: zmq.Socket):
    voice = Voice(tone_voice().synthesizer)
    reply, (body,) = ask(socket, op="synthesize", text="Hear!", manner="alto", loudness=-30)
    assert reply["ok"] is True
    assert body == voice.synthesize("Hear!", manner="alto", loudness_lufs=-30).encoded("pcm_s16le")


def test_an_effect_is_that_of_the_python_api_and_an_unknown_one_is_refused(socket: zmq.Socket):
    voice = Voice(tone_voice().synthesizer)
    _, (body,) = ask(socket, op="synthesize", text="Hear!", effect="cave")
    assert body == voice.synthesize("Hear!", effect="cave").encoded("pcm_s16le")
    error = refused(socket, op="synthesize", text="Hear!", effect="caves")
    assert (error["code"], error["field"]) == ("bad_request", "effect")
    assert "did you mean 'cave'" in error["message"]


def test_loudness_of_a_stream_is_unsupported(socket: zmq.Socket):
    error = refused(socket, op="synthesize", text="Hi.", loudness=-20, stream=True)
    assert (error["code"], error["field"]) == ("unsupported", "loudness")
    assert error["message"] == "loudness can only be set for a whole line, not a stream"


def test_a_line_is_spoken_like_its_clip(socket: zmq.Socket):
    fields = {"op": "synthesize", "text": "Hear!", "reference": {"use": "emotion"}, "intensity": 1}
    bodies = []
    for clip in (wav(speaking(150, 5)), wav(speaking(150, 1))):
        socket.send_multipart([header(**fields), clip])
        reply, body = socket.recv_multipart()
        assert msgpack.unpackb(reply)["ok"] is True
        bodies.append(body)
    assert bodies[0] != bodies[1]


def test_garbage_gets_an_error_and_the_connection_lives(socket: zmq.Socket):
    for frames in ([b"\xc1"], [b""], [b"\x80", b"a", b"b", b"c"], [msgpack.packb([1])], [b"\x00" * 70_000]):
        socket.send_multipart(frames)
        assert msgpack.unpackb(socket.recv())["error"]["code"] in (
            "bad_request",
            "too_large",
            "unsupported_version",
        )
    for size in ((1 << 20) + 1, 7 << 20):
        socket.send_multipart([header(op="ping", id="b"), b"x" * size])
        reply = msgpack.unpackb(socket.recv())
        assert (reply["id"], reply["error"]["code"]) == ("b", "too_large")
    assert ask(socket, op="ping")[0]["ok"] is True


def test_a_dealer_keeps_several_lines_in_flight_and_control_overtakes_them(endpoint: str):
    with connected(endpoint, zmq.DEALER) as socket:
        text = "This line of the song is sung to the very end, and it is a long one, as songs go. "
        for op, id in (
            ("synthesize", "a"),
            ("synthesize", "b"),
            ("ping", "c"),
            ("stats", "d"),
            ("models", "e"),
        ):
            socket.send_multipart([b"", header(id=id, op=op, text=f"{id}. {20 * text}"[:2000])])
        order = [msgpack.unpackb(socket.recv_multipart()[1])["id"] for _ in range(5)]
    assert order == ["c", "d", "e", "a", "b"]


def test_a_line_is_cancelled_from_another_connection_of_its_session(endpoint: str):
    text = "A very long tale, told by an old man, by the fire, on a winter night. " * 25
    with connected(endpoint, zmq.DEALER) as teller, connected(endpoint) as other:
        teller.send_multipart([b"", header(id="tale", op="synthesize", text=text, session="npc")])
        while ask(other, op="stats")[0]["lines_running"] == 0:
            pass
        assert ask(other, op="cancel", target="tale", session="somebody else")[0]["cancelled"] is False
        assert ask(other, op="cancel", target="tale", session="npc")[0]["cancelled"] is True
        assert msgpack.unpackb(teller.recv_multipart()[1])["error"]["code"] == "cancelled"


def test_a_message_without_delimiter_gets_an_error(endpoint: str):
    with connected(endpoint, zmq.DEALER) as socket:
        socket.send(msgpack.packb({"v": 1}))
        assert msgpack.unpackb(socket.recv_multipart()[1])["error"]["code"] == "bad_request"


def test_a_client_that_does_not_read_misses_replies_and_harms_nobody(endpoint: str):
    with connected(endpoint, zmq.DEALER) as rude, connected(endpoint) as polite:
        rude.setsockopt(zmq.RCVHWM, 1)
        for _ in range(2000):
            rude.send_multipart([b"", header(op="synthesize", text="Loud and clear, for all to hear!")])
        before = ask(polite, op="stats")[0]["memory_bytes"]
        for _ in range(50):
            assert ask(polite, op="ping")[0]["ok"]
        assert ask(polite, op="stats")[0]["memory_bytes"] - before < 100 << 20


def test_events_are_published(socket: zmq.Socket):
    with serving(tone_voices()) as (_, commands, events), connected(events, zmq.SUB) as listener:
        listener.setsockopt(zmq.SUBSCRIBE, b"line.")
        with connected(commands) as client:
            while not listener.poll(20):  # a subscription takes a moment to arrive
                ask(client, op="synthesize", text="Hear, hear!", session="npc")
        topic, data = listener.recv_multipart()
        event = msgpack.unpackb(data)
        assert topic in (b"line.started", b"line.done") and event["session"] == "npc"
        assert "Hear" not in str(event)


def test_an_overloaded_queue_says_when_to_come_again():
    limits = QueueLimits(lines=2, client_lines=2)
    with serving(tone_voices(), queue=limits) as (_, endpoint, _), connected(endpoint, zmq.DEALER) as socket:
        for number in range(6):
            text = f"Number {number} is waiting, " * 60
            socket.send_multipart([b"", header(id=str(number), op="synthesize", text=text)])
        replies = [msgpack.unpackb(socket.recv_multipart()[1]) for _ in range(6)]
    refusals = [reply["error"] for reply in replies if not reply["ok"]]
    assert {error["code"] for error in refusals} == {"overloaded"}
    assert all(error["retryable"] and error["retry_after_ms"] >= 50 for error in refusals)
    assert sum(reply["ok"] for reply in replies) >= 2


def test_shutdown_finishes_what_was_accepted_and_refuses_the_rest():
    with serving(tone_voices()) as (_, endpoint, _), connected(endpoint, zmq.DEALER) as socket:
        for op, id in (("synthesize", "a"), ("shutdown", "b"), ("synthesize", "c"), ("ping", "d")):
            socket.send_multipart([b"", header(id=id, op=op, text="The gate is closing now. " * 40)])
        replies = {r["id"]: r for r in (msgpack.unpackb(socket.recv_multipart()[1]) for _ in range(4))}
    assert replies["a"]["ok"] and replies["b"]["ok"] and replies["d"]["ok"]
    assert replies["c"]["error"]["code"] == "shutting_down" and replies["c"]["error"]["retryable"]


def test_a_stream_is_pulled_to_its_end_while_the_server_drains():
    with serving(tone_voices()) as (server, endpoint, _), connected(endpoint) as socket:
        reply, (body,) = ask(socket, op="synthesize", text=LONG, stream=True)
        server.stop("test")
        audio = [body]
        while not reply["chunk"]["last"]:
            reply, (body,) = ask(socket, op="next", stream=reply["stream"])
            audio.append(body)
    expected = tone_voices().default.synthesizer.speak(Line(LONG)).encoded("pcm_s16le")
    assert b"".join(audio) == expected


def test_a_second_stop_answers_what_is_open_instead_of_finishing_it():
    with serving(tone_voices()) as (server, endpoint, _), connected(endpoint, zmq.DEALER) as socket:
        text = "An endless tale, " * 110
        for number in range(5):
            socket.send_multipart([b"", header(id=str(number), op="synthesize", text=f"{number} {text}")])
        with connected(endpoint) as other:
            while (now := ask(other, op="stats")[0])["lines_running"] + now["lines_waiting"] < 5:
                pass
        server.stop()
        server.stop()
        replies = [msgpack.unpackb(socket.recv_multipart()[1]) for _ in range(5)]
    assert {reply["error"]["code"] for reply in replies if not reply["ok"]} == {"shutting_down"}


class FailingForGood(ToneEngine):
    """Loses its device with the first line that it is to speak, once told to `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def plan(self, phrases):
        self.go.wait(WAIT_MS / 1000)
        raise DeviceLost("cuda:0 has failed")


def test_a_lost_device_ends_the_server_and_other_lines_are_for_the_next_one():
    engine = FailingForGood()
    model = replace(tone_voice().synthesizer.model, engine=engine)
    voices = LiveVoices(ServedVoice.of(Synthesizer(model)))
    with serving(voices) as (server, endpoint, _), connected(endpoint, zmq.DEALER) as socket:
        for number in range(3):
            socket.send_multipart([b"", header(id=str(number), op="synthesize", text=f"Line {number}.")])
        with connected(endpoint) as other:
            while ask(other, op="stats")[0]["lines_waiting"] < 2:
                pass
        engine.go.set()
        replies = {r["id"]: r["error"] for r in (msgpack.unpackb(socket.recv_multipart()[1]) for _ in "012")}
    assert (replies["0"]["code"], replies["0"]["message"]) == ("internal", "cuda:0 has failed")
    assert [replies[number]["code"] for number in "12"] == ["shutting_down"] * 2
    assert replies["1"]["retryable"] and not replies["0"].get("retryable")
    assert server.device_lost


def test_an_idle_server_ends_by_itself_but_not_while_it_speaks():
    server = Server(tone_voices(), TOKEN, ServeConfig(stop=StopConfig(idle_exit_s=0.5)))
    endpoint, _ = server.bind()
    thread = threading.Thread(target=server.run)
    thread.start()
    with connected(endpoint) as socket:
        assert ask(socket, op="synthesize", text="Still here. " * 100)[0]["ok"]
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_loopback_may_be_ipv6():
    with (
        serving(tone_voices(), endpoints=Endpoints(address="::1")) as (_, endpoint, _),
        connected(endpoint) as socket,
    ):
        assert ask(socket, op="ping")[0]["ok"]


def test_repeated_servers_leave_no_thread():
    before = set(threading.enumerate())
    for _ in range(5):
        with serving(tone_voices()) as (_, endpoint, _), connected(endpoint) as socket:
            ask(socket, op="ping")
    assert not [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]


def test_another_first_byte_ends_nobodys_subscription(tmp_path: Path):
    with serving(tone_voices()) as (_, endpoint, events), connected(events, zmq.SUB) as listener:
        listener.setsockopt(zmq.SUBSCRIBE, b"line.done")
        with connected(events, zmq.XSUB) as rude, connected(endpoint) as socket:
            time.sleep(0.2)
            for first in (2, 7, 255):
                rude.send(bytes([first]) + b"line.done")
            time.sleep(0.2)
            ask(socket, op="synthesize", text="Halt!")
            assert listener.recv_multipart()[0] == b"line.done"


def test_only_beginnings_of_known_topics_are_kept():
    with serving(tone_voices()) as (server, endpoint, events), connected(events, zmq.SUB) as listener:
        with connected(endpoint) as socket:
            for number in range(200):
                listener.setsockopt(zmq.SUBSCRIBE, b"nonsense.%d" % number)
            listener.setsockopt(zmq.SUBSCRIBE, b"line.")
            while not listener.poll(20):  # subscriptions are read as events are told
                ask(socket, op="synthesize", text="Halt!")
        assert [peer.wanted for peer in server._door._front._listeners] == [{b"line."}]


def test_a_bug_on_the_servers_thread_ends_nothing(monkeypatch: pytest.MonkeyPatch, caplog):
    voices = tone_voices()
    with serving(voices) as (server, endpoint, _), connected(endpoint) as socket:

        def broken(*_: object) -> NoReturn:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(server, "_look_at_the_voices", broken)
            server._later(broken)
            assert ask(socket, op="ping")[0]["ok"]
            assert ask(socket, op="synthesize", text="Halt!")[0]["ok"]
        assert server.snapshot().metrics.faults >= 2
        assert ask(socket, op="synthesize", text="And on.")[0]["ok"]
    assert "goes on" in caplog.text


def test_a_deadline_is_noticed_when_it_is_due():
    with serving(tone_voices()) as (server, endpoint, _), connected(endpoint, zmq.DEALER) as dealer:
        server._later(lambda: server._desk.pause("tone"))  # nobody answers the line, and nothing else happens
        request = {"op": "synthesize", "text": "Halt!", "deadline_ms": 120}
        began = time.perf_counter()
        dealer.send_multipart([b"", header(**request)])
        reply = msgpack.unpackb(dealer.recv_multipart()[1])
        took_ms = 1000 * (time.perf_counter() - began)
    assert reply["error"]["code"] == "deadline_exceeded"
    assert 100 <= took_ms < 300


def test_a_folder_that_cannot_be_used_leaves_no_thread(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    before = threading.active_count()
    config = ServeConfig(cache=CacheConfig(disk=tmp_path / "file", disk_bytes=1))
    server = Server(tone_voices(), TOKEN, config)
    server.bind()
    with pytest.raises(OSError):
        server.run()
    assert threading.active_count() == before
