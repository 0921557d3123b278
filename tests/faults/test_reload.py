"""Real packs dropped into a real sidecar: nothing is lost while it changes voice, nor when it dies."""

import asyncio
import json
import os
import signal
import sys

import pytest

from sidecar.client import AsyncClient, Client
from sidecar.protocol.events import ModelLive, ModelRejection
from tests.faults.stage import Stage, more_than, new_states, real_stage, rejected, stage, wait_for_live
from tests.processes import wait_for

__all__ = ["real_stage", "stage"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
WAIT_S = 120


async def talk_while_it_changes(stage: Stage) -> tuple[list[str], list[bytes]]:
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
        await more_than(versions, 4)
        stage.drop("1.1.0")
        event = await asyncio.wait_for(first, WAIT_S)
        while not isinstance(event, ModelLive):
            assert not isinstance(event, ModelRejection), event
            event = await asyncio.wait_for(anext(events), WAIT_S)
        await more_than(versions, len(versions) + 8)
        over.set()
        await asyncio.gather(*clients)
        await events.aclose()
    return versions, sounds


def test_a_voice_is_exchanged_while_four_clients_talk(real_stage: Stage):
    with real_stage.sidecar():
        versions, sounds = asyncio.run(talk_while_it_changes(real_stage))
    assert {"1.0.0", "1.1.0"} == set(versions)
    changed = versions.index("1.1.0")
    assert versions[changed + 4 :] == ["1.1.0"] * len(versions[changed + 4 :])  # those under way may end
    assert all(len(sound) > 10_000 for sound in sounds)


@pytest.mark.parametrize(
    ("which", "moment"),
    [
        ("stage", "checking"),
        ("real_stage", "loading"),  # else too short to be hit
        ("stage", "live"),
    ],
)
def test_a_sidecar_killed_in_the_middle_of_a_change_speaks_again_with_the_last_good_voice(
    request: pytest.FixtureRequest, which: str, moment: str
):
    stage: Stage = request.getfixturevalue(which)
    process = stage.start()
    try:
        with Client(stage.file) as client:
            stage.drop("1.1.0")
            wait_for(lambda: moment in new_states(client), process)
    finally:
        process.kill()
        process.communicate()
    with stage.speaking() as client:
        version = client.say("Halt!").reply.model.version
        assert version == ("1.1.0" if moment == "live" else "1.0.0")
        if moment == "loading":
            wait_for(lambda: rejected(client, "crashed"))
            assert client.say("Halt!").reply.model.version == "1.0.0"
        else:
            wait_for_live(client)
    assert not [p.name for p in stage.home.store.iterdir() if p.name.startswith(".") and p.is_dir()]


def test_what_is_deleted_while_it_speaks_is_not_missed(stage: Stage):
    with stage.speaking() as client:
        dropped = stage.drop("1.1.0")
        wait_for_live(client)
        for file in sorted(dropped.iterdir(), reverse=True):
            file.unlink()
        dropped.rmdir()
        assert client.say("Still here.").reply.model.version == "1.1.0"
    with stage.speaking() as client:
        assert client.say("And here again.").reply.model.version == "1.1.0"


def test_a_bad_pack_is_refused_in_plain_words_and_the_voice_speaks_on(stage: Stage):
    with stage.speaking() as client:
        target = stage.home.models / "kokoro-82m-1.1.0"
        stage.drop("1.1.0").rename(stage.home.models / ".aside")
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


def test_a_ctrl_c_during_a_check_is_no_verdict_on_the_pack(stage: Stage):
    """What is typed at the terminal reaches the whole group; the pack is taken at the next start."""
    process = stage.start(start_new_session=True)
    try:
        with Client(stage.file) as client:
            stage.drop("1.1.0")
            wait_for(lambda: "checking" in new_states(client), process)
            os.killpg(process.pid, signal.SIGINT)
    finally:
        process.communicate(timeout=60)
    assert process.returncode == 0
    with stage.speaking() as client:
        wait_for_live(client)
        assert not rejected(client, "check_crashed")
