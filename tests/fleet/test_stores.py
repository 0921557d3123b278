"""Both stores do the same behind one seam: a real etcd, and a stand-in of Consul written from its pages."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.fleet.address import open_store
from sidecar.fleet.etcd import Etcd
from sidecar.fleet.store import MOST_BYTES, Folder, SessionLost, Store, StoreUnavailable, Value
from sidecar.protocol.errors import BadRequest
from tests.fleet import servers
from tests.fleet.consul_stand_in import Agent, consul
from tests.processes import wait_for

pytest.importorskip("urllib3")
PACE = 20.0  #: times faster than a real Consul, which takes no TTL under 10 s


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Etcd]:
    with servers.etcd(tmp_path_factory.mktemp("etcd") / "data") as running:
        yield running


@pytest.fixture(params=[pytest.param("etcd", marks=servers.needs_etcd), "consul"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Of a store, with a prefix that nobody has used."""
    prefix = f"t{time.monotonic_ns()}"
    if request.param == "etcd":
        member: servers.Etcd = request.getfixturevalue("member")
        yield f"etcd://127.0.0.1:{member.port}/{prefix}"
    else:
        with consul(pace=PACE, idle_returns=True) as (_, port):
            yield f"consul://127.0.0.1:{port}/{prefix}"


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    opened = open_store(address)
    yield opened
    opened.close()


def test_what_was_written_is_read_and_what_was_not_is_absent(store: Store):
    assert store.read("spec").values == {} and store.get("spec/guard") is None
    store.put("spec/guard", "ältere")
    store.put("spec/guard", "neue – 新")
    store.put("specimen/guard", "another folder")
    folder = store.read("spec")
    assert {key: value.text for key, value in folder.values.items()} == {"guard": "neue – 新"}
    store.delete("spec/guard")
    assert store.read("spec").values == {}


def test_a_swap_needs_the_revision_that_was_seen(store: Store):
    assert store.swap("rollout/guard", "one", 0)
    assert not store.swap("rollout/guard", "another first", 0)
    seen = store.get("rollout/guard")
    assert seen is not None and store.swap("rollout/guard", "two", seen.revision)
    assert not store.swap("rollout/guard", "late", seen.revision)
    assert store.get("rollout/guard").text == "two"


def test_a_wait_ends_with_a_change_and_misses_none(store: Store):
    seen = store.read("spec")
    store.put("spec/guard", "before the wait began")
    began = time.monotonic()
    until_changed(store, seen, 20)
    assert time.monotonic() - began < 2
    seen = store.read("spec", seen)
    writer = threading.Timer(0.3, lambda: store.put("spec/guard", "while it waits"))
    writer.start()
    until_changed(store, seen, 20)
    writer.join()
    assert store.read("spec", seen).values["guard"].text == "while it waits"


def until_changed(store: Store, seen: Folder, timeout_s: float) -> None:
    """A return is not a change: wait until there is one."""
    until = time.monotonic() + timeout_s
    while store.read("spec", seen).values == seen.values:
        assert time.monotonic() < until
        store.wait("spec", seen.revision, timeout_s)


def test_a_wait_for_nothing_ends_with_its_time(store: Store):
    store.put("spec/guard", "x")
    began = time.monotonic()
    store.wait("spec", store.read("spec").revision, 0.5)
    assert time.monotonic() - began < 3


def test_what_is_held_goes_with_its_session_and_nobody_else_takes_it_before(store: Store):
    mine, other = store.open_session(10), store.open_session(10)
    assert store.hold("judge", "a", mine) and store.hold("judge", "a again", mine)
    assert not store.hold("judge", "b", other)
    assert store.get("judge").text == "a again"
    store.renew(mine)
    store.end_session(mine)
    assert store.get("judge") is None
    assert store.hold("judge", "b", other)
    store.end_session(other)


def test_a_session_that_is_not_renewed_is_lost_and_what_it_held_with_it(store: Store):
    session = store.open_session(1)
    assert store.hold("nodes/one", "here", session)
    wait_for(lambda: store.get("nodes/one") is None, timeout_s=10)
    with pytest.raises(SessionLost):
        store.renew(session)
    with pytest.raises(SessionLost):
        store.hold("nodes/one", "still here", session)
    session = store.open_session(10)
    wait_for(lambda: store.hold("nodes/one", "back", session), timeout_s=10)
    store.end_session(session)


def test_a_value_that_is_too_large_or_no_text_is_told_and_costs_the_others_nothing(store: Store):
    store.put("spec/large", "x" * (MOST_BYTES + 1))
    for number in range(12):
        store.put(f"spec/huge-{number}", "x" * 400_000)
    store.put("spec/guard", "good")
    values = store.read("spec").values
    assert values["guard"].text == "good"
    assert values["large"].text is None and values["huge-0"].text is None


def test_a_store_that_is_not_there_is_told_quickly(address: str):
    kind = address.partition(":")[0]
    store = open_store(f"{kind}://127.0.0.1:{servers.free_port()}/x")
    began = time.monotonic()
    for call in (
        lambda: store.read("spec"),
        lambda: store.wait("spec", 1, 1),
        lambda: store.open_session(10),
    ):
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            call()
    assert time.monotonic() - began < 3


# --- etcd alone


@servers.needs_etcd
def test_a_compacted_revision_means_read_again(member: servers.Etcd):
    store = Etcd(member.url, "/compacted/")
    seen = store.read("spec")
    for index in range(5):
        store.put("spec/guard", str(index))
    servers.compact(store)
    began = time.monotonic()
    store.wait("spec", seen.revision, 20)
    assert time.monotonic() - began < 2
    assert store.read("spec", seen).values["guard"].text == "4"


