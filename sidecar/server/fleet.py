"""A serving sidecar as its fleet sees it: what it may wish for is what a person may."""

import platform
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as NotYet  # Python 3.10 has one of its own
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sidecar import files
from sidecar.fleet.address import open_store
from sidecar.fleet.documents import is_node
from sidecar.fleet.fetch import Fetching
from sidecar.fleet.known import FILE, Remembered
from sidecar.fleet.node import Node, NodeSettings
from sidecar.fleet.prometheus import Prometheus
from sidecar.fleet.recent import Counters
from sidecar.protocol.errors import BadRequest
from sidecar.protocol.events import Event
from sidecar.protocol.fields import check_range
from sidecar.protocol.limits import Range
from sidecar.reload.states import Entry
from sidecar.server.config import FleetConfig
from sidecar.server.metrics import MetricsSnapshot
from sidecar.server.reloading.dependencies import Dependencies, ServerSide
from sidecar.server.reloading.reloader import Reloader

FETCHED, NODE = "fetched", "fleet-node"  #: in the store: what is under way, and what this node is called
TTL_S = Range(1, 3600)


class ServedVoices:
    """`sidecar.fleet.node.Voices`. Any thread may call."""

    def __init__(self, reloader: Reloader, side: ServerSide, snapshot: Callable[[], MetricsSnapshot]) -> None:
        self._reloader, self._side, self._snapshot = reloader, side, snapshot

    def entries(self) -> Sequence[Entry]:
        return self._reloader.entries

    def pins(self) -> Mapping[str, str]:
        return self._reloader.pins

    def pin(self, name: str, version: str) -> None:
        self._reloader.controls.activate(f"{name}@{version}")

    def counters(self) -> Counters:
        try:
            voices = self._snapshot().level.voices
        except NotYet as error:
            raise TimeoutError("the server does not answer") from error
        return {(voice.name, voice.version): voice.did for voice in voices}

    def publish(self, event: Event) -> None:
        self._side.run(lambda: self._side.publish(event))


class FleetExported(Collector):
    """How this node stands, in Prometheus' terms."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        reached = GaugeMetricFamily("npc_voice_fleet_store_reached", "Whether the fleet's store answers.")
        reached.add_metric((), self._node.reaches_store)
        judge = GaugeMetricFamily("npc_voice_fleet_judge", "Whether this node judges rollouts.")
        judge.add_metric((), self._node.judges)
        weight = GaugeMetricFamily(
            "npc_voice_fleet_weight", "Part of the nodes, in percent, that shall have a version.",
            labels=("name", "version", "phase"),
        )  # fmt: skip
        for name, state in self._node.states:
            weight.add_metric((name, state.target.version, state.phase), state.weight)
        voice = GaugeMetricFamily(
            "npc_voice_fleet_voice", "1 for how this node stands with what it shall speak.",
            labels=("name", "wanted", "state"),
        )  # fmt: skip
        status = self._node.status()
        for each in status.voices:
            voice.add_metric((each.name, each.wanted, each.state), 1)
        problems = GaugeMetricFamily("npc_voice_fleet_problems", "What this node cannot follow.")
        problems.add_metric((), len(status.problems))
        yield from (reached, judge, weight, voice, problems)


def node_of(
    config: FleetConfig, dependencies: Dependencies, reloader: Reloader, side: ServerSide,
    snapshot: Callable[[], MetricsSnapshot],
) -> Node:  # fmt: skip
    """Not started yet. Raises `BadRequest`, or `Unsupported` without the extra."""
    store = dependencies.store
    return Node(
        NodeSettings(checked_node(config.node, store), config.ttl_s, config.jitter_s),
        open_store(config.address, config.credentials),
        ServedVoices(reloader, side, snapshot),
        Fetching(store / FETCHED, dependencies.models, config.share),
        Remembered(store / FILE),
        Prometheus(config.prometheus) if config.prometheus is not None else None,
    )


def check_fleet(config: FleetConfig) -> None:
    """What can be known to be wrong before a voice is loaded. Raises as `node_of`."""
    check_range("fleet_ttl", config.ttl_s, TTL_S)
    open_store(config.address, config.credentials).close()
    if config.node is not None:
        check_node(config.node)
    if config.prometheus is not None:
        Prometheus(config.prometheus)


def checked_node(name: str | None, store: Path) -> str:
    """What this node is called, from start to start the same. Raises `BadRequest`."""
    name = name or kept_name(store / NODE)
    check_node(name)
    return name


def check_node(name: str) -> None:
    """Raises `BadRequest`."""
    if not is_node(name):
        raise BadRequest(
            f"{name[:80]!r} is no name for a node: expected letters, digits, dots and dashes, at most 64",
            field="fleet_node",
        )


def kept_name(file: Path) -> str:
    """The host's name and some letters, since several sidecars may run on one."""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, ValueError):
        host = re.sub(r"[^A-Za-z0-9.-]", "-", platform.node())[:48].lstrip(".-") or "node"
        name = f"{host}-{secrets.token_hex(3)}"
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(file, name.encode(), durable=True)
        return name
