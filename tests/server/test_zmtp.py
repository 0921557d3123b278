"""What a peer says is understood, or it breaks off before it has cost anything."""

import random

import pytest

from sidecar.server.door.zmtp import COMMAND_BYTES, GULP_BYTES, Broken, Rules, Talk, socket_type
from tests.protocol.zmtp import COMMAND, GREETING, LONG, MORE, frame, message, ready

HEADER_BYTES, BODY_BYTES = 1000, 100_000
RULES = Rules(
    b"ROUTER", frozenset((b"REQ", b"DEALER")), (HEADER_BYTES, HEADER_BYTES, BODY_BYTES, HEADER_BYTES), 2
)
HELLO = GREETING + ready("REQ")


def talk() -> Talk:
    return Talk(RULES, lambda header: header == b"token")


def heard(talk: Talk, content: bytes) -> list[list[bytes]]:
    """The messages in it. Raises `Broken`."""
    talk.feed(content)
    messages = []
    while not talk.is_hungry:
        if (parts := talk.step()) is not None:
            messages.append(parts)
    return messages


def test_a_handshake_and_messages_are_heard_however_they_are_cut():
    asked = [[b"", b"token", b"x" * 70_000], [b"", b"again"], [b"alone"], [b"", b"", b"", b""]]
    wire = (
        HELLO + b"".join(message(*parts[1:]) for parts in asked[:2]) + frame(b"alone") + message(*[b""] * 3)
    )
    for seed in range(20):
        chance, one, found, at = random.Random(seed), talk(), [], 0
        while at < len(wire):
            size = chance.choice((1, 2, 3, 50, 10_000))
            found += heard(one, wire[at : at + size])
            at += size
        assert found == asked
        assert one.to_say == [GREETING, ready("ROUTER")] and one.is_ready and one.known


def test_a_body_is_not_kept_of_who_does_not_hold_the_token():
    one = talk()
    heard(one, HELLO + frame(b"", MORE) + frame(b"guess", MORE) + bytes([LONG]) + (90_000).to_bytes(8, "big"))
    for _ in range(9):
        assert len(one._buffer) == 0
        found = heard(one, b"x" * 10_000)
    assert found == [[b"", b"guess", b""]]
    assert heard(one, message(b"token", b"kept")) == [[b"", b"token", b"kept"]]


def test_appetite_grows_with_what_is_missing_within_bounds():
    one = talk()
    heard(one, HELLO)
    small = one.appetite_bytes
    heard(one, frame(b"", MORE) + frame(b"token", MORE) + bytes([LONG]) + (90_000).to_bytes(8, "big") + b"x")
    assert small < one.appetite_bytes == 89_999 < GULP_BYTES


@pytest.mark.parametrize(
    "wire",
    [
        b"POST /aaa HTTP/1.1\r\n\r\n",
        b"P",
        b"\xff" + bytes(7) + b"\x01\x00" + GREETING[10:],
        b"\xff" + bytes(7) + b"\x01\x7f\x01\x03" + bytes(60),
        GREETING.replace(b"NULL", b"NULX"),
        GREETING.replace(b"NULL\0", b"PLAIN"),
        GREETING + frame(b"", MORE),
        GREETING + ready("SUB"),
        GREETING + ready("PUB"),
        GREETING + frame(b"\5READY", COMMAND),
        GREETING + frame(b"\5READY\x0bSocket-Type\xff\xff\xff\xffREQ", COMMAND),
        GREETING + frame(b"\5ERROR", COMMAND),
        GREETING + bytes([COMMAND | LONG]) + (COMMAND_BYTES + 1).to_bytes(8, "big"),
        HELLO + frame(b"\4PING\0\0", COMMAND | MORE),
        HELLO + b"\x08\x00",
        HELLO + b"\xff\xff",
        HELLO + bytes([LONG]) + (HEADER_BYTES + 1).to_bytes(8, "big"),
        HELLO + frame(b"", MORE) + frame(b"token", MORE) + bytes([LONG]) + (1 << 62).to_bytes(8, "big"),
        HELLO + bytes([MORE, 0]) * 5,
    ],
)
def test_what_breaks_the_rules_ends_it(wire: bytes):
    with pytest.raises(Broken):
        heard(talk(), wire)


def test_a_ping_is_answered_with_its_context_and_other_commands_are_let_pass():
    one = talk()
    heard(one, HELLO)
    del one.to_say[:]
    assert heard(one, frame(b"\4PING\0\x0acontext", COMMAND) + frame(b"\7UNKNOWN", COMMAND)) == []
    assert one.to_say == [frame(b"\4PONGcontext", COMMAND)]


def test_a_ready_is_searched_for_its_type():
    properties = b"\3Foo\0\0\0\1x" + b"\x0bsocket-TYPE\0\0\0\3SUB"
    assert socket_type(b"\5READY" + properties) == b"SUB"


def test_noise_is_understood_or_breaks_it_off_and_nothing_piles_up():
    """10,000 kinds, after nothing, a greeting, a handshake and in the middle of a message."""
    for seed in range(10_000):
        chance, one = random.Random(seed), talk()
        opening = (b"", GREETING, HELLO, HELLO + frame(b"", MORE))[seed % 4]
        noise = bytes([chance.choice((0, 1, 2, 3, 4, 6, chance.randrange(256)))])
        try:
            heard(one, opening + noise + chance.randbytes(chance.randrange(200)))
        except Broken:
            continue
        assert len(one._buffer) <= 400 and len(one._parts) <= 4