@servers.needs_etcd
def test_where_values_are_many_those_that_did_not_change_are_not_fetched_again(
    member: servers.Etcd, monkeypatch: pytest.MonkeyPatch
):
    store = Etcd(member.url, "/kept/")
    store._careful.be("spec")  # else all comes in one reply
    store.put("spec/a", "1")
    store.put("spec/b", "1")
    seen = store.read("spec")
    store.put("spec/b", "2")
    fetched: list[str] = []
    get = store.get
    monkeypatch.setattr(store, "get", lambda key: fetched.append(key) or get(key))
    assert store.read("spec", seen).values["b"].text == "2" and fetched == ["spec/b"]


@servers.needs_etcd
def test_etcd_lets_in_who_has_the_password_and_takes_a_new_token_when_the_old_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with servers.etcd(tmp_path / "data", "--auth-token", "simple") as member:
        root = Etcd(member.url, "/x/")
        for path, body in (
            ("auth/user/add", {"name": "root", "password": "secret"}),
            ("auth/role/add", {"name": "root"}),
            ("auth/user/grant", {"user": "root", "role": "root"}),
            ("auth/enable", {}),
        ):
            root._call(path, body)
        with pytest.raises(StoreUnavailable, match="user name is empty"):
            root.read("spec")
        file = tmp_path / "credentials.json"
        file.write_text('{"user": "root", "password": "secret"}')
        store = open_store(f"etcd://127.0.0.1:{member.port}/x", file)
        store.put("spec/guard", "let in")
        store._token = "an.old.1"
        assert store.get("spec/guard").text == "let in"
        store._token = "an.old.1"
        with pytest.raises(StoreUnavailable, match="does not let us watch"):
            store.wait("spec", 1, 1)
        store.wait("spec", 0, 1)  # with a token of now


@servers.needs_etcd
def test_etcd_is_believed_by_https_if_its_authority_is_known(tmp_path: Path):
    with servers.etcd(tmp_path / "data", "--auto-tls", scheme="https") as member:
        address = f"etcd://127.0.0.1:{member.port}/x"
        (certificate,) = (tmp_path / "data").glob("fixtures/client/cert.pem")
        file = tmp_path / "credentials.json"
        file.write_text(json.dumps({"ca": str(certificate)}))
        store = open_store(address, file)
        store.put("spec/guard", "in secret")
        assert store.read("spec").values["guard"].text == "in secret"
        file.write_text('{"tls": true}')
        with pytest.raises(StoreUnavailable, match="certificate"):
            open_store(address, file).read("spec")
        with pytest.raises(StoreUnavailable):
            open_store(address).read("spec")


# --- Consul alone


def test_an_index_that_goes_backwards_makes_it_start_over():
    with consul() as (agent, port):
        store = open_store(f"consul://127.0.0.1:{port}/x")
        for number in range(5):
            store.put("spec/guard", str(number))
        seen = store.read("spec")
        agent.rewind()
        began = time.monotonic()
        store.wait("spec", seen.revision, 20)
        again = store.read("spec", seen)
        assert time.monotonic() - began < 2 and again.revision < seen.revision
        writer = threading.Timer(0.2, lambda: store.put("spec/guard", "after"))
        writer.start()
        store.wait("spec", again.revision, 20)
        assert time.monotonic() - began < 4
        assert store.read("spec", again).values["guard"].text == "after"
        writer.join()


def test_after_a_lost_session_consul_lets_nobody_in_for_its_lock_delay():
    with consul(pace=PACE) as (agent, port):
        store = open_store(f"consul://127.0.0.1:{port}/x")
        session, other = store.open_session(10), store.open_session(10)
        assert store.hold("judge", "a", session)
        with agent.changed:
            agent.sessions[other].ttl_s = 1000
            agent.sessions[session].lock_delay_s = 20  # at this pace a second
            agent.invalidate(session, delayed=True)
        assert store.get("judge") is None and not store.hold("judge", "b", other)
        wait_for(lambda: store.hold("judge", "b", other), timeout_s=5)


def test_consul_lets_in_who_has_the_token(tmp_path: Path):
    file = tmp_path / "credentials.json"
    file.write_text('{"token": "secret"}')
    with consul(token="secret") as (_, port):
        with pytest.raises(StoreUnavailable, match="403"):
            open_store(f"consul://127.0.0.1:{port}/x").read("spec")
        assert open_store(f"consul://127.0.0.1:{port}/x", file).read("spec").values == {}


def test_a_value_of_ten_megabytes_from_consul_is_not_read():
    with consul(value_limit=20 << 20) as (agent, port):
        store = open_store(f"consul://127.0.0.1:{port}/x")
        store.put("spec/huge", "x" * (10 << 20))
        assert store.read("spec").values == {"huge": Value(None, -1)}
        assert isinstance(agent, Agent)


# --- addresses


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("zookeeper://host:1/x", "unknown kind of store 'zookeeper'"),
        ("etc://host:2379/x", "did you mean 'etcd'"),
        ("etcd://host/x", "expected etcd://HOST:PORT/PREFIX"),
        ("consul://user:secret@host:8500/x", "expected consul://HOST:PORT/PREFIX"),
        ("etcd://host:99999/x", "is no address"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, words: str):
    with pytest.raises(BadRequest, match=words):
        open_store(address)


@pytest.mark.parametrize("content", ['["user"]', '{"user": 3}', '{"pasword": "x"}', "{", ""])
def test_credentials_that_are_odd_are_refused(tmp_path: Path, content: str):
    (tmp_path / "file").write_text(content)
    with pytest.raises(BadRequest):
        open_store("etcd://127.0.0.1:2379/x", tmp_path / "file")
