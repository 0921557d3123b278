"""Nodes follow both kinds of store; a store that is away, emptied, hostile or flooded costs no voice."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from sidecar.fleet import orders
from sidecar.fleet.address import open_store
from sidecar.fleet.documents import key
from sidecar.fleet.node import Node
from sidecar.fleet.rollout import DEGRADED, HEALTHY, State
from sidecar.fleet.spec import Target
from sidecar.fleet.store import Store
from sidecar.protocol.events import FleetDecided
from tests.fleet import servers
from tests.fleet.consul_stand_in import Agent, consul
from tests.fleet.fakes import NAME, FolderVoices, node
from tests.fleet.servers import free_port
from tests.processes import wait_for

pytest.importorskip("urllib3")
PACE = 10.0
GATE = {"interval": "1s", "count": 1, "failureLimit": 0, "initialDelay": "1s", "leastLines": 5}
WAIT_S = 40


@pytest.fixture(params=[pytest.param("etcd", marks=servers.needs_etcd), "consul"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "etcd":
        with servers.etcd(tmp_path / "etcd") as member:
            yield member.address
    else:
        with consul(pace=PACE, idle_returns=True) as (_, port):
            yield f"consul://127.0.0.1:{port}/test"


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    for version in ("1.1.0", "1.2.0"):
        (folder / f"{NAME}-{version}.npcvoice").write_bytes(f"pack {version}".encode() * 1000)
    return folder


def wanted(share: Path, version: str, **fields: object) -> dict[str, object]:
    pack = share / f"{NAME}-{version}.npcvoice"
    return {
        "name": NAME, "version": version, "sha256": orders.sha256_of(pack), "source": f"share:{pack.name}",
        "steps": [{"weight": 34}], "analysis": GATE, "progressDeadline": "30s", **fields,
    }  # fmt: skip


def state_of(store: Store) -> State | None:
    found = orders.rollout_of(store, NAME)
    return found.state if found.state and found.state.rollout == found.spec.rollout else None


def until_over(store: Store) -> State:
    wait_for(lambda: (state := state_of(store)) is not None and state.is_over, timeout_s=WAIT_S)
    state = state_of(store)
    assert state is not None
    return state


def test_three_nodes_take_what_is_good_and_give_back_what_fails(address: str, share: Path, tmp_path: Path):
    store = open_store(address)
    with ExitStack() as stack:
        served = [
            stack.enter_context(node(tmp_path, address, name, share=share, errors={"1.2.0": 0.5}))[1]
            for name in ("one", "two", "three")
        ]
        wait_for(lambda: len(orders.nodes_of(store)) == 3, timeout_s=WAIT_S)
        orders.started(store, {"name": NAME, "version": "1.0.0"})
        assert until_over(store).stable == Target("1.0.0")
        orders.started(store, wanted(share, "1.1.0"))
        assert until_over(store).phase == HEALTHY
        assert [voices.live for voices in served] == ["1.1.0"] * 3
        orders.started(store, wanted(share, "1.2.0"))
        assert until_over(store).phase == DEGRADED
        wait_for(lambda: [voices.live for voices in served] == ["1.1.0"] * 3, timeout_s=WAIT_S)
        told = [event for event in served[0].events if isinstance(event, FleetDecided)]
        assert told[-1].phase == DEGRADED and "lines failed" in told[-1].reason
    assert orders.nodes_of(store) == []  # who leaves, says so


def test_the_next_node_judges_when_the_first_is_gone_without_a_word(
    address: str, share: Path, tmp_path: Path
):
    store = open_store(address)
    with node(tmp_path, address, "one", share=share) as (first, _):
        wait_for(lambda: first.judges, timeout_s=WAIT_S)
        with node(tmp_path, address, "two", share=share) as (second, _):
            first._stopping.set()  # as if it were killed: its lease runs out
            wait_for(lambda: second.judges, timeout_s=WAIT_S)
            orders.started(store, {"name": NAME, "version": "1.0.0"})
            assert until_over(store).phase == HEALTHY
            first._session = ""


def test_the_last_good_wish_rules_while_the_store_is_away_and_after_a_restart(share: Path, tmp_path: Path):
    with consul(pace=PACE) as (_, port):
        address = f"consul://127.0.0.1:{port}/test"
        store = open_store(address)
        with node(tmp_path, address, share=share):
            orders.started(store, wanted(share, "1.1.0"))
            assert until_over(store).phase == HEALTHY
    with node(tmp_path, address, share=share) as (_, served):  # nobody is there any more
        wait_for(lambda: served.live == "1.1.0", timeout_s=WAIT_S)


def test_what_is_missing_takes_nothing_away(share: Path, tmp_path: Path):
    with consul(pace=PACE) as (agent, port):
        address = f"consul://127.0.0.1:{port}/test"
        store = open_store(address)
        with node(tmp_path, address, share=share) as (one, served):
            orders.started(store, wanted(share, "1.1.0"))
            assert until_over(store).phase == HEALTHY
            empty(agent)
            wait_for(lambda: len(orders.nodes_of(store)) == 1, timeout_s=WAIT_S)
            assert served.live == "1.1.0" and one.status().voices[0].wanted == "1.1.0"
            orders.started(
                store, wanted(share, "1.2.0")
            )  # the store has lost what was stable; the node has not
            wait_for(lambda: (s := state_of(store)) is not None and s.weight == 34, timeout_s=WAIT_S)


def empty(agent: Agent) -> None:
    with agent.changed:
        for row in list(agent.rows):
            agent.remove(row)


def test_a_state_that_was_lost_in_mid_way_is_written_again_and_not_begun_anew(share: Path, tmp_path: Path):
    with consul(pace=PACE) as (_, port):
        address = f"consul://127.0.0.1:{port}/test"
        store = open_store(address)
        with node(tmp_path, address, share=share):
            orders.started(store, {"name": NAME, "version": "1.0.0"})
            until_over(store)
            orders.started(
                store, wanted(share, "1.1.0", steps=[{"weight": 100}, {"pause": {}}], analysis=None)
            )
            wait_for(lambda: (s := state_of(store)) is not None and s.phase == "Paused", timeout_s=WAIT_S)
            before = state_of(store)
            store.delete(key("rollout", NAME))
            wait_for(lambda: store.get(key("rollout", NAME)) is not None, timeout_s=WAIT_S)
            after = state_of(store)
            assert (after.phase, after.step, after.stable) == (before.phase, before.step, before.stable)
            store.put(key("rollout", NAME), '{"rollout": 7}')
            wait_for(lambda: store.get(key("rollout", NAME)).text != '{"rollout": 7}', timeout_s=WAIT_S)
            assert state_of(store).phase == "Paused"


HOSTILE = {
    "no JSON": "{",
    "a list": "[]",
    "deep": "[" * 30_000,
    "a key twice": '{"name": "guard", "name": "guard"}',
    "wrong types": '{"name": "guard", "rollout": 5, "version": [], "steps": 3}',
    "another's name": '{"name": "witch", "rollout": "abcd", "version": "1.0.0"}',
    "no number": '{"name": "guard", "rollout": "abcd", "version": "1.0.0", "progressDeadline": NaN}',
    "unknown field": '{"name": "guard", "rollout": "abcd", "version": "1.0.0", "postInstall": "rm -rf /"}',
    "endless steps": json.dumps(
        {"name": NAME, "rollout": "abcd", "version": "1.0.0", "steps": [{"weight": 1}] * 999}
    ),
    "a path": json.dumps(
        {"name": NAME, "rollout": "abcd", "version": "1.0.0", "sha256": "a" * 64,
         "source": "share:../../etc/shadow.npcvoice"}
    ),
    "a file": json.dumps(
        {"name": NAME, "rollout": "abcd", "version": "1.0.0", "sha256": "a" * 64, "source": "file:///etc/shadow"}
    ),
    "another machine in the clear": json.dumps(
        {"name": NAME, "rollout": "abcd", "version": "1.0.0", "sha256": "a" * 64,
         "source": "http://169.254.169.254/latest.npcvoice"}
    ),
    "no hash": json.dumps({"name": NAME, "rollout": "abcd", "version": "1.0.0", "source": "https://x/y.npcvoice"}),
    "no version": '{"name": "guard", "rollout": "abcd", "version": "../../x"}',
    "ten megabytes": "x" * (10 << 20),
}  # fmt: skip


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Node, FolderVoices]]:
    """A node with a good wish, and its store, which takes large values."""
    with consul(pace=PACE, value_limit=20 << 20) as (_, port):
        address = f"consul://127.0.0.1:{port}/test"
        store = open_store(address)
        with node(tmp_path_factory.mktemp("harmed"), address) as (one, served):
            orders.started(store, {"name": NAME, "version": "1.0.0"})
            until_over(store)
            yield store, one, served


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_spec_is_a_typed_problem_in_the_status_and_the_last_good_one_rules(
    value: str, harmed: tuple[Store, Node, FolderVoices]
):
    store, one, served = harmed
    good = store.get(key("spec", NAME)).text
    store.put(key("spec", NAME), value)
    wait_for(lambda: one.status().problems, timeout_s=WAIT_S)
    (found,) = one.status().problems
    assert (found.about, found.code) == (f"spec/{NAME}", "bad_request") and len(found.detail) <= 300
    assert served.live == "1.0.0" and one.status().voices[0].wanted == "1.0.0"
    store.put(key("spec", NAME), str(good))
    wait_for(lambda: not one.status().problems, timeout_s=WAIT_S)


def test_other_peoples_keys_and_statuses_cost_nothing(share: Path, tmp_path: Path):
    with consul(pace=PACE) as (_, port):
        address = f"consul://127.0.0.1:{port}/test"
        store = open_store(address)
        for index in range(100):
            store.put(f"fleet/spec/../{index}", "x")
            store.put(f"nodes/stranger {index}", "x")
        store.put("nodes/liar", '{"id": "one", "host": "x", "program": "x", "at_s": 1}')
        endless = {"requests": 1e300, "errors": 0, "work_s": 1, "audio_s": 1}
        store.put("nodes/big", json.dumps({
            "id": "big", "host": "x", "program": "x", "at_s": 1,
            "voices": [{"name": NAME, "live": "1", "wanted": "1", "state": "live",
                        "recent": [{"version": "1.1.0", "window_s": 1, "did": endless}]}],
        }))  # fmt: skip
        with node(tmp_path, address, share=share) as (one, _):
            orders.started(store, wanted(share, "1.1.0"))
            assert until_over(store).phase == HEALTHY
            assert [status.id for status in orders.nodes_of(store)] == ["one"]
            assert len(one.status().problems) <= 16


@servers.needs_etcd
def test_a_flood_of_changes_makes_nothing_grow(share: Path, tmp_path: Path):
    with servers.etcd(tmp_path / "etcd") as member:
        store, over = open_store(member.address), threading.Event()

        def flood() -> None:
            writer, count = open_store(member.address), 0
            while not over.is_set():
                count += 1
                writer.put(key("spec", f"name-{count % 500}"), "x" * 60_000)

        with node(tmp_path, member.address, ttl_s=2.0, share=share) as (one, served):
            orders.started(store, wanted(share, "1.1.0"))
            flooding = threading.Thread(target=flood)
            flooding.start()
            try:
                assert until_over(store).phase == HEALTHY
                before = psutil.Process(os.getpid()).memory_info().rss
                time.sleep(3)
                grown = psutil.Process(os.getpid()).memory_info().rss - before
            finally:
                over.set()
                flooding.join()
            assert served.live == "1.1.0" and len(one.status().problems) <= 16
            assert grown < 64 << 20
            assert len(one._known.wishes) == 1


def test_two_that_are_called_the_same_do_not_take_turns(tmp_path: Path):
    with consul(pace=PACE) as (_, port):
        address = f"consul://127.0.0.1:{port}/test"
        store = open_store(address)
        with node(tmp_path / "a", address, "same"), node(tmp_path / "b", address, "same"):
            wait_for(lambda: orders.nodes_of(store), timeout_s=WAIT_S)
            time.sleep(1)
            assert len(orders.nodes_of(store)) == 1


def test_a_node_without_a_store_speaks_and_waits(tmp_path: Path):
    with node(tmp_path, f"etcd://127.0.0.1:{free_port()}/x") as (one, served):
        time.sleep(0.5)
        assert served.live == "1.0.0" and not one.reaches_store
