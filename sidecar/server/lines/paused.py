"""Lines for voices that are being exchanged one after the other: they wait until there is one again."""

from collections.abc import Iterator

from sidecar.server.lines.flight import Caller, Waiter
from sidecar.server.lines.scheduling import RANKS


class PausedLines:
    """What waits, by the name that it waits for. Belongs to the server's thread."""

    def __init__(self) -> None:
        self._waiters: dict[str, list[Waiter]] = {}

    def holds_up(self, name: str) -> bool:
        """Whether lines for `name` have to wait."""
        return name in self._waiters

    def __len__(self) -> int:
        return sum(map(len, self._waiters.values()))

    def __iter__(self) -> Iterator[Waiter]:
        return (waiter for waiters in self._waiters.values() for waiter in waiters)

    def of_client(self, caller: Caller) -> int:
        return sum(waiter.caller.session == caller.session for waiter in self)

    def begin(self, name: str) -> None:
        self._waiters[name] = []

    def hold(self, name: str, waiter: Waiter) -> None:
        self._waiters[name].append(waiter)

    def end(self, name: str) -> list[Waiter]:
        """Lines for `name` need not wait any more; those that did, the most urgent and oldest first."""
        return sorted(self._waiters.pop(name), key=lambda w: (RANKS[w.request.priority], w.caller.arrived_s))

    def drop(self, waiter: Waiter) -> None:
        for waiters in self._waiters.values():
            if waiter in waiters:
                waiters.remove(waiter)
