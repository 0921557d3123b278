"""Who may connect: ZeroMQ asks at every handshake (rfc.zeromq.org, 27/ZAP), and a thread answers.

pyzmq's own authenticator runs an asyncio loop, which on Windows is of the kind that cannot wait for ZeroMQ,
and reads the known keys once.
"""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils import z85

log = logging.getLogger(__name__)

ENDPOINT = "inproc://zeromq.zap.01"  #: where the sockets of a context look for who answers
VERSION = b"1.0"
END = b"end"


class Authenticator:
    """Answers for all sockets of a context: `start` before they bind, `stop` before the context ends.

    With a folder of public keys (`*.key`) a client needs one that lies in it at that moment; who is connected
    stays so when the key is taken away. Without a folder NULL comes in. A NULL socket asks only if it has a
    `ZAP_DOMAIN`, and then it turns away peers of ZMTP 1 and 2, for whom nobody can be asked.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", clients: Path | None = None) -> None:
        self._context, self._clients = context, clients
        self._refused: bytes | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises `zmq.ZMQError` when the context has one already."""
        socket = self._context.socket(zmq.REP)
        try:
            socket.setsockopt(zmq.LINGER, 0)
            socket.bind(ENDPOINT)
        except zmq.ZMQError:
            socket.close()
            raise
        self._thread = threading.Thread(target=self._answer_all, args=(socket,), name="zap", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended; nobody else comes in."""
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        with self._context.socket(zmq.REQ) as bell:
            bell.connect(ENDPOINT)
            bell.send(END)
            thread.join()

    def _answer_all(self, socket: "zmq.Socket[bytes]") -> None:
        with socket:
            while (question := socket.recv_multipart()) != [END]:
                socket.send_multipart(self._answer(question))

    def _answer(self, question: Sequence[bytes]) -> list[bytes]:
        """Version, the question's number, status, its text, user, metadata. Must outlive any bug."""
        try:
            allowed = self._allows(*question[5:])
        except Exception:
            log.exception("a handshake failed")
            allowed = False
        status, text = (b"200", b"OK") if allowed else (b"400", b"not allowed")
        return [VERSION, question[1], status, text, b"", b""]

    def _allows(self, mechanism: bytes, *credentials: bytes) -> bool:
        if self._clients is None:
            return mechanism == b"NULL"
        if mechanism != b"CURVE":
            return False
        key = z85.encode(credentials[0])
        if key in known_keys(self._clients):
            return True
        if key != self._refused:  # who is refused tries again and again
            log.warning("a client's key is not known", extra={"key": key.decode()})
            self._refused = key
        return False


def known_keys(folder: Path) -> set[bytes]:
    """The public keys in a folder, Z85; files that hold none let nobody in and keep nobody out."""
    keys = set()
    for path in folder.glob("*.key"):
        try:
            keys.add(zmq.auth.load_certificate(path)[0])
        except (OSError, ValueError, IndexError):  # a line without its value
            log.warning("this file holds no key", extra={"file": str(path)})
    return keys
