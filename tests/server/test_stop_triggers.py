"""A sidecar knows when its game has ended, however that is left lying about."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from sidecar.protocol.errors import BadRequest
from sidecar.server.process.stop_triggers import LOOK_EVERY_S, stop_with_parent

SOON_S = 10 * LOOK_EVERY_S


@pytest.fixture
def game() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def watched(pid: int) -> tuple[threading.Event, list[tuple[str, bool]]]:
    """What tells that the end was noticed, and how it was told."""
    ended, told = threading.Event(), []
    stop_with_parent(pid, lambda *how: (told.append(how), ended.set()))
    return ended, told


def test_a_game_that_ends_is_noticed_and_what_is_open_is_given_up(game: "subprocess.Popen[bytes]"):
    ended, told = watched(game.pid)
    assert not ended.wait(3 * LOOK_EVERY_S)
    game.communicate(b"\n")
    assert ended.wait(SOON_S) and told == [("the parent process ended", False)]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no unburied processes")
def test_a_dead_game_that_nobody_has_buried_is_noticed_too(game: "subprocess.Popen[bytes]"):
    ended, _ = watched(game.pid)
    game.kill()
    os.waitid(os.P_PID, game.pid, os.WEXITED | os.WNOWAIT)
    assert ended.wait(SOON_S)


def test_a_game_that_is_not_there_is_refused(game: "subprocess.Popen[bytes]"):
    game.communicate(b"\n")
    with pytest.raises(BadRequest, match=f"no process {game.pid}") as refused:
        stop_with_parent(game.pid, lambda *_: None)
    assert refused.value.field == "parent-pid"
