"""The loopback ports serve those with the token, however many strangers there are."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import msgpack
import pytest
import zmq

from sidecar.server.door import front
from sidecar.server.door.front import COMMANDS, EVENTS
from tests.fakes import tone_voices
from tests.protocol.zmtp import COMMAND, GREETING, LONG, MORE, RawPeer, frame, message, ready
from tests.server.test_server import TOKEN, ask, connected, header, serving


@pytest.fixture(scope="module")
def endpoints() -> Iterator[tuple[str, str]]:
    with serving(tone_voices()) as (_, commands, events):
        yield commands, events


@pytest.fixture
def commands(endpoints: tuple[str, str]) -> str:
    return endpoints[0]


@contextlib.contextmanager
def greeted(endpoint: str, kind: str = "DEALER") -> Iterator[RawPeer]:
    with RawPeer(endpoint) as peer:
        peer.handshake(kind)
        yield peer


def has_hung_up(peer: RawPeer) -> bool:
    """Whether the server closes it, whatever it says before."""
    peer.socket.settimeout(5)
    try:
        while peer.socket.recv(65_536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def is_alive(peer: RawPeer) -> bool:
    peer.send(message(msgpack.packb({"v": 1, "op": "ping", "id": "a", "token": TOKEN})))
    return bool(msgpack.unpackb(peer.receive_message()[0])["ok"])


def test_a_page_is_hung_up_on_at_its_first_byte(endpoints: tuple[str, str]):
    for endpoint in endpoints:
        with RawPeer(endpoint) as page:
            page.send(b"P")
            assert has_hung_up(page)


@pytest.mark.parametrize("kind", ["REP", "SUB", "PUB", "PAIR"])
def test_a_socket_that_does_not_fit_is_hung_up_on(commands: str, kind: str):
    with RawPeer(commands) as peer:
        peer.send(GREETING + ready(kind))
        assert has_hung_up(peer)


def test_four_frames_get_an_error_and_a_fifth_ends_it(commands: str):
    with greeted(commands) as peer:
        peer.send(message(b"a", b"b", b"c", b"d"))
        assert msgpack.unpackb(peer.receive_message()[0])["error"]["code"] == "bad_request"
        assert is_alive(peer)
        peer.send(message(b"a", b"b", b"c", b"d", b"e"))
        assert has_hung_up(peer)


def test_a_large_body_with_a_wrong_token_is_unauthorized_and_with_the_right_one_too_large(commands: str):
    body = bytes(3 << 20)
    with connected(commands) as client:
        for token, code in (("wrong", "unauthorized"), (TOKEN, "too_large")):
            client.send_multipart([header(op="ping", id="b", token=token), body])
            reply = msgpack.unpackb(client.recv())
            assert (reply["id"], reply["error"]["code"]) == ("b", code)


def test_a_heartbeat_is_answered(commands: str):
    with greeted(commands) as peer:
        peer.send(frame(b"\4PING\0\x0ahello", COMMAND))
        assert peer.receive_frame() == (COMMAND, b"\4PONGhello")
    with zmq.Context() as context, context.socket(zmq.REQ) as client:
        for option, value in ((zmq.HEARTBEAT_IVL, 50), (zmq.HEARTBEAT_TIMEOUT, 200), (zmq.LINGER, 0)):
            client.setsockopt(option, value)
        monitor = client.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        client.connect(commands)
        ask(client, op="ping")
        time.sleep(0.6)
        assert ask(client, op="ping")[0]["ok"] and not monitor.poll(0)
        client.disable_monitor()


def test_many_messages_at_once_are_answered_in_order(commands: str):
    with greeted(commands) as peer:
        requests = [message(header(op="ping", id=str(number))) for number in range(500)]
        peer.send(b"".join(requests))
        assert [msgpack.unpackb(peer.receive_message()[0])["id"] for _ in requests] == [
            str(number) for number in range(500)
        ]


def test_replies_larger_than_the_system_takes_at_once_arrive_whole(commands: str):
    asked = {"op": "synthesize", "text": "The tale is long, and told to the very end. " * 40}
    with connected(commands) as client, greeted(commands) as slow:
        _, (body,) = ask(client, **asked)
        assert len(body) > 1 << 20
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow.send(message(header(**asked)) * 12)
        time.sleep(0.2)
        for _ in range(12):
            assert slow.receive_message()[1] == body


def test_who_does_not_greet_in_time_goes(monkeypatch: pytest.MonkeyPatch, commands: str):
    monkeypatch.setattr(front, "HANDSHAKE_S", 0.2)
    with RawPeer(commands) as silent, RawPeer(commands) as half, greeted(commands) as peer:
        half.send(GREETING[:33])
        assert has_hung_up(silent) and has_hung_up(half)
        assert is_alive(peer)


def test_idle_strangers_make_room_for_newcomers_and_known_ones_stay(commands: str):
    with contextlib.ExitStack() as stack:
        known = [stack.enter_context(greeted(commands)) for _ in range(3)]
        assert all(is_alive(peer) for peer in known)
        crowd = [stack.enter_context(RawPeer(commands)) for _ in range(COMMANDS.strangers + 20)]
        newcomer = stack.enter_context(greeted(commands))
        assert is_alive(newcomer)
        assert all(has_hung_up(peer) for peer in crowd[:20])
        assert all(is_alive(peer) for peer in known)


def test_a_request_that_has_come_is_heard_before_its_peer_must_go(commands: str):
    """Of more clients at once than strangers may be, none is lost."""
    with contextlib.ExitStack() as stack:
        peers = []
        for _ in range(COMMANDS.strangers + 60):
            peers.append(stack.enter_context(RawPeer(commands)))
            peers[-1].send(GREETING + ready("DEALER") + message(header(op="ping")))
        for peer in peers:
            peer.receive(64)
            peer.receive_frame()
            assert msgpack.unpackb(peer.receive_message()[0])["ok"]


def test_unread_replies_are_dropped_at_last_and_counted():
    with (
        serving(tone_voices()) as (server, commands, _),
        greeted(commands) as rude,
        connected(commands) as client,
    ):
        asked = {"op": "synthesize", "text": "The tale is long, and told to the very end. " * 10}
        ask(client, **asked)
        before = ask(client, op="stats")[0]["memory_bytes"]
        rude.send(b"".join(message(header(**asked)) for _ in range(400)))
        while server.metrics.requests["synthesize"] < 401:
            ask(client, op="ping")
        assert 0 < server.metrics.replies_dropped < 400
        assert ask(client, op="stats")[0]["memory_bytes"] - before < 32 << 20
        assert len(rude.receive_message()) == 2


# --- events


def subscription(topic: bytes, begins: bool = True) -> bytes:
    return frame(bytes([begins]) + topic)


def subscribed(listener: RawPeer, *content: bytes) -> None:
    """Send it, and wait until it has been heard."""
    listener.send(b"".join(content) + frame(b"\4PING\0\0", COMMAND))
    assert listener.receive_frame() == (COMMAND, b"\4PONG")


def told(endpoints: tuple[str, str], *listeners: RawPeer) -> list[list[bytes]]:
    """What topics each hears of a line."""
    with connected(endpoints[0]) as client:
        ask(client, op="synthesize", text=f"Hear {time.monotonic()}!")
    found = []
    for listener in listeners:
        listener.send(frame(b"\4PING\0\0", COMMAND))
        found.append([])
        while (heard := listener.receive_frame()) != (COMMAND, b"\4PONG"):
            found[-1].append(heard[1])
            listener.receive_frame()
    return found


def test_listeners_hear_what_they_asked_for_until_they_do_not(endpoints: tuple[str, str]):
    with greeted(endpoints[1], "SUB") as one, greeted(endpoints[1], "XSUB") as other:
        subscribed(one, subscription(b"line.done"), subscription(b"model."))
        subscribed(other, subscription(b""), subscription(b"nonsense"))
        assert told(endpoints, one, other) == [[b"line.done"], [b"line.started", b"line.done"]]
        subscribed(other, subscription(b"", False))
        assert told(endpoints, one, other) == [[b"line.done"], []]


def test_what_is_no_beginning_of_an_event_is_not_kept_and_what_is_too_long_ends_it(
    endpoints: tuple[str, str],
):
    with greeted(endpoints[1], "SUB") as one, greeted(endpoints[1], "SUB") as other:
        subscribed(
            one, *(subscription(f"{number}".encode()) for number in range(20_000)),
            subscription(b"line.done" + b"x" * 900), subscription(b"line.d"),
        )  # fmt: skip
        assert told(endpoints, one) == [[b"line.done"]]
        other.send(bytes([LONG]) + struct.pack(">Q", 1 << 30))
        assert has_hung_up(other)
    with greeted(endpoints[1], "SUB") as parts:
        parts.send(frame(b"\1", MORE) * 2)
        assert has_hung_up(parts)


def test_a_listener_stays_however_many_come_that_want_nothing(endpoints: tuple[str, str]):
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(greeted(endpoints[1], "SUB"))
        subscribed(listener, subscription(b"line.done"))
        for _ in range(2 * EVENTS.strangers):
            stack.enter_context(RawPeer(endpoints[1]))
        assert told(endpoints, listener) == [[b"line.done"]]
