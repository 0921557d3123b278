"""Random frames on the socket of a living sidecar.

    python -m tests.fuzz.live [--inputs N] [--seed N]

A third is noise, a third are good requests with bits flipped, a third are good headers with odd values.
Every message must be answered, with the id where one can be read; a ping from another client must be
answered in between; the process must live.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import msgpack
import zmq

from sidecar.protocol.connection import Connection
from tests.processes import sidecar, wait_for

IN_FLIGHT = 64
GOOD = [
    {"op": "ping"}, {"op": "hello"}, {"op": "stats"}, {"op": "models"}, {"op": "cancel", "target": "x"},
    {"op": "next", "stream": "abc"}, {"op": "speakers"}, {"op": "synthesize", "text": "Hi."},
    {"op": "synthesize", "text": "Hi.", "speaker": {"af_heart": 1.0}, "speed": 1.0, "timings": ["words"]},
]  # fmt: skip
ODD = [
    None,
    True,
    -1,
    2**64 - 1,
    1e308,
    float("nan"),
    "",
    "x" * 3000,
    b"\xff",
    [],
    [[[[]]]],
    {},
    {"a": {"b": 1}},
    [1, "a"],
]


def noise(chance: random.Random) -> list[bytes]:
    return [chance.randbytes(chance.randrange(0, 400)) for _ in range(chance.randrange(1, 4))]


def flipped(chance: random.Random, token: str) -> list[bytes]:
    content = bytearray(msgpack.packb({"v": 1, "id": "flip", "token": token, **chance.choice(GOOD)}))
    for _ in range(chance.randrange(1, 4)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return [bytes(content)]


def odd(chance: random.Random, token: str) -> tuple[list[bytes], str]:
    name = f"odd{chance.getrandbits(40):x}"
    header = {"v": 1, "id": name, "token": token, **chance.choice(GOOD)}
    for key in chance.sample([*header, "emotion", "seed", "format", "priority", "deadline_ms", "session"], 2):
        if key != "id":
            header[key] = chance.choice(ODD)
    return [msgpack.packb(header)], name


def fuzz(connection: Connection, inputs: int, seed: int) -> tuple[int, int]:
    """How many messages were sent and answered."""
    chance = random.Random(seed)
    sent = answered = 0
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer, context.socket(zmq.REQ) as polite:
        for socket in (dealer, polite):
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RCVTIMEO, 60_000)
            socket.connect(connection.commands)
        named: set[str] = set()
        while sent < inputs:
            for _ in range(min(IN_FLIGHT, inputs - sent)):
                kind = sent % 3
                if kind == 0:
                    frames = noise(chance)
                elif kind == 1:
                    frames = flipped(chance, connection.token)
                else:
                    frames, name = odd(chance, connection.token)
                    named.add(name)
                dealer.send_multipart([b"", *frames])
                sent += 1
            while answered < sent:
                reply = msgpack.unpackb(dealer.recv_multipart()[1])
                assert reply["ok"] or "error" in reply
                named.discard(reply["id"])
                answered += 1
            assert not named, f"answered without its id: {named}"
            polite.send(msgpack.packb({"v": 1, "id": "p", "op": "ping", "token": connection.token}))
            assert msgpack.unpackb(polite.recv())["ok"]
    return sent, answered


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connection.json"
        with sidecar(file) as process:
            began = time.monotonic()
            sent, answered = fuzz(Connection.read(file), options.inputs, options.seed)
            took_s = time.monotonic() - began
            assert process.poll() is None
            process.terminate()
            wait_for(lambda: process.poll() is not None, timeout_s=40)
            assert process.returncode == 0
        print(f"{sent} messages sent, {answered} answered, {took_s:.0f} s")


if __name__ == "__main__":
    main()
