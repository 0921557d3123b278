"""ZMTP 3.0 as bytes (rfc.zeromq.org, 23/ZMTP), for vectors and for clients that misbehave on purpose."""

import socket
import struct

MORE, LONG, COMMAND = 1, 2, 4
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)


def frame(content: bytes, flags: int = 0) -> bytes:
    if len(content) < 256:
        return bytes([flags, len(content)]) + content
    return bytes([flags | LONG]) + struct.pack(">Q", len(content)) + content


def message(*parts: bytes) -> bytes:
    """Parts as one message of a REQ socket: the empty delimiter comes first."""
    return b"".join(frame(part, MORE) for part in (b"", *parts[:-1])) + frame(parts[-1])


def ready(kind: str = "REQ", identity: bytes | None = b"") -> bytes:
    properties = [(b"Socket-Type", kind.encode())] + (
        [(b"Identity", identity)] if identity is not None else []
    )
    body = b"".join(bytes([len(n)]) + n + struct.pack(">I", len(v)) + v for n, v in properties)
    return frame(b"\x05READY" + body, COMMAND)


class RawPeer:
    """A TCP connection that speaks ZMTP by hand."""

    def __init__(self, endpoint: str, timeout_s: float = 10.0) -> None:
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout_s)

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def receive(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            more = self.socket.recv(size - len(content))
            if not more:
                raise ConnectionError("the other side has closed")
            content += more
        return content

    def handshake(self, kind: str = "REQ") -> None:
        self.send(GREETING)
        self.receive(64)
        self.send(ready(kind))
        assert self.receive_frame()[0] & COMMAND

    def receive_frame(self) -> tuple[int, bytes]:
        flags = self.receive(1)[0]
        size = struct.unpack(">Q", self.receive(8))[0] if flags & LONG else self.receive(1)[0]
        return flags, self.receive(size)

    def receive_message(self) -> list[bytes]:
        """The parts after the delimiter."""
        parts = []
        while True:
            flags, content = self.receive_frame()
            parts.append(content)
            if not flags & MORE:
                return parts[1:]
