"""Rollouts step by step under a clock that is stepped: what begins, widens, stops and goes back, and why."""

from dataclasses import replace

import pytest

from sidecar.fleet.analysis import Figures, Result, measure
from sidecar.fleet.rollout import (
    DEGRADED,
    HEALTHY,
    PAUSED,
    PROGRESSING,
    NodeView,
    State,
    aborted,
    advanced,
    is_due,
    promoted,
    wanted,
)
from sidecar.fleet.share import best_rollout, is_in, jitter_s
from sidecar.fleet.spec import Gate, Pause, Spec, Target, Weight
from sidecar.reload.policy import Side

NODES = tuple(f"node-{index}" for index in range(10))
OLD, NEW = Target("1.0.0"), Target("1.1.0", "a" * 64, "share:guard-1.1.0.npcvoice")
GATE = Gate(interval_s=10, count=2, failure_limit=1, inconclusive_limit=1, initial_delay_s=10, least_lines=5)
ROLLOUT = best_rollout((f"roll{i:04}" for i in range(200)), NODES, (10, 50))
SPEC = Spec("guard", ROLLOUT, NEW, (Weight(10, GATE), Weight(50, GATE)), progress_deadline_s=60)
STABLE = State("first000", OLD, HEALTHY, 100, stable=OLD)
GOOD = Figures(Side(100, 0, 10.0, 100.0), Side(900, 0, 90.0, 900.0))
SLOW = Figures(Side(100, 0, 20.0, 100.0), Side(900, 0, 90.0, 900.0))
FAILING = Figures(Side(100, 30, 7.0, 70.0), Side(900, 0, 90.0, 900.0))
QUIET = Figures(Side(4, 0, 1.0, 4.0), Side(900, 0, 90.0, 900.0))


def followed(spec: Spec, state: State) -> list[NodeView]:
    """All nodes, each with what it shall have."""
    views = []
    for node in NODES:
        target = wanted(spec, state, node)
        version = target.version if target is not None else "0.9.0"
        views.append(NodeView(node, version, version, "live"))
    return views


def run(
    spec: Spec, state: State, figures: Figures, until_s: float, from_s: float = 0.0
) -> tuple[State, float]:
    """A look each second, until it is over or paused; the seconds that it took."""
    now = from_s
    while now < until_s:
        due = is_due(spec, state, now) if state.rollout == spec.rollout else None
        state = advanced(spec, state, followed(spec, state), now, "judge", figures if due else None)
        if state.rollout == spec.rollout and state.phase != PROGRESSING:
            break
        now += 1
    return state, now - from_s


def test_a_good_version_goes_from_ten_to_fifty_to_all():
    state, _ = run(SPEC, STABLE, GOOD, 300)
    weights = [line.weight for line in state.history]
    assert state.phase == HEALTHY and state.stable == NEW and state.earlier == (OLD,)
    assert sorted(set(weights)) == [10, 50, 100] and weights == sorted(weights)
    assert all(line.reason for line in state.history)


@pytest.mark.parametrize("figures", [SLOW, FAILING], ids=["slow", "failing"])
def test_a_bad_version_goes_back_from_ten_in_the_time_that_is_promised(figures: Figures):
    state, took_s = run(SPEC, STABLE, figures, 300)
    assert state.phase == DEGRADED and max(line.weight for line in state.history) == 10
    assert all(wanted(SPEC, state, node) == OLD for node in NODES)
    assert took_s <= GATE.promised_s + 3  # a look a second: begin, spread, measure


def test_what_is_aborted_stays_so_until_the_spec_names_another_rollout():
    state, _ = run(SPEC, STABLE, FAILING, 300)
    assert advanced(SPEC, state, followed(SPEC, state), 10_000, "judge", GOOD) is state
    again = advanced(replace(SPEC, rollout="another1"), state, [], 10_001, "judge")
    assert (again.phase, again.weight, again.stable) == (PROGRESSING, 10, OLD)


def test_a_node_that_refuses_the_version_ends_it_at_once():
    state = advanced(SPEC, STABLE, [], 0, "judge")
    views = followed(SPEC, state)
    (first,) = [view for view in views if is_in(view.node, ROLLOUT, 10)]
    views[views.index(first)] = replace(first, live="1.0.0", state="rejected", reason="hash_differs")
    state = advanced(SPEC, state, views, 1, "judge")
    assert state.phase == DEGRADED and "hash_differs" in state.reason and first.node in state.reason


def test_a_refusal_of_another_version_is_no_reason():
    state = advanced(SPEC, STABLE, [], 0, "judge")
    views = [replace(view, state="rejected", wanted="0.1.0") for view in followed(SPEC, state)]
    assert advanced(SPEC, state, views, 1, "judge").phase == PROGRESSING


def test_figures_that_say_too_little_pause_it_and_a_person_decides():
    state, _ = run(SPEC, STABLE, QUIET, 300)
    assert (state.phase, state.weight) == (PAUSED, 10) and "inconclusive" in state.reason
    state = promoted(SPEC, state, 300, "anna")
    assert (state.phase, state.weight, state.history[-1].by) == (PROGRESSING, 50, "anna")
    state, _ = run(SPEC, state, GOOD, 600, 300)
    assert state.phase == HEALTHY


def test_what_is_paused_is_watched_all_the_same():
    spec = replace(SPEC, steps=(Weight(10, replace(GATE, count=1)), Pause()))
    state, took_s = run(spec, STABLE, GOOD, 300)
    assert state.phase == PAUSED
    assert is_due(spec, state, took_s + 100) is not None
    for step in range(1, 4):
        state = advanced(spec, state, followed(spec, state), took_s + 100 * step, "judge", FAILING)
    assert state.phase == DEGRADED


