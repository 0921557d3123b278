"""`npc-voice fleet` against a store: what a person asks for, sees and is told when it cannot be."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.fleet import orders
from sidecar.fleet.address import open_store
from sidecar.fleet.documents import NodeStatus, VoiceStatus, key, written
from sidecar.fleet.rollout import HEALTHY, State, begun
from sidecar.fleet.spec import Target
from sidecar.fleet.store import Store
from tests.commands import NpcVoice
from tests.fleet.consul_stand_in import consul
from tests.fleet.servers import free_port

pytest.importorskip("urllib3")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Where the command looks, with two nodes in it."""
    with consul() as (_, port):
        address = f"consul://127.0.0.1:{port}/studio"
        monkeypatch.setenv("NPC_VOICE_FLEET", address)
        opened = open_store(address)
        for node in ("one", "two"):
            voice = VoiceStatus("guard", "1.0.0", "1.0.0", "live")
            opened.put(f"nodes/{node}", written(NodeStatus(node, "host", "0.1.0", 1.0, (voice,))))
        yield opened


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    file = tmp_path / "guard-1.1.0.npcvoice"
    file.write_bytes(b"a pack")
    return file


def judged(store: Store) -> State:
    """What a judge would begin with, after a stable 1.0.0."""
    spec = orders.rollout_of(store, "guard").spec
    state = begun(spec, State("first000", Target("1.0.0"), HEALTHY, stable=Target("1.0.0")), 5.0, "one")
    store.put(key("rollout", "guard"), written(state))
    return state


def test_a_rollout_is_started_shown_paused_promoted_and_aborted(
    store: Store, pack: Path, npc_voice: NpcVoice
):
    done = npc_voice("fleet", "rollout", "start", "guard", "1.1.0", "--pack", str(pack), "--weights", "50")
    assert done.returncode == 0 and "guard@1.1.0 is wanted" in done.stdout
    spec = orders.rollout_of(store, "guard").spec
    assert spec.target.source == "share:guard-1.1.0.npcvoice" and spec.target.sha256 == orders.sha256_of(pack)
    assert "not begun" in npc_voice("fleet", "rollout", "status", "guard").stdout
    judged(store)
    for verb, phase in (("pause", "Paused"), ("promote", "Progressing"), ("abort", "Degraded")):
        done = npc_voice("fleet", "rollout", verb, "guard")
        assert done.returncode == 0 and done.stdout.startswith(phase), done
    shown = npc_voice("fleet", "rollout", "status", "guard").stdout
    assert "Degraded" in shown and "back to 1.0.0" in shown and "one" in shown
    done = npc_voice("fleet", "rollout", "promote", "guard")
    assert done.returncode == 2 and "is over (Degraded)" in done.stderr


def test_what_is_shown_is_had_as_json(store: Store, pack: Path, npc_voice: NpcVoice):
    npc_voice("fleet", "rollout", "start", "guard", "1.1.0", "--pack", str(pack))
    state = judged(store)
    (row,) = json.loads(npc_voice("fleet", "rollout", "status", "--json").stdout)
    assert (row["name"], row["state"]["rollout"]) == ("guard", state.rollout)
    assert json.loads(npc_voice("fleet", "rollout", "pause", "guard", "--json").stdout)["phase"] == "Paused"
    assert [row["id"] for row in json.loads(npc_voice("fleet", "nodes", "--json").stdout)] == ["one", "two"]
    assert json.loads(npc_voice("fleet", "get", "guard").stdout)["version"] == "1.1.0"
    failed = npc_voice("fleet", "rollout", "pause", "ghost", "--json")
    assert json.loads(failed.stdout)["error"]["code"] == "unknown_model"


def test_undo_wants_the_stable_version_back(store: Store, pack: Path, npc_voice: NpcVoice):
    npc_voice("fleet", "rollout", "start", "guard", "1.1.0", "--pack", str(pack))
    assert npc_voice("fleet", "rollout", "undo", "guard").returncode == 2  # nothing is known to go back to
    judged(store)
    assert "back to guard@1.0.0" in npc_voice("fleet", "rollout", "undo", "guard").stdout
    assert orders.rollout_of(store, "guard").spec.target == Target("1.0.0")


def test_a_spec_may_come_from_a_file(store: Store, tmp_path: Path, npc_voice: NpcVoice):
    file = tmp_path / "rollout.json"
    file.write_text(json.dumps({"steps": [{"weight": 5}, {"pause": {}}], "progressDeadline": "1m"}))
    npc_voice("fleet", "rollout", "start", "guard", "1.1.0", "--file", str(file))
    spec = orders.rollout_of(store, "guard").spec
    assert (len(spec.steps), spec.progress_deadline_s) == (2, 60)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("rollout", "start", "guard", "1.1"), 2, "semantic version"),
        (("rollout", "start", "guard", "1.1.0", "--weights", "ten"), 2, "expected percents such as 10,50"),
        (("rollout", "start", "guard", "1.1.0", "--interval", "soon"), 2, "expected a duration"),
        (("rollout", "start", "guard", "1.1.0", "--source", "https://x/y.npcvoice"), 2, "sha256"),
        (("rollout", "start", "guard", "1.1.0", "--pack", "none.npcvoice"), 2, "cannot be read"),
        (("rollout", "status", "ghost"), 2, "there is none yet"),
        (("nodes", "--store", "redis://x:1/y"), 2, "unknown kind of store"),
        (("nodes", "--store", f"etcd://127.0.0.1:{free_port()}/x"), 5, "cannot be reached"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_words(
    store: Store, npc_voice: NpcVoice, arguments: tuple[str, ...], code: int, words: str
):
    done = npc_voice("fleet", *arguments)
    assert done.returncode == code and words in done.stderr, done


def test_without_the_extra_it_is_said_what_to_install(
    store: Store, npc_voice: NpcVoice, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "urllib3", None)
    done = npc_voice("fleet", "nodes")
    assert done.returncode == 2 and "npc-voice[fleet]" in done.stderr
