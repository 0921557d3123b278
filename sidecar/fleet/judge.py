"""Whoever holds the lock looks at the nodes and writes the next step of each rollout.

Writing is by revision: should two believe that they hold the lock, one of them is told that it came late.
What is decided, is decided in `fleet/rollout.py`; here it is fetched, written and counted.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sidecar.fleet.analysis import Figures
from sidecar.fleet.documents import (
    JUDGE,
    NODES,
    ROLLOUT,
    SPEC,
    WISHES,
    NodeStatus,
    key,
    names_in,
    part,
    read_nodes,
    read_state,
    summed,
    text_of,
    written,
)
from sidecar.fleet.known import Known
from sidecar.fleet.prometheus import Prometheus
from sidecar.fleet.rollout import State, advanced, decided, is_due
from sidecar.fleet.spec import FROM_PROMETHEUS, Gate, Spec, read_spec
from sidecar.fleet.store import Folder, Store, Value
from sidecar.protocol.errors import BadRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judging:
    """What a judge works with. `now_s` is the wall clock, `settle_s` how long a new judge, or one that
    misses nodes, only looks: nodes come back within a beat after the store was emptied."""

    node: str
    store: Store
    known: Callable[[], Known]
    prometheus: Prometheus | None
    now_s: Callable[[], float]
    settle_s: float


class Judge:
    """One round at a time, on the thread of the beat. Everything raises `StoreUnavailable`."""

    def __init__(self, judging: Judging) -> None:
        self._with = judging
        self._holds, self._quiet_until_s = False, 0.0
        self._count = 0
        self._seen: dict[str, Folder] = {}
        self._written: dict[str, State] = {}

    def round(self, session: str) -> bool:
        """Judge, if nobody else does; whether it is us."""
        held = self._with.store.hold(JUDGE, self._with.node, session)
        if held and not self._holds:
            self._wait()
        self._holds = held
        if held:
            self._judge_all()
        return held

    def lost(self) -> None:
        """The session is over, and with it the lock."""
        self._holds = False

    def _wait(self) -> None:
        self._quiet_until_s = self._with.now_s() + self._with.settle_s

    def _judge_all(self) -> None:
        wishes, nodes = self._read(WISHES), self._read(NODES)
        specs, rollouts = part(wishes, SPEC), part(wishes, ROLLOUT)
        statuses, _ = read_nodes(nodes)
        if len(statuses) < self._count:
            self._wait()
        self._count = len(statuses)
        if self._with.now_s() < self._quiet_until_s:
            return
        for name in names_in(specs)[0]:
            try:
                spec = read_spec(text_of(specs[name], name), name)
            except BadRequest:  # each node tells of it in its status
                continue
            self._judge(spec, rollouts, statuses)

    def _read(self, folder: str) -> Folder:
        self._seen[folder] = self._with.store.read(folder, self._seen.get(folder))
        return self._seen[folder]

    def _judge(self, spec: Spec, rollouts: Mapping[str, Value], statuses: Sequence[NodeStatus]) -> None:
        found, now_s, me = rollouts.get(spec.name), self._with.now_s(), self._with.node
        stored = stored_state(spec.name, found)
        before = stored or self._known_last(spec.name)
        gate = is_due(spec, before, now_s) if before and before.rollout == spec.rollout else None
        figures = self._figures(spec, before, gate, statuses) if before and gate else None
        views = [status.view(spec.name) for status in statuses]
        after = advanced(spec, before, views, now_s, me, figures)
        if after is before and before is not None:
            if stored is not None:
                return
            after = decided(before, now_s, me, "the store had lost it: written again")
        revision = found.revision if found is not None else 0
        if self._with.store.swap(key(ROLLOUT, spec.name), written(after), revision):
            self._written[spec.name] = after
            log.info("decided", extra={"model": spec.name, "phase": after.phase, "reason": after.reason})

    def _known_last(self, name: str) -> State | None:
        """What this node has read or written of a state that is gone, or unreadable, in the store."""
        known = (self._with.known().wish(name).state, self._written.get(name))
        return max((state for state in known if state is not None), key=_decided_s, default=None)

    def _figures(self, spec: Spec, state: State, gate: Gate, statuses: Sequence[NodeStatus]) -> Figures:
        old = state.stable.version if state.stable is not None else ""
        if gate.figures != FROM_PROMETHEUS:
            return Figures(summed(statuses, spec.name, spec.target.version), summed(statuses, spec.name, old))
        if self._with.prometheus is None:
            return Figures(problem=f"node {self._with.node} was started without --fleet-prometheus")
        return self._with.prometheus.figures(spec.name, spec.target.version, old, gate.interval_s)


def stored_state(name: str, value: Value | None) -> State | None:
    """None where there is none that can be read."""
    if value is None:
        return None
    try:
        return read_state(text_of(value, name))
    except BadRequest as error:
        log.warning("the state of the rollout of %s cannot be read: %s", name, error.message)
        return None


def _decided_s(state: State) -> float:
    return state.history[-1].at_s if state.history else 0.0
