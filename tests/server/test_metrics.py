"""What is counted is what happened, for `stats`, for Prometheus and in the log."""

import contextlib
import http.client
import io
import json
import logging
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from sidecar.protocol.errors import BadRequest
from sidecar.protocol.replies import LineTiming
from sidecar.server import metrics
from sidecar.server import server as module
from sidecar.server.config import MetricsConfig
from sidecar.server.gpu import Gpu
from sidecar.server.metrics import (
    BOUNDS_MS,
    Exported,
    Exporter,
    Histogram,
    Metrics,
    MetricsAccess,
    MetricsSnapshot,
    ServerLevel,
    resident_bytes,
)
from sidecar.server.process.logs import JsonLines
from sidecar.server.process.process import access_of
from sidecar.server.server import Server
from tests.fakes import tone_voices
from tests.server.test_server import ask, connected, serving


@given(st.lists(st.floats(0.1, 100_000), min_size=1, max_size=200))
def test_a_quantile_is_right_to_a_step_of_a_fifth(times_ms: list[float]):
    histogram = Histogram()
    for ms in times_ms:
        histogram.add(ms)
    found = histogram.quantiles()
    assert found.count == len(times_ms)
    for q, value in ((0.5, found.p50_ms), (0.9, found.p90_ms), (0.99, found.p99_ms)):
        exact = sorted(times_ms)[max(0, -(-int(q * 1000) * len(times_ms) // 1000) - 1)]
        assert exact * 0.99 <= value <= exact * 1.21


def test_an_empty_histogram_has_no_quantiles_and_a_time_beyond_all_bounds_counts():
    assert Histogram().quantile(0.5) == 0
    histogram = Histogram()
    histogram.add(10 * BOUNDS_MS[-1])
    assert histogram.buckets()[-1] == ("+Inf", 1) and histogram.buckets()[-2][1] == 0


def scraped(port: int) -> dict[str, dict[tuple, float]]:
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return {
        sample.name: {
            **{
                tuple(sorted(s.labels.items())): s.value
                for f in text_string_to_metric_families(text)
                for s in f.samples
                if s.name == sample.name
            }
        }
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_sees_what_stats_says():
    with serving(tone_voices()) as (server, endpoint, _), connected(endpoint) as socket:
        exporter = Exporter(Exported(server.snapshot, None), MetricsAccess())
        try:
            ask(socket, op="synthesize", text="Halt!")
            ask(socket, op="synthesize", text="Halt!")
            ask(socket, op="synthesize", text="")
            stats = ask(socket, op="stats")[0]
            told = scraped(exporter.port)
        finally:
            exporter.close()
    assert told["npc_voice_requests_total"][(("op", "synthesize"),)] == stats["requests"]["synthesize"] == 3
    assert told["npc_voice_errors_total"] == {(("code", "empty_text"),): 1.0}
    assert stats["errors"] == {"empty_text": 1}
    assert told["npc_voice_cache_hits_total"][()] == stats["cache"]["hits"] == 1
    assert (
        told["npc_voice_line_seconds_count"][(("stage", "total"),)] == stats["latency"]["total"]["count"] == 2
    )
    assert told["npc_voice_real_time_factor"][()] == pytest.approx(stats["real_time_factor"], abs=1e-4)
    (labels,) = told["npc_voice_model_live"]
    assert ("name", "tone") in labels and ("version", "1.0.0") in labels
    assert "npc_voice_device_memory_bytes" not in told


def test_scrapes_while_everything_changes_are_whole_and_hold_up_nobody():
    with serving(tone_voices()) as (server, endpoint, _), connected(endpoint) as socket:
        exporter = Exporter(Exported(server.snapshot, None), MetricsAccess())
        over, seen, wrong = threading.Event(), [], []

        def scrape() -> None:
            while not over.wait(0.01):
                try:
                    url = f"http://127.0.0.1:{exporter.port}/metrics"
                    seen.append(b"npc_voice_queue_waiting" in urllib.request.urlopen(url, timeout=10).read())
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=scrape) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(60):
                ask(
                    socket,
                    op="synthesize",
                    text=f"Line {number}.",
                    stream=number % 2 == 0,
                    model=f"m{number}",
                )
                ask(socket, op="synthesize", text=f"Line {number}.", stream=number % 2 == 0)
        finally:
            over.set()
            for thread in threads:
                thread.join()
            exporter.close()
    assert seen and all(seen) and not wrong


def test_who_asks_a_server_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SNAPSHOT_S", 0.05)
    server = Server(tone_voices(), "t")
    server.bind()
    with pytest.raises((TimeoutError, FutureTimeout)):
        server.snapshot()
    server.close()


def never() -> NoReturn:
    raise AssertionError("nobody asks here")


def test_the_exporter_lets_go_of_its_port():
    exporter = Exporter(Exported(never, None), MetricsAccess())
    port = exporter.port
    with pytest.raises(OSError):
        Exporter(Exported(never, None), MetricsAccess(port=port))
    exporter.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of an exporter that is as patient as tests are."""
    monkeypatch.setattr(metrics, "REQUEST_S", 1.0)
    level = ServerLevel(0, 0, 0, 0, 0, 0, ())
    exporter = Exporter(Exported(lambda: MetricsSnapshot(Metrics(), level), None), MetricsAccess())
    yield exporter.port
    exporter.close()


def status(port: int, host: str, path: str = "/metrics", method: str = "GET") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, headers={"Host": host})
        return connection.getresponse().status


def test_metrics_are_told_to_who_asks_for_this_machine(port: int):
    for host in ("127.0.0.1", "localhost", f"127.0.0.1:{port}", f"Localhost:{port}"):
        assert status(port, host) == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "", "localhost.evil.example", ":1"])
def test_a_page_whose_name_was_led_here_is_told_nothing(port: int, host: str):
    assert status(port, host.format(port=port)) == 403


def test_there_is_nothing_but_metrics(port: int):
    assert status(port, "localhost", "/") == 404
    assert status(port, "localhost", "/metrics", "POST") == 501


def hung_up(connection: socket.socket) -> float:
    """Seconds until the other side has closed."""
    began = time.monotonic()
    connection.settimeout(10)
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""
    return time.monotonic() - began


def test_idle_readers_of_metrics_are_few_and_do_not_stay(port: int):
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(metrics.CONNECTIONS + 1)
        ]
        assert hung_up(idle.pop()) < 0.8
        assert all(hung_up(connection) < 5 for connection in idle)
    assert status(port, "localhost") == 200


def test_a_reader_that_sends_a_byte_now_and_then_does_not_stay_either(port: int):
    with socket.create_connection(("127.0.0.1", port)) as slow:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 5:
                slow.sendall(b"G")
                time.sleep(0.1)
        assert time.monotonic() - began < 3


class Nvml:
    """Stands for the module `pynvml` on a machine that has a device."""

    class NVMLError(Exception):
        pass

    def __init__(self) -> None:
        self.open, self.broken = 0, False

    def nvmlInit(self) -> None:
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        if self.broken:
            raise self.NVMLError
        return SimpleNamespace(used=5 << 30)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=40)


def test_a_devices_load_is_told_and_a_silent_driver_is_no_trouble():
    nvml = Nvml()
    gpu = Gpu(nvml, 0)
    load = gpu.load()
    assert load is not None and (load.used_bytes, load.utilisation) == (5 << 30, 0.4)
    nvml.broken = True
    assert gpu.load() is None
    gpu.close()
    assert nvml.open == 0


def test_the_cpu_and_a_missing_driver_have_no_gpu():
    assert Gpu.of("cpu") is None
    assert Gpu.of("mps") is None


def test_stages_are_counted_apart():
    counts = Metrics()
    counts.answered(LineTiming(queue_ms=1, text_ms=2, infer_ms=300, encode_ms=4, total_ms=307), False)
    counts.answered(LineTiming(total_ms=0.2), True)
    assert [counts.stages[stage].quantiles().count for stage in ("infer", "total")] == [1, 2]
    assert counts.stages["infer"].quantiles().p50_ms == pytest.approx(300, rel=0.2)
    counts.worked(1.0, 4.0)
    assert counts.real_time_factor == 0.25


def test_resident_memory_grows_with_what_this_process_holds():
    before = resident_bytes()
    held = bytearray(b"x") * (64 << 20)
    assert resident_bytes() - before == pytest.approx(len(held), rel=0.2)


def test_a_log_entry_is_one_line_of_json_with_its_trace():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.Logger("npc", logging.INFO)
    logger.addHandler(handler)
    logger.info("ready", extra={"commands": "tcp://x", "words": "站住"})
    try:
        raise ValueError("no\nway")
    except ValueError:
        logger.exception("failed")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["message"], first["level"], first["commands"], first["words"]) == (
        "ready",
        "info",
        "tcp://x",
        "站住",
    )
    assert "no\nway" in second["trace"] and second["time"].endswith("Z")


def answered(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_a_server_that_takes_no_lines_is_alive_and_not_ready_and_one_that_hangs_is_neither():
    def hangs() -> bool:
        raise FutureTimeout

    never = Exported(lambda: MetricsSnapshot(Metrics(), ServerLevel(0, 0, 0, 0, 0, 0, ())), None)
    for is_ready, live, ready in ((lambda: True, 200, 200), (lambda: False, 200, 503), (hangs, 503, 503)):
        exporter = Exporter(never, MetricsAccess(), is_ready)
        try:
            assert answered(exporter.port, "/livez")[0] == live
            assert answered(exporter.port, "/readyz")[0] == ready
            assert answered(exporter.port, "/readyz", Host="evil.example")[0] == 403
        finally:
            exporter.close()


def test_a_server_is_ready_until_it_stops():
    with serving(tone_voices()) as (server, endpoint, _), connected(endpoint) as socket:
        assert server.snapshot().level.is_ready
        ask(socket, op="synthesize", text="Halt!")
        (voice,) = server.snapshot().level.voices
        assert (voice.name, voice.did.requests, voice.did.errors) == ("tone", 1, 0)


def test_beyond_loopback_metrics_are_for_who_holds_the_token():
    exported = Exported(lambda: MetricsSnapshot(Metrics(), ServerLevel(0, 0, 0, 0, 0, 0, ())), None)
    exporter = Exporter(exported, MetricsAccess(token="a long random word"))
    try:
        assert answered(exporter.port, "/metrics", Host="10.0.0.7")[0] == 401
        assert answered(exporter.port, "/metrics", Authorization="Bearer another")[0] == 401
        status, told = answered(
            exporter.port, "/metrics", Host="10.0.0.7", Authorization="Bearer a long random word"
        )
        assert status == 200 and b"npc_voice_requests" in told
        assert answered(exporter.port, "/livez", Host="10.0.0.7")[0] == 200
    finally:
        exporter.close()


def test_an_address_beyond_loopback_needs_a_token_that_cannot_be_guessed(tmp_path: Path):
    with pytest.raises(BadRequest, match="--metrics-token"):
        access_of(MetricsConfig(address="0.0.0.0"))
    with pytest.raises(BadRequest, match="is not an IP address"):
        access_of(MetricsConfig(address="everywhere"))
    (tmp_path / "token").write_text("short\n")
    for file in (tmp_path / "token", tmp_path / "none"):
        with pytest.raises(BadRequest) as refusal:
            access_of(MetricsConfig(address="0.0.0.0", token=file))
        assert refusal.value.field == "metrics_token"
    (tmp_path / "token").write_text("a long random word\n")
    assert access_of(MetricsConfig(0, "0.0.0.0", tmp_path / "token")).token == "a long random word"
