"""Figures from Prometheus' query API (prometheus.io, "HTTP API", instant queries)."""

import math
from typing import Any
from urllib.parse import urlencode, urlsplit

from sidecar.fleet.analysis import Figures
from sidecar.fleet.peer import Peer
from sidecar.fleet.store import StoreUnavailable
from sidecar.protocol.errors import BadRequest
from sidecar.reload.policy import Side

#: The counters of `server/metrics.py` that a gate looks at, in the order of `Side`.
COUNTERS = ("lines", "line_errors", "line_work_seconds", "line_audio_seconds")


class Prometheus:
    """One server. Any thread may call."""

    def __init__(self, address: str) -> None:
        """`address`: "http://host:9090". Raises `BadRequest`."""
        found = urlsplit(address)
        if found.scheme not in ("http", "https") or not found.hostname:
            raise BadRequest(f"{address[:80]!r}: expected http://HOST:PORT", field="fleet_prometheus")
        self._peer, self._path = Peer(f"{found.scheme}://{found.netloc}"), found.path.rstrip("/")

    def figures(self, name: str, new: str, old: str, window_s: float) -> Figures:
        """Of all nodes that it scrapes, in the last `window_s`. Raises nothing: a problem is part of it."""
        try:
            return Figures(self._side(name, new, window_s), self._side(name, old, window_s))
        except StoreUnavailable as error:
            return Figures(problem=error.message)

    def _side(self, name: str, version: str, window_s: float) -> Side:
        lines, errors, work_s, audio_s = (
            self.value(query(counter, name, version, window_s)) for counter in COUNTERS
        )
        return Side(round(lines), round(errors), work_s, audio_s)

    def value(self, asked: str) -> float:
        """Of a query for one number; 0 where there is none. Raises `StoreUnavailable`."""
        reply = self._peer.ask("GET", f"{self._path}/api/v1/query?{urlencode({'query': asked})}")
        if reply.status != 200:
            raise StoreUnavailable(f"Prometheus answers {reply.status}")
        return _number(reply.data())


def query(counter: str, name: str, version: str, window_s: float) -> str:
    """Names and versions hold nothing that PromQL would have to be told apart from."""
    window = f"{max(1, round(1000 * window_s))}ms"
    return f'sum(increase(npc_voice_{counter}_total{{name="{name}",version="{version}"}}[{window}]))'


def _number(data: Any) -> float:
    try:
        rows = data["data"]["result"]
        value = float(rows[0]["value"][1]) if rows else 0.0
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise StoreUnavailable("Prometheus answers what is no result of a query") from error
    return value if math.isfinite(value) else 0.0
