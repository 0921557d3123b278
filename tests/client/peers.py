"""A sidecar in a process of its own, as far as a client can tell: it answers pings, and nothing else.

    python -m tests.client.peers [deaf]

Prints its endpoint. One that is deaf lets clients in, prints `asked` when they ask, and never answers.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgpack
import zmq


def main(is_deaf: bool) -> None:
    router = zmq.Context().socket(zmq.ROUTER)
    router.bind("tcp://127.0.0.1:*")
    print(router.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
    while True:
        route, _, frame = router.recv_multipart()
        if is_deaf:
            print("asked", flush=True)
        else:
            pong = msgpack.packb({"v": 1, "id": msgpack.unpackb(frame)["id"], "ok": True})
            router.send_multipart([route, b"", pong])


@contextmanager
def peer(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The process, and where it listens."""
    command = [sys.executable, "-m", "tests.client.peers", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    main("deaf" in sys.argv)
