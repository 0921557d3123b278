"""What happens next is decided from what is seen, and nothing moves but along the chain."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.reload.policy import Check, Load, Side, Snapshot, TrialRules, decide, gives_way, held, judge
from sidecar.reload.states import LEGAL, Entry, State

FOUND, READY, LIVE, CANARY, REJECTED, LOADING, CHECKING = (
    State.FOUND, State.READY, State.LIVE, State.CANARY, State.REJECTED, State.LOADING, State.CHECKING,
)  # fmt: skip


def entry(version: str, state: State, name: str = "voice", again: str = "") -> Entry:
    return Entry(f"{name}-{version}{again}", "s", state, Path(f"{name}-{version}{again}"), name, version)


V1, V2, V3 = entry("1.0.0", LIVE), entry("1.1.0", READY), entry("1.2.0", READY)


@pytest.mark.parametrize(
    ("snapshot", "action"),
    [
        (Snapshot([]), None),
        (Snapshot([V1]), None),
        (Snapshot([V1, Entry("new", "s")]), Check(Entry("new", "s"))),
        (Snapshot([V1, V2, V3]), Load(V3)),
        (Snapshot([replace(V1, version="2.0.0"), V2, V3]), None),
        (Snapshot([replace(V1, version="1.1.0-beta.2"), V2]), Load(V2)),
        (Snapshot([V1, entry("1.10.0", READY), entry("1.9.0", READY)]), Load(entry("1.10.0", READY))),
        (Snapshot([V1, entry("0.1.0", READY, "other")]), Load(entry("0.1.0", READY, "other"))),
        (Snapshot([V1, entry("9.0.0", REJECTED)]), None),
        (Snapshot([V1, V2, V3], {"voice": "1.1.0"}), Load(V2)),
        (Snapshot([V1, V2, V3], {"voice": "1.0.0"}), None),
        (Snapshot([V1, V2, V3], {"voice": "7.7.7"}), None),
        (Snapshot([V1, V2], {}, 0.2), Load(V2, 0.2)),
        (Snapshot([entry("1.0.0", READY, "other"), V1], {}, 0.2), Load(entry("1.0.0", READY, "other"))),
        (Snapshot([V1, entry("1.1.0", CANARY), V3], {}, 0.2), None),
        (Snapshot([V1, V2], {"voice": "1.1.0"}, 0.2), Load(V2)),
        (Snapshot([V1, V3, Entry("new", "s")]), Check(Entry("new", "s"))),
        (Snapshot([V1, replace(V1, source="again", state=READY)], {"voice": "1.0.0"}), None),
    ],
    ids=[
        "nothing there", "all is well", "found: check", "highest", "live is higher", "release after beta",
        "numbers, not letters", "another name", "rejected", "pinned", "pinned and live",
        "pinned and not there", "new version on trial", "a first version is not", "one trial a name",
        "pinned is not tried", "check before load", "pinned, live and dropped again",
    ],
)  # fmt: skip
def test_the_next_step_is(snapshot: Snapshot, action):
    assert decide(snapshot) == action
    assert decide(replace(snapshot, entries=list(reversed(snapshot.entries)))) == action


@pytest.mark.parametrize(
    ("snapshot", "new", "share", "old"),
    [
        (Snapshot([V1, V2], low_memory_swap=True), V2, 1.0, V1),
        (Snapshot([V1, V2]), V2, 1.0, None),
        (Snapshot([V1, V2], low_memory_swap=True), V2, 0.2, None),
        (Snapshot([V1, V2, entry("2.0.0", CANARY)], low_memory_swap=True), V2, 1.0, None),
        (Snapshot([V1, entry("1.0.0", READY, "other")], low_memory_swap=True),
         entry("1.0.0", READY, "other"), 1.0, None),
    ],
    ids=["allowed", "not allowed", "tried on some", "a trial is under way", "another name speaks"],
)  # fmt: skip
def test_the_version_that_may_give_way_is(snapshot: Snapshot, new: Entry, share: float, old: Entry | None):
    assert gives_way(snapshot, new, share) == old


ENTRIES = st.lists(
    st.builds(
        entry, st.sampled_from(["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"]), st.sampled_from(list(State)),
        st.sampled_from(["a", "b"]), st.sampled_from(["", " dropped again"]),
    ),
    unique_by=lambda e: e.source, max_size=8,
)  # fmt: skip


@given(ENTRIES, st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1.0.0", "2.0.0"])))
def test_following_the_policy_comes_to_rest_with_the_wanted_version_live(entries: list[Entry], pins: dict):
    """Do what it says, as the reloader does; it must end, and by the rules."""
    seen = {e.source: e for e in entries if e.state in (FOUND, READY, LIVE, REJECTED)}
    for name in "ab":  # at most one is live
        for extra in [e for e in seen.values() if e.name == name and e.state is LIVE][1:]:
            seen[extra.source] = replace(extra, state=READY)
    for _ in range(40):
        action = decide(Snapshot(tuple(seen.values()), pins))
        if action is None:
            break
        done = action.entry
        if isinstance(action, Check):
            seen[done.source] = done.moved(CHECKING).moved(READY)
            continue
        for live in [e for e in seen.values() if e.name == done.name and e.state is LIVE]:
            seen[live.source] = live.moved(READY)
        seen[done.source] = done.moved(LOADING).moved(LIVE)
    else:
        pytest.fail("it never came to rest")
    for name in "ab":
        usable = [e for e in seen.values() if e.name == name and e.state in (READY, LIVE)]
        wanted = [e for e in usable if e.version == pins.get(name)]
        live = [e for e in usable if e.state is LIVE]
        assert len(live) <= 1
        if wanted:
            assert len(live) == 1 and live[0] in wanted
        elif usable and name not in pins:
            assert [e.precedence for e in live] == [max(e.precedence for e in usable)]


def test_the_chain_is_the_only_way():
    for start in State:
        for to in State:
            if to in LEGAL[start]:
                assert entry("1.0.0", start).moved(to).state is to
            else:
                with pytest.raises(ValueError, match="cannot become"):
                    entry("1.0.0", start).moved(to)


OLD = Side(100, 2, 25.0, 100.0)


@pytest.mark.parametrize(
    ("new", "promote", "words"),
    [
        (Side(5, 0, 1.0, 4.0), None, ""),
        (Side(20, 0, 5.0, 20.0), True, "20 requests"),
        (Side(20, 1, 5.0, 20.0), True, "1 errors"),
        (Side(4, 4, 0.0, 0.0), False, "4 of 4"),
        (Side(19, 3, 5.0, 20.0), None, ""),
        (Side(20, 0, 9.0, 20.0), False, "1.80 times"),
        (Side(20, 2, 0.0, 0.0), True, ""),
    ],
)
def test_a_trial_ends_by_errors_cost_or_enough_good_lines(new: Side, promote: bool | None, words: str):
    verdict = judge(new, OLD, TrialRules())
    assert (None if verdict is None else verdict.promote) == promote
    assert words in (verdict.reason if verdict else "")


def test_an_old_version_that_fails_as_often_does_not_condemn_the_new():
    assert judge(Side(20, 10, 5.0, 20.0), Side(20, 10, 5.0, 20.0), TrialRules()).promote


BASE = replace(entry("1.0.0", State.LIVE), sha256="w" * 64, speakers=frozenset({"af_one"}))


def voices(
    version: str, state: State = State.READY, name: str = "mara", speaker: str = "mara", **more
) -> Entry:
    return replace(
        entry(version, state, name), **{"base": "w" * 64, "speakers": frozenset({speaker}), **more}
    )


def test_voices_are_checked_once_there_is_a_copy_of_their_base():
    found = voices("1.0.0", State.FOUND, folder=None)
    assert decide(Snapshot([found])) is None
    assert decide(Snapshot([BASE, found])) == Check(found)
    assert decide(Snapshot([found, voices("2.0.0", sha256="w" * 64)])) is None, "voices are no base"


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([BASE], None),
        ([], "base_missing"),
        ([replace(BASE, sha256="x" * 64)], "base_missing"),
        ([replace(BASE, state=State.READY)], "base_missing"),
        ([replace(BASE, state=State.CANARY)], None),
        ([BASE, voices("1.0.0", State.LIVE)], None),
        ([BASE, voices("1.0.0", State.LIVE, "other")], "speaker_taken"),
        ([BASE, voices("1.0.0", State.READY, "other")], None),
        ([BASE, voices("1.0.0", State.LIVE, "other", "orm")], None),
        ([replace(BASE, speakers=frozenset({"mara"}))], "speaker_taken"),
        ([BASE, replace(BASE, name="mara")], "name_owned"),
    ],
)
def test_voices_become_live_with_their_base_where_their_names_are_free(
    others: list[Entry], reason: str | None
):
    ready = voices("2.0.0")
    for pins in ({}, {"mara": "2.0.0"}):
        snapshot = Snapshot([*others, ready], pins=pins, canary_share=0.5)
        hold = held(snapshot, ready)
        assert (hold.reason if hold is not None else None) == reason
        assert (decide(snapshot) == Load(ready)) == (reason is None)
