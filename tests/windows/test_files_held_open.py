"""What somebody reads all the time is written, replaced and removed all the same."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sidecar import files, windows
from sidecar.protocol.connection import Connection
from sidecar.server.door.keys import make_keys

WRITES = 30


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A connection file that a client reads without a pause; its failures fail the test."""
    monkeypatch.setattr(files, "HELD_OPEN_S", 5.0)  # this machine may be busy
    path = tmp_path / "connection.json"
    connection(0).write(path)
    stop, failures = threading.Event(), []

    def read_all_the_time() -> None:
        while not stop.is_set():
            try:
                Connection.read(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                failures.append(error)

    reader = threading.Thread(target=read_all_the_time)
    reader.start()
    yield path
    stop.set()
    reader.join()
    assert not failures


def connection(number: int) -> Connection:
    return Connection(1, "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", f"t{number}", time.time())


def test_it_is_replaced_and_removed_under_a_reader(path: Path):
    for number in range(WRITES):
        connection(number).write(path)
    assert Connection.read(path).token == f"t{WRITES - 1}"
    connection(WRITES - 1).remove(path)
    assert not path.exists()


def test_a_reader_who_stays_is_an_error_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "HELD_OPEN_S", 0.1)
    path = tmp_path / "held"
    path.write_bytes(b"old")
    with path.open("rb"), pytest.raises(PermissionError):
        files.write_whole(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["held"]


def test_secrets_are_their_owners(tmp_path: Path):
    """As far as Wine remembers: the rule says so, whether it is kept cannot be seen there."""
    connection(0).write(tmp_path / "connection.json")
    make_keys(tmp_path / "keys")
    secrets = [tmp_path / "connection.json", *(tmp_path / "keys").glob("*.key_secret")]
    assert len(secrets) == 3
    files.write_whole(tmp_path / "open", b"")
    assert "WD" in rights(tmp_path / "open") or rights(tmp_path / "open") != rights(secrets[0])
    for secret in secrets:
        text = rights(secret)
        assert windows._own_sid() in text and ";WD)" not in text and ";BU)" not in text, text


def rights(path: Path) -> str:
    """Who may do what with a file, in Windows's own language for it (SDDL)."""
    library = ctypes.WinDLL("advapi32", use_last_error=True)
    needed = ctypes.c_ulong()
    library.GetFileSecurityW(str(path), 4, None, 0, ctypes.byref(needed))
    descriptor = ctypes.create_string_buffer(needed.value)
    assert library.GetFileSecurityW(str(path), 4, descriptor, needed, ctypes.byref(needed))
    text = ctypes.c_wchar_p()
    convert = library.ConvertSecurityDescriptorToStringSecurityDescriptorW
    assert convert(descriptor, 1, 4, ctypes.byref(text), None)
    return str(text.value)


def test_what_comes_out_of_a_pipe_is_utf_8(tmp_path: Path):
    """The code page of the country has no letters for most names of users."""
    folder = tmp_path / "Müller 玩家"
    said = subprocess.run(
        [sys.executable, "-m", "sidecar", "say", "Hi.", "-o", str(folder / "line.mp9")],
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert said.returncode == 2
    made = subprocess.run(
        [sys.executable, "-m", "sidecar", "keys", str(folder)], capture_output=True, timeout=120
    )
    assert made.returncode == 0 and "Müller 玩家" in made.stdout.decode("utf-8")
    again = subprocess.run(
        [sys.executable, "-m", "sidecar", "keys", str(folder)], capture_output=True, timeout=120
    )
    assert again.returncode == 2 and "Müller 玩家" in again.stderr.decode("utf-8")
