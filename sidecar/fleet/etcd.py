"""etcd 3.4 and later, by the JSON gateway that each member has on its client port (etcd.io, "gRPC gateway").

Read a folder, then watch from the next revision: nothing is missed in between. What a watch says is only
that something happened; it is read again then, whether there are new values, the revision was compacted or
the watch was ended. Status and lock are keys under a lease.
"""

import base64
import json
import threading
from typing import Any, cast

from sidecar.fleet.peer import Credentials, Peer, Reply, TooLarge, beginning
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

#: A value comes in base64, with some words around it.
_MOST_VALUE_REPLY = 2 * MOST_BYTES
_BELL_BYTES = 16 << 10
_UNAUTHENTICATED, _NOT_FOUND = 16, 5  # gRPC's codes


class Etcd:
    """One member, or a proxy before several. `Store` says what each does."""

    def __init__(self, base: str, prefix: str, credentials: Credentials | None = None) -> None:
        self._credentials = credentials or Credentials()
        self._peer, self._prefix = Peer(base, self._credentials.tls), prefix
        self._token, self._lock, self._careful = "", threading.Lock(), Careful()

    def read(self, folder: str, known: Folder | None = None) -> Folder:
        if not self._careful.about(folder):
            try:
                return self._read_at_once(folder)
            except TooLarge:
                self._careful.be(folder)
        return self._read_one_by_one(folder, known or Folder())

    def _read_at_once(self, folder: str) -> Folder:
        """Raises `TooLarge`."""
        listed = self._call("kv/range", {**self._range(folder), "limit": MOST_KEYS})
        start = len(self._prefix) + len(folder) + 1
        values = {_text(row["key"])[start:]: _value(row) for row in listed.get("kvs", [])}
        return Folder(_revision(listed), values)

    def _read_one_by_one(self, folder: str, known: Folder) -> Folder:
        request = {**self._range(folder), "keys_only": True, "limit": MOST_KEYS}
        listed = self._call("kv/range", request)
        had, start = known.values, len(self._prefix) + len(folder) + 1
        values = {}
        for row in listed.get("kvs", []):
            key, revision = _text(row["key"])[start:], int(row["mod_revision"])
            old = had.get(key)
            value = old if old is not None and old.revision == revision else self.get(f"{folder}/{key}")
            if value is not None:  # else it has gone in between
                values[key] = value
        return Folder(_revision(listed), values)

    def wait(self, folder: str, revision: int, timeout_s: float) -> None:
        watch = {"create_request": {**self._range(folder), "start_revision": revision + 1}}
        try:
            with self._peer.opened("POST", "/v3/watch", _json(watch), headers=self._headers(),
                                   timeout_s=timeout_s) as response:  # fmt: skip
                told = beginning(response, _BELL_BYTES, _has_news)
                response.close()  # which ends the watch
        except StoreUnavailable as error:
            if not _is_timeout(error):
                raise
            return
        first = told.partition(b"\n")[0]
        if b'"created":true' not in first or b'"canceled":true' in first:
            self._forget_token()
            raise StoreUnavailable(f"etcd does not let us watch: {told[:120]!r}")

    def get(self, key: str) -> Value | None:
        try:
            found = self._call("kv/range", {"key": self._key(key)}, _MOST_VALUE_REPLY).get("kvs", [])
        except TooLarge:
            return self._too_large(key)
        if not found:
            return None
        return _value(found[0])

    def _too_large(self, key: str) -> Value | None:
        found = self._call("kv/range", {"key": self._key(key), "keys_only": True}).get("kvs", [])
        return Value(None, int(found[0]["mod_revision"])) if found else None

    def put(self, key: str, text: str) -> None:
        self._call("kv/put", self._written(key, text))

    def swap(self, key: str, text: str, revision: int) -> bool:
        condition = {"key": self._key(key), "target": "MOD", "mod_revision": revision}
        return self._put_if(condition, self._written(key, text))

    def delete(self, key: str) -> None:
        self._call("kv/deleterange", {"key": self._key(key)})

    def open_session(self, ttl_s: float) -> str:
        return str(self._call("lease/grant", {"TTL": max(1, round(ttl_s)), "ID": 0})["ID"])

    def renew(self, session: str) -> None:
        told = self._call("lease/keepalive", {"ID": session}).get("result", {})
        if int(told.get("TTL", 0)) <= 0:
            raise SessionLost("the lease is over")

    def end_session(self, session: str) -> None:
        self._call("lease/revoke", {"ID": session})

    def hold(self, key: str, text: str, session: str) -> bool:
        written = {**self._written(key, text), "lease": session}
        mine = {"key": self._key(key), "target": "LEASE", "lease": session}
        absent = {"key": self._key(key), "target": "CREATE", "create_revision": 0}
        return self._put_if(mine, written) or self._put_if(absent, written)

    def close(self) -> None:
        self._peer.close()

    # --- requests

    def _put_if(self, condition: dict[str, Any], written: dict[str, Any]) -> bool:
        compare = [{"result": "EQUAL", **condition}]
        done = self._call("kv/txn", {"compare": compare, "success": [{"request_put": written}]})
        return bool(done.get("succeeded", False))

    def _call(self, path: str, request: dict[str, Any], most_bytes: int | None = None) -> dict[str, Any]:
        """Raises `StoreUnavailable`, once more after a token that was too old."""
        reply = self._post(path, request, most_bytes)
        if _code(reply) == _UNAUTHENTICATED and self._credentials.user:
            self._forget_token()
            reply = self._post(path, request, most_bytes)
        if _code(reply) == _NOT_FOUND and ("lease" in path or "lease" in request or "success" in request):
            raise SessionLost("the lease is over")
        if reply.status != 200:
            raise StoreUnavailable(f"etcd refuses {path}: {reply.body[:160].decode(errors='replace')}")
        data = reply.data()
        if not isinstance(data, dict):
            raise StoreUnavailable(f"etcd answers {path} with no map")
        return data

    def _post(self, path: str, request: dict[str, Any], most_bytes: int | None) -> Reply:
        more = {} if most_bytes is None else {"most_bytes": most_bytes}
        return self._peer.ask("POST", f"/v3/{path}", _json(request), headers=self._headers(), **more)

    def _headers(self) -> dict[str, str]:
        if not self._credentials.user:
            return {}
        with self._lock:
            if not self._token:
                self._token = self._signed_in()
            return {"Authorization": self._token}

    def _signed_in(self) -> str:
        who = {"name": self._credentials.user, "password": self._credentials.password}
        reply = self._peer.ask("POST", "/v3/auth/authenticate", _json(who))
        if reply.status != 200:
            raise StoreUnavailable(f"etcd does not let {self._credentials.user!r} in")
        return str(reply.data().get("token", ""))

    def _forget_token(self) -> None:
        with self._lock:
            self._token = ""

    def _range(self, folder: str) -> dict[str, str]:
        """All keys that begin with the folder's name and a slash; "0" comes after it."""
        start = f"{self._prefix}{folder}"
        return {"key": _b64(f"{start}/"), "range_end": _b64(f"{start}0")}

    def _key(self, key: str) -> str:
        return _b64(self._prefix + key)

    def _written(self, key: str, text: str) -> dict[str, Any]:
        return {"key": self._key(key), "value": _b64(text)}


def _value(row: dict[str, str]) -> Value:
    return Value(taken(base64.b64decode(row.get("value", ""))), int(row["mod_revision"]))


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode(errors="replace")


def _json(request: dict[str, Any]) -> bytes:
    return json.dumps(request).encode()


def _revision(reply: dict[str, Any]) -> int:
    return int(reply["header"]["revision"])


def _code(reply: Reply) -> int:
    """gRPC's, of a refusal; 0 for all else."""
    if reply.status == 200:
        return 0
    data = reply.data()
    return cast(int, data.get("code", 0)) if isinstance(data, dict) else 0


def _has_news(told: bytes) -> bool:
    """Behind the line that says that there is a watch something happened; or there is none."""
    first, _, more = told.partition(b"\n")
    return bool(more) or b'"canceled":true' in first


def _is_timeout(error: StoreUnavailable) -> bool:
    return "timed out" in str(error.__cause__).lower()
