"""A real Prometheus scrapes two nodes: gates read from it, and the dashboard's queries return data."""

import contextlib
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.client import Client
from sidecar.fleet.prometheus import Prometheus, query
from sidecar.fleet.rollout import DEGRADED, HEALTHY
from sidecar.protocol.errors import BadRequest, EmptyText
from tests.fleet import servers
from tests.fleet.crowd import GATE, NAME, Crowd, Node, Talk, crowd
from tests.processes import wait_for
from tools.install_fleet import program

pytest.importorskip("urllib3")
SAMPLES = Path(__file__).parent.parent.parent / "samples" / "fleet"
DASHBOARD = json.loads((SAMPLES / "grafana.json").read_text("utf-8"))
STEPS = [{"weight": 50}]
ASKED = {**GATE, "figures": "prometheus", "interval": "3s", "count": 1, "failureLimit": 0}


def metrics_port(node: Node) -> int:
    """As it says once it is ready, which is after its connection file is there."""
    log, said = node.folder / "log", r'"metrics_port": (\d+)'
    wait_for(lambda: re.search(said, log.read_text("utf-8")), timeout_s=60)
    return int(re.findall(said, log.read_text("utf-8"))[-1])


def asked(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.loads(reply.read())["data"]


def rows(prometheus: str, expression: str) -> list:
    return asked(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")["result"]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crowd, str]]:
    """Two nodes that ask a Prometheus, and its address."""
    folder, port = tmp_path_factory.mktemp("prometheus"), servers.free_port()
    options = ["--fleet-prometheus", f"http://127.0.0.1:{port}"]
    with (
        servers.etcd(folder / "etcd") as member,
        crowd(folder / "crowd", member.address, 2, options) as nodes,
        servers.prometheus(
            folder, port, [f"127.0.0.1:{metrics_port(node)}" for node in nodes.nodes], SAMPLES / "alerts.yml"
        ) as address,
    ):
        nodes.adopt("1.0.0")
        yield nodes, address


@pytest.fixture
def talk(two: tuple[Crowd, str]) -> Iterator[Talk]:
    speaking = Talk(two[0].nodes)
    yield speaking
    speaking.stop()
    assert speaking.lost == []


@servers.needs_etcd
@servers.needs_prometheus
@pytest.mark.slow
def test_a_gate_that_asks_prometheus_lets_through_what_is_good(two: tuple[Crowd, str], talk: Talk):
    two[0].begin("1.1.0", steps=STEPS, analysis=ASKED)
    state = two[0].until(lambda state: state.is_over)
    assert state.phase == HEALTHY, state.history
    assert any("Successful: 0 of" in line.reason for line in state.history)


@servers.needs_etcd
@servers.needs_prometheus
@pytest.mark.slow
def test_every_query_of_the_dashboard_returns_data(two: tuple[Crowd, str], talk: Talk):
    nodes, address = two
    with Client(nodes.nodes[0].file) as client:
        for text in ("", "", ""):
            with contextlib.suppress(EmptyText):
                client.say(text)
    queries = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    assert len(queries) >= 12
    for expression in queries:
        expression = expression.replace("$__rate_interval", "10s")
        wait_for(lambda asked_for=expression: rows(address, asked_for), timeout_s=20)


@servers.needs_etcd
@servers.needs_prometheus
@pytest.mark.slow
def test_a_gate_that_asks_prometheus_stops_what_fails_and_the_alert_tells(two: tuple[Crowd, str], talk: Talk):
    nodes, address = two
    nodes.begin("1.2.0", "failing", steps=STEPS, analysis=ASKED)
    state = nodes.until(lambda state: state.is_over)
    assert state.phase == DEGRADED and "lines failed" in state.reason, state.history
    nodes.until_all_speak("1.1.0")

    def told() -> bool:
        alerts = asked(f"{address}/api/v1/alerts")["alerts"]
        return any(a["labels"]["alertname"] == "NpcVoiceRolloutDegraded" for a in alerts)

    wait_for(told, timeout_s=20)


@servers.needs_etcd
@servers.needs_prometheus
@pytest.mark.slow
def test_a_node_says_that_it_lives_and_is_ready(two: tuple[Crowd, str]):
    base = f"http://127.0.0.1:{metrics_port(two[0].nodes[0])}"
    for path in ("/livez", "/readyz"):
        with urllib.request.urlopen(base + path, timeout=10) as reply:
            assert (reply.status, reply.read()) == (200, b"ok\n")


@servers.needs_prometheus
def test_the_alert_rules_are_good():
    done = subprocess.run(
        [str(program("promtool")), "check", "rules", str(SAMPLES / "alerts.yml")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and "8 rules found" in done.stdout, done.stderr


def test_every_metric_of_dashboard_and_rules_is_one_that_we_export():
    source = (Path(__file__).parent.parent.parent / "sidecar" / "server").rglob("*.py")
    exported = " ".join(file.read_text("utf-8") for file in source)
    texts = (SAMPLES / "grafana.json").read_text("utf-8") + (SAMPLES / "alerts.yml").read_text("utf-8")
    for metric in set(re.findall(r"npc_voice_([a-z_]+)", texts)):
        bare = re.sub(r"_(total|bucket)$", "", metric)
        assert f'"{bare}"' in exported or f"npc_voice_{bare}" in exported, metric


def test_a_prometheus_that_is_not_there_is_a_problem_of_the_figures():
    figures = Prometheus(f"http://127.0.0.1:{servers.free_port()}").figures(NAME, "1.1.0", "1.0.0", 10)
    assert "cannot be reached" in figures.problem


def test_an_address_that_is_none_is_refused():
    with pytest.raises(BadRequest, match=r"expected http://HOST:PORT"):
        Prometheus("file:///etc/passwd")


def test_a_query_asks_for_one_version_of_one_name():
    assert query("lines", "guard", "1.2.0", 2.5) == (
        'sum(increase(npc_voice_lines_total{name="guard",version="1.2.0"}[2500ms]))'
    )
