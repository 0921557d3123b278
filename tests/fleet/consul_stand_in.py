"""A stand-in of Consul's HTTP API, written from its documentation: it has not been compared with a real one.

What is here, with the pages that say so ("KV Store", "Sessions", "Blocking Queries" of the API docs):
KV get, `keys`, `recurse`, put with `cas`, `acquire` and `release`, delete with `recurse`; `X-Consul-Index`,
`index` and `wait` (at most 10 minutes, default 5, plus up to a sixteenth); a query that blocks may return
without a change; sessions with TTL (10 s to 24 h), Behavior and LockDelay (0 to 60 s); values of 512 KiB
at most; tokens by `X-Consul-Token`.

Seconds pass `pace` times faster, so that a TTL of 10 s need not be waited for. `rewind` makes the index go
backwards, as after a restore. `value_limit` may be raised, to be a hostile store.
"""

import base64
import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LEAST_TTL_S, MOST_TTL_S, MOST_LOCK_DELAY_S = 10.0, 86_400.0, 60.0
DEFAULT_WAIT_S, MOST_WAIT_S = 300.0, 600.0
VALUE_BYTES = 512 << 10


@dataclass
class Row:
    value: bytes
    create: int
    modify: int
    locks: int = 0
    session: str | None = None


@dataclass
class Session:
    ttl_s: float
    behaviour: str
    lock_delay_s: float
    renewed_s: float


