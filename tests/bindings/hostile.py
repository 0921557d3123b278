"""A sidecar that misbehaves in every way that a client must survive: one way a port, one file a way.

    python -m tests.bindings.hostile FOLDER

writes `FOLDER/<way>.json`, a connection file for each way, and `FOLDER/expected.json`, which maps each
way to the code that a client's `say("Hi.")` ends with (empty: it is spoken), then prints `ready` and
serves until its standard input ends. A client should be given a timeout of about 0.3 s and 2 attempts.
"""

import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack

from sidecar.protocol.connection import Connection
from sidecar.protocol.record import to_map
from tests.protocol.examples import REPLIES
from tests.protocol.zmtp import COMMAND, GREETING, LONG, MORE, frame, message, ready
from tools.make_vectors import BAD_FRAMES, BAD_HEADERS

FRAMES = 2_400  #: of the speech in a good reply: 0.1 s
SPEECH = struct.pack("<h", 1000) * FRAMES
BAD_REPLY, TIMED_OUT, SPOKEN = "bad_reply", "timed_out", ""
SLOW_S = 0.45  #: over a timeout, within both attempts
NEVER_S = 3600.0
STATS = to_map(REPLIES["stats"])
Way = Callable[["Victim"], None]


class Victim:
    """A client's connection, in the hands of this side."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def receive(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            more = self.socket.recv(size - len(content))
            if not more:
                raise ConnectionError("the client has gone")
            content += more
        return content

    def receive_frame(self) -> tuple[int, bytes]:
        flags = self.receive(1)[0]
        size = struct.unpack(">Q", self.receive(8))[0] if flags & LONG else self.receive(1)[0]
        return flags, self.receive(size)

    def greet(self) -> None:
        """The handshake, as it should be."""
        self.send(GREETING)
        self.receive(64)
        self.send(ready("ROUTER"))
        self.receive_frame()

    def request(self) -> dict[str, Any]:
        """The header of the next request."""
        parts = []
        while True:
            flags, content = self.receive_frame()
            parts.append(content)
            if not flags & MORE:
                return msgpack.unpackb(parts[1])

    def wait(self) -> None:
        """Until the client has had enough."""
        with contextlib.suppress(OSError):
            while self.socket.recv(65_536):
                pass


def spoken(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A good header in answer to `request`, but for `changes`."""
    return {
        "v": 1, "id": request["id"], "ok": True,
        "audio": {"format": "pcm_s16le", "sample_rate": 24_000, "channels": 1, "frames": FRAMES},
        "model": {"name": "tone", "version": "1.0.0", "sha256": "00" * 32},
        "timing": {"queue_ms": 0.0, "text_ms": 0.0, "infer_ms": 0.0, "encode_ms": 0.0, "total_ms": 0.0},
        "cached": False, "seed": 1, **changes,
    }  # fmt: skip


def greeted_with(content: bytes) -> Way:
    """Something else than a handshake."""
    return lambda victim: (victim.send(content), victim.wait())


def ready_with(content: bytes) -> Way:
    """A good greeting, and then this."""
    return lambda victim: (victim.send(GREETING), victim.receive(64), victim.send(content), victim.wait())


def answered_with(content: bytes) -> Way:
    """These bytes in answer to a request."""
    return lambda victim: (victim.greet(), victim.request(), victim.send(content), victim.wait())


def replied(**changes: Any) -> Way:
    """A reply that is well formed, but for what it says."""

    def way(victim: Victim) -> None:
        victim.greet()
        victim.send(message(msgpack.packb(spoken(victim.request(), **changes)), SPEECH))
        victim.wait()

    return way


def refused(error: Any) -> Way:
    def way(victim: Victim) -> None:
        victim.greet()
        victim.send(message(msgpack.packb({"v": 1, "id": victim.request()["id"], "ok": False, **error})))
        victim.wait()

    return way


