"""A pack comes whole, by its hash, resumed where it broke off, or not at all."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sidecar.fleet import fetch
from sidecar.fleet.fetch import Fetcher, FetchFailed, Fetching, drop_name
from sidecar.fleet.spec import Target
from sidecar.protocol.errors import BadRequest, Cancelled, ModelRejected, StorageError
from tests.processes import wait_for

pytest.importorskip("urllib3")
CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NEVER = threading.Event()


@dataclass
class Packs:
    """What a server gives: it breaks off after `cut` bytes of a reply, as often as `cuts` says."""

    content: bytes = CONTENT
    cut: int = 0
    cuts: int = 0
    status: int = 0
    ranges: list[str | None] = field(default_factory=list)


@contextmanager
def serving(packs: Packs) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            packs.ranges.append(self.headers.get("Range"))
            start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            body = packs.content[start:]
            self.send_response(packs.status or (206 if start else 200))
            if packs.status in (301, 302):
                self.send_header("Location", "http://169.254.169.254/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if packs.cuts:
                packs.cuts -= 1
                body = body[: packs.cut]
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/guard.npcvoice"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    return Fetching(tmp_path / "fetched", tmp_path / "models", tmp_path / "share")


def target(source: str, sha256: str = SHA256) -> Target:
    return Target("1.1.0", sha256, source)


def test_what_is_fetched_lies_in_the_models_folder_under_its_name_and_hash(fetching: Fetching):
    with serving(Packs()) as source:
        dropped = fetching.fetch("guard", target(source), NEVER)
    assert dropped == fetching.models / f"guard-1.1.0-{SHA256[:8]}.npcvoice"
    assert dropped.read_bytes() == CONTENT and list(fetching.partial.iterdir()) == []


def test_what_broke_off_goes_on_where_it_was(fetching: Fetching):
    packs = Packs(cut=300_000, cuts=2)
    with serving(packs) as source:
        for _ in range(2):
            with pytest.raises(FetchFailed):
                fetching.fetch("guard", target(source), NEVER)
            assert not fetching.models.exists() or list(fetching.models.iterdir()) == []
        fetching.fetch("guard", target(source), NEVER)
    assert packs.ranges == [None, "bytes=300000-", "bytes=600000-"]


def test_what_has_another_hash_is_refused_and_not_kept(fetching: Fetching):
    with serving(Packs(CONTENT[:-1] + b"!")) as source, pytest.raises(ModelRejected) as refusal:
        fetching.fetch("guard", target(source), NEVER)
    assert refusal.value.reason == "hash_differs"
    assert list(fetching.models.iterdir()) == list(fetching.partial.iterdir()) == []


def test_a_part_that_is_of_something_else_is_begun_anew(fetching: Fetching):
    fetching.partial.mkdir()
    (fetching.partial / SHA256).write_bytes(b"?" * 1000)
    with serving(Packs()) as source:
        with pytest.raises(ModelRejected):
            fetching.fetch("guard", target(source), NEVER)
        assert fetching.fetch("guard", target(source), NEVER).read_bytes() == CONTENT


def test_parts_that_were_not_gone_on_with_for_long_are_deleted(fetching: Fetching):
    fetching.partial.mkdir()
    old, new = fetching.partial / ("b" * 64), fetching.partial / ("c" * 64)
    for part in (old, new):
        part.write_bytes(b"?")
    os.utime(old, (0, 0))
    with serving(Packs()) as source:
        fetching.fetch("guard", target(source), NEVER)
    assert list(fetching.partial.iterdir()) == [new]


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_a_server_that_gives_something_else_is_tried_again_later_and_not_followed(
    fetching: Fetching, status: int
):
    with serving(Packs(status=status)) as source, pytest.raises(FetchFailed, match=str(status)):
        fetching.fetch("guard", target(source), NEVER)


def test_a_share_gives_its_plain_files(fetching: Fetching, tmp_path: Path):
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "guard.npcvoice").write_bytes(CONTENT)
    assert fetching.fetch("guard", target("share:guard.npcvoice"), NEVER).read_bytes() == CONTENT
    (tmp_path / "share" / "link.npcvoice").symlink_to("/etc/passwd")
    for absent in ("share:link.npcvoice", "share:none.npcvoice"):
        with pytest.raises(FetchFailed, match="no plain file"):
            fetching.fetch("guard", target(absent), NEVER)


def test_without_a_share_it_is_said_what_to_do(tmp_path: Path):
    with pytest.raises(BadRequest, match="--fleet-share"):
        Fetching(tmp_path / "p", tmp_path / "m").fetch("guard", target("share:x.npcvoice"), NEVER)


def test_what_is_too_large_is_refused_before_it_comes(fetching: Fetching, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch, "MOST_BYTES", 1000)
    with serving(Packs()) as source, pytest.raises(ModelRejected) as refusal:
        fetching.fetch("guard", target(source), NEVER)
    assert refusal.value.reason == "too_large"


def test_what_does_not_fit_on_the_disk_is_not_begun(fetching: Fetching, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch, "LEFT_FREE_BYTES", 1 << 60)
    with serving(Packs()) as source, pytest.raises(StorageError, match="do not fit"):
        fetching.fetch("guard", target(source), NEVER)


def test_what_is_not_wanted_any_more_ends_in_mid_way(fetching: Fetching):
    cancelled = threading.Event()
    cancelled.set()
    with serving(Packs()) as source, pytest.raises(Cancelled):
        fetching.fetch("guard", target(source), cancelled)


def test_the_thread_tries_again_what_broke_off(fetching: Fetching, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetch, "AGAIN_S", 0.05)
    fetcher = Fetcher(fetching, lambda: None)
    with serving(Packs(cut=300_000, cuts=2)) as source:
        wanted = target(source)
        wait_for(
            lambda: (
                fetcher.want("guard", wanted, 0.0),
                (fetching.models / drop_name("guard", wanted)).exists(),
            )[1],
            timeout_s=10,
        )
    fetcher.stop()
