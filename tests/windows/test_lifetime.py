"""`serve` from its start to its end, in all the ways that a game has; the voice is a tone, all else real."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sidecar.client import Client, finding
from sidecar.protocol.connection import Connection
from tests import processes

MODULE = "tests.tone_sidecar"
SOON_S = 30


def started(file: Path, *arguments: str, **options) -> "subprocess.Popen[str]":
    return processes.start(file, *arguments, module=MODULE, **options)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Its code, and what it said on stderr."""
    try:
        _, said = process.communicate(timeout=SOON_S)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, said


def nothing_is_left(file: Path) -> bool:
    """Windows's locks delete their file when they are let go."""
    return not file.exists() and not file.with_name(f"{file.name}.lock").exists()


def test_one_at_a_time_in_a_folder_of_any_name_until_its_input_ends(tmp_path: Path):
    file = tmp_path / "Müller 玩家" / "connection.json"
    first = started(file, "--watch-stdin", stdin=subprocess.PIPE)
    with Client(file) as client:
        assert client.say("Halt! Who goes there?").duration_s > 0.5
        assert client.stats().memory_bytes > 20e6
    second = subprocess.Popen(
        processes.command(file, module=MODULE), stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    code, said = ended(second)
    assert code == 4 and str(first.pid) in said and "Müller 玩家" in said, said
    assert first.stdin is not None
    first.stdin.close()
    first.stdin = None
    assert ended(first)[0] == 0
    assert nothing_is_left(file)


def test_it_ends_with_its_game(tmp_path: Path):
    file = tmp_path / "connection.json"
    game = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        sidecar = started(file, "--parent-pid", str(game.pid))
    finally:
        game.kill()
        game.wait()
    began = time.monotonic()
    code, _ = ended(sidecar)
    assert code == 0 and time.monotonic() - began < 10
    assert nothing_is_left(file)


def test_it_ends_when_idle(tmp_path: Path):
    file = tmp_path / "connection.json"
    assert ended(started(file, "--idle-exit", "1"))[0] == 0
    assert nothing_is_left(file)


def test_a_killed_ones_file_is_the_next_ones_who_ends_when_asked(tmp_path: Path):
    file = tmp_path / "connection.json"
    first = started(file)
    first.kill()
    ended(first)
    assert file.exists()
    second = started(file)
    with Client(file) as client:
        client.ping()
        client.shutdown()
    assert ended(second)[0] == 0
    assert nothing_is_left(file)


def test_a_clients_own_is_started_again_when_somebody_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its code is positive, whoever chose it: Task Manager ends with 1, a crash with 3221225477."""
    flags: list[int] = []
    real = subprocess.Popen

    def with_tones(command: list[str], **options):
        flags.append(options["creationflags"])
        return real([sys.executable, "-m", MODULE, *command[3:]], **options)

    monkeypatch.setattr(finding.subprocess, "Popen", with_tones)
    file = tmp_path / "connection.json"
    with Client(file, start=True, start_s=SOON_S * 3) as client:
        client.ping()
        first = Connection.read(file).pid
        psutil.Process(first).kill()
        client.ping()
        second = Connection.read(file).pid
        assert second != first
    assert flags == [subprocess.CREATE_NO_WINDOW] * 2
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(second).wait(SOON_S)
    assert nothing_is_left(file)
