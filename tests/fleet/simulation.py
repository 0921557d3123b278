"""A fleet without processes: the pure parts under a clock that is stepped, with faults by a seed.

    python -m tests.fleet.simulation [--seeds 200]

Nodes die and come back, see the store late or not at all, fetch for a while; judges lose the lock, with
clocks of their own; the store loses its statuses, its state, or all. The first 200 s are full of faults, then
none come any more. What must hold: no node is ever without a voice or with one that nobody wanted; a bad
version is never on more nodes than the first step's; in the end a good version is stable everywhere, a bad
one nowhere.
"""

import argparse
import random
import sys
from collections import Counter
from dataclasses import dataclass, field

from sidecar.fleet.analysis import Figures
from sidecar.fleet.documents import read_state, written
from sidecar.fleet.rollout import (
    DEGRADED,
    HEALTHY,
    PAUSED,
    NodeView,
    State,
    advanced,
    is_due,
    promoted,
    wanted,
)
from sidecar.fleet.share import best_rollout, is_in
from sidecar.fleet.spec import Gate, Spec, Target, Weight
from sidecar.reload.policy import Side

NODES = tuple(f"node-{index}" for index in range(10))
GATE = Gate(interval_s=5, count=3, failure_limit=1, inconclusive_limit=2, initial_delay_s=5, least_lines=10)
FAULTS_S, END_S = 200, 1500
KINDS = ("good", "failing", "slow", "broken")
OLD, NEW = Target("1.0.0"), Target("2.0.0", "a" * 64, "share:guard-2.0.0.npcvoice")


@dataclass
class Store:
    spec: Spec | None
    state: State | None
    statuses: dict[str, NodeView] = field(default_factory=dict)
    judge: str | None = None


@dataclass
class Node:
    """`spec` and `state` are what it knew last, on its disk."""

    name: str
    live: str = OLD.version
    has: frozenset[str] = frozenset({OLD.version})
    fetched_s: float | None = None
    spec: Spec | None = None
    state: State | None = None
    down_until_s: float = 0.0
    deaf_until_s: float = 0.0
    skew_s: float = 0.0
    rejected: bool = False