@dataclass
class Agent:
    """All state, under one lock."""

    pace: float = 1.0
    token: str = ""
    value_limit: int = VALUE_BYTES
    index: int = 10
    rows: dict[str, Row] = field(default_factory=dict)
    deleted: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    idle_returns: bool = False  # a blocking query comes back for nothing now and then
    changed: threading.Condition = field(default_factory=threading.Condition)

    def now_s(self) -> float:
        return self.pace * time.monotonic()

    def next_index(self) -> int:
        self.index += 1
        self.changed.notify_all()
        return self.index

    def rewind(self) -> None:
        """As after a restore from a snapshot: smaller numbers, the same content."""
        with self.changed:
            self.index = 3
            for row in self.rows.values():
                row.create = row.modify = 2
            self.deleted.clear()
            self.changed.notify_all()

    def expire(self) -> None:
        for name, session in list(self.sessions.items()):
            if self.now_s() - session.renewed_s > session.ttl_s:
                self.invalidate(name, delayed=True)

    def invalidate(self, name: str, delayed: bool) -> None:
        session = self.sessions.pop(name)
        for key, row in list(self.rows.items()):
            if row.session == name:
                if delayed and session.lock_delay_s:
                    self.delays[key] = self.now_s() + session.lock_delay_s
                self.let_go(key, row, session.behaviour)

    def let_go(self, key: str, row: Row, behaviour: str) -> None:
        if behaviour == "delete":
            self.remove(key)
        else:
            row.session, row.modify = None, self.next_index()

    def remove(self, key: str) -> None:
        if self.rows.pop(key, None) is not None:
            self.deleted[key] = self.next_index()

    def index_of(self, prefix: str, is_folder: bool) -> int:
        """The highest of what lies there or was deleted there; without any, the store's."""

        def fits(key: str) -> bool:
            return key.startswith(prefix) if is_folder else key == prefix

        found = [row.modify for key, row in self.rows.items() if fits(key)]
        found += [at for key, at in self.deleted.items() if fits(key)]
        return max(found, default=self.index)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Stand"

    def do_GET(self) -> None:
        self.answer("GET")

    def do_PUT(self) -> None:
        self.answer("PUT")

    def do_DELETE(self) -> None:
        self.answer("DELETE")

    def answer(self, method: str) -> None:
        agent, url = self.server.agent, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if agent.token and self.headers.get("X-Consul-Token") != agent.token:
            return self.say(403, b"Permission denied")
        with agent.changed:
            agent.expire()
            if url.path.startswith("/v1/kv/"):
                return self.kv(method, unquote(url.path[len("/v1/kv/") :]), query, body)
            return self.session(url.path, body)

    # --- KV

    def kv(self, method: str, key: str, query: dict[str, str], body: bytes) -> None:
        if method == "GET":
            return self.get(key, query)
        if method == "DELETE":
            gone = [
                k for k in self.server.agent.rows if k == key or ("recurse" in query and k.startswith(key))
            ]
            for each in gone:
                self.server.agent.remove(each)
            return self.tell(True)
        return self.put(key, query, body)

    def get(self, key: str, query: dict[str, str]) -> None:
        agent, is_folder = self.server.agent, "keys" in query or "recurse" in query
        if int(query.get("index", 0)) > 0:
            self.block(key, is_folder, query)
        index = agent.index_of(key, is_folder)
        found = {
            k: row for k, row in sorted(agent.rows.items()) if (k.startswith(key) if is_folder else k == key)
        }
        if not found:
            return self.say(404, b"", index)
        if "keys" in query:
            return self.tell(list(found), index)
        self.tell([self.shown(k, row) for k, row in found.items()], index)

    def block(self, key: str, is_folder: bool, query: dict[str, str]) -> None:
        agent, seen = self.server.agent, int(query["index"])
        wait_s = min(MOST_WAIT_S, seconds(query.get("wait", f"{DEFAULT_WAIT_S}s")))
        if agent.idle_returns:
            wait_s *= random.random()
        until_s = time.monotonic() + wait_s * (1 + random.random() / 16)
        while agent.index_of(key, is_folder) == seen and time.monotonic() < until_s:
            agent.changed.wait(min(0.05, max(0.0, until_s - time.monotonic())))
            agent.expire()

    def put(self, key: str, query: dict[str, str], body: bytes) -> None:
        agent, row = self.server.agent, self.server.agent.rows.get(key)
        if len(body) > agent.value_limit:
            return self.say(413, b"Request body(value) too large")
        if "cas" in query and int(query["cas"]) != (row.modify if row is not None else 0):
            return self.tell(False)
        if "acquire" in query and not self.acquired(key, query["acquire"], row):
            return None
        if "release" in query:
            return self.release(query["release"], row)
        index = agent.next_index()
        row = row or agent.rows.setdefault(key, Row(b"", index, index))
        row.value, row.modify = body, index
        if "acquire" in query and row.session != query["acquire"]:
            row.session, row.locks = query["acquire"], row.locks + 1
        return self.tell(True)

    def acquired(self, key: str, session: str, row: Row | None) -> bool:
        """Whether it may; where not it has been told."""
        agent = self.server.agent
        if session not in agent.sessions:
            self.say(500, f"invalid session {session!r}".encode())
            return False
        held = row is not None and row.session not in (None, session)
        if held or agent.delays.get(key, float("-inf")) > agent.now_s():
            self.tell(False)
            return False
        return True

    def release(self, session: str, row: Row | None) -> None:
        if row is None or row.session != session:
            return self.tell(False)
        row.session, row.modify = None, self.server.agent.next_index()
        return self.tell(True)

    def shown(self, key: str, row: Row) -> dict[str, object]:
        value = base64.b64encode(row.value).decode() if row.value else None
        shown = {
            "LockIndex": row.locks, "Key": key, "Flags": 0, "Value": value,
            "CreateIndex": row.create, "ModifyIndex": row.modify,
        }  # fmt: skip
        return {**shown, "Session": row.session} if row.session else shown

    # --- sessions

    def session(self, path: str, body: bytes) -> None:
        agent = self.server.agent
        _, _, verb, *rest = path.strip("/").split("/")
        if verb == "create":
            return self.create(json.loads(body or b"{}"))
        name = rest[0]
        if verb == "destroy":
            if name in agent.sessions:
                agent.invalidate(name, delayed=False)
            return self.tell(True)
        if verb == "renew" and name in agent.sessions:
            agent.sessions[name].renewed_s = agent.now_s()
            return self.tell([{"ID": name}])
        return self.say(404, f"Session id '{name}' not found".encode())

    def create(self, wanted: dict[str, str]) -> None:
        ttl_s, delay_s = seconds(wanted.get("TTL", "0s")), seconds(wanted.get("LockDelay", "15s"))
        if ttl_s and not LEAST_TTL_S <= ttl_s <= MOST_TTL_S:
            return self.say(400, f"Invalid Session TTL '{ttl_s}', must be between [10s=24h0m0s]".encode())
        if not 0 <= delay_s <= MOST_LOCK_DELAY_S:
            return self.say(400, b"Invalid LockDelay")
        name = str(uuid.uuid4())
        agent = self.server.agent
        behaviour = wanted.get("Behavior", "release")
        agent.sessions[name] = Session(ttl_s or 1e12, behaviour, delay_s, agent.now_s())
        return self.tell({"ID": name})

    # --- replies

    def tell(self, data: object, index: int | None = None) -> None:
        self.say(200, json.dumps(data).encode(), index)

    def say(self, status: int, body: bytes, index: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if index is not None:
            self.send_header("X-Consul-Index", str(index))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class Stand(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, agent: Agent, port: int = 0) -> None:
        self.agent = agent
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, *_: object) -> None:
        return  # somebody has hung up


def seconds(text: str) -> float:
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    return float(text)


@contextmanager
def consul(**options: object) -> Iterator[tuple[Agent, int]]:
    """The stand-in's state and its port."""
    stand = Stand(Agent(**options))  # type: ignore[arg-type]
    thread = threading.Thread(target=stand.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stand.agent, stand.server_address[1]
    finally:
        stand.shutdown()
        stand.server_close()
        thread.join()
