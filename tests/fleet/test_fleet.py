"""Ten nodes follow a real etcd while somebody speaks with each: good versions spread, bad ones go back."""

import time
from collections.abc import Iterator

import pytest

from sidecar.fleet import orders
from sidecar.fleet.rollout import DEGRADED, HEALTHY, State
from tests.fleet import servers
from tests.fleet.crowd import INTERVAL_S, NAME, TTL_S, Crowd, Talk, crowd, faults
from tests.processes import wait_for

pytest.importorskip("urllib3")
pytestmark = [servers.needs_etcd, pytest.mark.slow]
PROMISED_S = 2 * INTERVAL_S  #: the gate's initial delay and its interval times its failure limit
SLACK_S = 5.0  #: beats of nodes and judge, on two busy cores


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Etcd]:
    with servers.etcd(tmp_path_factory.mktemp("etcd") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def ten(member: servers.Etcd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with crowd(tmp_path_factory.mktemp("crowd"), member.address) as nodes:
        nodes.adopt("1.0.0")
        yield nodes


@pytest.fixture
def talk(ten: Crowd) -> Iterator[Talk]:
    """Somebody speaks with every node for the length of a test, and no line is lost."""
    speaking = Talk(ten.nodes)
    yield speaking
    speaking.stop()
    assert speaking.answered > 20 and speaking.lost == []


def weights(state: State, since_s: float) -> list[int]:
    return [line.weight for line in state.history if line.at_s >= since_s]


def test_a_good_version_goes_to_one_five_and_all_ten(ten: Crowd, talk: Talk):
    began_s = time.time()
    ten.begin("1.1.0")
    at = {}
    for weight, nodes in ((10, 1), (50, 5)):
        ten.until(lambda state, weight=weight: state.weight == weight and state.tally.next_s is not None)
        at[nodes] = sorted(ten.versions().values()).count("1.1.0")
    state = ten.until(lambda state: state.is_over)
    assert state.phase == HEALTHY and at == {1: 1, 5: 5}
    assert set(ten.versions().values()) == {"1.1.0"}
    assert sorted(set(weights(state, began_s))) == [10, 50, 100]


@pytest.mark.parametrize(("version", "kind"), [("1.2.0", "broken"), ("1.3.0", "failing"), ("1.4.0", "slow")])
def test_a_bad_version_stops_at_one_node_and_goes_back_by_itself(
    ten: Crowd, talk: Talk, version: str, kind: str
):
    stable = ten.state().stable.version
    began_s = time.time()
    ten.begin(version, kind)
    state = ten.until(lambda state: state.is_over)
    had_s = [line.at_s for line in state.history if line.at_s >= began_s and "have it" in line.reason]
    took_s = state.history[-1].at_s - (had_s or [began_s])[0]
    assert state.phase == DEGRADED and max(weights(state, began_s)) == 10, state.history
    words = {"broken": "hash_differs", "failing": "lines failed", "slow": "times the stable version's"}
    assert words[kind] in state.reason
    ten.until_all_speak(stable)
    promised_s = PROMISED_S if had_s else 0.0  # a refusal needs no measure
    print(f"{kind}: back after {took_s:.1f} s, promised {promised_s:g} s and a beat for each measure")
    assert took_s < promised_s + SLACK_S


def test_what_a_person_decides_is_done_and_undone(ten: Crowd, talk: Talk):
    stable = ten.state().stable.version
    ten.begin("1.5.0", steps=[{"weight": 10}, {"pause": {}}, {"weight": 100}], analysis=None)
    ten.until(lambda state: state.phase == "Paused")
    with ten.store() as store:
        orders.changed(store, NAME, orders.promote("anna", full=False))
        ten.until(lambda state: state.phase == HEALTHY and state.stable.version == "1.5.0")
        assert orders.undone(store, NAME).target.version == stable
        state = ten.until(lambda state: state.phase == HEALTHY and state.stable.version == stable)
    assert "without steps" in " ".join(line.reason for line in state.history[-3:])
    ten.until_all_speak(stable)


def test_the_judge_is_killed_in_mid_way_and_another_ends_the_rollout(ten: Crowd, talk: Talk):
    ten.begin("1.6.0")
    ten.until(lambda state: state.weight == 10)
    with ten.store() as store:
        judge = next(node for node in ten.nodes if node.id == store.get("judge").text)
        ten.kill(judge)
        took_s = wait_for(lambda: (store.get("judge") or judge).__dict__.get("text") not in (None, judge.id))
        print(f"another judges after {took_s:.1f} s, the lease is {TTL_S:g} s")
    assert took_s < 3 * TTL_S
    ten.start(judge)
    assert ten.until(lambda state: state.is_over).phase == HEALTHY
    ten.until_serving(judge)
    ten.until_all_speak("1.6.0")


def test_etcd_is_killed_compacted_and_emptied_in_mid_way(ten: Crowd, talk: Talk, member: servers.Etcd):
    ten.begin("1.7.0")
    ten.until(lambda state: state.weight == 10)
    member.kill()
    time.sleep(TTL_S)
    member.start()
    ten.until(lambda state: state.weight == 50)
    with ten.store() as store:
        servers.compact(store)
        for node in store.read("nodes").values:
            store.delete(f"nodes/{node}")
    assert ten.until(lambda state: state.is_over).phase == HEALTHY
    with ten.store() as store:
        for kind in ("spec", "rollout"):
            store.delete(f"fleet/{kind}/{NAME}")
    time.sleep(TTL_S)
    ten.until_all_speak("1.7.0")  # which are gone no more than it was


def test_nodes_have_met_no_fault_of_ours(ten: Crowd):
    assert [fault for node in ten.nodes for fault in faults(node.folder / "log")] == []