class Simulation:
    """`run` it; `AssertionError` where something does not hold."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kind = self.random.choice(KINDS)
        rollout = best_rollout((f"s{seed}x{i}" for i in range(60)), NODES, (10, 50))
        self.spec = Spec("guard", rollout, NEW, (Weight(10, GATE), Weight(50, GATE)), 400.0)
        self.store = Store(self.spec, State("first000", OLD, HEALTHY, 100, stable=OLD))
        self.nodes = [Node(name, skew_s=self.random.uniform(-3, 3)) for name in NODES]
        for node in self.nodes:
            node.state = self.store.state
        self.now_s, self.most_bad, self.counts = 0.0, 0, Counter[str]()
        self.deleted_s = 0.0

    def run(self) -> str:
        while self.now_s < END_S and not self._is_at_rest():
            self.now_s += 1
            if self.now_s < FAULTS_S:
                self._harm()
            self._mend()
            for node in self.nodes:
                if node.down_until_s <= self.now_s:
                    self._step(node)
            self._look()
        return self._end()

    def _is_at_rest(self) -> bool:
        state = self.store.state
        return self.now_s > FAULTS_S + 100 and state is not None and state.is_over and self._is_settled(state)

    def _is_settled(self, state: State) -> bool:
        wish = {HEALTHY: NEW, DEGRADED: OLD}[state.phase].version
        return all(node.live == wish for node in self.nodes)

    # --- faults

    def _harm(self) -> None:
        roll = self.random.random()
        node = self.random.choice(self.nodes)
        if roll < 0.02:
            self._kill(node, "killed")
        elif roll < 0.03 and self.store.judge is not None:
            self._kill(next(n for n in self.nodes if n.name == self.store.judge), "judge killed")
        elif roll < 0.04:
            node.deaf_until_s = self.now_s + self.random.uniform(1, 40)
            self.counts["deaf"] += 1
        elif roll < 0.05:
            self.store.statuses.clear()
            self.store.judge = None
            self.counts["statuses emptied"] += 1
        elif roll < 0.055:
            self.store.state = None
            self.counts["state lost"] += 1
        elif roll < 0.06:
            self.store.spec, self.store.state, self.deleted_s = None, None, self.now_s
            self.store.statuses.clear()
            self.store.judge = None
            self.counts["all emptied"] += 1

    def _kill(self, node: Node, what: str) -> None:
        node.down_until_s = self.now_s + self.random.uniform(2, 30)
        self.store.statuses.pop(node.name, None)
        if self.store.judge == node.name:
            self.store.judge = None
        self.counts[what] += 1

    def _mend(self) -> None:
        """Somebody puts the spec back into an emptied store."""
        if self.store.spec is None and self.now_s - self.deleted_s > 20:
            self.store.spec = self.spec

    # --- a node's second

    def _step(self, node: Node) -> None:
        hears = node.deaf_until_s <= self.now_s and self.random.random() < 0.8
        if hears:
            node.spec = self.store.spec or node.spec
            node.state = self.store.state or node.state
        self._pursue(node)
        if hears:
            self.store.statuses[node.name] = self._view(node)
            self._judge(node)

    def _target(self, node: Node) -> Target | None:
        return wanted(node.spec, node.state, node.name)

    def _pursue(self, node: Node) -> None:
        target = self._target(node)
        if target is None or target.version == node.live:
            node.fetched_s = None
        elif target.version in node.has:
            node.live = target.version
        elif self.kind == "broken":
            node.rejected = True
        else:
            node.fetched_s = node.fetched_s or self.now_s + self.random.uniform(1, 8)
            if self.now_s >= node.fetched_s:
                node.has |= {target.version}

    def _view(self, node: Node) -> NodeView:
        target = self._target(node)
        version = target.version if target is not None else ""
        is_refused = node.rejected and version == NEW.version
        state = "rejected" if is_refused else "live" if node.live == version else "fetching"
        return NodeView(node.name, node.live, version, state, "hash_differs" if is_refused else "")

    def _judge(self, node: Node) -> None:
        self.store.judge = self.store.judge or node.name
        if self.store.judge != node.name or self.store.spec is None:
            return
        spec, before, now_s = self.store.spec, node.state, 1e9 + self.now_s + node.skew_s
        gate = is_due(spec, before, now_s) if before and before.rollout == spec.rollout else None
        views = list(self.store.statuses.values())
        after = advanced(spec, before, views, now_s, node.name, self._figures() if gate else None)
        if after is not before or self.store.state is None:
            self.store.state = read_state(written(after))
            assert self.store.state == after

    def _figures(self) -> Figures:
        new = sum(view.live == NEW.version for view in self.store.statuses.values()) * 20
        old = sum(view.live == OLD.version for view in self.store.statuses.values()) * 20
        errors = new // 4 if self.kind == "failing" else 0
        cost = 0.25 if self.kind == "slow" else 0.1
        return Figures(Side(new, errors, cost * new, float(new)), Side(old, 0, 0.1 * old, float(old)))

    # --- what must hold

    def _look(self) -> None:
        versions = Counter(node.live for node in self.nodes)
        assert set(versions) <= {OLD.version, NEW.version}
        if self.kind != "good":
            self.most_bad = max(self.most_bad, versions[NEW.version])
        state = self.store.state
        if state is not None and state.phase == PAUSED and self.now_s > FAULTS_S:
            self.store.state = promoted(self.spec, state, 1e9 + self.now_s, "anna")
            self.counts["promoted by a person"] += 1

    def _end(self) -> str:
        state = self.store.state
        assert state is not None and state.is_over and self._is_settled(state), (self.now_s, state)
        first = sum(is_in(node.name, self.spec.rollout, 10) for node in self.nodes)
        if self.kind != "good":
            assert state.phase == DEGRADED, (self.kind, state.history[-6:])
            assert self.most_bad <= first, (self.kind, self.most_bad, state.history)
        else:
            assert state.phase == HEALTHY, state.history[-6:]
        return self.kind


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200)
    ended, faults = Counter[str](), Counter[str]()
    for seed in range(parser.parse_args().seeds):
        simulation = Simulation(seed)
        ended[simulation.run()] += 1
        faults += simulation.counts
    print(f"{sum(ended.values())} seeds, as they should: {dict(ended)}; faults: {dict(faults)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
