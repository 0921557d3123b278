"""What has been counted since the start, for `stats` and for Prometheus."""

import bisect
import contextlib
import hmac
import logging
import math
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, fields, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sidecar.protocol.replies import LineTiming, ModelName, Quantiles
from sidecar.server.gpu import Gpu
from sidecar.server.live_voices import VoiceFigures

log = logging.getLogger(__name__)

CONNECTIONS = 8  #: that are answered at once over HTTP
REQUEST_S = 5.0  #: after which one of them ends
HOSTS = ("127.0.0.1", "localhost")
LIVE, READY = "/livez", "/readyz"
HEALTH = (LIVE, READY)
#: Upper bounds of the latency buckets in ms: a tenth of a millisecond to two minutes, in steps of a fifth.
BOUNDS_MS = tuple(0.1 * 1.2**step for step in range(78))


@dataclass
class Histogram:
    """Counts by bucket, exact to a step of a fifth. Belongs to one thread."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    total_ms: float = 0.0

    def add(self, ms: float) -> None:
        self.counts[bisect.bisect_left(BOUNDS_MS, ms)] += 1
        self.total_ms += ms

    def copy(self) -> "Histogram":
        return Histogram(self.counts.copy(), self.total_ms)

    def quantiles(self) -> Quantiles:
        return Quantiles(sum(self.counts), *(round(self.quantile(q), 3) for q in (0.5, 0.9, 0.99)))

    def quantile(self, q: float) -> float:
        """The upper bound of the bucket that holds it; 0 where nothing has been counted."""
        wanted, reached = q * sum(self.counts), 0
        for bound, count in zip((*BOUNDS_MS, BOUNDS_MS[-1]), self.counts, strict=True):
            reached += count
            if count and reached >= wanted:
                return bound
        return 0.0

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, in seconds, as Prometheus has them."""
        reached = 0.0
        result: list[tuple[str, float]] = []
        for bound, count in zip((*BOUNDS_MS, math.inf), self.counts, strict=True):
            reached += count
            result.append(("+Inf" if bound == math.inf else f"{bound / 1000:.6g}", reached))
        return result


@dataclass
class Metrics:
    """Counters of the server's thread; other threads are handed a `copy`.

    `faults` are errors of our own that were caught before they ended anything; `mended_samples` those that
    were no sound and were put right before they left.
    """

    requests: "Counter[str]" = field(default_factory=Counter)
    errors: "Counter[str]" = field(default_factory=Counter)
    replies_dropped: int = 0
    faults: int = 0
    mended_samples: int = 0
    work_s: float = 0.0
    audio_s: float = 0.0
    stages: Mapping[str, Histogram] = field(
        default_factory=lambda: {f.name.removesuffix("_ms"): Histogram() for f in fields(LineTiming)}
    )

    def worked(self, work_s: float, audio_s: float) -> None:
        self.work_s += work_s
        self.audio_s += audio_s

    def answered(self, timing: LineTiming, cached: bool) -> None:
        """Count a line's stages; one from the cache has but its total."""
        for stage in ("total",) if cached else self.stages:
            self.stages[stage].add(getattr(timing, f"{stage}_ms"))

    def copy(self) -> "Metrics":
        return replace(
            self, requests=self.requests.copy(), errors=self.errors.copy(),
            stages={stage: histogram.copy() for stage, histogram in self.stages.items()},
        )  # fmt: skip

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of speech; 0 before the first line."""
        return self.work_s / self.audio_s if self.audio_s else 0.0


@dataclass(frozen=True)
class ServerLevel:
    """What is the case now."""

    waiting: int
    running: int
    streams: int
    cache_hits: int
    cache_misses: int
    cache_bytes: int
    models: tuple[ModelName, ...]
    reloads: int = 0
    voices: tuple[VoiceFigures, ...] = ()
    is_ready: bool = True


@dataclass(frozen=True)
class MetricsSnapshot:
    """One moment of the server: copies, for any thread."""

    metrics: Metrics
    level: ServerLevel


class Exported(Collector):
    """The metrics in Prometheus' terms, put together on the thread that fetches them."""

    def __init__(
        self, snapshot: Callable[[], MetricsSnapshot], gpu: Gpu | None, more: Sequence[Collector] = ()
    ) -> None:
        self._snapshot, self._gpu, self._more = snapshot, gpu, more

    def collect(self) -> Iterator[Metric]:
        now = self._snapshot()
        metrics, level = now.metrics, now.level
        yield counted("requests", "Requests by op.", "op", dict(metrics.requests))
        yield counted("errors", "Error replies by code.", "code", dict(metrics.errors))
        yield total(
            "mended_samples", "Samples beyond full scale or no numbers, put right.", metrics.mended_samples
        )
        yield total("faults", "Errors of our own that ended nothing.", metrics.faults)
        yield total("replies_dropped", "Replies that a client did not take.", metrics.replies_dropped)
        yield total("audio_seconds", "Speech made.", metrics.audio_s)
        yield total("work_seconds", "Work of the device on speech.", metrics.work_s)
        yield total("cache_hits", "Lines answered from memory.", level.cache_hits)
        yield total("cache_misses", "Lines that were not in memory.", level.cache_misses)
        yield total("reloads", "Models that became live while serving.", level.reloads)
        yield gauge("queue_waiting", "Lines that wait for the device.", level.waiting)
        yield gauge("queue_running", "Lines that the device is at.", level.running)
        yield gauge("streams", "Open streams.", level.streams)
        yield gauge("cache_bytes", "Memory of the cache.", level.cache_bytes)
        yield gauge("real_time_factor", "Seconds of work for a second of speech.", metrics.real_time_factor)
        yield gauge("resident_bytes", "Resident memory of the process.", resident_bytes())
        yield self._models(level)
        yield self._latency(metrics)
        yield from spoken(level.voices)
        if self._gpu is not None and (load := self._gpu.load()) is not None:
            yield gauge("device_memory_bytes", "Memory in use on the device.", load.used_bytes)
            yield gauge("device_utilisation_ratio", "Share of time the device was busy.", load.utilisation)
        for collector in self._more:
            yield from collector.collect()

    def _models(self, level: ServerLevel) -> Metric:
        family = GaugeMetricFamily(
            "npc_voice_model_live", "Models in use.", labels=("name", "version", "sha256")
        )
        for model in level.models:
            family.add_metric((model.name, model.version, model.sha256), 1)
        return family

    def _latency(self, metrics: Metrics) -> Metric:
        family = HistogramMetricFamily(
            "npc_voice_line_seconds", "Wall time of answered lines by stage.", labels=("stage",)
        )
        for stage, histogram in metrics.stages.items():
            family.add_metric((stage,), histogram.buckets(), histogram.total_ms / 1000)
        return family


