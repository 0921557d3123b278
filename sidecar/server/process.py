"""The life of a serving process: model, socket, connection file, signals, end."""

import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import StorageError
from sidecar.server.server import Server, ServerSettings
from sidecar.synthesis import Synthesizer


def serve(
    synthesizer: Synthesizer, connection_file: Path, port: int, ready: Callable[[Connection], None]
) -> None:
    """Serve until SIGINT, SIGTERM or a `shutdown` request. `ready` is told where, once requests are heard.

    Raises `StorageError` when the port is taken or the connection file cannot be written.
    """
    token = secrets.token_urlsafe(32)
    server = Server(synthesizer, ServerSettings(token=token, port=port))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    try:
        connection = Connection(os.getpid(), server.bind(), token, time.time())
        connection.write(connection_file)
    except (zmq.ZMQError, OSError) as error:
        server.close()
        raise StorageError(
            f"cannot start serving: {error}", tip="use --port 0 to let the system choose"
        ) from error
    try:
        ready(connection)
    except BaseException:
        server.close()
        raise
    else:
        server.run()
    finally:
        connection.remove(connection_file)
