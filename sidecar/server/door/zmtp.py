"""ZMTP 3.0 with the NULL mechanism (rfc.zeromq.org, 23/ZMTP), the listening side: bytes in, messages out.

No socket is touched here. What one side may make the other hold is bounded before it has come.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

MORE, LONG, COMMAND = 1, 2, 4
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
VERSION_AT, MECHANISM = 10, slice(12, 32)
COMMAND_BYTES = 1024  #: of a command, the handshake's among them
PING_HEAD = len(b"\4PING") + 2  #: a name and a time to live; what follows is to be sent back
CONTEXT_BYTES = 16
SIP_BYTES = 16 * 1024  #: how much is taken from a peer at once
GULP_BYTES = 256 * 1024  #: the same, of a frame that is longer


class Broken(Exception):
    """The other side does not keep to ZMTP or to a limit; the connection is worth nothing any more."""


@dataclass(frozen=True)
class Rules:
    """What peers of one port may be and send.

    `kind` is our type of socket, `peers` are theirs. A message has at most as many frames as `frame_bytes`
    has entries, of so many bytes each; from the frame `vouched_from` on they are kept only of known peers.
    """

    kind: bytes
    peers: frozenset[bytes]
    frame_bytes: tuple[int, ...]
    vouched_from: int
    sip_bytes: int = SIP_BYTES


def head(size: int, flags: int = 0) -> bytes:
    """What goes before a frame's content."""
    return bytes([flags, size]) if size < 256 else struct.pack(">BQ", flags | LONG, size)


def frame(content: bytes, flags: int = 0) -> bytes:
    return head(len(content), flags) + content


def ready(kind: bytes) -> bytes:
    """The command that ends our side's handshake."""
    properties = ((b"Socket-Type", kind), (b"Identity", b""))
    body = b"".join(bytes([len(n)]) + n + struct.pack(">I", len(v)) + v for n, v in properties)
    return frame(b"\x05READY" + body, COMMAND)


class Talk:
    """What one peer says. `vouch` is asked of a header before its body is kept, until the peer is `known`.
    `to_say` is to be sent and emptied. One thread."""

    def __init__(self, rules: Rules, vouch: Callable[[bytes], bool]) -> None:
        self.known = False
        self.to_say: list[bytes] = [GREETING]
        self.is_ready = False  #: the handshake is over
        self.is_hungry = True  #: nothing can be done before more bytes come
        self._rules, self._vouch = rules, vouch
        self._greeted = False
        self._buffer = bytearray()
        self._head: tuple[int, int] | None = None  # flags, and bytes that are still to come
        self._parts: list[bytes] = []

    @property
    def appetite_bytes(self) -> int:
        """How much to feed at most."""
        if self._head is None:
            return self._rules.sip_bytes
        return min(max(self._head[1] - len(self._buffer), self._rules.sip_bytes), GULP_BYTES)

    def feed(self, content: bytes) -> None:
        self._buffer += content
        self.is_hungry = False

    def step(self) -> list[bytes] | None:
        """Do one thing that the bytes allow: hear a greeting, a command or a message, which is returned.

        Raises `Broken`.
        """
        if not self._greeted:
            self._greet()
            return None
        while (heard := self._frame()) is not None:
            flags, content = heard
            if flags & COMMAND:
                self._obey(content)
                break
            self._parts.append(content)
            if not flags & MORE:
                parts, self._parts = self._parts, []
                return parts
            if not self.known and len(self._parts) == self._rules.vouched_from:
                self.known = self._vouch(content)
        return None

    def _frame(self) -> tuple[int, bytes] | None:
        """Flags and content of the next frame, once it is whole."""
        if self._head is None and not self._read_head():
            self.is_hungry = True
            return None
        assert self._head is not None
        flags, content = self._head[0], self._content()
        self.is_hungry = content is None or not self._buffer
        if content is None:
            return None
        self._head = None
        return flags, content

    def _greet(self) -> None:
        """Anything but a greeting is known by its first byte, a request of HTTP among them."""
        if self._buffer and self._buffer[0] != GREETING[0]:
            raise Broken("no ZMTP")
        if len(self._buffer) < len(GREETING):
            self.is_hungry = True
            return
        greeting = self._take(len(GREETING))
        if not greeting[9] & 1 or greeting[VERSION_AT] < 3 or greeting[MECHANISM] != GREETING[MECHANISM]:
            raise Broken("another version or mechanism")
        self._greeted = True
        self.to_say.append(ready(self._rules.kind))

    def _read_head(self) -> bool:
        """The next frame's head, if it is there; its size is judged before a byte of it is kept."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        flags = buffer[0]
        if flags & ~(MORE | LONG | COMMAND):
            raise Broken("flags that no frame has")
        if flags & LONG:
            if len(buffer) < 9:
                return False
            size = int.from_bytes(buffer[1:9], "big")
            del buffer[:9]
        else:
            size = buffer[1]
            del buffer[:2]
        if size > self._limit_bytes(flags):
            raise Broken("a frame that is too large, or one too many")
        self._head = flags, size
        return True

    def _limit_bytes(self, flags: int) -> int:
        if flags & COMMAND or not self.is_ready:
            return COMMAND_BYTES if flags & COMMAND and not flags & MORE else -1
        limits = self._rules.frame_bytes
        return limits[len(self._parts)] if len(self._parts) < len(limits) else -1

    def _content(self) -> bytes | None:
        """The frame's content when all of it has come; nothing is kept of one that only known peers send."""
        assert self._head is not None
        flags, size = self._head
        if flags & COMMAND or self.known or len(self._parts) < self._rules.vouched_from:
            return self._take(size) if len(self._buffer) >= size else None
        gone = min(size, len(self._buffer))
        del self._buffer[:gone]
        self._head = flags, size - gone
        return b"" if gone == size else None

    def _take(self, size: int) -> bytes:
        content = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return content

    def _obey(self, command: bytes) -> None:
        if not self.is_ready:
            if socket_type(command) not in self._rules.peers:
                raise Broken("no socket that fits")
            self.is_ready = True
        elif command[:5] == b"\4PING":
            self.to_say.append(frame(b"\4PONG" + command[PING_HEAD : PING_HEAD + CONTEXT_BYTES], COMMAND))


def socket_type(command: bytes) -> bytes:
    """What a READY says that the other side is. Raises `Broken`."""
    if command[:6] != b"\5READY":
        raise Broken("no READY")
    at = 6
    while at < len(command):
        name_end = at + 1 + command[at]
        value_at = name_end + 4
        end = value_at + int.from_bytes(command[name_end:value_at], "big")
        if end > len(command):
            raise Broken("READY is cut short")
        if command[at + 1 : name_end].lower() == b"socket-type":
            return command[value_at:end]
        at = end
    raise Broken("READY names no type")
