"""Latency of the game-engine bindings, beside pyzmq in the same run, and the frame time that talking costs.

    python -m tests.benchmarks.bindings

A line of about 50 kB lies in the sidecar's cache; times are from before the request is written to after the
reply is read and checked. Needs `tools/install_godot.py`.
"""

import json
import sys
import tempfile
import time
import uuid
from pathlib import Path

import msgpack
import zmq

from tests import processes
from tests.benchmarks.figures import percentile
from tests.bindings.test_godot import GODOT, Engine

TEXT = "Halt! Who goes there? Speak."
TIMES = 200
LIMIT_MS = 1.0  #: of frame time that eight talking NPCs may add, at worst


def pyzmq_ms(file: Path) -> list[float]:
    """One request after another over a plain REQ socket. The first is not counted: it speaks the line."""
    connection = json.loads(file.read_text("utf-8"))
    times = []
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(connection["commands"])
        for _ in range(TIMES + 1):
            began = time.perf_counter()
            request = {"v": 1, "op": "synthesize", "id": uuid.uuid4().hex, "text": TEXT}
            socket.send(msgpack.packb({**request, "token": connection["token"]}))
            header, body = socket.recv_multipart()
            reply = msgpack.unpackb(header)
            times.append(1000 * (time.perf_counter() - began))
            assert reply["ok"] and len(body) == 2 * reply["audio"]["frames"]
    print(f"the line has {len(body)} bytes")
    return times[1:]


def godot_figures(file: Path, home: Path) -> dict[str, list[float]]:
    """Name -> p50, p99, worst, count."""
    said = Engine("bench", home, file=file, text=TEXT, times=TIMES).passes()
    rows = [line.split() for line in said.splitlines() if "_ms " in line]
    return {name: [float(value) for value in values] for name, *values in rows}


def main() -> int:
    if GODOT is None:
        print("no Godot: python tools/install_godot.py")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connection.json"
        with processes.sidecar(file):
            reference = pyzmq_ms(file)
            figures = godot_figures(file, Path(folder))
    base = percentile(reference, 50)
    print(f"{'client':<20}{'p50 ms':>9}{'p99 ms':>9}{'of pyzmq':>10}")
    print(f"{'pyzmq':<20}{base:>9.3f}{percentile(reference, 99):>9.3f}{1:>10.1f}")
    for name in ("nap_ms", "frame_60_ms", "frame_free_ms"):
        p50, p99, *_ = figures[name]
        print(f"{name:<20}{p50:>9.3f}{p99:>9.3f}{p50 / base:>10.1f}")
    idle, talking = figures["frame_idle_ms"], figures["frame_talking_ms"]
    added = talking[2] - idle[0]
    print(f"frame idle    p50 {idle[0]:.3f} p99 {idle[1]:.3f} worst {idle[2]:.3f} ms of {idle[3]:.0f} frames")
    print(f"frame talking p50 {talking[0]:.3f} p99 {talking[1]:.3f} worst {talking[2]:.3f} ms", end="")
    print(f" of {talking[3]:.0f}")
    print(f"worst frame time that 8 talking NPCs add: {added:.3f} ms, at most {LIMIT_MS}")
    return int(added > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
