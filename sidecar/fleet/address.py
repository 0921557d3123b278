"""Where a store is, and who we are to it."""

import json
import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sidecar.fleet.consul import Consul
from sidecar.fleet.etcd import Etcd
from sidecar.fleet.peer import Credentials, Tls
from sidecar.fleet.store import Store
from sidecar.protocol.errors import BadRequest, did_you_mean

KINDS: dict[str, type[Etcd] | type[Consul]] = {"etcd": Etcd, "consul": Consul}
FIELDS = ("user", "password", "token", "ca", "cert", "key", "tls")
_MOST_CREDENTIALS = 64 << 10


def open_store(address: str, credentials: Path | None = None) -> Store:
    """The store at `etcd://host:2379/prefix` or `consul://host:8500/prefix`; nothing is asked of it yet.

    Raises `BadRequest`, or `Unsupported` without the extra.
    """
    found, given = checked_address(address), read_credentials(credentials)
    scheme = "https" if given.tls is not None else "http"
    prefix = f"/{found.path.strip('/') or 'npc-voice'}/"
    return KINDS[found.scheme](f"{scheme}://{found.netloc}", prefix, given)


def checked_address(address: str) -> SplitResult:
    """Raises `BadRequest`."""
    try:
        found = urlsplit(address)
        port = found.port
    except ValueError as error:
        raise BadRequest(f"{address[:80]!r} is no address: {error}", field="fleet") from error
    if found.scheme not in KINDS:
        near = did_you_mean(found.scheme, KINDS)
        raise BadRequest(
            f"unknown kind of store {found.scheme[:40]!r}{near}", field="fleet",
            tip="write etcd://host:2379/prefix or consul://host:8500/prefix",
        )  # fmt: skip
    if not found.hostname or port is None or found.username is not None or found.query or found.fragment:
        raise BadRequest(
            f"{address[:80]!r}: expected {found.scheme}://HOST:PORT/PREFIX", field="fleet",
            tip="a user and a password, or a token, are given by --fleet-credentials FILE",
        )  # fmt: skip
    return found


def read_credentials(file: Path | None) -> Credentials:
    """A JSON file with some of `FIELDS`; paths in it are taken from its folder. Raises `BadRequest`."""
    if file is None:
        return Credentials()
    try:
        with file.open("rb") as stream:
            data = json.loads(stream.read(_MOST_CREDENTIALS))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", field="fleet_credentials") from error
    if not isinstance(data, dict) or not all(isinstance(value, str | bool) for value in data.values()):
        raise BadRequest(f"{file} must be a map of {', '.join(FIELDS)}", field="fleet_credentials")
    for key in data:
        if key not in FIELDS:
            raise BadRequest(f"{file}: unknown {key[:40]!r}{did_you_mean(key, FIELDS)}", field=key[:40])
    pems = {key: os.fspath(file.parent / data[key]) for key in ("ca", "cert", "key") if data.get(key)}
    secrets = {key: str(data.get(key, "")) for key in ("user", "password", "token")}
    return Credentials(**secrets, tls=Tls(**pems) if pems or data.get("tls") else None)
