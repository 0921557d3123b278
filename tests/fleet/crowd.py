"""Ten nodes on one machine: started, talked to, killed, and looked at through their store."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.client import Client
from sidecar.fleet import orders
from sidecar.fleet.address import open_store
from sidecar.fleet.documents import NodeStatus
from sidecar.fleet.rollout import State
from sidecar.fleet.store import Store, StoreUnavailable
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.modkit.making import write_archive
from sidecar.protocol.errors import InternalError
from tests.fleet.zygote import FAILING, SLOW
from tests.processes import is_running, serves, wait_for
from tests.toy import making

NAME = "guard"
TTL_S = 3.0
INTERVAL_S = 1.0
PATIENCE_S = 150
OCTAVES = {"good": 1.0, "failing": FAILING, "slow": SLOW}
GATE = {
    "interval": f"{INTERVAL_S}s", "count": 2, "failureLimit": 1, "inconclusiveLimit": 5, "leastLines": 2,
    "maxErrorRate": 0.1, "maxCostRatio": 1.4,
}  # fmt: skip
STEPS = [{"weight": 10}, {"weight": 50}]


@dataclass
class Node:
    """`pid` 0: it does not run."""

    id: str
    folder: Path
    pid: int = 0

    @property
    def file(self) -> Path:
        return self.folder / "connection.json"

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")


class Talk:
    """One who asks each node for line after line. What a node that was killed does not answer is not lost;
    what a voice fails at is `failed`."""

    def __init__(self, nodes: list[Node]) -> None:
        self.answered, self.failed, self.lost, self.took_s = 0, 0, list[str](), list[float]()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(node,)) for node in nodes]
        for thread in self._threads:
            thread.start()

    def _run(self, node: Node) -> None:
        while not self._over.is_set():
            if not node.pid:
                self._over.wait(0.05)
                continue
            pid = node.pid
            try:
                self._speak(node, pid)
            except Exception as error:
                if node.pid == pid and is_running(pid) and not self._over.is_set():
                    self.lost.append(f"{node.id}: {error!r}")
                self._over.wait(0.05)

    def _speak(self, node: Node, pid: int) -> None:
        with Client(node.file, timeout_s=90) as client:
            while not self._over.is_set() and node.pid == pid:
                began = time.monotonic()
                try:
                    client.say("Halt!", seed=self.answered)
                    self.answered += 1
                    self.took_s.append(time.monotonic() - began)
                except InternalError:  # as a voice is meant to that fails at its lines
                    self.failed += 1
                self._over.wait(0.15)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@dataclass
class Crowd:
    folder: Path
    address: str
    zygote: "subprocess.Popen[str]"
    nodes: list[Node]
    share: Path
    default: Path
    options: list[str] = field(default_factory=list)
    packs: dict[str, Path] = field(default_factory=dict)

    def start(self, node: Node) -> None:
        arguments = [
            "serve", "--connection-file", str(node.file), "--pack", str(self.default), "--cache", "0",
            "--parent-pid", str(self.zygote.pid), "--threads", "1", "--normal-priority",
            "--fleet", self.address, "--fleet-node", node.id, "--fleet-share", str(self.share),
            "--fleet-ttl", str(TTL_S), "--fleet-jitter", "0.2", "--metrics-port", "0", *self.options,
        ]  # fmt: skip
        order = {"arguments": arguments, "home": str(node.home.root), "log": str(node.folder / "log")}
        node.folder.mkdir(exist_ok=True)
        print(json.dumps(order), file=self.zygote.stdin, flush=True)
        node.pid = int(self.zygote.stdout.readline())

    def until_serving(self, *nodes: Node) -> None:
        for node in nodes or self.nodes:
            wait_for(lambda node=node: serves_as(node), timeout_s=PATIENCE_S)

    def kill(self, node: Node) -> None:
        pid, node.pid = node.pid, 0
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_running(pid), timeout_s=10)

    def pack(self, version: str, kind: str = "good") -> Path:
        """A `.npcvoice` file in the share. `broken`: it fails its check."""
        if version not in self.packs:
            self.packs[version] = make_archive(self.folder / "making", self.share, version, kind)
        return self.packs[version]

    @contextmanager
    def store(self) -> Iterator[Store]:
        opened = open_store(self.address)
        try:
            yield opened
        finally:
            opened.close()

    def begin(self, version: str, kind: str = "good", **fields: object) -> None:
        pack = self.pack(version, kind)
        with self.store() as store:
            spec = {
                "name": NAME, "version": version, "sha256": orders.sha256_of(pack),
                "source": f"share:{pack.name}", "steps": STEPS, "analysis": GATE,
                "progressDeadline": "40s", **fields,
            }  # fmt: skip
            orders.started(store, spec)

    def adopt(self, version: str) -> None:
        """What nodes have already becomes the stable version."""
        with self.store() as store:
            orders.started(store, {"name": NAME, "version": version})
        self.until(lambda state: state.phase == "Healthy" and state.stable.version == version)

    def state(self) -> State | None:
        """None where there is none, or the store does not answer."""
        try:
            with self.store() as store:
                found = orders.rollout_of(store, NAME)
        except Exception:
            return None
        return found.state if found.state and found.state.rollout == found.spec.rollout else None

    def statuses(self) -> list[NodeStatus]:
        with self.store() as store:
            return orders.nodes_of(store)

    def until(self, happened, timeout_s: float = PATIENCE_S) -> State:
        """The state of the rollout once that is so of it."""
        until = time.monotonic() + timeout_s
        while True:
            state = self.state()
            if state is not None and happened(state):
                return state
            if time.monotonic() > until:
                raise AssertionError(f"it did not happen: {state and state.history[-4:]}\n{self.said()}")
            time.sleep(0.05)

    def said(self) -> str:
        """What nodes say of themselves."""
        try:
            return "\n".join(f"{s.id}: {s.voices} {s.problems}" for s in self.statuses())
        except StoreUnavailable as error:
            return error.message

    def versions(self) -> dict[str, str]:
        """What each running node speaks with, asked of itself."""
        found = {}
        for node in self.nodes:
            if node.pid:
                with Client(node.file, timeout_s=90) as client:
                    rows = client.models().models
                found[node.id] = next(row.version for row in rows if row.name == NAME and row.state == "live")
        return found

    def until_all_speak(self, version: str, timeout_s: float = PATIENCE_S) -> None:
        until = time.monotonic() + timeout_s
        while set(found := self.versions()) and set(found.values()) != {version}:
            assert time.monotonic() < until, f"{found}\n{self.said()}"
            time.sleep(0.1)


def faults(log: Path) -> list[str]:
    """Errors of our own that a node has logged."""
    lines = [line for line in log.read_text("utf-8").splitlines() if '"level": "error"' in line]
    return [line for line in lines if "fails at its lines" not in line]


def serves_as(node: Node) -> bool:
    process = type("Process", (), {"pid": node.pid})
    return serves(node.file, process)


def make_archive(work: Path, share: Path, version: str, kind: str) -> Path:
    with making.registered():
        made = making.make_pack(work, NAME, version, OCTAVES.get(kind, 1.0))
    if kind == "broken":
        weights = made.folder / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-4] + b"oops")
    return write_archive(made, share / f"{NAME}-{version}.npcvoice")


@contextmanager
def crowd(folder: Path, address: str, count: int = 10, options: list[str] | None = None) -> Iterator[Crowd]:
    """All of them serve; they end with the block."""
    share = folder / "share"
    share.mkdir(parents=True)
    with making.registered():
        default: Pack = making.make_pack(folder / "default", NAME, "1.0.0")
    zygote = subprocess.Popen(
        [sys.executable, "-m", "tests.fleet.zygote"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    nodes = [Node(f"node-{index}", folder / f"node-{index}") for index in range(count)]
    made = Crowd(folder, address, zygote, nodes, share, default.folder, options or [])
    try:
        assert zygote.stdout.readline() == "ready\n"
        for node in nodes:
            made.start(node)
        made.until_serving()
        yield made
    finally:
        for node in nodes:
            if node.pid and is_running(node.pid):
                os.kill(node.pid, signal.SIGKILL)
        zygote.stdin.close()
        zygote.kill()
        zygote.wait()
        zygote.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
