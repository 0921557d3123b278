"""The connection file: where a running sidecar listens, readable by its owner only."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from uuid import uuid4

from sidecar.protocol.errors import BadRequest
from sidecar.protocol.limits import VERSION


@dataclass(frozen=True)
class Connection:
    """`commands` is a ZeroMQ endpoint, `started` seconds since the epoch. `token` is never printed."""

    pid: int
    commands: str
    token: str
    started: float
    protocol: int = VERSION

    def __repr__(self) -> str:
        return f"Connection(pid={self.pid}, commands={self.commands!r})"

    def write(self, path: Path) -> None:
        """Whole or not at all, mode 0600. Raises `OSError`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(asdict(self), stream)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path) -> "Connection":
        """Raises `OSError` when there is none and `BadRequest` when it is malformed."""
        try:
            data = json.loads(path.read_text("utf-8"))
            return cls(**{field.name: data[field.name] for field in fields(cls)})
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"{path} is no connection file: {error!r}") from error

    def remove(self, path: Path) -> None:
        """Delete the file if it is still this process's own."""
        try:
            if Connection.read(path).token == self.token:
                path.unlink()
        except (OSError, BadRequest):
            return