def counted(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"npc_voice_{name}", text, labels=(label,))
    for value, count in counts.items():
        family.add_metric((value,), count)
    return family


def spoken(voices: Sequence[VoiceFigures]) -> Iterator[Metric]:
    """What each voice has done: a fleet judges by these (`fleet/prometheus.py`)."""
    for name, text, of in (
        ("lines", "Lines spoken by a voice.", "requests"),
        ("line_errors", "Lines that a voice failed at.", "errors"),
        ("line_work_seconds", "Work of the device on a voice's lines.", "work_s"),
        ("line_audio_seconds", "Speech made by a voice.", "audio_s"),
    ):
        family = CounterMetricFamily(f"npc_voice_{name}", text, labels=("name", "version"))
        for voice in voices:
            family.add_metric((voice.name, voice.version), getattr(voice.did, of))
        yield family


def total(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"npc_voice_{name}", text, value=value)


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"npc_voice_{name}", text, value=value)


def resident_bytes() -> int:
    """Resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


@dataclass(frozen=True)
class MetricsAccess:
    """Where `/metrics` is served. Beyond loopback whoever reads it must send `token` (RFC 6750)."""

    address: str = "127.0.0.1"
    port: int = 0
    token: str = field(default="", repr=False)


class Exporter:
    """`/metrics`, `/livez` and `/readyz` over HTTP. On loopback, for programs on this machine: a page that
    has had its own name resolved to it is told nothing."""

    def __init__(
        self, collector: Collector, access: MetricsAccess, is_ready: Callable[[], bool] = lambda: True
    ) -> None:
        """`is_ready` raises where the server does not answer. Raises `OSError` when the port is taken; port
        0 lets the system choose."""
        registry = CollectorRegistry()
        registry.register(collector)
        self._server = _HttpServer(access, registry, is_ready)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _HttpServer(ThreadingHTTPServer):
    """A thread a connection, for at most `CONNECTIONS` at once; others are hung up on."""

    request_queue_size = 64

    def __init__(
        self, access: MetricsAccess, registry: CollectorRegistry, is_ready: Callable[[], bool]
    ) -> None:
        self.access, self.registry, self.is_ready = access, registry, is_ready
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__((access.address, access.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exc_info()[1], OSError):
            log.debug("a reader of metrics has gone", exc_info=True)
        else:
            log.exception("metrics could not be told")


class _Handler(BaseHTTPRequestHandler):
    """Answers one GET, which has `REQUEST_S` to come."""

    server: _HttpServer

    def handle(self) -> None:
        end = threading.Timer(REQUEST_S, self._hang_up)
        end.daemon = True
        end.start()
        try:
            super().handle()
        finally:
            end.cancel()

    def _hang_up(self) -> None:
        """However slowly something comes in: a timeout of the socket would begin again with each byte."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        if not self._may_ask():
            self.send_error(HTTPStatus.FORBIDDEN, "ask for 127.0.0.1 or localhost")
        elif self.path in HEALTH:
            self._tell_health()
        elif self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, "there are /metrics, /livez and /readyz")
        elif not self._holds_token():
            self.send_error(HTTPStatus.UNAUTHORIZED, "send the token of --metrics-token")
        else:
            self._say(HTTPStatus.OK, generate_latest(self.server.registry), CONTENT_TYPE_LATEST)

    def _tell_health(self) -> None:
        """`/livez`: the server's thread answers; `/readyz`: and it takes lines."""
        try:
            good = self.server.is_ready() or self.path == LIVE
        except NotYet:
            good = False
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        self._say(status, b"ok\n" if good else b"not now\n", "text/plain")

    def _say(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _may_ask(self) -> bool:
        access = self.server.access
        return bool(access.token) or self.headers.get("Host", "").lower() in self._own_names()

    def _holds_token(self) -> bool:
        token, sent = self.server.access.token, self.headers.get("Authorization", "")
        return not token or hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())

    def _own_names(self) -> set[str]:
        port = self.server.server_address[1]
        return {name for host in HOSTS for name in (host, f"{host}:{port}")}

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