def announced(header: int, body: int | None = None) -> Way:
    """A frame that is said to be so long, of which little comes."""

    def way(victim: Victim) -> None:
        victim.greet()
        packed = msgpack.packb(spoken(victim.request()))
        victim.send(frame(b"", MORE))
        if body is None:
            victim.send(bytes([LONG]) + struct.pack(">Q", header) + b"\x80")
        else:
            victim.send(frame(packed, MORE) + bytes([LONG]) + struct.pack(">Q", body) + b"\x00")
        victim.wait()

    return way


def cut_short(victim: Victim) -> None:
    victim.greet()
    whole = message(msgpack.packb(spoken(victim.request())), SPEECH)
    victim.send(whole[: len(whole) // 2])


def stalled(victim: Victim) -> None:
    cut_short(victim)
    victim.wait()


def dripped(victim: Victim) -> None:
    """A byte now and again, for ever: there is always some progress."""
    victim.greet()
    packed = msgpack.packb(spoken(victim.request()))
    victim.send(frame(b"", MORE) + frame(packed, MORE) + bytes([LONG]) + struct.pack(">Q", len(SPEECH)))
    for byte in SPEECH:
        victim.send(bytes([byte]))
        time.sleep(0.02)


def endless(victim: Victim) -> None:
    """Frames, each with another to follow."""
    victim.greet()
    packed = msgpack.packb(spoken(victim.request()))
    victim.send(frame(b"", MORE) + frame(packed, MORE))
    while True:
        victim.send(frame(bytes(60_000), MORE) * 8)


def answered_twice(victim: Victim) -> None:
    """Each request gets its reply, and the one before it once more."""
    victim.greet()
    before = b""
    while True:
        reply = message(msgpack.packb(spoken(victim.request())), SPEECH)
        victim.send(before + reply)
        victim.send(reply)
        before = b""


def hello(request: dict[str, Any]) -> dict[str, Any]:
    """What the first sidecars said of themselves."""
    told = {**to_map(REPLIES["hello"]), "server": "npc-voice 0.0.9"}
    del told["fields"]
    return {"v": 1, "id": request["id"], "ok": True, **told}


def first_version(victim: Victim) -> None:
    """A sidecar that passes over fields of later ones."""
    victim.greet()
    while True:
        request = victim.request()
        is_hello = request["op"] == "hello"
        parts = [msgpack.packb(hello(request))] if is_hello else [msgpack.packb(spoken(request)), SPEECH]
        victim.send(message(*parts))


def good(victim: Victim) -> None:
    victim.greet()
    while True:
        victim.send(message(msgpack.packb(spoken(victim.request())), SPEECH))


def late(delay_s: float, running: int) -> Way:
    """A line takes so long; meanwhile it says, to who asks, how many lines are being spoken."""

    def way(victim: Victim) -> None:
        victim.greet()
        while True:
            request = victim.request()
            if request["op"] == "stats":
                told = {**STATS, "lines_running": running, "lines_waiting": 0}
                victim.send(message(msgpack.packb({"v": 1, "id": request["id"], "ok": True, **told})))
            else:
                time.sleep(delay_s)
                victim.send(message(msgpack.packb(spoken(request)), SPEECH))

    return way


def named(
    prefix: str, contents: dict[str, bytes], made: Callable[[bytes], Way]
) -> dict[str, tuple[Way, str]]:
    return {
        f"{prefix}_{name.replace(' ', '_').replace('*', '')}": (made(content), BAD_REPLY)
        for name, content in contents.items()
    }


AUDIO = {"format": "pcm_s16le", "sample_rate": 24_000, "channels": 1, "frames": FRAMES}
WAYS: dict[str, tuple[Way, str]] = {
    "good": (good, SPOKEN),
    "first_version": (first_version, SPOKEN),
    "answered_twice": (answered_twice, SPOKEN),
    "silent": (Victim.wait, TIMED_OUT),
    "closed_at_once": (lambda victim: None, TIMED_OUT),
    "half_a_greeting": (greeted_with(GREETING[:30]), TIMED_OUT),
    "no_zeromq": (
        greeted_with(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".ljust(80)),
        BAD_REPLY,
    ),
    "old_zeromq": (greeted_with(GREETING[:10] + b"\x01" + GREETING[11:]), BAD_REPLY),
    "keys_wanted": (greeted_with(GREETING[:12] + b"CURVE".ljust(20, b"\0") + GREETING[32:]), BAD_REPLY),
    "another_kind_of_socket": (ready_with(ready("PUB")), BAD_REPLY),
    "ready_is_a_message": (ready_with(message(b"\x80")), BAD_REPLY),
    "ready_is_cut_short": (
        ready_with(frame(b"\x05READY\x0bSocket-Type\x00\x00\xff\xff", COMMAND)),
        BAD_REPLY,
    ),
    "ready_is_huge": (ready_with(bytes([COMMAND | LONG]) + struct.pack(">Q", 10**9)), BAD_REPLY),
    **named("frame", BAD_FRAMES, answered_with),
    **named("header", BAD_HEADERS, lambda header: answered_with(message(header, SPEECH))),
    "header_is_too_large": (announced(5 << 20), BAD_REPLY),
    "body_is_too_large": (announced(0, (16 << 20) + 1), BAD_REPLY),
    "cut_short": (cut_short, TIMED_OUT),
    "stalled": (stalled, TIMED_OUT),
    "dripped": (dripped, TIMED_OUT),
    "endless": (endless, BAD_REPLY),
    "another_id": (replied(id="another"), TIMED_OUT),
    "another_version": (replied(v=2), BAD_REPLY),
    "ok_is_a_number": (replied(ok=3), BAD_REPLY),
    "id_is_a_number": (replied(id=3), BAD_REPLY),
    "no_audio": (replied(audio=None), BAD_REPLY),
    "audio_is_text": (replied(audio="loud"), BAD_REPLY),
    "frames_that_are_not_there": (replied(audio={**AUDIO, "frames": 10**9}), BAD_REPLY),
    "no_channels": (replied(audio={**AUDIO, "channels": 0}), BAD_REPLY),
    "a_rate_of_nought": (replied(audio={**AUDIO, "sample_rate": 0}), BAD_REPLY),
    "visemes_are_text": (replied(visemes="ah"), BAD_REPLY),
    "a_viseme_that_is_none": (replied(visemes=[[0.0, 99, 1.0]]), BAD_REPLY),
    "words_without_times": (replied(words=[["Hi"]]), BAD_REPLY),
    "refused_for_no_reason": (refused({}), BAD_REPLY),
    "refused_with_a_number": (refused({"error": 7}), BAD_REPLY),
    "refused_without_a_code": (refused({"error": {"message": "no"}}), BAD_REPLY),
}
#: What only a client that asks whether anybody speaks has the patience for: not in `expected.json`. `idle`
#: says that nobody does, `busy` always that somebody does.
PATIENT: dict[str, Way] = {"slow": late(SLOW_S, 1), "idle": late(NEVER_S, 0), "busy": late(NEVER_S, 1)}


def treat(connection: socket.socket, way: Way) -> None:
    with connection, contextlib.suppress(OSError):
        way(Victim(connection))


def serve(listener: socket.socket, way: Way) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=treat, args=(connection, way), daemon=True).start()


def open_all(folder: Path) -> None:
    """A port and a connection file for each way."""
    for name, way in {**{name: way for name, (way, _) in WAYS.items()}, **PATIENT}.items():
        listener = socket.create_server(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        Connection(os.getpid(), endpoint, endpoint, "the-token", time.time()).write(folder / f"{name}.json")
        threading.Thread(target=serve, args=(listener, way), daemon=True).start()
    expected = {name: code for name, (_, code) in WAYS.items()}
    (folder / "expected.json").write_text(json.dumps(expected), "utf-8")


if __name__ == "__main__":
    open_all(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.read()
