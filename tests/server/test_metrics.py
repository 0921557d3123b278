"""What is counted is what happened, for `stats`, for Prometheus and in the log."""

import io
import json
import logging
import threading
import urllib.error
import urllib.request
from concurrent.futures import TimeoutError as FutureTimeout
from types import SimpleNamespace
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from sidecar.protocol.replies import LineTiming
from sidecar.server import server as module
from sidecar.server.gpu import Gpu
from sidecar.server.logs import JsonLines
from sidecar.server.metrics import BOUNDS_MS, Exported, Exporter, Histogram, Metrics, resident_bytes
from sidecar.server.server import Server, ServerSettings
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
        exporter = Exporter(Exported(server.snapshot, None), 0)
        try:
            ask(socket, op="synthesize", text="Halt!")
            ask(socket, op="synthesize", text="Halt!")
            ask(socket, op="synthesize", text="")
            stats = ask(socket, op="stats")[0]
            metrics = scraped(exporter.port)
        finally:
            exporter.close()
    assert (
        metrics["npc_voice_requests_total"][(("op", "synthesize"),)] == stats["requests"]["synthesize"] == 3
    )
    assert metrics["npc_voice_errors_total"] == {(("code", "empty_text"),): 1.0}
    assert stats["errors"] == {"empty_text": 1}
    assert metrics["npc_voice_cache_hits_total"][()] == stats["cache"]["hits"] == 1
    assert (
        metrics["npc_voice_line_seconds_count"][(("stage", "total"),)]
        == stats["latency"]["total"]["count"]
        == 2
    )
    assert metrics["npc_voice_real_time_factor"][()] == pytest.approx(stats["real_time_factor"], abs=1e-4)
    (labels,) = metrics["npc_voice_model_live"]
    assert ("name", "tone") in labels and ("version", "1.0.0") in labels
    assert "npc_voice_device_memory_bytes" not in metrics


def test_scrapes_while_everything_changes_are_whole_and_hold_up_nobody():
    with serving(tone_voices()) as (server, endpoint, _), connected(endpoint) as socket:
        exporter = Exporter(Exported(server.snapshot, None), 0)
        over, seen, wrong = threading.Event(), [], []

        def scrape() -> None:
            while not over.is_set():
                try:
                    seen.append(scraped(exporter.port)["npc_voice_queue_waiting"][()])
                except Exception as error:
                    wrong.append(error)

        threads = [threading.Thread(target=scrape) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(200):
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
    assert seen and not wrong


def test_who_asks_a_server_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SNAPSHOT_S", 0.05)
    server = Server(tone_voices(), ServerSettings(token="t"))
    server.bind()
    with pytest.raises((TimeoutError, FutureTimeout)):
        server.snapshot()
    server.close()


def never() -> NoReturn:
    raise AssertionError("nobody asks here")


def test_the_exporter_lets_go_of_its_port():
    exporter = Exporter(Exported(never, None), 0)
    port = exporter.port
    with pytest.raises(OSError):
        Exporter(Exported(never, None), port)
    exporter.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2)


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
    metrics = Metrics()
    metrics.answered(LineTiming(queue_ms=1, text_ms=2, infer_ms=300, encode_ms=4, total_ms=307), False)
    metrics.answered(LineTiming(total_ms=0.2), True)
    assert [metrics.stages[stage].quantiles().count for stage in ("infer", "total")] == [1, 2]
    assert metrics.stages["infer"].quantiles().p50_ms == pytest.approx(300, rel=0.2)
    metrics.worked(1.0, 4.0)
    assert metrics.real_time_factor == 0.25


def test_resident_memory_is_that_of_this_process():
    import psutil

    assert resident_bytes() == pytest.approx(psutil.Process().memory_info().rss, rel=0.05)


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
