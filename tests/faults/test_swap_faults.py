"""What can go wrong around a change of voice, with real processes: the live voice speaks on, and says why."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from sidecar.client import Client
from sidecar.protocol.replies import ModelRow
from tests.faults.stage import LABEL, WAIT_S, Stage, stage, state, wait_for_live
from tests.permissions import like_a_user
from tests.processes import wait_for

__all__ = ["stage"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at and limits another process"),
]


def refusal(client: Client) -> ModelRow:
    """The first pack that is refused, once there is one."""
    rows: list[ModelRow] = []

    def refused() -> bool:
        rows[:] = [row for row in client.models().models if row.state == "rejected"]
        return bool(rows)

    wait_for(refused, timeout_s=WAIT_S)
    return rows[0]


def speaks(client: Client, version: str) -> bool:
    """A line that is in no cache."""
    return client.say("Who speaks?", seed=time.monotonic_ns() % 2**31).reply.model.version == version


def copies(stage: Stage) -> list[str]:
    return sorted(path.name for path in stage.home.store.iterdir() if path.is_dir())


def is_taken_after_a_rescan(client: Client) -> bool:
    client.rescan()
    wait_for_live(client)
    return speaks(client, "1.1.0")


def test_when_the_check_is_killed_it_is_begun_again_and_nothing_is_refused(stage: Stage):
    with stage.sidecar() as process, Client(stage.file, timeout_s=60) as client:
        stage.drop("1.1.0")
        wait_for(lambda: psutil.Process(process.pid).children(), timeout_s=WAIT_S)
        (child,) = psutil.Process(process.pid).children()
        assert "sidecar.checks.child" in child.cmdline()
        child.kill()
        assert speaks(client, "1.0.0")
        wait_for_live(client)
        assert speaks(client, "1.1.0")
        assert "was killed (SIGKILL)" in (stage.home.store / "events.jsonl").read_text()


def test_when_the_disk_is_full_the_pack_is_refused_until_there_is_space(stage: Stage):
    with stage.sidecar() as process, Client(stage.file, timeout_s=60) as client:
        _, hard = psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE)
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (100_000, hard))  # the check inherits it
        stage.drop("1.1.0")
        refused = refusal(client)
        assert refused.reason == "storage" and "cannot write the copy" in (refused.detail or "")
        assert copies(stage) == ["kokoro-82m-1.0.0"]
        assert speaks(client, "1.0.0")
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
        assert is_taken_after_a_rescan(client)


def test_when_the_store_cannot_be_written_the_pack_is_refused_until_it_can(stage: Stage):
    """A file where the store should be stops the superuser too."""
    with stage.speaking() as client:
        aside = stage.home.store.with_name("aside")
        if stage.home.store.exists():
            stage.home.store.rename(aside)
        stage.home.store.write_text("in the way")
        stage.drop("1.1.0")
        refused = refusal(client)
        assert refused.reason == "storage" and str(stage.home.store) in (refused.detail or "")
        assert speaks(client, "1.0.0")
        stage.home.store.unlink()
        assert is_taken_after_a_rescan(client)
    with stage.speaking() as client:
        assert speaks(client, "1.1.0")  # what happened since is remembered


def test_a_pack_that_may_not_be_read_is_refused_until_it_may(stage: Stage):
    with like_a_user(), stage.speaking() as client:
        dropped = stage.drop("1.1.0").rename(stage.home.models / ".aside")
        (dropped / "weights.safetensors").chmod(0)
        dropped = dropped.rename(stage.home.models / "kokoro-82m-1.1.0")
        assert refusal(client).reason == "unreadable"
        assert speaks(client, "1.0.0")
        (dropped / "weights.safetensors").chmod(0o600)
        wait_for_live(client)  # the change is seen


def live_with(client: Client, stage: Stage) -> Path:
    """What was dropped, once it is live."""
    dropped = stage.drop("1.1.0")
    wait_for_live(client)
    return dropped


def test_a_drop_that_is_cut_off_while_it_is_live_changes_nothing_but_its_own_row(stage: Stage):
    with stage.speaking() as client:
        os.truncate(live_with(client, stage) / "weights.safetensors", 1000)
        assert refusal(client).reason == "size_differs"
        assert state(client, LABEL) == "live" and speaks(client, "1.1.0")
    with stage.speaking() as client:
        assert speaks(client, "1.1.0")


def test_a_copy_that_is_cut_off_in_the_store_costs_a_restart_only_its_version(stage: Stage):
    with stage.speaking() as client:
        dropped = live_with(client, stage)
        (copy,) = stage.home.store.glob("kokoro-82m-1.1.0-*")
        for file in copy.glob("*.safetensors"):
            os.truncate(file, 1000)
        assert speaks(client, "1.1.0")  # what is loaded is ours
        assert client.say("And I?", speaker="am_two").reply.model.version == "1.1.0"
        for file in dropped.iterdir():
            file.unlink()
        dropped.rmdir()
    with stage.speaking() as client:
        assert speaks(client, "1.0.0")
        stage.drop("1.1.0")
        wait_for_live(client)
        assert speaks(client, "1.1.0")
