"""A sidecar is there when it answers, wherever it is; looking for one keeps nobody waiting."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.client import AsyncClient, Client
from sidecar.protocol.connection import Connection
from sidecar.protocol.errors import BadRequest, Unreachable
from tests.client.peers import peer

NOBODY = 4_194_305  #: more than any process's number, as another container's may be here
HELD_UP_S = 0.4  #: far more than it takes, less than what may not block it
SOON_S = 3.0


def write(file: Path, endpoint: str, pid: int = NOBODY, server_key: str | None = None) -> None:
    Connection(pid, endpoint, endpoint, "t", 0, server_key=server_key).write(file)


def endpoint_of(listener: socket.socket) -> str:
    return f"tcp://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def black_hole() -> Iterator[str]:
    """A port whose queue of connections is full, so that another one waits as for a machine that is off."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            knocking = stack.enter_context(closing(socket.socket()))
            knocking.setblocking(False)
            knocking.connect_ex(listener.getsockname())
        yield endpoint_of(listener)


@contextmanager
def stranger(greeting: bytes) -> Iterator[str]:
    """Another program, which says `greeting` to everybody who comes and then nothing."""
    listener = socket.create_server(("127.0.0.1", 0))

    def welcome() -> None:
        with ExitStack() as guests:
            while True:
                try:
                    guest = guests.enter_context(listener.accept()[0])
                except OSError:
                    return
                guest.sendall(greeting)

    thread = threading.Thread(target=welcome)
    thread.start()
    try:
        yield endpoint_of(listener)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


async def ping(file: Path, **options: Any) -> None:
    async with AsyncClient(file, **options) as client:
        await client.ping()


def held_up_s(work: Coroutine[Any, Any, None]) -> float:
    """Do `work`, which must fail for want of a sidecar; how long it held up its loop at most."""

    async def scenario() -> float:
        task = asyncio.create_task(work)
        longest_s = 0.0
        while not task.done():
            before_s = time.monotonic()
            await asyncio.sleep(0.002)
            longest_s = max(longest_s, time.monotonic() - before_s)
        assert isinstance(task.exception(), Unreachable)
        return longest_s

    return asyncio.run(scenario())


def test_a_sidecar_whose_process_number_means_nothing_here_is_used(tmp_path: Path):
    file = tmp_path / "copy.json"
    with peer() as (_, endpoint), Client(file, timeout_s=10) as client:
        write(file, endpoint)
        client.ping()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue of connections refuses")
def test_a_sidecar_that_swallows_everything_does_not_hold_up_the_loop(tmp_path: Path):
    file = tmp_path / "c.json"
    with black_hole() as endpoint:
        write(file, endpoint, os.getpid())
        began_s = time.monotonic()
        assert held_up_s(ping(file, timeout_s=1.5)) < HELD_UP_S
        assert 1.4 < time.monotonic() - began_s < SOON_S


def test_starting_a_sidecar_does_not_hold_up_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    started = subprocess.Popen

    def slow(_: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        time.sleep(0.5)
        return started([sys.executable, "-c", ""], **options)

    monkeypatch.setattr(subprocess, "Popen", slow)
    assert held_up_s(ping(tmp_path / "c.json", start=True, start_s=0.4)) < HELD_UP_S


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_port_that_is_another_programs_by_now_costs_no_more_than_the_timeout(
    tmp_path: Path, greeting: bytes
):
    with stranger(greeting) as endpoint:
        write(tmp_path / "c.json", endpoint, os.getpid())
        began_s = time.monotonic()
        nobody = pytest.raises(Unreachable, match=f"nobody answers at {endpoint}")
        with Client(tmp_path / "c.json", timeout_s=0.5, attempts=9) as client, nobody:
            client.ping()
        assert time.monotonic() - began_s < 1.5


def test_a_sidecar_that_is_killed_while_it_owes_an_answer_is_noticed_soon(tmp_path: Path):
    file = tmp_path / "c.json"
    with peer("deaf") as (deaf, first), peer() as (_, second), Client(file, timeout_s=60) as client:
        write(file, first)
        asked = threading.Thread(target=client.ping, daemon=True)
        asked.start()
        assert deaf.stdout is not None and deaf.stdout.readline() == "asked\n"
        deaf.kill()
        deaf.wait()
        write(file, second)
        asked.join(SOON_S)
        assert not asked.is_alive()


@pytest.mark.parametrize("endpoint", ["", "tcp://", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:x", "ipc:///x"])
def test_an_endpoint_that_is_none_is_a_plain_error(tmp_path: Path, endpoint: str):
    write(tmp_path / "c.json", endpoint, os.getpid())
    with Client(tmp_path / "c.json", timeout_s=0.1) as client, pytest.raises(Unreachable):
        client.ping()


def test_a_sidecar_of_another_machine_that_is_silent_is_not_to_be_started_here(tmp_path: Path):
    write(tmp_path / "c.json", "tcp://elsewhere.invalid:5")
    with Client(tmp_path / "c.json", timeout_s=0.1) as client, pytest.raises(Unreachable) as silence:
        client.ping()
    assert "copy its connection file again" in str(silence.value.tip)


@pytest.mark.parametrize(
    "content", [None, "nonsense", 'public-key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"']
)
def test_a_file_without_a_secret_key_is_named(tmp_path: Path, content: str | None):
    keys = tmp_path / "client.key"
    if content is not None:
        keys.write_text(content)
    with peer() as (_, endpoint), Client(tmp_path / "c.json", keys=keys) as client:
        write(tmp_path / "c.json", endpoint, os.getpid(), "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7")
        with pytest.raises(BadRequest, match=r"client\.key") as refusal:
            client.ping()
    assert refusal.value.field == "keys"
