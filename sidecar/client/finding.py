"""Where the sidecar is, and starting one when none is there."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import zmq
import zmq.auth

from sidecar.models.home import Home
from sidecar.protocol.connection import DEVICE_LOST, Connection
from sidecar.protocol.errors import BadRequest, Unreachable

CONNECT_S = 1.0


@dataclass(frozen=True)
class ClientOptions:
    """`timeout_s` is the wait for one reply before it is asked for again, `attempts` how often at most.

    `start`: start a sidecar when none is there (with `arguments` of `npc-voice serve`), and stop it at
    the end. `start_s`: how long that may take. `keys`: the client's secret key file, for CURVE.
    """

    connection_file: Path = field(default_factory=lambda: Home.from_environment().connection_file)
    timeout_s: float = 10.0
    attempts: int = 6
    start: bool = False
    start_s: float = 120.0
    arguments: tuple[str, ...] = ()
    keys: Path | None = None
    session: str = field(default_factory=lambda: uuid.uuid4().hex)


def find_sidecar(options: ClientOptions) -> Connection:
    """Where the sidecar listens. Raises `Unreachable`: no connection file, or one of a dead process."""
    file = options.connection_file
    try:
        connection = Connection.read(file)
    except (OSError, BadRequest) as error:
        raise Unreachable(f"no sidecar is running: {error}", tip="start one with npc-voice serve") from error
    if not (connection.is_alive() and accepts(connection.commands)):
        raise Unreachable(
            f"no sidecar is running: {file} was left by process {connection.pid}, which is gone",
            tip="start one with npc-voice serve",
        )
    return connection


def is_current(connection: Connection, file: Path) -> bool:
    """Whether the sidecar behind a connection is still the one that the file names, and alive."""
    try:
        return Connection.read(file) == connection and connection.is_alive() and accepts(connection.commands)
    except (OSError, BadRequest):
        return False


def accepts(endpoint: str) -> bool:
    """Whether somebody listens there: a process that has died but is not yet buried does not."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_S):
            return True
    except (OSError, ValueError):
        return False


def prepared(zmq_socket: Any, options: ClientOptions, connection: Connection) -> None:
    """Options that every socket of ours has."""
    zmq_socket.setsockopt(zmq.LINGER, 0)
    zmq_socket.setsockopt(zmq.IPV6, "[" in connection.commands)
    if connection.server_key is not None:
        if options.keys is None:
            raise Unreachable("the sidecar wants CURVE keys", tip="pass keys=, the client's secret key file")
        public, secret = zmq.auth.load_certificate(options.keys)
        zmq_socket.setsockopt(zmq.CURVE_SERVERKEY, connection.server_key.encode())
        zmq_socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
        zmq_socket.setsockopt(zmq.CURVE_SECRETKEY, secret)


class OwnSidecar:
    """A sidecar process of our own. It ends when we do, however we do."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        """Start one, unless one of ours is running. Raises `Unreachable` when ours failed to start."""
        if self._process is not None:
            if (code := self._process.poll()) is None:
                return
            if code > 0 and code != DEVICE_LOST:
                raise Unreachable(f"the sidecar ended with code {code}: {self._last_words()}")
        self.stop()
        command = [
            sys.executable, "-m", "sidecar", "serve", "--connection-file", str(self._options.connection_file),
            "--parent-pid", str(os.getpid()), "--watch-stdin", *self._options.arguments,
        ]  # fmt: skip
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._log
        )

    def stop(self) -> None:
        """End it: its standard input ends, which it heeds; if not, by force."""
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
