"""The connection file is written whole, for its owner only."""

import os
import stat
import sys
from pathlib import Path

import pytest

from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import BadRequest

HERE = Connection(7, "tcp://127.0.0.1:5", "tcp://127.0.0.1:6", "secret", 1.5, "ipc:///x", "key")


def test_a_connection_survives_the_round_trip(tmp_path: Path):
    HERE.write(tmp_path / "deep" / "connection.json")
    assert Connection.read(tmp_path / "deep" / "connection.json") == HERE
    assert os.listdir(tmp_path / "deep") == ["connection.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_only_the_owner_can_read_it(tmp_path: Path):
    path = tmp_path / "connection.json"
    path.write_text("old")
    path.chmod(0o644)
    HERE.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_process_removes_its_own_file_only(tmp_path: Path):
    path = tmp_path / "connection.json"
    other = Connection(8, "tcp://127.0.0.1:6", "tcp://127.0.0.1:7", "other", 2)
    other.write(path)
    HERE.remove(path)
    assert path.exists()
    other.remove(path)
    assert not path.exists()
    other.remove(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": 1}', "\x00"])
def test_a_malformed_file_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "connection.json"
    path.write_text(text)
    with pytest.raises(BadRequest):
        Connection.read(path)


def test_the_token_is_not_printed():
    assert "secret" not in repr(HERE)
