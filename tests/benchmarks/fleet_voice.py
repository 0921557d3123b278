"""Two nodes with the real voice: a re-versioned default pack is rolled out by a real etcd while both speak.

    python -m tests.benchmarks.fleet_voice [--quiet 30]

Each node has a client that says short lines, no two of them alike, with rests between. First without
changes, then while the fleet goes from 1.0.0 to 1.1.0 in two steps. Bars: no line lost, both nodes speak with
the new version in the end, p99 during the rollout within 1.5 x the p99 without, as for a drop.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from sidecar.client import Client
from sidecar.fleet import orders
from sidecar.fleet.address import open_store
from sidecar.fleet.store import Store, StoreUnavailable
from sidecar.home import Home
from sidecar.models.default_voice import NAME, ensure_default_voice
from sidecar.models.pack import open_pack
from sidecar.modkit.making import write_archive
from tests.benchmarks.figures import percentile
from tests.faults.reversioned import drop
from tests.fleet import servers
from tests.processes import sidecar, wait_for

BAR, PATIENCE_S, REST_S = 1.5, 1800, 0.3
GATE = {"interval": "5s", "count": 2, "leastLines": 3, "maxCostRatio": 3.0, "inconclusiveLimit": 20}


class Talk:
    """A client that says a line, rests and says the next; `times_s` is filled from when it is set again."""

    def __init__(self, file: Path) -> None:
        self.times_s, self.lost, self.versions, self._over = list[float](), list[str](), set[str](), False
        self._thread = threading.Thread(target=self._run, args=(file,))
        self._thread.start()

    def _run(self, file: Path) -> None:
        said = 0
        with Client(file, timeout_s=60) as client:
            while not self._over:
                said, began = said + 1, time.perf_counter()
                try:
                    client.say("Halt!", seed=said)
                    self.times_s.append(time.perf_counter() - began)
                except Exception as error:
                    self.lost.append(repr(error))
                time.sleep(REST_S)

    def stop(self) -> None:
        self._over = True
        self._thread.join()


def until(store: Store, phase: str, version: str) -> None:
    def happened() -> bool:
        try:
            state = orders.rollout_of(store, NAME).state
        except StoreUnavailable:
            return False
        assert state is None or state.phase != "Degraded", state.history
        return state is not None and state.phase == phase and state.target.version == version

    wait_for(happened, timeout_s=PATIENCE_S)


def live(file: Path) -> str:
    with Client(file) as client:
        return next(row.version for row in client.models().models if row.state == "live" and row.name == NAME)


def rolled_out(root: Path, quiet_s: float) -> bool:
    pack = ensure_default_voice(Home(root / "home"))
    share = root / "share"
    (share / "made").mkdir(parents=True)
    archive = write_archive(open_pack(drop(pack, share / "made", "1.1.0")), share / f"{NAME}-1.1.0.npcvoice")
    files = [root / f"connection-{index}.json" for index in range(2)]
    with contextlib.ExitStack() as stack:
        member = stack.enter_context(servers.etcd(root / "etcd"))
        for index, file in enumerate(files):
            environment = {**os.environ, "NPC_VOICE_HOME": str(root / f"home-{index}")}
            stack.enter_context(sidecar(
                file, "--fleet", member.address, "--fleet-node", f"node-{index}", "--fleet-share", str(share),
                "--fleet-ttl", "10", "--fleet-jitter", "2", "--threads", "1", env=environment,
            ))  # fmt: skip
        store = open_store(member.address)
        orders.started(store, {"name": NAME, "version": "1.0.0"})
        until(store, "Healthy", "1.0.0")
        talks = [Talk(file) for file in files]
        stack.callback(lambda: [talk.stop() for talk in talks])
        time.sleep(3)
        before = measured(talks, lambda: time.sleep(quiet_s))
        began = time.monotonic()
        during = measured(talks, lambda: roll(store, archive))
        took_s = time.monotonic() - began
        return told(before, during, took_s, [live(file) for file in files], talks)


def roll(store: Store, archive: Path) -> None:
    orders.started(store, {
        "name": NAME, "version": "1.1.0", "sha256": orders.sha256_of(archive),
        "source": f"share:{archive.name}", "steps": [{"weight": 50}], "analysis": GATE,
        "progressDeadline": "20m",
    })  # fmt: skip
    until(store, "Healthy", "1.1.0")


def measured(talks: list[Talk], what) -> list[float]:
    for talk in talks:
        talk.times_s = []
    what()
    return [1000 * took_s for talk in talks for took_s in talk.times_s]


def told(
    before: list[float], during: list[float], took_s: float, versions: list[str], talks: list[Talk]
) -> bool:
    lost = [error for talk in talks for error in talk.lost]
    p99 = [percentile(times, 99) for times in (before, during)]
    ratio = p99[1] / p99[0]
    for what, times, worst in (("without", before, p99[0]), ("rollout", during, p99[1])):
        print(f"{what}: {len(times)} lines, p50 {percentile(times, 50):.0f} ms, p99 {worst:.0f} ms")
    print(
        f"{took_s:.0f} s; p99 {ratio:.2f} x (bar {BAR}), {len(lost)} lost {lost[:2]}, "
        f"nodes speak with {versions}"
    )
    return ratio <= BAR and not lost and versions == ["1.1.0", "1.1.0"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quiet", type=float, default=30.0, help="seconds without changes")
    with tempfile.TemporaryDirectory() as folder:
        return not rolled_out(Path(folder), parser.parse_args().quiet)


if __name__ == "__main__":
    sys.exit(main())
