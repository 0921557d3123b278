"""What can be true of a pack that has been seen, and what may follow what.

    FOUND -> CHECKING -> READY -> LOADING -> LIVE
                                          -> CANARY -> LIVE
    CANARY -> REJECTED  it did worse than the live one
    LOADING, CHECKING -> REJECTED
    CHECKING -> FOUND   the check was ended from outside, or a voice pack's base is not there yet
    LIVE -> READY       another version took its place, or a voice pack's base is live no more
    READY -> FOUND      its copy is gone or damaged, and what was dropped is still there

A pack that is dropped again starts over with FOUND.
"""

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from sidecar.models.version import Version


class State(str, Enum):
    FOUND = "found"
    CHECKING = "checking"
    READY = "ready"
    LOADING = "loading"
    CANARY = "canary"
    LIVE = "live"
    REJECTED = "rejected"


LEGAL: dict[State, frozenset[State]] = {
    State.FOUND: frozenset({State.CHECKING}),
    State.CHECKING: frozenset({State.READY, State.REJECTED, State.FOUND}),
    State.READY: frozenset({State.LOADING, State.FOUND}),
    State.LOADING: frozenset({State.LIVE, State.CANARY, State.REJECTED, State.READY}),
    State.CANARY: frozenset({State.LIVE, State.READY, State.REJECTED}),
    State.LIVE: frozenset({State.READY}),
    State.REJECTED: frozenset(),
}


@dataclass(frozen=True)
class Entry:
    """A pack that has been seen. `source` is its name in the models folder, `stamp` tells one drop from the
    next, `changed_ns` is when it changed last. `folder` is the verified copy, once there is one; `name`,
    `version`, `sha256`, `speakers`, `languages` come from it, `signer` is the key that signed it. `share` is
    the part of the sessions that hear it while it is on trial; `tries` are checks that came to no verdict.
    `base`: a voice pack, and the sha256 of the weights that it needs."""

    source: str
    stamp: str
    state: State = State.FOUND
    folder: Path | None = None
    name: str = ""
    version: str = ""
    sha256: str = ""
    reason: str = ""
    detail: str = ""
    signer: str = ""
    speakers: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    size_bytes: int = 0
    changed_ns: int = 0
    share: float | None = None
    tries: int = 0
    base: str = ""

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def precedence(self) -> Version:
        return Version.parse(self.version)

    def moved(self, to: State, **changes: Any) -> "Entry":
        """The entry in its next state. Raises `ValueError` for a step that the chain does not have."""
        if to not in LEGAL[self.state]:
            raise ValueError(f"{self.source}: {self.state.value} cannot become {to.value}")
        return replace(self, state=to, **{"share": None, **changes})