def test_while_the_only_node_of_a_step_is_gone_nothing_is_judged_and_in_the_end_a_person_decides():
    state, _ = run(SPEC, STABLE, GOOD, 5)
    assert state.tally.next_s is not None
    others = [view for view in followed(SPEC, state) if not is_in(view.node, ROLLOUT, 10)]
    for now in range(5, 60):
        state = advanced(SPEC, state, others, now, "judge", Figures())
    assert (state.phase, state.tally.inconclusive) == (PROGRESSING, 0)
    for now in range(60, 120):
        state = advanced(SPEC, state, others, now, "judge", Figures() if is_due(SPEC, state, now) else None)
    assert state.phase == PAUSED and "none of the step's nodes is there" in state.reason


def test_a_pause_with_a_duration_ends_by_itself_and_one_without_does_not():
    spec = replace(SPEC, steps=(Weight(10), Pause(30.0), Weight(50), Pause()))
    state, took_s = run(spec, STABLE, GOOD, 3000)
    assert (state.phase, state.weight) == (PAUSED, 50) and 30 <= took_s < 40
    assert advanced(spec, state, followed(spec, state), 1e6, "judge").phase == PAUSED
    state = promoted(spec, state, 1e6, "anna")
    assert state.weight == 100


def test_nodes_that_do_not_get_it_in_time_end_it():
    state = advanced(SPEC, STABLE, [], 0, "judge")
    behind = [replace(view, live="1.0.0", state="fetching") for view in followed(SPEC, state)]
    assert advanced(SPEC, state, behind, 60, "judge") is state
    late = advanced(SPEC, state, behind, 61, "judge")
    assert late.phase == DEGRADED and "after 60 s" in late.reason


def test_an_emptied_store_of_nodes_is_no_reason_to_go_on():
    state = advanced(replace(SPEC, steps=(Weight(10), Weight(50))), STABLE, [], 0, "judge")
    assert advanced(replace(SPEC, steps=(Weight(10), Weight(50))), state, [], 30, "judge") is state


def test_the_first_rollout_of_a_name_has_no_steps():
    state = advanced(SPEC, None, [], 0, "judge")
    assert state.weight == 100 and "first" in state.reason
    state = advanced(SPEC, state, followed(SPEC, state), 1, "judge")
    assert state.phase == HEALTHY and state.stable == NEW


def test_the_way_back_to_a_late_version_has_no_steps_and_one_beyond_the_window_has():
    before = replace(STABLE, stable=NEW, earlier=(OLD, Target("0.9.0")))
    spec = replace(SPEC, rollout="undo0001", target=OLD, rollback_window=1)
    assert advanced(spec, before, [], 0, "judge").weight == 100
    beyond = replace(spec, target=Target("0.9.0"))
    assert advanced(beyond, before, [], 0, "judge").weight == 10


def test_a_clock_that_goes_backwards_makes_a_wait_begin_again():
    spec = replace(SPEC, steps=(Weight(10), Pause(30.0)))
    state, _ = run(spec, STABLE, GOOD, 1010, 1000)
    assert "pause" in state.reason
    state = advanced(spec, state, followed(spec, state), 500, "other")
    assert state.since_s == 500
    assert advanced(spec, state, followed(spec, state), 531, "other").weight == 100


def test_a_measure_that_another_clock_has_set_far_ahead_is_due_now():
    state, _ = run(SPEC, STABLE, GOOD, 1005, 1000)
    assert state.tally.next_s is not None
    assert is_due(SPEC, state, 500) == GATE


def test_a_person_aborts():
    state = aborted(advanced(SPEC, STABLE, [], 0, "judge"), 1, "anna", "asked to")
    assert (state.phase, state.weight) == (DEGRADED, 0) and state.reason.endswith("back to 1.0.0")


def test_who_is_in_ten_percent_stays_in_fifty():
    for node in NODES:
        inside = [is_in(node, ROLLOUT, percent) for percent in range(0, 101)]
        assert inside == sorted(inside) and inside[-1] and not inside[0]


def test_a_rollout_is_called_so_that_few_nodes_are_shared_out_evenly():
    assert [sum(is_in(node, ROLLOUT, weight) for node in NODES) for weight in (10, 50, 100)] == [1, 5, 10]


def test_shares_of_many_nodes_are_what_their_percent_says():
    inside = sum(is_in(f"pod-{index}", "abcd1234", 10) for index in range(5000))
    assert 420 < inside < 580


def test_fetching_is_spread_over_the_time_that_is_given():
    waits = sorted(jitter_s(node, ROLLOUT, 30) for node in NODES)
    assert waits[0] >= 0 and waits[-1] <= 30 and waits[-1] - waits[0] > 10


@pytest.mark.parametrize(
    ("figures", "usual", "result", "words"),
    [
        (GOOD, None, Result.SUCCESSFUL, "0 of 100 lines failed; the real-time factor is 1.00 times"),
        (SLOW, None, Result.FAILED, "2.00 times"),
        (replace(SLOW, old=Side()), 0.1, Result.FAILED, "2.00 times"),
        (replace(SLOW, old=Side()), None, Result.SUCCESSFUL, "no work to compare with"),
        (FAILING, None, Result.FAILED, "30 of 100 lines failed, at most 2.0%"),
        (QUIET, None, Result.INCONCLUSIVE, "4 lines in 10 s, 5 are needed"),
        (Figures(problem="it does not answer"), None, Result.INCONCLUSIVE, "no figures: it does not answer"),
    ],
)  # fmt: skip
def test_a_measure_says_why(figures: Figures, usual: float | None, result: Result, words: str):
    found = measure(GATE, figures, usual)
    assert found.result is result and words in found.reason
