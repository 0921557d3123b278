"""What the wire costs: `ping` and a cached line, beside a bare ROUTER that echoes frames of the same sizes.

    python -m tests.benchmarks.ipc [--requests N] [--rounds N]

Three processes: the client (this one), the sidecar with the real voice, and the echo. The contenders take
turns, so that a busy machine hurts all alike; p50 and p99 are over all rounds. Bars: `ping` within 2 x the
echo's p50, a cached line of 100 kB within 1.5 x.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgpack
import zmq

from sidecar.client import Client
from sidecar.protocol.connection import Connection
from tests.benchmarks.figures import percentile
from tests.processes import sidecar

ECHO = """
import sys, zmq
context = zmq.Context()
router = context.socket(zmq.ROUTER)
router.bind("tcp://127.0.0.1:*")
print(router.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
bodies = {}
while True:
    frames = router.recv_multipart()
    kind, sizes = frames[2][:1], frames[2][1:13]
    header, body = int.from_bytes(sizes[:4], "big"), int.from_bytes(sizes[4:8], "big")
    if (header, body) not in bodies:
        bodies[header, body] = [b"h" * header] + ([b"b" * body] if body else [])
    router.send_multipart(frames[:2] + bodies[header, body])
"""
LINE = "Halt!"


def echo_request(asked: bytes, header_bytes: int, body_bytes: int) -> list[bytes]:
    """A request of the same size, which says what sizes it wants back."""
    sizes = b"e" + header_bytes.to_bytes(4, "big") + body_bytes.to_bytes(4, "big")
    return [sizes.ljust(len(asked), b"\0")]


def timed(socket: zmq.Socket, make: Callable[[], Sequence[bytes]], requests: int) -> list[float]:
    """Milliseconds of each round trip, as a client has them."""
    times = []
    for _ in range(requests):
        request = make()
        began = time.perf_counter()
        socket.send_multipart(request)
        socket.recv_multipart()
        times.append(1000 * (time.perf_counter() - began))
    return times


class Asker:
    """Requests with an id each, as clients send them."""

    def __init__(self, token: str) -> None:
        self._token, self._number = token, 0

    def __call__(self, op: str, **fields: object) -> list[bytes]:
        self._number += 1
        header = {
            "v": 1,
            "op": op,
            "id": f"{self._number:032x}",
            "token": self._token,
            "session": "s" * 32,
            **fields,
        }
        return [msgpack.packb(header)]


def compare(
    name: str, ours: zmq.Socket, echo: zmq.Socket, make: Callable[[], list[bytes]], requests: int, rounds: int
) -> None:
    ours.send_multipart(make())
    reply = ours.recv_multipart()
    sizes = [len(frame) for frame in reply] + [0]
    asked = make()[0]
    peer = echo_request(asked, sizes[0], sizes[1])
    found: dict[str, list[float]] = {"ours": [], "echo": []}
    for round_ in range(rounds + 1):
        for who, socket, request in (("ours", ours, make), ("echo", echo, lambda: peer)):
            times = timed(socket, request, requests)
            if round_:
                found[who] += times
    print(f"\n{name}: {len(asked)} B asked, {sizes[0]} + {sizes[1]} B answered, {requests * rounds} of each")
    for who, times in found.items():
        print(f"  {who:5} p50 {percentile(times, 50):.3f} ms   p99 {percentile(times, 99):.3f} ms")
    print(f"  ratio p50 {percentile(found['ours'], 50) / percentile(found['echo'], 50):.2f} x")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    file = Path(tempfile.mkdtemp()) / "connection.json"
    echo_process = subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True)
    assert echo_process.stdout is not None
    try:
        with sidecar(file), zmq.Context() as context:
            connection = Connection.read(file)
            ours, echo = context.socket(zmq.REQ), context.socket(zmq.REQ)
            ours.connect(connection.commands)
            echo.connect(echo_process.stdout.readline().strip())
            ask = Asker(connection.token)
            compare("ping", ours, echo, lambda: ask("ping"), options.requests, options.rounds)
            with Client(file) as client:
                text = sized(client, 100_000)
            compare(
                "a cached line of 100 kB",
                ours,
                echo,
                lambda: ask("synthesize", text=text),
                options.requests,
                options.rounds,
            )
            ours.close(0)
            echo.close(0)
    finally:
        echo_process.kill()
        echo_process.wait()


def sized(client: Client, wanted_bytes: int) -> str:
    """A line whose sound is about so long, spoken once."""
    text = LINE
    while len(client.say(text).audio) < wanted_bytes:
        text += " Halt!"
    return text


if __name__ == "__main__":
    main()
