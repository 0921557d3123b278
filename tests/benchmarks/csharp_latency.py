"""How soon a cached line of 50 kB is decoded samples: C# on Mono and on .NET Core, beside pyzmq.

    python -m tests.benchmarks.csharp_latency [--requests N] [--rounds N]

The sidecar with the real voice is a process of its own, as is each C# client; pyzmq is a bare REQ socket in
this one. The contenders take turns, so that a busy machine hurts all alike; the first round is not counted.
"""

import argparse
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgpack
import numpy as np
import zmq

from sidecar.client import Client
from sidecar.protocol.connection import Connection
from tests.benchmarks.figures import percentile
from tests.benchmarks.ipc import sized
from tests.bindings.mono import Build, on_dotnet
from tests.processes import sidecar
from tools.install_mono import dotnet, mono

LINE_BYTES = 50_000
Round = Callable[[], list[float]]


def in_python(socket: zmq.Socket, token: str, text: str, requests: int) -> list[float]:
    """Milliseconds of each round trip, decoded samples included."""
    times = []
    for _ in range(requests):
        began = time.perf_counter()
        header = {"v": 1, "op": "synthesize", "id": uuid.uuid4().hex, "token": token, "text": text}
        socket.send(msgpack.packb(header))
        reply, body = socket.recv_multipart()
        frames = msgpack.unpackb(reply)["audio"]["frames"]
        samples = np.frombuffer(body, "<i2").astype(np.float32) / 32768
        times.append(1000 * (time.perf_counter() - began))
        assert len(samples) == frames
    return times


def in_csharp(stack: ExitStack, command: list[str]) -> Round:
    """A round of a C# client that waits for its turn."""
    process = stack.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    )
    stack.callback(process.terminate)
    commands, answers = process.stdin, process.stdout
    assert commands is not None and answers is not None

    def measured() -> list[float]:
        commands.write("go\n")
        commands.flush()
        return [float(word) for word in answers.readline().split()]

    return measured


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    tools, core = mono(), dotnet()
    if tools is None:
        parser.exit(1, "no Mono: python tools/install_mono.py\n")
    folder = Path(tempfile.mkdtemp())
    file = folder / "connection.json"
    build = Build(tools, folder)
    build.core()
    program = build.program("Latency")
    with sidecar(file), ExitStack() as stack:
        with Client(file) as client:
            text = sized(client, LINE_BYTES)
        connection = Connection.read(file)
        socket = stack.enter_context(zmq.Context()).socket(zmq.REQ)
        stack.callback(socket.close, 0)
        socket.connect(connection.commands)
        asked = [str(file), text, str(options.requests)]
        rounds: dict[str, Round] = {
            "pyzmq": lambda: in_python(socket, connection.token, text, options.requests),
            "C#, Mono": in_csharp(stack, [tools.runtime, str(program), *asked]),
        }
        if core is not None:
            rounds["C#, .NET Core"] = in_csharp(stack, [*on_dotnet(core, program), *asked])
        found: dict[str, list[float]] = {name: [] for name in rounds}
        for number in range(options.rounds + 1):
            for name, measured in rounds.items():
                times = measured()
                if number:
                    found[name] += times
    report(found)


def report(found: dict[str, list[float]]) -> None:
    floor_ms = percentile(found["pyzmq"], 50)
    for name, times in found.items():
        print(
            f"{name:14} p50 {percentile(times, 50):.3f} ms  p99 {percentile(times, 99):.3f} ms  "
            f"of {len(times)}  {percentile(times, 50) / floor_ms:.2f} x pyzmq"
        )


if __name__ == "__main__":
    main()
