"""What survives a restart: which versions were live, what the user pinned, what was refused, what crashed.

`state.json` is written whole then renamed; `events.jsonl` says when what was loaded and why not.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

log = logging.getLogger(__name__)

STATE, EVENTS = "state.json", "events.jsonl"
EVENTS_BYTES = 4 << 20  #: beyond this the older half of the log is forgotten
HISTORY = 16


@dataclass(frozen=True)
class Memory:
    """`live` and each of `history` name a folder of the store. `refused` maps the stamp of a dropped source
    to its reason and detail, `passed` to its folder. `loading` is set while a folder is being loaded: found
    at a start, it says what the process died of."""

    live: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    passed: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    loading: str | None = None

    @classmethod
    def of(cls, data: Any) -> "Memory":
        """Raises `ValueError` for what is no such memory."""
        try:
            return cls(
                {str(k): str(v) for k, v in data["live"].items()},
                {str(k): str(v) for k, v in data["pins"].items()},
                {str(k): tuple(map(str, v)) for k, v in data["history"].items()},
                {str(k): str(v) for k, v in data["passed"].items()},
                {str(k): (str(v[0]), str(v[1])) for k, v in data["refused"].items()},
                None if data["loading"] is None else str(data["loading"]),
            )
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"no memory of ours: {error!r}") from error

    def with_live(self, name: str, folder: str) -> "Memory":
        """`folder` speaks for `name` from now on; what did before is kept to go back to."""
        before = [f for f in self.history.get(name, ()) if f != folder]
        if (old := self.live.get(name)) not in (None, folder):
            before = [f for f in before if f != old] + [str(old)]
        return replace(
            self,
            live={**self.live, name: folder},
            history={**self.history, name: tuple(before[-HISTORY:])},
            loading=None,
        )


class Journal:
    """Reads and writes `folder`. Not thread-safe. A disk that refuses is logged, and costs only memory of
    what happened, never a running voice."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.memory = self._read()

    def remember(self, memory: Memory) -> None:
        self.memory = memory
        path = self._folder / STATE
        partial = path.with_name(f".{uuid4().hex}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            content = {name: _plain(value) for name, value in vars(memory).items()}
            partial.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")
            partial.replace(path)
        except OSError as error:
            log.warning("what is live could not be written down: %s", error)
            partial.unlink(missing_ok=True)

    def tell(self, event: str, **facts: object) -> None:
        """One line for those who ask later what happened."""
        entry = {"time": round(time.time(), 3), "event": event, **facts}
        log.info(event, extra={"facts": facts})
        path = self._folder / EVENTS
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
            if path.stat().st_size > EVENTS_BYTES:
                kept = path.read_bytes()[-EVENTS_BYTES // 2 :].partition(b"\n")[2]
                path.write_bytes(kept)
        except OSError as error:
            log.warning("an event could not be written down: %s", error)

    def _read(self) -> Memory:
        path = self._folder / STATE
        try:
            return Memory.of(json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return Memory()
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read, and is begun anew: %s", path, error)
            return Memory()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: list(item) if isinstance(item, tuple) else item for key, item in value.items()}
    return value
