"""How a rollout goes on: pure functions, what is known in, the next state out.

    Progressing -> Paused        a pause without an end, an inconclusive analysis, or a person
    Paused -> Progressing        a person promotes, or the pause is over
    Progressing -> Healthy       every node has the version: it is the stable one from now on
    Progressing, Paused -> Degraded   aborted: weight 0, every node goes back to the stable version, and
                                 nothing more happens until the spec names another rollout

Times are seconds of the wall clock of whoever judges; where it goes backwards, waits begin again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sidecar.fleet.analysis import Figures, Measure, Result, measure
from sidecar.fleet.share import is_in
from sidecar.fleet.spec import Gate, Pause, Spec, Target, Weight

PROGRESSING, PAUSED, HEALTHY, DEGRADED = "Progressing", "Paused", "Healthy", "Degraded"
PHASES = (PROGRESSING, PAUSED, HEALTHY, DEGRADED)
HISTORY = 40  #: decisions that are remembered, the latest
EARLIER = 10  #: stable versions that are remembered, the latest first
LIVE, REJECTED = "live", "rejected"
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Decision:
    """One line of history. `by`: the node that judged, or the person who asked."""

    at_s: float
    by: str
    phase: str
    weight: int
    reason: str


@dataclass(frozen=True)
class Tally:
    """Measures of the step so far; the next is due at `next_s`."""

    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    next_s: float | None = None


@dataclass(frozen=True)
class State:
    """Where a rollout is. `step` counts the spec's steps from 0; beyond the last, all nodes get the version.

    `since_s` is when the step began, `tally.next_s` None until its nodes have the version. `stable` is what
    a node outside the share speaks with; None before the first rollout has ended. `usual_cost`: the stable
    version's seconds of work for a second of speech, as seen last.
    """

    rollout: str
    target: Target
    phase: str = PROGRESSING
    weight: int = 0
    step: int = 0
    since_s: float = 0.0
    tally: Tally = Tally()
    stable: Target | None = None
    earlier: tuple[Target, ...] = ()
    usual_cost: float | None = None
    history: tuple[Decision, ...] = ()

    @property
    def reason(self) -> str:
        return self.history[-1].reason if self.history else ""

    @property
    def is_over(self) -> bool:
        return self.phase in (HEALTHY, DEGRADED)


@dataclass(frozen=True)
class NodeView:
    """What one node says of one name: the version that speaks, and how it stands with the one it shall have.

    `state` is that of the wanted version: `live`, `rejected` or what lies before."""

    node: str
    live: str
    wanted: str
    state: str
    reason: str = ""


def wanted(spec: Spec | None, state: State | None, node: str) -> Target | None:
    """What a node shall speak with; None: whatever it speaks with now."""
    if state is None:
        return None
    is_current = spec is not None and spec.rollout == state.rollout
    if is_current and state.phase != DEGRADED and is_in(node, state.rollout, state.weight):
        return state.target
    return state.stable


def begun(spec: Spec, before: State | None, now_s: float, by: str) -> State:
    """The first state of a rollout. Without steps: the first one of a name, and one back to a version of
    the last few."""
    known = () if before is None else (before.stable, *before.earlier[: spec.rollback_window])
    stable = before.stable if before is not None else None
    state = State(
        spec.rollout, spec.target, stable=stable, since_s=now_s,
        earlier=before.earlier if before is not None else (),
        usual_cost=before.usual_cost if before is not None else None,
        history=before.history if before is not None else (),
    )  # fmt: skip
    if stable is None:
        return _at_step(spec, state, len(spec.steps), now_s, by, "the first rollout of the name: no steps")
    if spec.target in known:
        why = f"{spec.target.version} was stable lately: back without steps"
        return _at_step(spec, state, len(spec.steps), now_s, by, why)
    return _at_step(spec, state, 0, now_s, by, f"{spec.label} begins, after {stable.version}")


def is_due(spec: Spec, state: State, now_s: float) -> Gate | None:
    """The gate whose figures `advanced` needs now; None: it needs none."""
    gate = _gate(spec, state)
    due_s = state.tally.next_s
    if gate is None or due_s is None or state.is_over:
        return None
    return gate if now_s >= due_s or due_s - now_s > _longest_s(gate) else None


def advanced(
    spec: Spec, state: State | None, nodes: Sequence[NodeView], now_s: float, by: str,
    figures: Figures | None = None,
) -> State:  # fmt: skip
    """The state after one look: at most one step further. The same state where nothing is to be done.

    `figures` where `is_due` has asked for them."""
    if state is None or state.rollout != spec.rollout:
        return begun(spec, state, now_s, by)
    if state.is_over:
        return state
    share = [view for view in nodes if is_in(view.node, state.rollout, state.weight)]
    if (refused := _refusal(spec, share)) is not None:
        return aborted(state, now_s, by, refused)
    if figures is not None and (gate := is_due(spec, state, now_s)) is not None:
        measured = _measured if share else _missed
        state = measured(spec, state, gate, figures, now_s, by)
    if state.phase != PROGRESSING or not nodes:  # nobody is there: the store was emptied, or is being filled
        return state
    return _went_on(spec, state, share, now_s, by)


# --- what a person decides


def aborted(state: State, now_s: float, by: str, why: str) -> State:
    """Everybody goes back to the stable version."""
    back = f"; back to {state.stable.version}" if state.stable is not None else ""
    tally = replace(state.tally, next_s=None)
    return decided(state, now_s, by, f"aborted: {why}{back}", phase=DEGRADED, weight=0, tally=tally)


def paused(state: State, now_s: float, by: str, why: str = "asked to") -> State:
    return decided(state, now_s, by, f"paused: {why}", phase=PAUSED)


def promoted(spec: Spec, state: State, now_s: float, by: str, full: bool = False) -> State:
    """What waits goes on with the next step; `full`: past all of them."""
    if full:
        return _at_step(spec, state, len(spec.steps), now_s, by, "promoted past all steps")
    return _at_step(spec, state, state.step + 1, now_s, by, "promoted")


def decided(state: State, now_s: float, by: str, reason: str, **changes: object) -> State:
    """The state with these changes, and a line of history that says why."""
    after = replace(state, **changes)  # type: ignore[arg-type]
    line = Decision(round(now_s, 3), by, after.phase, after.weight, reason[:_LONGEST_REASON])
    return replace(after, history=(*state.history, line)[-HISTORY:])


# --- steps


def _at_step(spec: Spec, state: State, step: int, now_s: float, by: str, why: str) -> State:
    """At the beginning of a step; beyond the last all nodes get the version."""
    changes: dict[str, object] = {"step": min(step, len(spec.steps)), "since_s": now_s, "phase": PROGRESSING}
    if step >= len(spec.steps):
        changes |= {"weight": 100, "tally": Tally()}
        return decided(state, now_s, by, f"{why}: weight 100", **changes)
    entered = spec.steps[step]
    if isinstance(entered, Weight):
        changes |= {"weight": entered.percent, "tally": Tally()}
        return decided(state, now_s, by, f"{why}: weight {entered.percent}", **changes)
    if entered.duration_s is None:
        return decided(state, now_s, by, f"{why}: paused until promoted", **{**changes, "phase": PAUSED})
    return decided(state, now_s, by, f"{why}: pause of {entered.duration_s:g} s", **changes)


def _went_on(spec: Spec, state: State, share: Sequence[NodeView], now_s: float, by: str) -> State:
    if now_s < state.since_s:  # another judge's clock
        return replace(state, since_s=now_s)
    step = spec.steps[state.step] if state.step < len(spec.steps) else Weight(100)
    if isinstance(step, Pause):
        return _paused_long_enough(spec, state, step, now_s, by)
    if state.tally.next_s is None:
        return _spread(spec, state, step, share, now_s, by)
    assert step.gate is not None
    if state.tally.successful < step.gate.count:
        return state
    return _at_step(spec, state, state.step + 1, now_s, by, f"{state.tally.successful} measures are good")


def _paused_long_enough(spec: Spec, state: State, step: Pause, now_s: float, by: str) -> State:
    if step.duration_s is None or now_s - state.since_s < step.duration_s:
        return state
    return _at_step(spec, state, state.step + 1, now_s, by, f"{step.duration_s:g} s are over")


def _spread(
    spec: Spec, state: State, step: Weight, share: Sequence[NodeView], now_s: float, by: str
) -> State:
    """Wait until the nodes of the step have the version, then begin to measure or go on."""
    behind = [view for view in share if (view.live, view.wanted) != (spec.target.version,) * 2]
    nobody = not share and state.step >= len(spec.steps)
    if behind or nobody:
        if now_s - state.since_s <= spec.progress_deadline_s:
            return state
        who = f"{len(behind)} of {len(share)} nodes do" if share else "no node does"
        return aborted(state, now_s, by, f"{who} not have {spec.label} after {spec.progress_deadline_s:g} s")
    if step.gate is not None:
        tally = replace(state.tally, next_s=now_s + step.gate.initial_delay_s)
        return decided(state, now_s, by, f"{len(share)} nodes have it: measuring", tally=tally)
    if state.step < len(spec.steps):
        return _at_step(spec, state, state.step + 1, now_s, by, f"{len(share)} nodes have it")
    return _became_stable(spec, state, len(share), now_s, by)


def _became_stable(spec: Spec, state: State, count: int, now_s: float, by: str) -> State:
    before = (state.stable,) if state.stable is not None else ()
    earlier = tuple(target for target in (*before, *state.earlier) if target != spec.target)[:EARLIER]
    why = f"all {count} nodes have it: {spec.target.version} is stable"
    return decided(state, now_s, by, why, phase=HEALTHY, stable=spec.target, earlier=earlier)


# --- measures


def _gate(spec: Spec, state: State) -> Gate | None:
    """That of the weight which holds now; it is watched through pauses too."""
    for step in reversed(spec.steps[: state.step + 1]):
        if isinstance(step, Weight):
            return step.gate if state.step < len(spec.steps) else None
    return None


def _missed(spec: Spec, state: State, gate: Gate, _: Figures, now_s: float, by: str) -> State:
    """None of the step's nodes is there: they may come back, until the deadline is over."""
    if now_s - state.since_s > spec.progress_deadline_s and state.phase == PROGRESSING:
        return paused(state, now_s, by, "none of the step's nodes is there: promote or abort")
    return replace(state, tally=replace(state.tally, next_s=now_s + gate.interval_s))


