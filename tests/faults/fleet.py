"""A fleet of ten in which somebody dies at every stage of a rollout, a good one and a bad one.

    python -m tests.faults.fleet [--short]

Real etcd, ten sidecars with the toy voice (`tests/fleet/crowd.py`), somebody who speaks with each. Killed
with SIGKILL: a node, the node that judges, etcd; it is back two seconds later. Etcd is also compacted, and
loses every key of the fleet's. Stages: the weight is 10, it is measured, the weight is 50, it is measured,
the weight is 100. A row says where the rollout ended, and in what time, what all nodes speak with, and lines
answered and lost. `--short`: one stage of each.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sidecar.fleet.rollout import DEGRADED, HEALTHY, State
from sidecar.fleet.store import Store
from tests.fleet import servers
from tests.fleet.crowd import NAME, Crowd, Talk, crowd, faults
from tests.processes import wait_for

AWAY_S = 2.0
Stage = Callable[[State], bool]
STAGES: dict[str, Stage] = {
    "10": lambda state: state.weight == 10,
    "10 measured": lambda state: state.weight == 10 and state.tally.next_s is not None,
    "50": lambda state: state.weight == 50,
    "50 measured": lambda state: state.weight == 50 and state.tally.next_s is not None,
    "100": lambda state: state.weight == 100,
}


@dataclass(frozen=True)
class Scene:
    nodes: Crowd
    member: servers.Etcd
    store: Store


def kill_node(scene: Scene) -> None:
    """One that has the new version, if any has; never the judge."""
    judge = judging(scene)
    new = [node for node in scene.nodes.nodes if node.id != judge]
    bring_back(scene, new[0].id)


def kill_judge(scene: Scene) -> None:
    bring_back(scene, judging(scene))


def judging(scene: Scene) -> str:
    wait_for(lambda: scene.store.get("judge") is not None, timeout_s=30)
    return str(scene.store.get("judge").text)


def bring_back(scene: Scene, name: str) -> None:
    node = next(node for node in scene.nodes.nodes if node.id == name)
    scene.nodes.kill(node)
    time.sleep(AWAY_S)
    scene.nodes.start(node)


def kill_etcd(scene: Scene) -> None:
    scene.member.kill()
    time.sleep(AWAY_S)
    scene.member.start()


def compact(scene: Scene) -> None:
    servers.compact(scene.store)


def empty(scene: Scene) -> None:
    """Somebody puts the spec back, as it was."""
    spec = scene.store.get(f"fleet/spec/{NAME}").text
    for folder in ("nodes", "fleet"):
        for key in scene.store.read(folder).values:
            scene.store.delete(f"{folder}/{key}")
    scene.store.delete("judge")
    time.sleep(AWAY_S)
    scene.store.put(f"fleet/spec/{NAME}", str(spec))


HARMS = {"node": kill_node, "judge": kill_judge, "etcd": kill_etcd, "compaction": compact, "emptied": empty}


def scenes(short: bool) -> list[tuple[str, str, str]]:
    """Kind of version, what is harmed, and when."""
    good = [("good", harm, stage) for harm in HARMS for stage in STAGES]
    bad = [("failing", harm, stage) for harm in HARMS for stage in ("10", "10 measured")]
    return [*good[::7], *bad[::4]] if short else [*good, *bad]


def play(scene: Scene, version: str, kind: str, harm: str, stage: str) -> bool:
    """One row; whether all was as it should be."""
    stable = scene.nodes.state().stable.version
    talk = Talk(scene.nodes.nodes)
    began = time.monotonic()
    scene.nodes.begin(version, kind)
    try:
        scene.nodes.until(lambda state: STAGES[stage](state) or state.is_over)
        HARMS[harm](scene)
        state = scene.nodes.until(lambda state: state.is_over, timeout_s=120)
        scene.nodes.until_serving()
        scene.nodes.until_all_speak(version if state.phase == HEALTHY else stable)
    finally:
        talk.stop()
    as_wanted = state.phase == (HEALTHY if kind == "good" else DEGRADED)
    print(
        f"{kind:8} {harm:11} {stage:12} {state.phase:10} {time.monotonic() - began:6.1f} s  all speak "
        f"{state.stable.version:7} {talk.answered:5} lines, {len(talk.lost)} lost {talk.lost[:1] or ''}"
        f"{'' if as_wanted else '  WRONG: ' + state.reason}",
        flush=True,
    )
    return as_wanted and not talk.lost


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true")
    rows, wrong = scenes(parser.parse_args().short), 0
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.etcd(Path(folder) / "etcd") as member,
        crowd(Path(folder) / "crowd", member.address) as nodes,
        nodes.store() as store,
    ):
        nodes.adopt("1.0.0")
        for number, (kind, harm, stage) in enumerate(rows):
            wrong += not play(Scene(nodes, member, store), f"2.{number}.0", kind, harm, stage)
        logged = [fault for node in nodes.nodes for fault in faults(node.folder / "log")]
    print(f"{len(rows)} rollouts, {wrong} not as they should be, {len(logged)} faults logged {logged[:1]}")
    return bool(wrong or logged)


if __name__ == "__main__":
    sys.exit(main())
