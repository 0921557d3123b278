"""A real sidecar whose memory limit leaves no room for two voices changes its voice all the same."""

import asyncio
import json
import signal
import sys
import time

import psutil
import pytest

from sidecar.client import AsyncClient, Client
from sidecar.models.pack import Pack
from sidecar.reload.room import SAFETY, needed_bytes
from tests.faults.reversioned import drop
from tests.faults.test_reload import Stage, rejected, stage, state
from tests.processes import sidecar, start, wait_for

__all__ = ["stage"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no system keeps to such a limit")
MIB, WAIT_S = 1 << 20, 240


@pytest.fixture(scope="module")
def limit_mib(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a sidecar takes that has spoken, and less than a second voice needs beside the first."""
    file = tmp_path_factory.mktemp("measured") / "connection.json"
    with sidecar(file) as process, Client(file, timeout_s=60) as client:
        client.say("Halt!")
        taken_bytes = psutil.Process(process.pid).memory_info().data
    return str(round((taken_bytes + 0.8 * SAFETY * needed_bytes(pack.manifest)) / MIB))


def told(stage: Stage) -> list[dict]:
    file = stage.home.store / "events.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def events(stage: Stage) -> list[str]:
    return [entry["event"] for entry in told(stage)]


def test_without_leave_there_is_no_room(stage: Stage, pack: Pack, limit_mib: str):
    with (
        sidecar(stage.file, "--memory-limit", limit_mib, env=stage.environment),
        Client(stage.file, timeout_s=60) as client,
    ):
        client.say("Halt!")
        drop(pack, stage.home.models, "1.1.0")
        wait_for(lambda: rejected(client, "insufficient_memory"), timeout_s=WAIT_S)
        assert client.say("Who goes there?").reply.model.version == "1.0.0"


async def talk_until_it_has_changed(stage: Stage, pack: Pack) -> tuple[int, list[str]]:
    """Four clients speak, with a breath between lines, while a version is dropped; how many lines they asked
    for, and the versions of the replies in their order."""
    versions: list[str] = []
    asked, over = 0, False

    async def one(number: int) -> None:
        nonlocal asked
        async with AsyncClient(stage.file, timeout_s=WAIT_S) as client:
            while not over:
                asked += 1
                line = await client.say("Halt!", seed=asked)
                assert len(line.audio) > 10_000
                versions.append(line.reply.model.version)
                await asyncio.sleep(1)

    clients = [asyncio.create_task(one(number)) for number in range(4)]
    await asyncio.sleep(2)
    drop(pack, stage.home.models, "1.1.0")
    until = time.monotonic() + WAIT_S
    while not {"resumed", "model.rejected"} & set(events(stage)) and time.monotonic() < until:
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    over = True
    await asyncio.gather(*clients)
    return asked, versions


def test_four_clients_talk_while_the_old_voice_gives_way_to_the_new(stage: Stage, pack: Pack, limit_mib: str):
    arguments = ("--memory-limit", limit_mib, "--low-memory-swap")
    with sidecar(stage.file, *arguments, env=stage.environment):
        asked, versions = asyncio.run(talk_until_it_has_changed(stage, pack))
    assert len(versions) == asked
    changed = versions.index("1.1.0")
    assert set(versions[:changed]) == {"1.0.0"} and set(versions[changed:]) == {"1.1.0"}
    assert [name for name in events(stage) if not name.startswith("model.")] == [
        "checked", "paused", "let_go", "loaded", "exchange", "resumed",
    ]  # fmt: skip


def test_killed_while_no_voice_is_there_it_speaks_again_with_the_last_good_one(
    stage: Stage, pack: Pack, limit_mib: str
):
    process = start(stage.file, "--memory-limit", limit_mib, "--low-memory-swap", env=stage.environment)
    try:
        with Client(stage.file, timeout_s=60) as client:
            client.say("Halt!")
            drop(pack, stage.home.models, "1.1.0")
            wait_for(lambda: "let_go" in events(stage), process)
            process.send_signal(signal.SIGKILL)
    finally:
        process.communicate()
    assert "resumed" not in events(stage)
    with sidecar(stage.file, env=stage.environment), Client(stage.file, timeout_s=60) as client:
        assert client.say("Halt!").reply.model.version == "1.0.0"
        wait_for(lambda: rejected(client, "crashed"))
        client.rescan()
        wait_for(lambda: state(client, "kokoro-82m@1.1.0") == "live", timeout_s=WAIT_S)
