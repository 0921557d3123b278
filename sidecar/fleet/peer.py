"""HTTP to a store, to Prometheus and to where packs lie: bounded in time and size, one kind of error."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sidecar.fleet.store import StoreUnavailable
from sidecar.protocol.errors import Unsupported

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

CONNECT_S, READ_S = 3.0, 5.0
MOST_REPLY_BYTES = 4 << 20
_CHUNK_BYTES = 64 << 10


@dataclass(frozen=True)
class Tls:
    """Files in PEM. `ca`: who is believed beside, or instead of, the system's; `cert` and `key` say who we
    are."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def data(self) -> Any:
        """Raises `StoreUnavailable` for what is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise StoreUnavailable(f"it answers what is no JSON: {str(error)[:80]}") from error


class TooLarge(StoreUnavailable):
    """A reply is longer than it may be."""


class Peer:
    """One HTTP server. Any thread may call."""

    def __init__(self, base: str, tls: Tls | None = None, headers: Mapping[str, str] | None = None) -> None:
        """`base`: "https://host:port". Raises `Unsupported` where the extra is not installed."""
        self.base, self._headers, self._pool = base, dict(headers or {}), pool(tls)

    def ask(
        self, method: str, path: str, body: bytes | None = None, *,
        headers: Mapping[str, str] | None = None, timeout_s: float = READ_S,
        most_bytes: int = MOST_REPLY_BYTES,
    ) -> Reply:  # fmt: skip
        """The whole reply. Raises `StoreUnavailable`."""
        with self.opened(method, path, body, headers=headers, timeout_s=timeout_s) as response:
            content = b"".join(chunks(response, most_bytes))
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, content)

    @contextmanager
    def opened(
        self, method: str, path: str, body: bytes | None = None, *,
        headers: Mapping[str, str] | None = None, timeout_s: float = READ_S,
    ) -> "Iterator[BaseHTTPResponse]":  # fmt: skip
        """A reply whose body is still to come. Redirects are not followed. Raises `StoreUnavailable`."""
        import urllib3

        timeout = urllib3.Timeout(connect=CONNECT_S, read=timeout_s)
        sent = {**self._headers, **(headers or {})}
        with mapped(self.base):
            response = self._pool.request(
                method, self.base + path, body=body, headers=sent, timeout=timeout, retries=False,
                preload_content=False, redirect=False,
            )  # fmt: skip
            try:
                yield response
            except BaseException:
                response.close()  # what is left of the body is not waited for
                raise
            finally:
                response.release_conn()

    def close(self) -> None:
        self._pool.clear()


def pool(tls: Tls | None) -> "PoolManager":
    """Raises `Unsupported` where the extra is not installed."""
    try:
        import urllib3
    except ImportError as error:
        raise Unsupported(
            "fleets need urllib3, which is not installed", tip='pip install "npc-voice[fleet]"'
        ) from error
    tls = tls or Tls()
    return urllib3.PoolManager(
        maxsize=8, ca_certs=tls.ca, cert_file=tls.cert, key_file=tls.key, retries=False
    )


@contextmanager
def mapped(base: str) -> Iterator[None]:
    """What urllib3 and the sockets raise, as `StoreUnavailable`."""
    import urllib3

    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise StoreUnavailable(f"{base} cannot be reached: {said(error)}") from error


def said(error: BaseException) -> str:
    """Without the objects that urllib3 puts into its messages."""
    reason = getattr(error, "reason", None)
    text = str(reason if isinstance(reason, Exception) else error)
    return text.rpartition("object at ")[2].partition(">: ")[2][:160] or text[:160]


def chunks(response: "BaseHTTPResponse", most_bytes: int) -> Iterator[bytes]:
    """Raises `TooLarge` once there is more."""
    total = 0
    for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
        total += len(chunk)
        if total > most_bytes:
            response.close()
            raise TooLarge(f"a reply has over {most_bytes:,} bytes")
        yield chunk


def beginning(response: "BaseHTTPResponse", most_bytes: int, enough: Callable[[bytes], bool]) -> bytes:
    """What comes of a stream until it is enough, too much, or over."""
    got = b""
    for chunk in response.read_chunked(decode_content=False):
        got += chunk
        if len(got) > most_bytes or enough(got):
            break
    return got


@dataclass(frozen=True)
class Credentials:
    """What a store asks for. `token` is Consul's, `user` and `password` are etcd's. `tls`: by https."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    tls: Tls | None = None
