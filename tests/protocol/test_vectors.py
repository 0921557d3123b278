"""The conformance vectors are what the code makes, and what a real ZeroMQ says and understands."""

import json
import math
import socket
from pathlib import Path

import msgpack
import pytest
import zmq

from sidecar.protocol import wire
from sidecar.protocol.errors import NpcVoiceError
from sidecar.protocol.limits import Limits
from tests.protocol.zmtp import GREETING, RawPeer, ready
from tools import make_vectors

FOLDER = Path(__file__).parent.parent.parent / "bindings" / "vectors"
ZMTP, MSGPACK, MESSAGES, MARKUP = (
    json.loads((FOLDER / name).read_text("utf-8"))
    for name in ("zmtp.json", "msgpack.json", "messages.json", "markup.json")
)


def test_the_files_are_what_the_tool_makes():
    assert make_vectors.vectors() == {
        "zmtp.json": ZMTP, "msgpack.json": MSGPACK, "messages.json": MESSAGES, "markup.json": MARKUP,
    }  # fmt: skip
    assert {file: file.read_text("utf-8") for file in make_vectors.tables()} == make_vectors.tables()


@pytest.mark.parametrize("vector", MSGPACK["valid"], ids=lambda v: v["name"])
def test_a_value_is_read_and_written_as_in_its_vector(vector: dict):
    value = msgpack.unpackb(bytes.fromhex(vector["hex"]))
    if vector["name"] == "not a number":
        assert math.isnan(value)
    else:
        assert value == make_vectors.VALUES[vector["name"]]
    assert wire.encode({"a": value})[3:].hex() == vector["hex"]


@pytest.mark.parametrize("vector", MSGPACK["invalid_headers"], ids=lambda v: v["name"])
def test_a_bad_header_is_refused(vector: dict):
    with pytest.raises(NpcVoiceError):
        wire.decode(bytes.fromhex(vector["hex"]), Limits())


@pytest.mark.parametrize("vector", ZMTP["messages"], ids=lambda v: v["name"])
def test_a_real_router_understands_the_frames_and_answers_in_the_same(vector: dict):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.setsockopt(zmq.LINGER, 0)
        router.setsockopt(zmq.RCVTIMEO, 10_000)
        router.bind("tcp://127.0.0.1:*")
        with RawPeer(router.getsockopt_string(zmq.LAST_ENDPOINT)) as peer:
            peer.send(bytes.fromhex(ZMTP["greeting"]))
            assert is_same_greeting(peer.receive(64))
            peer.send(bytes.fromhex(ZMTP["ready"]))
            assert peer.receive_frame()[1].startswith(b"\x05READY\x0bSocket-Type\x00\x00\x00\x06ROUTER")
            peer.send(bytes.fromhex(vector["hex"]))
            route, *frames = router.recv_multipart()
            assert [part.hex() for part in frames[1:]] == vector["frames"]
            router.send_multipart([route, *frames])
            assert peer.receive(len(vector["hex"]) // 2).hex() == vector["hex"]


def is_same_greeting(other: bytes) -> bool:
    """The signature's filling and the minor version may be anything."""
    same = (slice(0, 1), slice(9, 11), slice(12, 64))
    return all(other[part] == GREETING[part] for part in same)


def test_a_real_req_socket_greets_as_the_vector_does():
    assert bytes.fromhex(ZMTP["greeting"]) == GREETING
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, zmq.Context() as context, context.socket(zmq.REQ) as req:
        req.setsockopt(zmq.LINGER, 0)
        req.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            connection.sendall(GREETING)
            greeting = b""
            while len(greeting) < 64:
                greeting += connection.recv(64 - len(greeting))
            assert is_same_greeting(greeting)
            assert connection.recv(200) == ready("REQ")
