"""The connection file: where a running sidecar listens, readable by its owner only."""

import json
from dataclasses import dataclass
from pathlib import Path

from sidecar import files
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.limits import VERSION
from sidecar.protocol.record import from_map, to_map

#: The code with which a sidecar ends that is worth starting again: its device has failed for this process.
DEVICE_LOST = 75


@dataclass(frozen=True)
class Connection:
    """`commands` and `events` are ZeroMQ endpoints, `started` is in seconds since the epoch.

    `pid` is for people to read: the file may come from another machine or container, so only an answer tells
    whether a sidecar is alive. `ipc` is a second endpoint for commands, where the platform has such.
    `server_key` is the public key of a sidecar that wants CURVE. `token` is never printed.
    """

    pid: int
    commands: str
    events: str
    token: str
    started: float
    ipc: str | None = None
    server_key: str | None = None
    protocol: int = VERSION

    def __repr__(self) -> str:
        return f"Connection(pid={self.pid}, commands={self.commands!r})"

    def write(self, path: Path) -> None:
        """Whole or not at all, for its owner only. Raises `OSError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, json.dumps(to_map(self)).encode(), private=True)

    @classmethod
    def read(cls, path: Path) -> "Connection":
        """Raises `OSError` when there is none and `BadRequest` when it is malformed."""
        try:
            return from_map(cls, json.loads(files.read(path)))
        except (ValueError, BadRequest) as error:
            raise BadRequest(f"{path} is not a connection file: {error}") from error

    def remove(self, path: Path) -> None:
        """Delete the file if it is still this process's own."""
        try:
            if Connection.read(path).token == self.token:
                files.remove(path)
        except (OSError, BadRequest):
            return
