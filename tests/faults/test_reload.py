"""Real packs dropped into a real sidecar: nothing is lost while it changes voice, nor when it dies."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.client import AsyncClient, Client
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.protocol.events import ModelLive, ModelRejection
from tests.faults.reversioned import drop
from tests.processes import sidecar, start, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
WAIT_S = 120


@dataclass(frozen=True)
class Stage:
    """A home of its own with the default voice in it."""

    home: Home
    file: Path
    environment: dict[str, str]


@pytest.fixture
def stage(tmp_path: Path, pack: Pack) -> Iterator[Stage]:
    home = Home(tmp_path / "home")
    drop(pack, home.models, pack.manifest.version)
    yield Stage(home, tmp_path / "connection.json", {**os.environ, "NPC_VOICE_HOME": str(home.root)})


def state(client: Client, label: str) -> str | None:
    return next((r.state for r in client.models().models if f"{r.name}@{r.version}" == label), None)


async def talk_while_it_changes(stage: Stage, pack: Pack) -> tuple[list[str], list[bytes]]:
    """Four clients speak without pause while a version is dropped; the versions of their replies in order."""
    versions: list[str] = []
    sounds: list[bytes] = []
    over = asyncio.Event()

    async def one(number: int) -> None:
        said = 0
        async with AsyncClient(stage.file, timeout_s=60) as client:
            while not over.is_set():
                said += 1
                line = await client.say("Halt!", seed=1000 * number + said)
                versions.append(line.reply.model.version)
                sounds.append(line.audio)

    async with AsyncClient(stage.file) as watcher:
        events = watcher.events("model.")
        clients = [asyncio.create_task(one(number)) for number in range(4)]
        first = asyncio.create_task(anext(events))
        await asyncio.sleep(1)
        drop(pack, stage.home.models, "1.1.0")
        event = await asyncio.wait_for(first, WAIT_S)
        while not isinstance(event, ModelLive):
            assert not isinstance(event, ModelRejection), event
            event = await asyncio.wait_for(anext(events), WAIT_S)
        await asyncio.sleep(2)
        over.set()
        await asyncio.gather(*clients)
        await events.aclose()
    return versions, sounds


def test_a_voice_is_exchanged_while_four_clients_talk(stage: Stage, pack: Pack):
    with sidecar(stage.file, env=stage.environment):
        versions, sounds = asyncio.run(talk_while_it_changes(stage, pack))
    assert {"1.0.0", "1.1.0"} == set(versions)
    changed = versions.index("1.1.0")
    assert versions[changed + 4 :] == ["1.1.0"] * len(versions[changed + 4 :])  # those under way may end
    assert all(len(sound) > 10_000 for sound in sounds)


@pytest.mark.parametrize("moment", ["checking", "loading", "live"])
def test_a_sidecar_killed_in_the_middle_of_a_change_speaks_again_with_the_last_good_voice(
    stage: Stage, pack: Pack, moment: str
):
    process = start(stage.file, env=stage.environment)
    try:
        with Client(stage.file) as client:
            drop(pack, stage.home.models, "1.1.0")
            wait_for(lambda: moment in new_states(client), process)
            process.send_signal(signal.SIGKILL)
    finally:
        process.communicate()
    with sidecar(stage.file, env=stage.environment), Client(stage.file, timeout_s=60) as client:
        version = client.say("Halt!").reply.model.version
        assert version == ("1.1.0" if moment == "live" else "1.0.0")
        if moment == "loading":
            wait_for(lambda: rejected(client, "crashed"))
            assert client.say("Halt!").reply.model.version == "1.0.0"
        else:
            wait_for(lambda: state(client, "kokoro-82m@1.1.0") == "live", timeout_s=WAIT_S)
    assert not [p.name for p in stage.home.store.iterdir() if p.name.startswith(".") and p.is_dir()]


def new_states(client: Client) -> list[str]:
    """Of everything but the version that was there before."""
    return [row.state for row in client.models().models if row.version != "1.0.0"]


def rejected(client: Client, reason: str) -> bool:
    return any(row.state == "rejected" and row.reason == reason for row in client.models().models)


def test_what_is_deleted_while_it_speaks_is_not_missed(stage: Stage, pack: Pack):
    with sidecar(stage.file, env=stage.environment), Client(stage.file, timeout_s=60) as client:
        dropped = drop(pack, stage.home.models, "1.1.0")
        wait_for(lambda: state(client, "kokoro-82m@1.1.0") == "live", timeout_s=WAIT_S)
        for file in sorted(dropped.iterdir(), reverse=True):
            file.unlink()
        dropped.rmdir()
        assert client.say("Still here.").reply.model.version == "1.1.0"
    with sidecar(stage.file, env=stage.environment), Client(stage.file, timeout_s=60) as client:
        assert client.say("And here again.").reply.model.version == "1.1.0"


def test_a_bad_pack_is_refused_in_plain_words_and_the_voice_speaks_on(stage: Stage, pack: Pack):
    with sidecar(stage.file, env=stage.environment), Client(stage.file, timeout_s=60) as client:
        target = stage.home.models / "kokoro-82m-1.1.0"
        drop(pack, stage.home.models, "1.1.0").rename(stage.home.models / ".aside")
        weights = stage.home.models / ".aside" / "weights.safetensors"
        content = bytearray(weights.read_bytes())
        content[len(content) // 2] ^= 1
        weights.unlink()
        weights.write_bytes(content)
        (stage.home.models / ".aside").rename(target)
        wait_for(lambda: rejected(client, "hash_differs"), timeout_s=WAIT_S)
        assert client.say("Halt!").reply.model.version == "1.0.0"
        log = [json.loads(line) for line in (stage.home.store / "events.jsonl").read_text().splitlines()]
        (refusal,) = [entry for entry in log if entry["event"] == "model.rejected"]
        assert "weights.safetensors" in refusal["detail"] and refusal["source"] == "kokoro-82m-1.1.0"


def test_a_ctrl_c_during_a_check_is_no_verdict_on_the_pack(stage: Stage, pack: Pack):
    """What is typed at the terminal reaches the whole group; the pack is taken at the next start."""
    process = start(stage.file, env=stage.environment, start_new_session=True)
    try:
        with Client(stage.file) as client:
            drop(pack, stage.home.models, "1.1.0")
            wait_for(lambda: "checking" in new_states(client), process)
            os.killpg(process.pid, signal.SIGINT)
    finally:
        process.communicate(timeout=60)
    assert process.returncode == 0
    with sidecar(stage.file, env=stage.environment), Client(stage.file, timeout_s=60) as client:
        wait_for(lambda: state(client, "kokoro-82m@1.1.0") == "live", timeout_s=WAIT_S)
        assert not rejected(client, "check_crashed")
