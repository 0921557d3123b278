"""Consul, by its HTTP API (developer.hashicorp.com/consul/api-docs: "KV Store", "Session", "Blocking
Queries").

A blocking query returns when the folder's index is over the one that was seen, when the time is over, and
sometimes for nothing: a return is not a change, so it is read again. An index that is no more than before,
or that goes backwards, makes the next wait start over. Status and lock are keys that a session has acquired;
it deletes them when it ends.

Not met a real Consul yet: tests run against a stand-in written from the same pages.
"""

import base64
import json
from typing import Any
from urllib.parse import quote, urlencode

from sidecar.fleet.peer import Credentials, Peer, Reply, TooLarge
from sidecar.fleet.store import (
    MOST_BYTES,
    MOST_KEYS,
    Careful,
    Folder,
    SessionLost,
    StoreUnavailable,
    Value,
    taken,
)

SHORTEST_TTL_S = 10.0  #: Consul takes no shorter one
LOCK_DELAY_S = 1  #: how long nobody may acquire what a lost session held; the default of 15 s is long
_MOST_VALUE_REPLY = 2 * MOST_BYTES
_MARGIN_S = 5.0  #: Consul adds up to a sixteenth to a wait


class Consul:
    """One agent. `Store` says what each does."""

    def __init__(self, base: str, prefix: str, credentials: Credentials | None = None) -> None:
        given = credentials or Credentials()
        headers = {"X-Consul-Token": given.token} if given.token else {}
        self._peer, self._prefix = Peer(base, given.tls, headers), prefix.lstrip("/")
        self._careful = Careful()

    def read(self, folder: str, known: Folder | None = None) -> Folder:
        start = len(self._prefix) + len(folder) + 1
        if not self._careful.about(folder):
            try:
                reply = self._ask("GET", f"{folder}/", {"recurse": ""}, absent=True)
                rows = [] if reply.status == 404 else reply.data()[:MOST_KEYS]
                return Folder(_index(reply), {row["Key"][start:]: _value(row) for row in rows})
            except TooLarge:
                self._careful.be(folder)
        return self._read_one_by_one(folder, start)

    def _read_one_by_one(self, folder: str, start: int) -> Folder:
        reply = self._ask("GET", f"{folder}/", {"keys": ""}, absent=True)
        names = [] if reply.status == 404 else reply.data()
        values = {name[start:]: self.get(name[len(self._prefix) :]) for name in names[:MOST_KEYS]}
        return Folder(_index(reply), {name: value for name, value in values.items() if value is not None})

    def wait(self, folder: str, revision: int, timeout_s: float) -> None:
        query = {"keys": "", "index": str(max(0, revision)), "wait": f"{max(1, round(1000 * timeout_s))}ms"}
        self._ask("GET", f"{folder}/", query, absent=True, timeout_s=timeout_s + _MARGIN_S)

    def get(self, key: str) -> Value | None:
        try:
            reply = self._ask("GET", key, {}, absent=True, most_bytes=_MOST_VALUE_REPLY)
        except TooLarge:
            return Value(None, -1)
        if reply.status == 404:
            return None
        (row,) = reply.data()
        return _value(row)

    def put(self, key: str, text: str) -> None:
        self._ask("PUT", key, {}, text)

    def swap(self, key: str, text: str, revision: int) -> bool:
        return self._ask("PUT", key, {"cas": str(revision)}, text).data() is True

    def delete(self, key: str) -> None:
        self._ask("DELETE", key, {})

    def open_session(self, ttl_s: float) -> str:
        ttl = f"{max(SHORTEST_TTL_S, ttl_s):g}s"
        wanted = {"Name": "npc-voice", "TTL": ttl, "Behavior": "delete", "LockDelay": f"{LOCK_DELAY_S}s"}
        return str(self._session("create", wanted).data()["ID"])

    def renew(self, session: str) -> None:
        if self._session(f"renew/{quote(session, safe='')}").status == 404:
            raise SessionLost("the session is over")

    def end_session(self, session: str) -> None:
        self._session(f"destroy/{quote(session, safe='')}")

    def hold(self, key: str, text: str, session: str) -> bool:
        """Also False for a while after a session that held it was lost: Consul's lock delay."""
        return self._ask("PUT", key, {"acquire": session}, text, of_session=True).data() is True

    def close(self) -> None:
        self._peer.close()

    # --- requests

    def _session(self, path: str, body: dict[str, str] | None = None) -> Reply:
        content = b"" if body is None else json.dumps(body).encode()
        return _checked(self._peer.ask("PUT", f"/v1/session/{path}", content), path, absent=True)

    def _ask(
        self, method: str, key: str, query: dict[str, str], text: str | None = None, *,
        absent: bool = False, of_session: bool = False, **limits: float,
    ) -> Reply:  # fmt: skip
        """`absent`: whether 404 is an answer. `of_session`: an unknown session may be meant by 500."""
        path = f"/v1/kv/{quote(self._prefix + key)}"
        if query:
            path += f"?{urlencode(query)}"
        body = None if text is None else text.encode()
        reply = self._peer.ask(method, path, body, **limits)  # type: ignore[arg-type]
        if of_session and reply.status == 500 and b"invalid session" in reply.body:
            raise SessionLost("the session is over")
        return _checked(reply, key, absent)


def _checked(reply: Reply, what: str, absent: bool) -> Reply:
    """Raises `StoreUnavailable` for a refusal."""
    if reply.status == 200 or (absent and reply.status == 404):
        return reply
    said = reply.body[:160].decode(errors="replace")
    raise StoreUnavailable(f"Consul refuses {what} with {reply.status}: {said}")


def _value(row: dict[str, Any]) -> Value:
    return Value(taken(base64.b64decode(row["Value"] or "")), int(row["ModifyIndex"]))


def _index(reply: Reply) -> int:
    """0 where there is none, or none that makes sense: the next wait returns at once."""
    text = reply.headers.get("x-consul-index", "")
    return int(text) if text.isdecimal() else 0
