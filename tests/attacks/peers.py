"""Peers without a token that try to fill memory or to hold the server up, from raw sockets on loopback.

    python -m tests.attacks.peers [ATTACK ...] [--seconds S] [--mebi MIB] [--seed N]

For each attack a server with a voice of tones runs in a process of its own; a polite client in another
pings it throughout, a newcomer with a new connection each half second, and both look at its memory. Bars:
`GROWTH_MIB` of growth and `PING_MS` for a ping. The table is printed; the exit code is 1 where a bar is torn.
"""

import argparse
import contextlib
import gc
import json
import os
import random
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgpack
import psutil
import zmq

from sidecar.server.process.process import SWITCH_S
from sidecar.server.server import Server
from tests.fakes import tone_voices
from tests.protocol.zmtp import GREETING, LONG, MORE, RawPeer, frame, message, ready

GROWTH_MIB = 64
PING_MS = 50
MEBI = 1 << 20
PART = 16 * MEBI
TOKEN = "token-of-the-polite"
DESCRIPTORS = 4_096  #: so many sockets the attacker may need


@dataclass(frozen=True)
class Target:
    """Where a server listens, and how long and how many bytes an attack may take."""

    commands: str
    events: str
    seconds: float = 5.0
    bytes: int = 512 * MEBI
    seed: int = 1


Attack = Callable[[Target], None]


class Budget:
    """What is left to an attack; falsy when it is used up."""

    def __init__(self, target: Target) -> None:
        self.bytes, self.until_s = target.bytes, time.monotonic() + target.seconds

    def __bool__(self) -> bool:
        return self.bytes > 0 and time.monotonic() < self.until_s

    def rest(self) -> None:
        """Wait until the time is over, so that what is held shows."""
        time.sleep(max(0.0, self.until_s - time.monotonic()))

    def pour(self, peer: RawPeer, content: bytes, times: int = 1 << 40) -> None:
        """Send it again and again, until the budget is used up or the other side has had enough."""
        peer.socket.settimeout(0.25)
        for _ in range(times):
            view = memoryview(content)
            while view:
                if not self:
                    return
                try:
                    sent = peer.socket.send(view[:MEBI])
                except TimeoutError:
                    continue
                except OSError:
                    return
                self.bytes -= sent
                view = view[sent:]


@contextmanager
def greeted(endpoint: str, kind: str) -> Iterator[RawPeer]:
    with RawPeer(endpoint, 5.0) as peer:
        peer.handshake(kind)
        yield peer


def long_frame(size: int, flags: int = 0) -> bytes:
    """The head of a frame of that size."""
    return bytes([flags | LONG]) + size.to_bytes(8, "big")


def as_of_a_page(body_bytes: int) -> bytes:
    """What a browser sends before a POST's body, with a path by which ZMTP/1.0's lengths hop to the body."""
    for padding in range(1, 3_000):
        head = (
            f"POST /{'a' * padding} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {body_bytes}\r\n"
            "Content-Type: text/plain;charset=UTF-8\r\nOrigin: http://game.example\r\n\r\n"
        ).encode()
        at = 0
        while at < len(head):
            at += 1 + head[at]
        if at == len(head):
            return head
    raise AssertionError("no path leads to the body")


def old_frame(content: bytes, more: bool) -> bytes:
    """A frame of ZMTP/1.0."""
    return b"\xff" + (len(content) + 1).to_bytes(8, "big") + bytes([more]) + content


def nothing(target: Target) -> None:
    """What the machine itself does to the figures."""
    Budget(target).rest()


def a_page_posts_endless_parts(target: Target) -> None:
    budget = Budget(target)
    with RawPeer(target.commands) as peer:
        budget.pour(peer, as_of_a_page(target.bytes), 1)
        budget.pour(peer, old_frame(bytes(PART), True))
        budget.rest()


def a_page_posts_a_subscription(target: Target) -> None:
    budget = Budget(target)
    with RawPeer(target.events) as peer:
        budget.pour(peer, as_of_a_page(target.bytes) + old_frame(b"\1" + b"p" * PART, False), 1)
        budget.rest()


def endless_large_parts(target: Target) -> None:
    budget = Budget(target)
    with greeted(target.commands, "DEALER") as peer:
        budget.pour(peer, long_frame(PART, MORE) + b"x" * PART)
        budget.rest()


def eight_million_empty_parts(target: Target) -> None:
    budget = Budget(target)
    with greeted(target.commands, "DEALER") as peer:
        budget.pour(peer, bytes([MORE, 0]) * 1_000_000, 8)
        budget.pour(peer, bytes([0, 0]), 1)
        budget.rest()


def unfinished_bodies(target: Target) -> None:
    """Messages with a body of 15 MiB that lacks its last byte, on one connection each."""
    budget = Budget(target)
    head = frame(b"", MORE) + frame(msgpack.packb({"v": 1, "op": "ping", "id": "a", "token": ""}), MORE)
    with contextlib.ExitStack() as stack:
        while budget:
            peer = stack.enter_context(greeted(target.commands, "DEALER"))
            budget.pour(peer, head + long_frame(15 * MEBI) + b"x" * (15 * MEBI - 1), 1)
        budget.rest()


