"""With CURVE, those whose key is known come in and nobody else does."""

import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
import zmq

from sidecar.client import Client
from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import BadRequest, Unreachable
from sidecar.server.config import ListenConfig
from sidecar.server.door.door import Endpoints
from sidecar.server.door.keys import make_keys, read_keys
from sidecar.server.process.process import check_address
from sidecar.server.server import Server
from tests.fakes import tone_voices

pytestmark = pytest.mark.skipif(not zmq.has("curve"), reason="this libzmq has no CURVE")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def file(tmp_path: Path, folder: Path):
    """A sidecar that wants keys."""
    curve = read_keys(folder)
    server = Server(tone_voices(), "t", endpoints=Endpoints(curve=curve))
    commands, events = server.bind()
    key = curve.public_key.decode()
    Connection(os.getpid(), commands, events, "t", time.time(), None, key).write(tmp_path / "c.json")
    thread = threading.Thread(target=server.run)
    thread.start()
    yield tmp_path / "c.json"
    server.stop()
    thread.join(30)
    assert not thread.is_alive()


def test_a_known_client_is_heard(file: Path, folder: Path):
    with Client(file, keys=folder / "client.key_secret", timeout_s=5) as client:
        assert client.say("Halt!").audio
        events = client.events("line.", timeout_s=10)
        threading.Timer(0.3, lambda: client.say("Halt!")).start()
        next(events)
        events.close()


def test_an_unknown_key_and_no_key_are_not(file: Path, folder: Path, tmp_path: Path):
    make_keys(tmp_path / "other")
    stranger = tmp_path / "other" / "client.key_secret"
    for options in ({"keys": stranger, "timeout_s": 0.4, "attempts": 1}, {}):
        with Client(file, **options) as client, pytest.raises(Unreachable):
            client.ping()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_secret_keys_are_their_owners_only(folder: Path):
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*secret")} == {0o600}
    assert [path.name for path in (folder / "clients").iterdir()] == ["client.key"]


def test_keys_are_not_overwritten_and_their_absence_is_said(folder: Path, tmp_path: Path):
    with pytest.raises(BadRequest, match="already"):
        make_keys(folder)
    for place in (tmp_path / "absent", folder / "clients"):
        with pytest.raises(BadRequest, match="npc-voice keys"):
            read_keys(place)
    (folder / "server.key_secret").write_text("nonsense")
    with pytest.raises(BadRequest):
        read_keys(folder)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::"])
def test_an_address_that_others_reach_needs_keys(address: str, folder: Path):
    with pytest.raises(BadRequest, match="--keys"):
        check_address(ListenConfig(address=address))
    check_address(ListenConfig(address=address, keys=folder, advertise="192.168.1.5"))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_does_not(address: str):
    check_address(ListenConfig(address=address))
