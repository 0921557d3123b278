"""A shipped folder: what is in it, and that it speaks where there is nothing but a C library."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.protocol.errors import BadRequest, Unsupported
from sidecar.shipping.folder import Shipment, ship
from tests.attacks.packs import change_manifest, change_tensors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="folders are made on Linux only")
MEGA = 1_000_000


@pytest.fixture(scope="module")
def shipment(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Shipment:
    return ship(tmp_path_factory.mktemp("ship") / "npc-voice", "linux", ["kokoro-82m"], ["en"], home)


@pytest.mark.parametrize(
    ("system", "languages", "error", "field"),
    [
        ("windows", ["en"], Unsupported, "for"),
        ("amiga", ["en"], Unsupported, "for"),
        ("linux", ["en", "tlh"], BadRequest, "languages"),
    ],
)
def test_what_cannot_be_made_is_refused_by_field_and_leaves_nothing(
    tmp_path: Path, home: Home, system: str, languages: list[str], error: type, field: str
):
    with pytest.raises(error) as refusal:
        ship(tmp_path / "out", system, ["kokoro-82m"], languages, home)
    assert refusal.value.field == field and not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path, home: Home):
    with pytest.raises(BadRequest, match="exists"):
        ship(tmp_path, "linux", ["kokoro-82m"], ["en"], home)


@pytest.mark.slow
def test_it_is_small_whole_and_holds_nothing_that_no_player_needs(shipment: Shipment):
    assert shipment.size_bytes <= 260 * MEGA
    names = [path.relative_to(shipment.folder).as_posix() for path in shipment.folder.rglob("*")]
    assert {"npc-voice", "VERSION", "NOTICES.txt", "SHA256SUMS", "voices", "licences"} <= set(names)
    unwanted = r"(^|/)(__pycache__|pip|pytest|torch|onnx|tests|jieba|pypinyin|idlelib)(/|$)|\.py$|\.lock$"
    assert [name for name in names if re.search(unwanted, name)] == []
    sums = dict(line.split("  ")[::-1] for line in (shipment.folder / "SHA256SUMS").read_text().splitlines())
    for path in shipment.folder.rglob("*"):
        if path.is_file() and path.name != "SHA256SUMS":
            name = path.relative_to(shipment.folder).as_posix()
            assert sums.pop(name) == hashlib.sha256(path.read_bytes()).hexdigest(), name
    assert not sums


@pytest.mark.slow
def test_a_notice_covers_every_file_and_nothing_is_gpl(shipment: Shipment):
    notices = (shipment.folder / "NOTICES.txt").read_text().splitlines()
    known = {re.sub(r"[-_.]+", "-", line.split()[0]).lower(): line for line in notices if ": " in line}
    packages = next((shipment.folder / "python" / "lib").glob("python*/site-packages"))
    owners = {info.name.split("-")[0].replace("_", "-").lower() for info in packages.glob("*.dist-info")} | {
        "misaki"
    }
    assert owners <= known.keys() | {"npc-voice"}
    for line in known.values():
        assert not re.search(r"(?<!L)\bA?GPL", line), line
    listed = {
        path.parent.name.lower().replace("_", "-")
        for path in (shipment.folder / "licences").rglob("*")
        if path.is_file()
    }
    assert "cpython" in listed and len(listed) >= len(known) - 8  # the rest have their text in the metadata


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


@pytest.mark.slow
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
