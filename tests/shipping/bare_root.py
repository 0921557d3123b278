"""A shipped folder where there is nothing but a shell and a C library: all that a player does, in one go.

    python -m pytest tests/shipping/bare_root.py

As root, on Linux; some minutes. No part of the test command: see docs/SHIPPING.md.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.models.pack import Pack
from sidecar.shipping.folder import Shipment
from tests.attacks.packs import change_manifest, change_tensors

ROOT_LIBRARIES = ("libc.so.6",
    "libm.so.6", "libmvec.so.1", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1",
                  "libstdc++.so.6", "libgcc_s.so.1")  # fmt: skip
TALK = """
import sys, time
from pathlib import Path
from sidecar.client import Client
from sidecar.protocol.errors import NpcVoiceError
file, home, step = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def wait(happened):
    end = time.monotonic() + 600
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)

def row(client, version):
    return next((m for m in client.models().models if m.version == version), None)

def ready():
    try:
        with Client(file, timeout_s=5, attempts=1) as client:
            client.ping()
        return True
    except NpcVoiceError:
        return False

wait(ready)
with Client(file) as client:
    assert client.say("Halt! Who goes there?").duration_s > 0.5
    if step == "whole":
        parts = client.stream("The old mine has been sealed for ten years, traveler. " * 3)
        assert len(list(parts)) > 1
        assert client.say("Stay away!", emotion="angry", intensity=1.0).duration_s > 0.5
        (home / "good").rename(home / "models" / "good")
        wait(lambda: (m := row(client, "1.0.1")) and m.state == "live")
        (home / "bad").rename(home / "models" / "bad")
        wait(lambda: (m := row(client, "1.0.2")) and m.state == "rejected")
        assert client.say("Still here.").duration_s > 0.3
    client.shutdown()
print("spoken", step)
"""


@pytest.fixture
def bare_root(shipment: Shipment, pack: Pack, tmp_path: Path) -> Iterator[Path]:
    """A root folder with a shell, a C library, the shipped folder and a home; nothing else."""
    if os.geteuid() != 0 or None in map(shutil.which, ("unshare", "chroot", "mount")):
        pytest.skip("a bare root needs root and the commands unshare, chroot and mount")
    root = tmp_path / "root"
    for name in ("lib64", "lib", "bin", "tmp", "dev", "proc", "games"):
        (root / name).mkdir(parents=True)
    for name in ("/lib64/ld-linux-x86-64.so.2", *map(_library, ROOT_LIBRARIES)):
        shutil.copy(name, root / ("lib64" if "ld-linux" in name else "lib") / Path(name).name)
    shutil.copy(os.path.realpath("/bin/sh"), root / "bin" / "sh")
    shutil.copytree(shipment.folder, root / "games" / "npc-voice")
    home = root / "home" / "a player 玩家"
    (home / "models").mkdir(parents=True)
    (home / "talk.py").write_text(TALK)
    for name, version in (("good", "1.0.1"), ("bad", "1.0.2")):
        shutil.copytree(shipment.folder / "voices" / "kokoro-82m-1.0.0", home / name)
        change_manifest(home / name, version=version)
    change_tensors(home / "bad", lambda arrays: {key: array * 0 for key, array in arrays.items()})
    yield root


def _library(name: str) -> str:
    return next(f"{folder}/{name}" for folder in ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu")
                if os.path.exists(f"{folder}/{name}"))  # fmt: skip


RUN = """
set -e
mount --bind "$1/games" "$1/games"
mount -o remount,bind,ro "$1/games"
mount -t proc proc "$1/proc"
mknod -m 666 "$1/dev/null" c 1 3 2>/dev/null || true
mknod -m 666 "$1/dev/urandom" c 1 9 2>/dev/null || true
exec chroot "$1" /bin/sh -c '
set -e
at="/games/$1"; home="/home/a player 玩家"; file="$home/connection.json"
LC_ALL=C "$at/npc-voice" serve --home "$home" --any-publisher --connection-file "$file" 2>"$home/log" &
"$at/python/bin/python3" -I -B -X utf8 "$home/talk.py" "$file" "$home" "$2" || { kill $!; exit 1; }
wait
' sh "$2" "$3"
"""


@pytest.mark.timeout(3600)  # the machine may be anybody's
def test_in_a_bare_root_it_speaks_takes_a_pack_and_refuses_a_bad_one(bare_root: Path):
    for folder, step in (("npc-voice", "whole"), ("moved to here", "again")):
        before = _picture(bare_root / "games")
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--fork", "sh", "-c",
             'ip link set lo up 2>/dev/null; ' + RUN, "sh", str(bare_root), folder, step],
            capture_output=True, text=True, timeout=1800, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        log = (bare_root / "home" / "a player 玩家" / "log").read_text()
        assert f"spoken {step}" in done.stdout, (done.stderr, log)
        assert _picture(bare_root / "games") == before  # nothing was written beside the program
        if step == "whole":
            (bare_root / "games" / "npc-voice").rename(bare_root / "games" / "moved to here")


def _picture(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*"))
