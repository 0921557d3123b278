"""The one seam to a store of keys, which etcd and Consul implement.

Keys are text with slashes, under the prefix of the address; values are UTF-8 text. Whatever is wrong with a
store is a `StoreUnavailable`: who uses it goes on with what it knows, and tries again later.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from sidecar.protocol.errors import ServiceError

MOST_BYTES = 64 << 10  #: of a value that is taken in
MOST_KEYS = 1024  #: of a folder that are looked at
CAREFUL_S = 60.0


class StoreUnavailable(ServiceError):
    """It does not answer, answers what it should not, or does not let us in."""

    code: ClassVar[str] = "internal"


class SessionLost(StoreUnavailable):
    """The lease is over, and what was held by it is gone: open another."""


@dataclass(frozen=True)
class Value:
    """`text` is None where it is larger than `MOST_BYTES` or no UTF-8. `revision` changes with each write."""

    text: str | None
    revision: int


@dataclass(frozen=True)
class Folder:
    """What lay under a folder, by the rest of the key; `revision` is what `wait` waits to be over."""

    revision: int = 0
    values: Mapping[str, Value] = field(default_factory=dict)


class Store(Protocol):
    """Any thread may call. Everything raises `StoreUnavailable`."""

    def read(self, folder: str, known: Folder | None = None) -> Folder:
        """What lies there now. Values that are in `known` and did not change are not fetched again."""

    def wait(self, folder: str, revision: int, timeout_s: float) -> None:
        """Until something there may have changed since `revision`, or the time is over: read it then."""

    def get(self, key: str) -> Value | None: ...

    def put(self, key: str, text: str) -> None: ...

    def swap(self, key: str, text: str, revision: int) -> bool:
        """Write it if its revision is that one still; 0: if it is not there. Whether it was."""

    def delete(self, key: str) -> None: ...

    def open_session(self, ttl_s: float) -> str:
        """A lease, to be renewed before `ttl_s` are over."""

    def renew(self, session: str) -> None:
        """Raises `SessionLost` where there is no such lease any more."""

    def end_session(self, session: str) -> None:
        """What it holds is gone at once."""

    def hold(self, key: str, text: str, session: str) -> bool:
        """Write it, for as long as the session lasts; False where another session holds it."""

    def close(self) -> None: ...


class Careful:
    """Which folders are read key by key, since all in one reply was too large not long ago."""

    def __init__(self) -> None:
        self._until_s: dict[str, float] = {}

    def about(self, folder: str) -> bool:
        return time.monotonic() < self._until_s.get(folder, float("-inf"))

    def be(self, folder: str) -> None:
        self._until_s[folder] = time.monotonic() + CAREFUL_S


def taken(raw: bytes) -> str | None:
    """The text of a value; None for what is not taken in."""
    if len(raw) > MOST_BYTES:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