def unfinished_headers(target: Target) -> None:
    """The same with headers of nearly all that fits, on as many connections as there may be."""
    budget = Budget(target)
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        while budget:
            peer = stack.enter_context(greeted(target.commands, "DEALER"))
            budget.pour(peer, frame(b"", MORE) + long_frame(128 * 1024) + b"x" * (128 * 1024 - 1), 1)
    budget.rest()


def an_endless_event_frame(target: Target) -> None:
    budget = Budget(target)
    with greeted(target.events, "SUB") as peer:
        budget.pour(peer, long_frame(1 << 30), 1)
        budget.pour(peer, b"\1" + b"x" * (MEBI - 1))
        budget.rest()


def endless_parts_to_the_events(target: Target) -> None:
    budget = Budget(target)
    with greeted(target.events, "SUB") as peer:
        budget.pour(peer, frame(b"\1" + b"x" * 99, MORE) * 1_000)
        budget.rest()


def a_large_subscription(target: Target) -> None:
    budget = Budget(target)
    with greeted(target.events, "SUB") as peer:
        budget.pour(peer, frame(b"\1" + b"z" * 32 * MEBI), 1)
        budget.rest()


def fifty_thousand_subscriptions(target: Target) -> None:
    budget = Budget(target)
    with greeted(target.events, "SUB") as peer:
        for number in range(50_000):
            budget.pour(peer, frame(b"\1" + f"{number:032x}".encode()), 1)
        budget.rest()


def idle(endpoint: str, count: int, opening: bytes, target: Target) -> None:
    budget = Budget(target)
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            with contextlib.suppress(OSError):
                peer = stack.enter_context(RawPeer(endpoint, 0.5))
                peer.send(opening)
        budget.rest()


def four_hundred_idle(target: Target) -> None:
    idle(target.commands, 400, b"", target)


def nine_hundred_idle(target: Target) -> None:
    idle(target.commands, 900, GREETING + ready("DEALER"), target)


def nine_hundred_idle_listeners(target: Target) -> None:
    idle(target.events, 900, GREETING + ready("SUB") + frame(b"\1"), target)


def half_greetings(target: Target) -> None:
    idle(target.commands, 900, GREETING[:33], target)


def connections_that_come_and_go(target: Target) -> None:
    budget = Budget(target)
    while budget:
        with contextlib.suppress(OSError), RawPeer(target.commands, 0.5) as peer:
            peer.send(GREETING)


def flood(target: Target, content: bytes, peers: int) -> None:
    """Whole messages as fast as they are taken, whose answers nobody reads."""
    budget = Budget(target)
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        lines = selectors.DefaultSelector()
        for _ in range(peers):
            peer = stack.enter_context(greeted(target.commands, "DEALER"))
            peer.socket.setblocking(False)
            lines.register(peer.socket, selectors.EVENT_WRITE, 0)
        while budget and lines.get_map():
            for key, _ in lines.select(0.1):
                at = int(key.data)
                try:
                    sent = key.fileobj.send(content[at : at + 65_536])  # type: ignore[union-attr]
                except BlockingIOError:
                    continue
                except OSError:
                    lines.unregister(key.fileobj)
                    continue
                budget.bytes -= sent
                lines.modify(key.fileobj, selectors.EVENT_WRITE, (at + sent) % len(content))
        budget.rest()


def a_flood_of_empty_messages(target: Target) -> None:
    flood(target, message(b"") * 10_000, 32)


def a_flood_of_intricate_headers(target: Target) -> None:
    """Each is a tree of 60,000 lists."""
    flood(target, message(msgpack.packb({"a": [[[]] * 1_000] * 60})), 32)


def random_beginnings(target: Target) -> None:
    """10,000 kinds of noise: from the first byte on, after the greeting, after the handshake."""
    chance, budget = random.Random(target.seed), Budget(target)
    for number in range(10_000):
        if not budget:
            return
        endpoint = chance.choice((target.commands, target.events))
        kind = chance.choice(("REQ", "DEALER", "SUB", "XSUB", "REP", "PAIR"))
        noise = bytes([chance.choice((0, 1, 2, 3, 4, 6, 255, chance.randrange(256)))])
        noise += chance.randbytes(chance.randrange(300))
        opening = (b"", GREETING, GREETING + ready(kind), GREETING + ready(kind) + frame(b"", MORE))[
            number % 4
        ]
        with contextlib.suppress(OSError), RawPeer(endpoint, 0.5) as peer:
            peer.send(flipped(chance, opening) if number % 5 == 0 else opening)
            peer.send(noise)
            if number % 7 == 0:
                peer.socket.settimeout(0.01)
                peer.socket.recv(200)


