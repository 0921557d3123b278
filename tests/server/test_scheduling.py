"""What the device does next, decided from a snapshot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.server.lines.scheduling import (
    AHEAD_S,
    RANKS,
    TURN_S,
    Pace,
    QueueLimits,
    Waiting,
    admit,
    choose,
    entered,
    late,
)

BARK, DIALOGUE, AMBIENT, BAKE = (RANKS[name] for name in ("bark", "dialogue", "ambient", "bake"))


def line(key: int, rank: int = DIALOGUE, arrived_s: float = 0.0, **fields) -> Waiting:
    base = {"client": "a", "client_s": 0.0, "work_s": 1.0, "first_s": 1.0}
    return Waiting(key=key, rank=rank, arrived_s=arrived_s, **{**base, **fields})


@pytest.mark.parametrize(
    ("waiting", "first"),
    [
        ([line(1, AMBIENT), line(2, BARK, 9), line(3, DIALOGUE), line(4, BAKE)], 2),
        ([line(1, arrived_s=2), line(2, arrived_s=1)], 2),
        ([line(1, client="a", client_s=3), line(2, arrived_s=5, client="b", client_s=1)], 2),
        ([line(1, client_s=9, done_s=1), line(2, client="b")], 1),
        ([line(1, client_s=9, done_s=TURN_S), line(2, client="b")], 2),
        ([line(1, done_s=1), line(2, BARK, 9)], 2),
        ([line(1, done_s=1, ahead_s=AHEAD_S + 1), line(2, client="b", client_s=7)], 2),
        ([line(1, done_s=1, ahead_s=0.1, client_s=9), line(2, client="b")], 1),
        ([line(1, done_s=1, ahead_s=AHEAD_S + 1)], 1),
    ],
    ids=[
        "the more urgent", "the older", "the client who had less", "what has begun", "until its turn is over",
        "a bark between two clauses", "a listener with sound in hand waits", "one who runs dry does not",
        "nothing else to do",
    ],
)  # fmt: skip
def test_the_next_line_is(waiting: list[Waiting], first: int):
    assert choose(waiting, 1) == [first]
    assert choose(list(reversed(waiting)), 1) == [first]


def test_a_batch_is_filled_with_lines_of_the_same_model_in_order():
    waiting = [line(1, BARK, model=7), line(2, model=8), line(3, AMBIENT, model=7), line(4, model=7)]
    assert choose(waiting, 4) == [1, 4, 3]
    assert choose(waiting, 2) == [1, 4]
    assert choose([], 4) == []


def test_a_line_that_cannot_be_in_time_is_refused_before_it_costs_anything():
    others = [line(1, work_s=2.0), line(2, BAKE, work_s=50.0)]
    assert admit(others, line(9, arrived_s=5, due_s=13.5), 10.0, QueueLimits()).admitted
    decision = admit(others, line(9, arrived_s=5, due_s=12.9), 10.0, QueueLimits())
    assert (decision.admitted, decision.reason) == (False, "late")
    assert admit(others, line(9, BARK, due_s=11.1), 10.0, QueueLimits()).admitted


def test_the_pass_that_is_under_way_counts_for_everybody():
    busy = [line(1, BAKE, work_s=9.0, pass_s=0.8)]
    assert not admit(busy, line(9, BARK, due_s=11.5), 10.0, QueueLimits()).admitted
    assert admit(busy, line(9, BARK, due_s=11.9), 10.0, QueueLimits()).admitted


def test_a_full_queue_tells_when_to_come_again():
    decision = admit([line(1, work_s=3), line(2, work_s=2)], line(9), 0.0, QueueLimits(lines=2))
    assert (decision.admitted, decision.reason, decision.retry_after_s) == (False, "full", 2)


def test_a_bark_takes_the_place_of_the_last_of_the_less_urgent():
    full = [line(1, AMBIENT, 1), line(2, AMBIENT, 2), line(3, DIALOGUE, 3)]
    assert admit(full, line(9, BARK), 0.0, QueueLimits(lines=3)).evicted == 2
    begun = [line(1, AMBIENT, begun=True)]
    assert not admit(begun, line(9, BARK), 0.0, QueueLimits(lines=1)).admitted
    assert not admit(full, line(9, AMBIENT, 4), 0.0, QueueLimits(lines=3)).admitted


def test_one_client_cannot_fill_the_queue():
    limits = QueueLimits(lines=10, client_lines=2)
    mine = [line(1), line(2)]
    assert admit(mine, line(9), 0.0, limits).reason == "client"
    assert admit(mine, line(9, client="b"), 0.0, limits).admitted


def test_lines_whose_time_has_run_out_are_told():
    waiting = [line(1, due_s=10.9), line(2, due_s=11.1), line(3)]
    assert late(waiting, 10.0) == [1]


def test_the_pace_is_learnt_and_follows():
    pace = Pace().learnt(2.0, 20)
    assert pace.work_s(10) == pytest.approx(1.0)
    for _ in range(50):
        pace = pace.learnt(4.0, 20)
    assert pace.work_s(10) == pytest.approx(2.0, rel=0.01)
    assert pace.learnt(5.0, 0) == pace
    assert Pace().work_s(100) == 0


def test_a_newcomer_comes_next_and_nobody_saves_up_turns():
    shares = {"a": 10.0, "b": 12.0}
    assert entered(shares, "new", ["a", "b"]) == 10.0
    assert entered(shares, "b", ["a", "b"]) == 12.0
    assert entered(shares, "new", []) == 0.0


WAITING = st.lists(
    st.builds(
        line,
        st.integers(0, 10_000),
        st.sampled_from(sorted(RANKS.values())),
        st.floats(0, 100),
        client=st.sampled_from("abc"),
        client_s=st.floats(0, 50),
        done_s=st.floats(0, 5),
        ahead_s=st.none() | st.floats(-5, 10),
        model=st.integers(0, 2),
    ),
    unique_by=lambda w: w.key,
    max_size=30,
)


@given(WAITING, st.integers(1, 8))
def test_a_pass_has_the_most_urgent_line_one_model_and_no_line_twice(waiting: list[Waiting], rows: int):
    chosen = choose(waiting, rows)
    by_key = {w.key: w for w in waiting}
    assert len(chosen) == len(set(chosen)) <= rows
    assert bool(chosen) == bool(waiting)
    if chosen:
        assert by_key[chosen[0]].rank == min(w.rank for w in waiting)
        assert len({by_key[key].model for key in chosen}) == 1


@given(st.integers(2, 6), st.integers(3, 30))
def test_equal_clients_get_equal_shares_however_many_lines_they_send(clients: int, passes: int):
    """Client 0 has twenty lines waiting, the others one at a time; after each pass it is charged."""
    shares = dict.fromkeys(map(str, range(clients)), 0.0)
    for _ in range(passes * clients):
        waiting = [line(i, client="0", client_s=shares["0"], arrived_s=i) for i in range(20)]
        waiting += [
            line(100 + c, client=str(c), client_s=shares[str(c)], arrived_s=50) for c in range(1, clients)
        ]
        (key,) = choose(waiting, 1)
        shares[next(w.client for w in waiting if w.key == key)] += 1.0
    assert max(shares.values()) - min(shares.values()) <= 2  # one line, and the slack of one
