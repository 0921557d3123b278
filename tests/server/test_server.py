"""The server on a real socket with the real model: right answers, typed refusals, nothing left behind."""

import threading
from collections.abc import Iterator

import msgpack
import numpy as np
import pytest
import zmq

from sidecar import Voice
from sidecar.protocol.limits import Limits
from sidecar.server.server import Server, ServerSettings

TOKEN = "correct-token"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def endpoint(voice: Voice) -> Iterator[str]:
    server = Server(voice.synthesizer, ServerSettings(token=TOKEN, limits=Limits(body_bytes=1 << 20)))
    place = server.bind()
    thread = threading.Thread(target=server.run)
    thread.start()
    yield place
    server.stop()
    thread.join(timeout=30)
    assert not thread.is_alive()


@pytest.fixture
def socket(endpoint: str) -> Iterator[zmq.Socket]:
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        socket.connect(endpoint)
        yield socket


def ask(socket: zmq.Socket, **fields) -> tuple[dict, list[bytes]]:
    socket.send(msgpack.packb({"v": 1, "id": "1", "token": TOKEN, **fields}))
    header, *body = socket.recv_multipart()
    return msgpack.unpackb(header), body


def refused(socket: zmq.Socket, **fields) -> dict:
    reply, body = ask(socket, **fields)
    assert reply["ok"] is False and body == []
    return reply["error"]


def test_ping_is_answered_with_its_id(socket: zmq.Socket):
    assert ask(socket, op="ping", id="é7") == ({"v": 1, "id": "é7", "ok": True}, [])


def test_hello_tells_what_can_be_done(socket: zmq.Socket):
    reply, _ = ask(socket, op="hello")
    assert reply["protocol"] == 1
    assert reply["models"][0]["name"] == "kokoro-82m"
    assert {"hello", "ping", "speakers", "synthesize", "shutdown"} == set(reply["ops"])
    assert reply["limits"]["text_characters"] == 2000


def test_speakers_lists_all_54_with_their_languages(socket: zmq.Socket):
    reply, _ = ask(socket, op="speakers")
    assert len(reply["speakers"]) == 54
    assert {"name": "zf_xiaobei", "language": "zh-CN"} in reply["speakers"]
    assert reply["default"] == "af_heart"


def test_a_line_is_the_same_as_spoken_in_process(socket: zmq.Socket, voice: Voice):
    reply, (body,) = ask(
        socket, op="synthesize", text="Halt!", speaker="am_michael", timings=["words", "phonemes"]
    )
    speech = voice.synthesize("Halt!", "am_michael")
    assert reply["audio"] == {
        "format": "pcm_s16le",
        "sample_rate": 24_000,
        "channels": 1,
        "frames": len(speech.samples),
    }
    assert body == speech.encoded("pcm_s16le")
    assert reply["words"] == [
        ["Halt", pytest.approx(speech.words[0].start_s), pytest.approx(speech.words[0].end_s)]
    ]
    assert [p[0] for p in reply["phonemes"]] == [p.symbol for p in speech.phonemes]
    assert reply["model"]["version"] == "1.0.0"
    assert reply["seed"] == speech.seed
    assert reply["cached"] is False
    timing = reply["timing"]
    stages = timing["queue_ms"] + timing["text_ms"] + timing["infer_ms"] + timing["encode_ms"]
    assert 0 < stages <= timing["total_ms"] * 1.01 + 1


@pytest.mark.parametrize(("kind", "magic"), [("wav", b"RIFF"), ("ogg", b"OggS"), ("pcm_f32le", b"")])
def test_formats_are_as_asked(socket: zmq.Socket, kind: str, magic: bytes):
    reply, (body,) = ask(socket, op="synthesize", text="No.", format=kind, sample_rate=16_000)
    assert reply["audio"]["format"] == kind
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
        ({"op": "synthesize", "text": "Hi.", "speaker": "af_hart"}, "unknown_speaker", "speaker"),
        ({"op": "synthesize", "text": "Hi.", "speaker": []}, "bad_request", "speaker"),
        ({"op": "synthesize", "text": "Hi.", "emotion": "angry"}, "unknown_emotion", "emotion"),
        ({"op": "synthesize", "text": "Hi.", "language": "xx"}, "unknown_language", "language"),
        ({"op": "synthesize", "text": "Hi.", "speed": float("nan")}, "bad_request", "speed"),
        ({"op": "sing"}, "unknown_op", "op"),
        ({"op": "ping", "v": 9}, "unsupported_version", "v"),
        ({"op": "ping", "token": "wrong"}, "unauthorized", "token"),
        ({"op": "ping", "token": "töken"}, "unauthorized", "token"),
        ({"op": "ping", "token": None}, "unauthorized", "token"),
    ],
)
def test_a_bad_request_is_refused_by_code_and_field(socket: zmq.Socket, fields: dict, code: str, field: str):
    error = refused(socket, **fields)
    assert (error["code"], error["field"]) == (code, field)
    assert ask(socket, op="ping")[0]["ok"] is True


def test_garbage_gets_an_error_and_the_connection_lives(socket: zmq.Socket):
    for frames in ([b"\xc1"], [b""], [b"\x80", b"a", b"b"], [msgpack.packb([1])], [b"\x00" * 70_000]):
        socket.send_multipart(frames)
        assert msgpack.unpackb(socket.recv())["error"]["code"] in (
            "bad_request",
            "too_large",
            "unsupported_version",
        )
    header = msgpack.packb({"v": 1, "id": "b", "op": "ping", "token": TOKEN})
    for size in ((1 << 20) + 1, 7 << 20):
        socket.send_multipart([header, b"x" * size])
        reply = msgpack.unpackb(socket.recv())
        assert (reply["id"], reply["error"]["code"]) == ("b", "too_large")
    assert ask(socket, op="ping")[0]["ok"] is True


def test_a_dealer_keeps_several_lines_in_flight_and_ping_overtakes_them(endpoint: str):
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        socket.connect(endpoint)
        for op, request_id in (("synthesize", "a"), ("synthesize", "b"), ("ping", "c")):
            header = {
                "v": 1,
                "id": request_id,
                "op": op,
                "token": TOKEN,
                "text": f"Line {request_id} of the song.",
            }
            socket.send_multipart([b"", msgpack.packb(header)])
        order = [msgpack.unpackb(socket.recv_multipart()[1])["id"] for _ in range(3)]
    assert order == ["c", "a", "b"]


def test_a_message_without_delimiter_gets_an_error(endpoint: str):
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        socket.connect(endpoint)
        socket.send(msgpack.packb({"v": 1}))
        assert msgpack.unpackb(socket.recv_multipart()[1])["error"]["code"] == "bad_request"


def test_shutdown_finishes_what_was_accepted_and_refuses_the_rest(voice: Voice):
    server = Server(voice.synthesizer, ServerSettings(token=TOKEN))
    place = server.bind()
    thread = threading.Thread(target=server.run)
    thread.start()
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        socket.connect(place)
        for op, request_id in (("synthesize", "a"), ("shutdown", "b"), ("synthesize", "c")):
            header = {"v": 1, "id": request_id, "op": op, "token": TOKEN, "text": "The gate is closing now."}
            socket.send_multipart([b"", msgpack.packb(header)])
        replies = {r["id"]: r for r in (msgpack.unpackb(socket.recv_multipart()[1]) for _ in range(3))}
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert replies["a"]["ok"] and replies["b"]["ok"]
    assert replies["c"]["error"]["code"] == "shutting_down" and replies["c"]["error"]["retryable"]
