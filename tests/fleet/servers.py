"""Real etcd and Prometheus as processes on free ports, where `tools/install_fleet.py` has put them."""

import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import sidecar.fleet.etcd
from sidecar.fleet.store import Store
from tools.install_fleet import program

START_S = 30
UNVERIFIED = ssl._create_unverified_context()  # only whether it answers is asked
needs_etcd = pytest.mark.skipif(program("etcd") is None, reason="no etcd: run tools/install_fleet.py")
needs_prometheus = pytest.mark.skipif(
    program("prometheus") is None, reason="no Prometheus: run tools/install_fleet.py"
)


def free_port() -> int:
    """One that nobody has now: these servers cannot be told to take any and say which."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Etcd:
    """One member in a folder of its own. `kill` and `start` again: the same data, the same port."""

    folder: Path
    port: int = field(default_factory=free_port)
    peer_port: int = field(default_factory=free_port)
    scheme: str = "http"
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"etcd://127.0.0.1:{self.port}/test"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self, *options: str) -> None:
        peers = f"http://127.0.0.1:{self.peer_port}"
        command = [
            str(program("etcd")), "--name", "one", "--data-dir", str(self.folder),
            "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
            "--initial-cluster", f"one={peers}", "--heartbeat-interval", "50", "--election-timeout", "500",
            "--log-level", "error", *options,
        ]  # fmt: skip
        environment = {**os.environ, "ETCD_UNSUPPORTED_ARCH": "arm64"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        until_answered(f"{self.url}/health", self.process)

    def kill(self) -> None:
        """At once, as a power cut does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def compact(store: Store) -> None:
    """Etcd forgets all that was before now."""
    assert isinstance(store, sidecar.fleet.etcd.Etcd)
    store._call("kv/compaction", {"revision": store.read("fleet").revision, "physical": True})


def until_answered(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while True:
        assert process.poll() is None and time.monotonic() < until, f"no answer from {url}"
        try:
            with urllib.request.urlopen(url, timeout=1, context=UNVERIFIED):
                return
        except OSError:
            time.sleep(0.05)


@contextmanager
def etcd(folder: Path, *options: str, scheme: str = "http") -> Iterator[Etcd]:
    """Ended by force with the block."""
    member = Etcd(folder, scheme=scheme)
    try:
        member.start(*options)
        yield member
    finally:
        if member.process is not None:
            member.kill()


@contextmanager
def prometheus(folder: Path, port: int, targets: list[str], rules: Path) -> Iterator[str]:
    """It scrapes these addresses twice a second; its own."""
    config = folder / "prometheus.yml"
    listed = "".join(f"    - {target}\n" for target in targets)
    config.write_text(
        f"global:\n  scrape_interval: 500ms\n  evaluation_interval: 1s\nrule_files:\n- {rules}\n"
        f"scrape_configs:\n- job_name: npc-voice\n  static_configs:\n  - targets:\n{listed}"
    )
    process = subprocess.Popen(
        [
            str(program("prometheus")), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until_answered(f"http://127.0.0.1:{port}/-/ready", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
