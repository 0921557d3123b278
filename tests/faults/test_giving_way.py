"""A sidecar whose memory limit leaves no room for two voices changes its voice all the same."""

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sidecar.client import AsyncClient, Client
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.pack import open_pack
from sidecar.reload.room import SAFETY, needed_bytes
from tests.attacks.packs import MINIATURE, make_miniature
from tests.faults import stage as stages
from tests.faults.stage import Stage, more_than, real_stage, rejected, wait_for_live
from tests.processes import wait_for

__all__ = ["real_stage"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no system keeps to such a limit"),
]
MIB, WAIT_S = 1 << 20, 240
#: Large enough to stand out in a process's memory: 70 MB in a pack.
LARGE = replace(MINIATURE, hidden=768)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "pack"
    return make_miniature(folder, name=default_voice.NAME, config=LARGE)


@pytest.fixture
def large_stage(large: Path, tmp_path: Path) -> Stage:
    """With random weights of some size; to be started with `--pack`."""
    home = Home(tmp_path / "home")
    return Stage(home, tmp_path / "connection.json", open_pack(large), stages.MINIATURE)


@pytest.fixture(scope="module")
def limited(large: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The arguments of a sidecar on the large stage that has no room for two voices."""
    root = tmp_path_factory.mktemp("measured")
    stage = Stage(Home(root / "home"), root / "connection.json", open_pack(large), stages.MINIATURE)
    return (*pack_of(stage), "--memory-limit", limit_mib(stage, *pack_of(stage)))


def pack_of(stage: Stage) -> tuple[str, str]:
    return "--pack", str(stage.pack.folder)


def limit_mib(stage: Stage, *arguments: str) -> str:
    """What a sidecar takes that has spoken, and less than a second voice needs beside the first: 0.9 of it,
    since one that watches a folder takes up to 70 MiB more, and without the first voice half would do."""
    with stage.sidecar("--no-watch", *arguments) as process, Client(stage.file, timeout_s=60) as client:
        client.say("Halt!")
        taken_bytes = psutil.Process(process.pid).memory_info().data
    return str(round((taken_bytes + 0.9 * SAFETY * needed_bytes(stage.pack.manifest)) / MIB))


def told(stage: Stage) -> list[dict]:
    file = stage.home.store / "events.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def events(stage: Stage) -> list[str]:
    return [entry["event"] for entry in told(stage)]


def test_without_leave_there_is_no_room(large_stage: Stage, limited: tuple[str, ...]):
    with large_stage.speaking(*limited) as client:
        client.say("Halt!")
        large_stage.drop("1.1.0")
        wait_for(lambda: rejected(client, "insufficient_memory"), timeout_s=WAIT_S)
        assert client.say("Who goes there?").reply.model.version == "1.0.0"


def test_killed_while_no_voice_is_there_it_speaks_again_with_the_last_good_one(
    large_stage: Stage, limited: tuple[str, ...]
):
    stage = large_stage
    process = stage.start(*limited, "--low-memory-swap")
    try:
        with Client(stage.file, timeout_s=60) as client, stage.loading_held():
            client.say("Halt!")
            stage.drop("1.1.0")
            wait_for(lambda: "let_go" in events(stage), process)
    finally:
        process.kill()
        process.communicate()
    assert "resumed" not in events(stage)
    with stage.speaking(*pack_of(stage)) as client:
        assert client.say("Halt!").reply.model.version == "1.0.0"
        wait_for(lambda: rejected(client, "crashed"))
        client.rescan()
        wait_for_live(client)


async def talk_until_it_has_changed(stage: Stage) -> tuple[int, list[str]]:
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
    await more_than(versions, 4)
    stage.drop("1.1.0")
    until = time.monotonic() + WAIT_S
    while not {"resumed", "model.rejected"} & set(events(stage)) and time.monotonic() < until:
        await asyncio.sleep(0.1)
    await more_than(versions, len(versions) + 4)
    over = True
    await asyncio.gather(*clients)
    return asked, versions


def test_four_clients_talk_while_the_old_voice_gives_way_to_the_new(real_stage: Stage):
    stage = real_stage
    with stage.sidecar("--memory-limit", limit_mib(stage), "--low-memory-swap"):
        asked, versions = asyncio.run(talk_until_it_has_changed(stage))
    assert len(versions) == asked
    changed = versions.index("1.1.0")
    assert set(versions[:changed]) == {"1.0.0"} and set(versions[changed:]) == {"1.1.0"}
    assert [name for name in events(stage) if not name.startswith("model.")] == [
        "checked", "paused", "let_go", "loaded", "exchange", "resumed",
    ]  # fmt: skip