def _measured(_: Spec, state: State, gate: Gate, figures: Figures, now_s: float, by: str) -> State:
    """While it is paused, only what fails is told and counts."""
    found = measure(gate, figures, state.usual_cost)
    state = replace(state, usual_cost=figures.old.cost or state.usual_cost)
    if state.phase == PAUSED and found.result is not Result.FAILED:
        return replace(state, tally=replace(state.tally, next_s=now_s + gate.interval_s))
    tally = _counted(state.tally, found, now_s + gate.interval_s)
    state = decided(state, now_s, by, f"{found.result.value}: {found.reason}", tally=tally)
    if tally.failed > gate.failure_limit:
        return aborted(state, now_s, by, f"{tally.failed} measures failed, the last: {found.reason}")
    if tally.inconclusive > gate.inconclusive_limit:
        why = f"the analysis is inconclusive ({found.reason}): promote or abort"
        return paused(replace(state, tally=replace(tally, inconclusive=0)), now_s, by, why)
    return state


def _counted(tally: Tally, found: Measure, next_s: float) -> Tally:
    return Tally(
        tally.successful + (found.result is Result.SUCCESSFUL),
        tally.failed + (found.result is Result.FAILED),
        tally.inconclusive + (found.result is Result.INCONCLUSIVE),
        next_s,
    )


def _longest_s(gate: Gate) -> float:
    """No measure is due later than that: one that seems to be was set by another judge's clock."""
    return max(gate.interval_s, gate.initial_delay_s)


def _refusal(spec: Spec, share: Sequence[NodeView]) -> str | None:
    """The first node's that has looked at the version and will not have it."""
    for view in sorted(share, key=lambda view: view.node):
        if (view.wanted, view.state) == (spec.target.version, REJECTED):
            return f"node {view.node} refuses {spec.label}: {view.reason}"
    return None
