"""When a candidate has come to rest: surveys compared under a clock that is handed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.reload.candidates import Candidate, Seen


@dataclass(frozen=True)
class _Wait:
    seen: Seen
    since_s: float
    is_over: bool


class Settling:
    """Tells from one survey to the next which candidates have come to rest.

    One that is complete must stay unchanged for `quiet_s`, one that is not for `patience_s`: it is wrong
    rather than on its way, and whoever dropped it shall read why. Each is told once, and once more after a
    change or when it comes back. Holds no lock: one thread at a time.
    """

    def __init__(self, quiet_s: float = 1.0, patience_s: float = 10.0) -> None:
        self._quiet_s, self._patience_s = quiet_s, patience_s
        self._waits: dict[str, _Wait] = {}

    def update(self, seen: Mapping[str, Seen], now_s: float) -> list[Candidate]:
        """Take in a survey made at `now_s`. Returns what has settled with it, by name."""
        self._waits = {name: self._next(name, sight, now_s) for name, sight in seen.items()}
        settled = sorted(name for name, wait in self._waits.items() if self._is_due(wait, now_s))
        for name in settled:
            wait = self._waits[name]
            self._waits[name] = _Wait(wait.seen, wait.since_s, True)
        return [_candidate(name, self._waits[name].seen) for name in settled]

    def forget(self, name: str) -> None:
        """It is told once more when it has settled again, even if it is as it was."""
        self._waits.pop(name, None)

    def next_due_s(self, now_s: float) -> float | None:
        """Seconds from `now_s` until something may have settled; None when nothing is on its way."""
        dues_s = [self._due_s(wait) for wait in self._waits.values() if not wait.is_over]
        return max(0.0, min(dues_s) - now_s) if dues_s else None

    def _next(self, name: str, seen: Seen, now_s: float) -> _Wait:
        before = self._waits.get(name)
        if before is None or before.seen.stamp != seen.stamp:
            return _Wait(seen, now_s, False)
        return _Wait(seen, before.since_s, before.is_over)

    def _is_due(self, wait: _Wait, now_s: float) -> bool:
        return not wait.is_over and now_s >= self._due_s(wait)

    def _due_s(self, wait: _Wait) -> float:
        return wait.since_s + (self._quiet_s if wait.seen.is_complete else self._patience_s)


def _candidate(name: str, seen: Seen) -> Candidate:
    return Candidate(name, seen.stamp, seen.size_bytes, seen.changed_ns)
