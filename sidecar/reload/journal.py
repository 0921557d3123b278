"""What survives a restart: who was live, what the user decided, what was judged and how, what crashed.

`state.json` is written whole and brought to disk; the generation before it is kept as `state.previous.json`.
Folders are named as they are called in the store, so that the data folder may be moved. `events.jsonl` says
when what was loaded and why not. Any thread may call; one at a time gets in.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PureWindowsPath
from typing import Any

from sidecar import files

log = logging.getLogger(__name__)

STATE, PREVIOUS, EVENTS = "state.json", "state.previous.json", "events.jsonl"
FORMAT = 2
EVENTS_BYTES = 4 << 20  #: beyond this the older half of the log is forgotten
REFUSALS = 256  #: refused drops that are remembered, the latest
CRASHED = "crashed"  #: the reason of what the process has died of
UNSIGNED = ""  #: the publisher of packs without a signature


def drop_key(source: str, stamp: str) -> str:
    """One drop of one name, as `refused` and `passed` have it."""
    return f"{source}\0{stamp}"


@dataclass(frozen=True)
class Copy:
    """What a verified copy in the store was checked as: the drop it comes from, its manifest's sha256, the
    key that signed it (`UNSIGNED`: nobody) and the policy of then."""

    source: str
    stamp: str
    digest: str = ""
    signer: str = UNSIGNED
    policy: str = ""


@dataclass(frozen=True)
class Memory:
    """`live`, `previous` and `copies` name folders of the store. `refused` maps a dropped source and its
    stamp to reason and detail. `owners`: whose packs speak for a name, by key. `loading` is set while a
    folder is being loaded beside others: found at a start, it says what the process died of. `starting`
    counts the starts in a row that ended while a folder was loaded at the start.
    """

    live: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    previous: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, Copy] = field(default_factory=dict)
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    loading: str | None = None
    starting: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Any) -> "Memory":
        """Raises `ValueError` for what is no such memory."""
        try:
            if data.get("format") is None:
                return _of_first_format(data)
            return cls(
                _texts(data["live"]),
                _texts(data["pins"]),
                _texts(data["previous"]),
                {str(k): Copy(**_texts(v)) for k, v in data["copies"].items()},
                {str(k): (str(v[0]), str(v[1])) for k, v in data["refused"].items()},
                _texts(data["owners"]),
                None if data["loading"] is None else str(data["loading"]),
                {str(k): int(v) for k, v in data["starting"].items()},
            )
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"no memory of ours: {error!r}") from error

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)

    def with_live(self, name: str, folder: str) -> "Memory":
        """`folder` speaks for `name` from now on; what did before is kept to go back to."""
        before = self.live.get(name)
        previous = self.previous if before in (None, folder) else {**self.previous, name: str(before)}
        return replace(self, live={**self.live, name: folder}, previous=previous, loading=None)

    def drop_of(self, folder: str) -> str:
        """What a copy was made from, as refusals name it."""
        copy = self.copies.get(folder, Copy("", ""))
        return drop_key(copy.source or folder, copy.stamp)

    def with_start(self, folder: str, begins: bool) -> "Memory":
        """A start begins to load a folder, or has loaded it."""
        rest = {other: count for other, count in self.starting.items() if other != folder}
        return replace(self, starting={**rest, folder: self.starting.get(folder, 0) + 1} if begins else rest)

    def with_owner(self, name: str, publisher: str) -> "Memory":
        """Whose a name is, unless that is known."""
        return replace(self, owners={name: publisher, **self.owners})

    def with_refusal(self, drop: str, reason: str, detail: str) -> "Memory":
        rest = {key: why for key, why in self.refused.items() if key != drop}
        refused = {**rest, drop: (reason, detail)}
        return replace(self, refused=dict(list(refused.items())[-REFUSALS:]))

    def without(self, folder: str) -> "Memory":
        """The copy is gone."""
        return replace(
            self,
            live={name: f for name, f in self.live.items() if f != folder},
            previous={name: f for name, f in self.previous.items() if f != folder},
            copies={f: copy for f, copy in self.copies.items() if f != folder},
        )

    @property
    def needed(self) -> frozenset[str]:
        """Folders that speak, or that somebody may want to go back to."""
        return frozenset([*self.live.values(), *self.previous.values()])


class Journal:
    """Reads and writes `folder`. A disk that refuses is logged, and costs only memory of what happened, never
    a running voice.

    `is_whole`: all that was ever written down could be read. Where it could not, nothing may be deleted for
    not being listed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._is_closed = False
        self.memory, self.is_whole = self._read()
        self._latest_is_good = self.is_whole

    def remember(self, memory: Memory) -> None:
        self.update(lambda _: memory)

    def update(self, change: Callable[[Memory], Memory]) -> None:
        """What `change` makes of the memory, written down before this returns."""
        with self._lock:
            if self._is_closed:
                return
            self.memory = change(self.memory)
            try:
                self._write(self.memory.to_json().encode())
            except OSError as error:
                log.warning("what is live could not be written down: %s", error)

    def close(self, change: Callable[[Memory], Memory]) -> None:
        """A last update; later ones, of a thread that cannot be stopped, are not taken."""
        with self._lock:
            self.update(change)
            self._is_closed = True

    def tell(self, event: str, **facts: object) -> None:
        """One line for those who ask later what happened."""
        entry = {"time": round(time.time(), 3), "event": event, **facts}
        log.info(event, extra={"facts": facts})
        path = self._folder / EVENTS
        with self._lock:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with path.open("ab") as stream:
                    stream.write(_line(entry))
                if path.stat().st_size > EVENTS_BYTES:
                    kept = path.read_bytes()[-EVENTS_BYTES // 2 :].partition(b"\n")[2]
                    files.write_whole(path, kept)
            except OSError as error:
                log.warning("an event could not be written down: %s", error)

    def _write(self, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / STATE
        if self._latest_is_good and path.exists():
            files.replace(path, self._folder / PREVIOUS)
        files.write_whole(path, content, durable=True)
        self._latest_is_good = True

    def _read(self) -> tuple[Memory, bool]:
        """The memory, and whether it is all there is to know."""
        latest, previous = (_read_memory(self._folder / name) for name in (STATE, PREVIOUS))
        if isinstance(latest, Memory):
            return latest, True
        if isinstance(previous, Memory):
            log.warning("%s is %s: the one before it counts", self._folder / STATE, latest)
            return previous, False
        is_new = latest == previous == _ABSENT and not self._holds_copies()
        if not is_new:
            log.warning("what was live cannot be read (%s): copies in the store are taken in again", latest)
        return Memory(), is_new

    def _holds_copies(self) -> bool:
        return self._folder.is_dir() and any(_COPY.search(path.name) for path in self._folder.iterdir())


_ABSENT = "not there"
_COPY = re.compile(r"^[^.].*-[0-9a-f]{8}$")  #: `NAME-VERSION-HASH8`, which the default voice is not


def _read_memory(path: Path) -> Memory | str:
    """Or why there is none."""
    try:
        return Memory.of(json.loads(files.read(path)))
    except FileNotFoundError:
        return _ABSENT
    except (OSError, ValueError, RecursionError) as error:
        return f"unreadable ({error})"


def _line(entry: Mapping[str, object]) -> bytes:
    """Names of files may be no text at all: what UTF-8 cannot say is escaped."""
    return (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _texts(data: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in data.items()}


def _of_first_format(data: Any) -> Memory:
    """Before 2, folders were absolute, and `history` went back further."""
    history = {str(k): tuple(v) for k, v in data["history"].items()}
    return Memory(
        {name: _called(folder) for name, folder in data["live"].items()},
        _texts(data["pins"]),
        {name: _called(folders[-1]) for name, folders in history.items() if folders},
        {_called(folder): Copy(*drop.split("\0", 1)) for drop, folder in data["passed"].items()},
        {str(k): (str(v[0]), str(v[1])) for k, v in data["refused"].items()},
        {},
        None if data["loading"] is None else _called(data["loading"]),
    )


def _called(folder: str) -> str:
    return PureWindowsPath(folder).name  # takes both kinds of slash
