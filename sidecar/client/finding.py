"""Where the sidecar is, and starting one when none is there.

A sidecar is alive when it answers, on this machine or another, in this container or another: a process's
number says nothing where it was not given. What is a coroutine here never blocks its loop.
"""

import asyncio
import contextlib
import ipaddress
import os
import subprocess
import sys
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import zmq
import zmq.auth

from sidecar.home import Home
from sidecar.protocol.connection import DEVICE_LOST, Connection
from sidecar.protocol.errors import BadRequest, Unreachable

LOOK_S = 2.0  #: how long a sidecar may take to show itself; a lost SYN is sent again after a second
SIGNATURE_BYTES = 10  #: what every ZMTP peer sends first: 0xFF, 8 bytes, 0x7F (rfc.zeromq.org, 23/ZMTP)
ANOTHER = "another sidecar"  #: a second start on one connection file ends with these words


@dataclass(frozen=True)
class ClientOptions:
    """`timeout_s` is the wait for one reply before it is asked for again, `attempts` how often at most, save
    for lines while the sidecar says that it is speaking (`deadline_ms` bounds those). A sidecar that is not
    there is looked for as long as one reply.

    `connection_file` may be a copy of one from another machine. `start`: start a sidecar when none is there
    (with `arguments` of `npc-voice serve`), and stop it at the end. `start_s`: how long that may take.
    `keys`: the client's secret key file, for CURVE.
    """

    connection_file: Path = field(default_factory=lambda: Home.from_environment().connection_file)
    timeout_s: float = 10.0
    attempts: int = 6
    start: bool = False
    start_s: float = 120.0
    arguments: tuple[str, ...] = ()
    keys: Path | None = None
    session: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class OwnKeys:
    """A client's CURVE keys, Z85."""

    public: bytes
    secret: bytes = field(repr=False)


def made_elsewhere(pid: int) -> Unreachable:
    """Threads and connections stay behind where a process is forked."""
    return Unreachable(
        f"this client was made in process {pid}, and this is process {os.getpid()}, forked from it",
        tip="make a client in each process",
    )


async def find_sidecar(file: Path, within_s: float = LOOK_S) -> Connection:
    """Where the sidecar listens. Raises `Unreachable`: no connection file, or nobody answers there."""
    try:
        connection = await asyncio.to_thread(Connection.read, file)
    except (OSError, BadRequest) as error:
        raise Unreachable(f"no sidecar is running: {error}", tip="start one with npc-voice serve") from error
    if not await greets(connection.commands, within_s):
        raise Unreachable(
            f"no sidecar is running: nobody answers at {connection.commands}, "
            f"where {file} says that process {connection.pid} listens",
            tip=what_to_do(connection),
        )
    return connection


def what_to_do(silent: Connection) -> str:
    if is_loopback(host_and_port(silent.commands)[0]):
        return "start one with npc-voice serve"
    return "see that it runs there, and copy its connection file again: every start writes another"


async def is_current(connection: Connection, file: Path) -> bool:
    """Whether the sidecar behind a connection is still the one that the file names, and alive."""
    try:
        named = await asyncio.to_thread(Connection.read, file)
    except (OSError, BadRequest):
        return False
    return named == connection and await greets(connection.commands)


async def greets(endpoint: str, within_s: float = LOOK_S) -> bool:
    """Whether ZeroMQ listens there, which shows itself unasked, however busy the sidecar is.

    An open port alone says less: it may be another program's by now, or a forwarder holds it (of a container,
    of ssh) for a sidecar that is gone.
    """
    try:
        first = await asyncio.wait_for(_first_bytes(*host_and_port(endpoint)), within_s)
    except (OSError, EOFError, ValueError, OverflowError, asyncio.TimeoutError):
        return False
    return first[0] == 0xFF and first[-1] == 0x7F


async def _first_bytes(host: str, port: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        return await reader.readexactly(SIGNATURE_BYTES)
    finally:
        writer.close()


def host_and_port(endpoint: str) -> tuple[str, str]:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), port


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def read_own_keys(options: ClientOptions, connection: Connection) -> OwnKeys | None:
    """The client's keys, where the sidecar wants such.

    Raises `Unreachable` when none were given and `BadRequest` when the file holds none.
    """
    if connection.server_key is None:
        return None
    if options.keys is None:
        raise Unreachable("the sidecar wants CURVE keys", tip="pass keys=, the client's secret key file")
    try:
        public, secret = zmq.auth.load_certificate(options.keys)
    except (OSError, ValueError, IndexError) as error:
        raise BadRequest(f"{options.keys} holds no keys: {error}", field="keys") from error
    if secret is None:
        raise BadRequest(f"{options.keys} holds no secret key: pass client.key_secret", field="keys")
    return OwnKeys(public, secret)


def prepared(zmq_socket: Any, connection: Connection, keys: OwnKeys | None) -> None:
    """Options that every socket of ours has."""
    zmq_socket.setsockopt(zmq.LINGER, 0)
    zmq_socket.setsockopt(zmq.IPV6, "[" in connection.commands)
    if keys is not None and connection.server_key is not None:
        zmq_socket.setsockopt(zmq.CURVE_SERVERKEY, connection.server_key.encode())
        zmq_socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public)
        zmq_socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret)


class OwnSidecar:
    """A sidecar process of our own. It ends when we do, however we do.

    Any thread may call; what starts and ends a process takes its time.
    """

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._has_served = False
        self._is_over = False

    def start(self) -> None:
        """Start one, unless one of ours is running or `stop` was called.

        Raises `Unreachable` when ours ended with an error before it ever served; after that, another is
        worth a try.
        """
        with self._lock:
            if self._is_over or self._is_running():
                return
            if reason := self._failure():
                raise Unreachable(reason)
            self._bury()
            self._launch()

    def mark_served(self) -> None:
        """A sidecar answers: if ours ends now, that was no failed start."""
        self._has_served = True

    def stop(self) -> None:
        """End it for good: its standard input ends, which it heeds; if not, by force."""
        with self._lock:
            self._is_over = True
            self._bury()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _failure(self) -> str | None:
        """Why ours never came to serve. The sign of its code says nothing: on Windows all are positive.

        One that was a moment later than another game's has not failed.
        """
        code = self._process.poll() if self._process is not None else None
        if code in (None, 0, DEVICE_LOST) or self._has_served or ANOTHER in (words := self._last_words()):
            return None
        return f"the sidecar ended with code {code}: {words}"

    def _launch(self) -> None:
        command = [
            sys.executable, "-m", "sidecar", "serve", "--connection-file", str(self._options.connection_file),
            "--parent-pid", str(os.getpid()), "--watch-stdin", *self._options.arguments,
        ]  # fmt: skip
        self._has_served = False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _bury()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._log,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # a game on Windows has no console
        )  # fmt: skip

    def _bury(self) -> None:
        if self._process is None or self._log is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._log.close()

    def _last_words(self) -> str:
        """The reason that a failed start prints."""
        assert self._log is not None
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").splitlines()
        reasons = [line.removeprefix("ERROR ") for line in lines if line.startswith("ERROR ")]
        return (reasons or lines or ["it said nothing"])[-1]
