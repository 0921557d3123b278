"""Clients that misbehave. An act takes the connection and a source of chance, and fails on a wrong answer."""

import contextlib
import os
import random
import struct
import time
from collections.abc import Callable

import msgpack
import zmq

from sidecar.protocol.connection import Connection
from tests.protocol.zmtp import GREETING, LONG, MORE, RawPeer, frame, message, ready

Act = Callable[[Connection, random.Random], None]


def header(connection: Connection, **fields: object) -> bytes:
    return msgpack.packb({"v": 1, "id": "rude", "token": connection.token, **fields})


def dies_in_the_middle_of_a_frame(connection: Connection, chance: random.Random) -> None:
    whole = message(header(connection, op="synthesize", text="Never to be read."))
    with RawPeer(connection.commands) as peer:
        peer.handshake()
        peer.send(whole[: chance.randrange(1, len(whole))])


def dies_in_the_middle_of_the_greeting(connection: Connection, chance: random.Random) -> None:
    with RawPeer(connection.commands) as peer:
        peer.send(GREETING[: chance.randrange(1, 64)])


def asks_and_leaves(connection: Connection, chance: random.Random) -> None:
    with RawPeer(connection.commands) as peer:
        peer.handshake()
        peer.send(
            message(
                header(
                    connection, op="synthesize", text="Nobody waits for this line.", id=str(chance.random())
                )
            )
        )


def says_it_is_a_rep(connection: Connection, chance: random.Random) -> None:
    with RawPeer(connection.commands) as peer:
        peer.send(GREETING)
        peer.receive(64)
        peer.send(ready(chance.choice(["REP", "PUB", "SUB", "PAIR", "NONE"])))
        peer.send(message(b"\x80"))


def promises_a_gigabyte(connection: Connection, chance: random.Random) -> None:
    with RawPeer(connection.commands) as peer:
        peer.handshake()
        with contextlib.suppress(OSError):
            peer.send(frame(b"", MORE) + bytes([LONG]) + struct.pack(">Q", chance.choice([1 << 30, 1 << 62])))
            peer.send(bytes(chance.randrange(1, 100_000)))


def talks_nonsense(connection: Connection, chance: random.Random) -> None:
    with RawPeer(connection.commands) as peer, contextlib.suppress(OSError):
        peer.send(os.urandom(chance.randrange(1, 2000)))


def speaks_http(connection: Connection, chance: random.Random) -> None:
    with RawPeer(connection.commands) as peer, contextlib.suppress(OSError):
        peer.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


@contextlib.contextmanager
def socket(connection: Connection, kind: int):
    with zmq.Context() as context, context.socket(kind) as made:
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.RCVTIMEO, 60_000)
        made.connect(connection.commands)
        yield made


def has_a_wrong_token(connection: Connection, chance: random.Random) -> None:
    with socket(connection, zmq.REQ) as req:
        req.send(header(connection, op="synthesize", text="Hi.", token=f"guess{chance.random()}"))
        assert msgpack.unpackb(req.recv())["error"]["code"] == "unauthorized"


def uses_an_id_twice(connection: Connection, chance: random.Random) -> None:
    """The same request twice gets the same answer twice; another request under the id gets none."""
    name, session = f"twice{chance.random()}", f"s{chance.random()}"
    asked = header(connection, op="synthesize", text="Say that again.", id=name, session=session)
    with socket(connection, zmq.DEALER) as dealer:
        for _ in range(2):
            dealer.send_multipart([b"", asked])
        answers = [dealer.recv_multipart() for _ in range(2)]
        assert [msgpack.unpackb(a[1])["id"] for a in answers] == [name, name]
        assert answers[0][2] == answers[1][2]
        assert not dealer.poll(50)


def reads_slowly(connection: Connection, chance: random.Random) -> None:
    names = [f"slow{number}{chance.random()}" for number in range(30)]
    with socket(connection, zmq.DEALER) as dealer:
        for name in names:
            dealer.send_multipart([b"", header(connection, op="synthesize", text="I have all day.", id=name)])
        time.sleep(chance.random())
        assert sorted(msgpack.unpackb(dealer.recv_multipart()[1])["id"] for _ in names) == sorted(names)


def sends_garbage_in_good_frames(connection: Connection, chance: random.Random) -> None:
    with socket(connection, zmq.REQ) as req:
        for _ in range(10):
            req.send_multipart([os.urandom(chance.randrange(0, 300)) for _ in range(chance.randrange(1, 4))])
            assert msgpack.unpackb(req.recv())["ok"] is False


def sends_too_much(connection: Connection, chance: random.Random) -> None:
    with socket(connection, zmq.REQ) as req:
        req.send_multipart([header(connection, op="ping"), bytes((16 << 20) + 1)])
        assert msgpack.unpackb(req.recv())["error"]["code"] == "too_large"


ACTS: tuple[Act, ...] = (
    dies_in_the_middle_of_a_frame, dies_in_the_middle_of_the_greeting, asks_and_leaves, says_it_is_a_rep,
    promises_a_gigabyte, talks_nonsense, speaks_http, has_a_wrong_token, uses_an_id_twice, reads_slowly,
    sends_garbage_in_good_frames, sends_too_much,
)  # fmt: skip