def flipped(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(min(3, len(changed))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


ATTACKS: tuple[Attack, ...] = (
    nothing, a_page_posts_endless_parts, a_page_posts_a_subscription, endless_large_parts,
    eight_million_empty_parts,
    unfinished_bodies, unfinished_headers, an_endless_event_frame, endless_parts_to_the_events,
    a_large_subscription, fifty_thousand_subscriptions, four_hundred_idle, nine_hundred_idle,
    nine_hundred_idle_listeners, half_greetings, connections_that_come_and_go, a_flood_of_empty_messages,
    a_flood_of_intricate_headers, random_beginnings,
)  # fmt: skip


# --- what stands the attack


def go_first() -> None:
    """Where that is allowed, before all else on the machine, so that other work does not count as ours."""
    with contextlib.suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def serve() -> None:
    """The server, until its standard input ends."""
    go_first()
    server = Server(tone_voices(), TOKEN)
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    print(json.dumps(server.bind()), flush=True)
    thread = threading.Thread(target=server.run)
    thread.start()
    sys.stdin.read()
    server.stop()
    thread.join()


@dataclass(frozen=True)
class Seen:
    """What the polite client met. Memory in MiB over that before; `kept_mib` is left after the attack."""

    growth_mib: float
    kept_mib: float
    ping_ms: float
    newcomer_ms: float
    pings: int

    @property
    def held(self) -> bool:
        return self.growth_mib <= GROWTH_MIB and self.ping_ms <= PING_MS


def ask(connection: "zmq.Socket[bytes]", **fields: object) -> float:
    """Milliseconds until the answer, of 60,000 at most."""
    began = time.perf_counter()
    connection.send(msgpack.packb({"v": 1, "id": f"{began}", "token": TOKEN, **fields}))
    if connection.poll(60_000):
        assert msgpack.unpackb(connection.recv_multipart()[0])["ok"]
    return 1000 * (time.perf_counter() - began)


@contextmanager
def asking(endpoint: str) -> Iterator["zmq.Socket[bytes]"]:
    with zmq.Context() as context, context.socket(zmq.REQ) as connection:
        connection.setsockopt(zmq.LINGER, 0)
        connection.setsockopt(zmq.REQ_RELAXED, 1)
        connection.connect(endpoint)
        yield connection


def be_polite(commands: str, pid: int) -> None:
    """Ping until the standard input has a line: the attack is over. Then print what was seen."""
    go_first()
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
    server, came_ms = psutil.Process(pid), [0.0]

    def come_anew() -> None:
        while not over.wait(0.5):
            with asking(commands) as connection:
                came_ms.append(ask(connection, op="ping"))

    with asking(commands) as connection:
        for _ in range(20):
            ask(connection, op="synthesize", text="Hear, hear!")
            ask(connection, op="ping")
        before = peak = server.memory_info().rss
        print("ready", flush=True)
        newcomer = threading.Thread(target=come_anew)
        newcomer.start()
        waits_ms: list[float] = []
        while not over.wait(0.002):
            waits_ms.append(ask(connection, op="ping"))
            peak = max(peak, server.memory_info().rss)
            if len(waits_ms) % 10 == 0:  # events are read and told with it
                waits_ms.append(ask(connection, op="synthesize", text="Hear, hear!"))
        waits_ms.append(ask(connection, op="ping"))
        newcomer.join()
        time.sleep(1.0)
        waits_ms.append(ask(connection, op="synthesize", text="Hear, hear!"))
        kept = server.memory_info().rss
    found = Seen(
        (peak - before) / MEBI, (kept - before) / MEBI, max(waits_ms), max(came_ms), len(waits_ms)
    )  # fmt: skip
    print(json.dumps(vars(found)), flush=True)


@contextmanager
def child(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.attacks.peers", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        with contextlib.suppress(BrokenPipeError, ValueError):
            process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def stand(attack: Attack, seconds: float, most_bytes: int, seed: int = 1) -> Seen:
    """What a polite client sees of a server under that attack."""
    with child("--serve") as server:
        commands, events = json.loads(line_of(server))
        with child("--polite", commands, str(server.pid)) as polite:
            assert line_of(polite) == "ready\n"
            attack(Target(commands, events, seconds, most_bytes, seed))
            assert polite.stdin is not None and server.poll() is None, "the server has gone"
            polite.stdin.write("over\n")
            polite.stdin.flush()
            return Seen(**json.loads(line_of(polite)))


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--serve"]:
        serve()
        return 0
    if arguments[:1] == ["--polite"]:
        be_polite(arguments[1], int(arguments[2]))
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("attacks", nargs="*", choices=[[], *(attack.__name__ for attack in ATTACKS)])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--mebi", type=int, default=512)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    allow_descriptors()
    print(f"{'attack':32} {'grown':>9} {'kept':>9} {'ping':>9} {'newcomer':>9}")
    torn = 0
    for attack in ATTACKS:
        if options.attacks and attack.__name__ not in options.attacks:
            continue
        seen = stand(attack, options.seconds, options.mebi * MEBI, options.seed)
        torn += not seen.held
        memory = f"{seen.growth_mib:5.0f} MiB {seen.kept_mib:5.0f} MiB"
        times = f"{seen.ping_ms:6.1f} ms {seen.newcomer_ms:6.0f} ms"
        print(f"{attack.__name__:32} {memory} {times} {'' if seen.held else 'TORN'}", flush=True)
    return int(torn > 0)


def allow_descriptors() -> None:
    """As many sockets as the attacks open; POSIX only."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
