"""Ten starts and ends in each way, then a soak: on Windows, or under Wine by `wpy`.

    python -m tests.windows.endurance [MINUTES]

The soak has 5 minutes unless told otherwise; 30 are what a release should have. One client speaks without a
pause while its sidecar is killed again and again, and starts it anew. With PyTorch (without
`tests/windows/standin` on PYTHONPATH) the voice is a miniature, and packs come and go beside it; else a tone.
Prints what was counted; ends with 1 when a line was lost or something was left behind.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

from sidecar import files
from sidecar.client import Client, finding
from sidecar.protocol.connection import Connection
from tests import processes

MODULE, TIMES, SOON_S = "tests.tone_sidecar", 10, 60.0
KILLED_EVERY_S, DROPPED_EVERY_S = (30.0, 60.0), 20.0
IS_STANDIN = hasattr(torch, "IS_STANDIN")


def by_input(file: Path) -> "subprocess.Popen[str]":
    process = processes.start(file, "--watch-stdin", module=MODULE, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    return process


def by_parent(file: Path) -> "subprocess.Popen[str]":
    game = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        return processes.start(file, "--parent-pid", str(game.pid), module=MODULE)
    finally:
        game.kill()
        game.wait()


def by_idling(file: Path) -> "subprocess.Popen[str]":
    return processes.start(file, "--idle-exit", "1", module=MODULE)


def by_request(file: Path) -> "subprocess.Popen[str]":
    process = processes.start(file, module=MODULE)
    with Client(file) as client:
        client.shutdown()
    return process


def by_force(file: Path) -> "subprocess.Popen[str]":
    """And a second start, over what the first has left."""
    first = processes.start(file, module=MODULE)
    first.kill()
    first.communicate()
    return by_input(file)


WAYS: tuple[Callable[[Path], "subprocess.Popen[str]"], ...] = (
    by_input,
    by_parent,
    by_idling,
    by_request,
    by_force,
)


def left_behind(file: Path, process: "subprocess.Popen[str]") -> list[str]:
    process.communicate(timeout=SOON_S)
    names = [path.name for path in file.parent.iterdir()]
    return names if process.returncode == 0 else [f"code {process.returncode}", *names]


def starts_and_ends() -> int:
    """How many went wrong."""
    wrong = 0
    for way in WAYS:
        for number in range(TIMES):
            with tempfile.TemporaryDirectory() as folder:
                if left := left_behind(
                    Path(folder) / "connection.json", way(Path(folder) / "connection.json")
                ):
                    wrong += 1
                    print(f"{way.__name__} {number}: {left} left", flush=True)
        print(f"{way.__name__}: {TIMES} times", flush=True)
    return wrong


def with_its_voice(command: list[str], **options) -> "subprocess.Popen[bytes]":
    module = MODULE if IS_STANDIN else "tests.faults.miniature"
    return _popen([sys.executable, "-m", module, *command[3:]], **options)


_popen = subprocess.Popen


class Drops:
    """Packs that come and go in the models folder; none where PyTorch is not loaded."""

    def __init__(self, models: Path) -> None:
        self._models, self.count, self._next_s = models, 0, time.monotonic() + DROPPED_EVERY_S

    def look(self) -> None:
        if IS_STANDIN or time.monotonic() < self._next_s:
            return
        from tests.attacks.packs import make_miniature

        self.count += 1
        self._next_s = time.monotonic() + DROPPED_EVERY_S
        make_miniature(self._models / f"small-{self.count}", name="small", version=f"1.0.{self.count}")
        files.remove_folder(self._models / f"small-{self.count - 3}")


def soak(minutes: float) -> int:
    """Lines that were lost."""
    finding.subprocess.Popen = with_its_voice  # type: ignore[misc, assignment]
    spoken = killed = lost = 0
    until_s = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        os.environ["NPC_VOICE_HOME"] = home
        file, models = Path(folder) / "connection.json", Path(home) / "models"
        models.mkdir()
        drops = Drops(models)
        with Client(file, start=True) as client:
            kill_s = time.monotonic() + KILLED_EVERY_S[1]
            while time.monotonic() < until_s:
                try:
                    lost += client.say(f"Line {spoken}.").duration_s <= 0
                except Exception as error:
                    lost += 1
                    print(f"line {spoken}: {error!r}", flush=True)
                spoken += 1
                drops.look()
                if time.monotonic() > kill_s:
                    psutil.Process(Connection.read(file).pid).kill()
                    killed += 1
                    kill_s = time.monotonic() + random.uniform(*KILLED_EVERY_S)
        left = [path.name for path in Path(folder).iterdir()]
    counted = f"{spoken} lines, {killed} kills, {drops.count} drops, {lost} lines lost"
    print(f"{minutes:g} minutes: {counted}, {left or 'nothing'} left")
    return lost + len(left)


def main() -> int:
    wrong = starts_and_ends()
    lost = soak(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
    return int(bool(wrong or lost))


if __name__ == "__main__":
    sys.exit(main())
