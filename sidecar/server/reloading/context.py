"""What all of reloading shares: the entries, what is written down of them, models and server."""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar

from sidecar.files import shown
from sidecar.protocol import events
from sidecar.protocol.errors import ModelRejected, NpcVoiceError
from sidecar.protocol.reasons import Reason
from sidecar.reload.candidates import survey
from sidecar.reload.journal import Journal, Memory, drop_key
from sidecar.reload.policy import SHIPPED, Snapshot, live_of, to_check
from sidecar.reload.states import Entry, State
from sidecar.server.reloading.dependencies import Dependencies, ServerSide

T = TypeVar("T")
MOST_REFUSED = 256  #: refused drops that are told of, the latest
#: What is so now and may not be tomorrow: what the policy says, and a base that is not there.
_FOR_NOW = (Reason.UNSIGNED, Reason.PUBLISHER_UNKNOWN, Reason.CONSENT_MISSING, Reason.BASE_MISSING)
FOR_NOW = frozenset(reason.value for reason in _FOR_NOW)


class Context:
    """`entries` may be read from any thread; all else is for the reloader's."""

    def __init__(
        self, dependencies: Dependencies, journal: Journal, server: ServerSide, live: Iterable[Entry]
    ) -> None:
        """`live` are the entries of the voices that the server has begun with."""
        self.dependencies, self.journal, self.server = dependencies, journal, server
        self.stopping = threading.Event()
        self.found_s: dict[str, float] = {}  # when a source was found, until it is loaded
        self._by_source: dict[str, Entry] = {}
        for entry in sorted(live, key=lambda e: (e.signer != SHIPPED, e.state is not State.LIVE)):
            entry = former(entry) if entry.source in self._by_source else entry
            self._by_source[entry.source] = entry
        self.entries = tuple(self._by_source.values())  # for other threads, replaced as a whole

    def entry(self, source: str) -> Entry | None:
        """What is known of one source."""
        return self._by_source.get(source)

    @property
    def found(self) -> list[str]:
        """Sources that wait for their check, and for nothing else."""
        return [entry.source for entry in to_check(self.entries)]

    def snapshot(self, resting: Collection[str] = ()) -> Snapshot:
        """What the policy decides by; `resting` are sources that are not to be checked yet. Any thread."""
        memory, config, entries = self.journal.memory, self.dependencies.config, self.entries
        shipped = {entry.name: SHIPPED for entry in entries if entry.signer == SHIPPED}
        return Snapshot(
            entries, memory.pins, config.canary_share, config.low_memory_swap,
            {**shipped, **memory.owners}, config.any_publisher, resting,
        )  # fmt: skip

    def put(self, entry: Entry) -> Entry:
        self._by_source[entry.source] = entry
        self.entries = tuple(self._by_source.values())
        return entry

    def drop(self, entry: Entry) -> None:
        self._by_source.pop(entry.source, None)
        self.found_s.pop(entry.source, None)
        self.entries = tuple(self._by_source.values())

    def is_as_found(self, entry: Entry) -> bool:
        seen = survey(self.dependencies.models).get(entry.source)
        return seen is not None and seen.stamp == entry.stamp

    def reject(self, entry: Entry, error: NpcVoiceError) -> None:
        reason = getattr(error, "reason", None) or error.code
        self.put(entry.moved(State.REJECTED, reason=reason, detail=error.message))
        self.found_s.pop(entry.source, None)
        if isinstance(error, ModelRejected) and reason not in FOR_NOW:
            self.remember_refusal(entry, reason, error.message)
        self.tell(events.ModelRejection(shown(entry.source), reason, error.message))
        refused = [e for e in self.entries if e.state is State.REJECTED and e.folder is None]
        for old in refused[: max(0, len(refused) - MOST_REFUSED)]:
            self.drop(old)

    def remember_refusal(self, entry: Entry, reason: str, detail: str) -> None:
        drop = drop_key(entry.source, entry.stamp)
        self.journal.update(lambda memory: memory.with_refusal(drop, reason, detail))

    def now_live(self, entry: Entry) -> None:
        """Write down who speaks, and only then tell of it; the one before is ready again."""
        before = live_of(self.entries, entry.name)
        assert entry.folder is not None
        folder, was = entry.folder.name, before.folder if before is not None else None

        def with_it(memory: Memory) -> Memory:
            if was is not None and entry.name not in memory.live:  # it was there from the start
                memory = memory.with_live(entry.name, was.name)
            owners = {**memory.owners, entry.name: entry.signer}
            return replace(memory.with_live(entry.name, folder), owners=owners, loading=None)

        self.journal.update(with_it)
        if before is not None:
            self.put(before.moved(State.READY))
        self.put(entry.moved(State.LIVE))

    def on_server(self, job: Callable[[], T]) -> T:
        """What `job` returns on the server's thread. Raises `Cancelled` when the server ends first."""
        return self.server.ask(job, self.stopping)

    def tell(self, event: events.Event) -> None:
        self.journal.tell(event.topic, **vars(event))
        self.server.run(lambda: self.server.publish(event))


def former(entry: Entry) -> Entry:
    """What was dropped before something else under its name stays what it is, under a name of its own."""
    return replace(entry, source=f"{entry.source} ({entry.folder.name if entry.folder else entry.stamp})")
