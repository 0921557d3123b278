"""A sidecar's beginning and end, with real processes: no orphan, no lost line, one plain reason."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.client import AsyncClient, Client
from sidecar.models.pack import Pack
from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import ServiceError, Unreachable
from tests.processes import TIMEOUT_S, command, is_running, sidecar, start, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="POSIX signals and /proc"),
]

LONG = "An endless tale, told by an old man, by the fire, on a long winter night, " * 20
GRACE_S = 2.0


@pytest.fixture
def file(tmp_path: Path, pack: Pack) -> Path:
    return tmp_path / "connection.json"


def keep_busy(file: Path) -> subprocess.Popen[bytes]:
    """A client that wants a line of a minute, so that the device is in the middle of something."""
    program = f"from sidecar.client import Client; Client({str(file)!r}).say({LONG!r})"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    with Client(file) as client:
        wait_for(lambda: client.stats().lines_running == 1)
    return process


def parent_of(file: Path, *arguments: str) -> subprocess.Popen[str]:
    """A game: it starts a sidecar, tells its pid and waits."""
    program = (
        "import os, subprocess, sys, time\n"
        "command = sys.argv[1:] + ['--parent-pid', str(os.getpid())]\n"
        "child = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, *command(file, *arguments)], stdout=subprocess.PIPE, text=True
    )


def test_a_killed_game_leaves_no_orphan_even_in_the_middle_of_a_line(file: Path):
    game = parent_of(file)
    assert game.stdout is not None
    pid = int(game.stdout.readline())
    wait_for(file.exists)
    listener = keep_busy(file)
    try:
        game.kill()
        game.wait()
        assert wait_for(lambda: not is_running(pid), timeout_s=10) < GRACE_S
        assert not file.exists()
    finally:
        listener.kill()
        listener.wait()


def test_a_game_killed_while_its_sidecar_loads_leaves_no_orphan(file: Path):
    game = parent_of(file)
    assert game.stdout is not None
    pid = int(game.stdout.readline())
    wait_for(lambda: file.with_name("connection.json.lock").exists())
    game.kill()
    game.wait()
    assert not file.exists()  # it was loading indeed
    assert wait_for(lambda: not is_running(pid), timeout_s=10) < GRACE_S


def test_the_end_of_standard_input_ends_it_even_in_the_middle_of_a_line(file: Path):
    with sidecar(file, "--watch-stdin", stdin=subprocess.PIPE) as process:
        listener = keep_busy(file)
        try:
            process.stdin.close()
            process.stdin = None
            assert wait_for(lambda: process.poll() is not None, timeout_s=10) < GRACE_S
            assert not file.exists()
        finally:
            listener.kill()
            listener.wait()


async def ten_lines(file: Path, process: "subprocess.Popen[str]") -> list[object]:
    async with AsyncClient(file, timeout_s=TIMEOUT_S) as client:  # a busy machine is no lost line
        lines = [asyncio.create_task(client.say(f"Number {number}.")) for number in range(10)]
        while (await client.stats()).lines_waiting < 8:
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        return await asyncio.gather(*lines, return_exceptions=True)


def test_a_signal_with_ten_lines_in_flight_loses_none(file: Path):
    with sidecar(file) as process:
        lines = asyncio.run(ten_lines(file, process))
        assert [line for line in lines if isinstance(line, BaseException)] == []
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0
        assert not file.exists()
        assert json.loads(log.splitlines()[-2])["reason"] == "SIGTERM"


def test_a_second_signal_does_not_wait_for_long_lines(file: Path):
    with sidecar(file) as process:
        listener = keep_busy(file)
        try:
            process.send_signal(signal.SIGTERM)
            assert any('"stopping"' in line for line in process.stderr)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert wait_for(lambda: process.poll() is not None, timeout_s=10) < GRACE_S
            assert process.returncode == 0
        finally:
            listener.kill()
            listener.wait()


def test_a_dead_sidecars_file_is_recognised_and_replaced(file: Path):
    process = start(file)
    process.kill()
    process.communicate()
    stale = Connection.read(file)
    with Client(file, timeout_s=0.2) as client, pytest.raises(Unreachable, match=str(stale.pid)):
        client.ping()
    with sidecar(file), Client(file) as client:
        client.ping()
        assert Connection.read(file).token != stale.token


def test_of_two_started_at_once_one_serves_and_one_says_why_not(file: Path):
    both = [
        subprocess.Popen(command(file), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    try:
        wait_for(lambda: any(process.poll() is not None for process in both))
        (loser,) = [process for process in both if process.poll() is not None]
        _, log = loser.communicate()
        assert loser.returncode == 4
        assert log.startswith("ERROR cannot start serving: another sidecar")
        assert len(log.splitlines()) == 2 and "TIP" in log
        winner = next(process for process in both if process is not loser)
        wait_for(file.exists, winner)
        assert Connection.read(file).pid == winner.pid
        with Client(file) as client:
            client.ping()
    finally:
        for process in both:
            process.terminate()
            process.communicate(timeout=30)


def test_it_ends_by_itself_when_nobody_asks(file: Path):
    with sidecar(file, "--idle-exit", "1") as process:
        assert wait_for(lambda: process.poll() is not None, timeout_s=10) < 4
        assert process.returncode == 0 and not file.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--memory-limit", "300"], 4, "no memory left for the voice"),
        (["--memory-limit", "10"], 2, "at least 256 MiB"),
        (["--address", "0.0.0.0"], 2, "needs --keys"),
        (["--address", "here"], 2, "not an IP address"),
        (["--address", "0.0.0.0", "--keys", "absent"], 2, "--advertise"),
        (["--address", "0.0.0.0", "--advertise", "here", "--keys", "absent"], 2, "holds no keys"),
        (["--parent-pid", "4194304"], 2, "no process 4194304"),
        (["--device", "cuda:9"], 2, "cuda:9"),
    ],
)
def test_a_start_that_fails_says_one_plain_reason(file: Path, arguments: list[str], code: int, words: str):
    done = subprocess.run(command(file, *arguments), capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert sum(line.startswith("ERROR") for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert not file.exists()


def test_a_client_starts_a_sidecar_and_leaves_nothing_behind(file: Path):
    with Client(file, start=True) as client:
        line = client.say("Halt!", timings=["words"])
        assert line.reply.words is not None and line.reply.words[0][0] == "Halt"
        pid = Connection.read(file).pid
        assert is_running(pid)
        os.kill(pid, signal.SIGKILL)  # the next line starts another
        assert client.say("Halt!", timings=["words"]).audio == line.audio
        pid = Connection.read(file).pid
    assert not is_running(pid)
    assert not file.exists()


def test_a_client_says_why_its_sidecar_did_not_start(file: Path):
    refusal = pytest.raises(ServiceError, match="cuda:9")
    with Client(file, start=True, arguments=("--device", "cuda:9")) as client, refusal:
        client.ping()
