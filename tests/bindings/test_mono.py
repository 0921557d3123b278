"""The C# binding on Mono and on .NET Core: its own tests against a real sidecar and a hostile one.

Without Mono (`python tools/install_mono.py`) all are skipped, without .NET Core what runs there.
"""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.protocol.connection import Connection
from tests import processes
from tests.bindings.mono import PACKAGE, ROOT, Build, environment, on_dotnet
from tests.faults.reversioned import drop
from tools import make_unity_package
from tools.install_mono import dotnet, mono

MONO, DOTNET = mono(), dotnet()
HALT = "Halt! Who goes there?"
LIMIT_S = 480
GRACE_S = 2.0

needs_mono = pytest.mark.skipif(MONO is None, reason="no Mono: python tools/install_mono.py")
needs_dotnet = pytest.mark.skipif(
    MONO is None or DOTNET is None, reason="no Mono or no .NET Core: python tools/install_mono.py"
)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    assert MONO is not None
    made = Build(MONO, tmp_path_factory.mktemp("assemblies"))
    made.all()
    return made


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with connection files of peers that misbehave."""
    folder = tmp_path_factory.mktemp("hostile")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bindings.hostile", str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield folder
    process.communicate(timeout=30)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, hostile: Path, pack: Pack) -> Iterator[dict[str, str]]:
    """The environment of the C# tests: a real sidecar that they share, and all else they need. Sidecars that
    they start themselves have another home, in which the voice is changed."""
    folder = tmp_path_factory.mktemp("mono")
    home = Home(folder / "home")
    drop(pack, home.models, pack.manifest.version)
    file = folder / "connection.json"
    with processes.sidecar(file, "--no-watch"):
        with Client(file, timeout_s=60) as client:
            sound = folder / "halt.pcm"
            sound.write_bytes(client.say(HALT).audio)
        known = environment(
            connection=file, vectors=ROOT / "bindings" / "vectors", hostile=hostile, sound=sound,
            python=sys.executable, folder=folder, home=home.root,
            tavern=PACKAGE / "Samples~" / "Tavern" / "Resources" / "tavern_dialogue.csv",
        )  # fmt: skip
        yield {**known, "PYTHONPATH": str(ROOT)}


def ended(command: list[str], variables: dict[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S)
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    return done


@pytest.mark.bindings
@needs_mono
def test_all_of_it_on_mono(build: Build, told: dict[str, str]):
    assert MONO is not None
    result = build.folder / "result.xml"
    command = [MONO.nunit, "-nologo", "-noshadow", f"-result={result}", "NpcVoice.Tests.dll"]
    done = ended(command, told, build.folder)
    counted = ElementTree.parse(result).getroot().attrib
    failed = int(counted["failures"]) + int(counted["errors"]) + int(counted["invalid"])
    print(f"{int(counted['total']) - failed} passed, {failed} failed")
    assert done.returncode == 0 and failed == 0
    assert int(counted["total"]) > 80 and int(counted["not-run"]) == 0


@pytest.mark.bindings
@needs_dotnet
def test_all_but_restarts_on_dotnet(build: Build, told: dict[str, str]):
    assert DOTNET is not None
    command = [*on_dotnet(DOTNET, build.runner()), str(build.folder / "NpcVoice.Tests.dll"), "Slow"]
    done = ended(command, told, build.folder)
    counted = re.findall(r"^(\d+) passed, (\d+) failed$", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and len(counted) == 1
    assert int(counted[0][0]) > 80 and counted[0][1] == "0"


@pytest.mark.bindings
@needs_dotnet
def test_the_core_compiles_against_dotnet(build: Build):
    assert DOTNET is not None
    assert build.against(DOTNET).exists()


@pytest.mark.bindings
@needs_mono
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_killed_game_leaves_no_orphan(build: Build, tmp_path: Path, pack: Pack):
    assert MONO is not None
    file = tmp_path / "connection.json"
    game = subprocess.Popen(
        [MONO.runtime, str(build.program("Game")), str(file), sys.executable], cwd=ROOT,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert game.stdout is not None and game.stdout.readline() == "speaking\n"
        pid = Connection.read(file).pid
        assert processes.is_running(pid)
    finally:
        game.kill()
        game.wait()
    assert processes.wait_for(lambda: not processes.is_running(pid), timeout_s=10) < GRACE_S
    assert not file.exists()


def test_the_package_is_whole():
    description = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    assert description["name"] == PACKAGE.name
    assert f"## {description['version']}" in (PACKAGE / "CHANGELOG.md").read_text("utf-8")
    for sample in description["samples"]:
        assert (PACKAGE / sample["path"]).is_dir()
    for definition in PACKAGE.rglob("*.asmdef"):
        assert json.loads(definition.read_text("utf-8"))["name"] == definition.stem
    core = PACKAGE / "Runtime" / "Core"
    assert json.loads((core / "NpcVoice.Core.asmdef").read_text("utf-8"))["noEngineReferences"] is True
    assert not [file for file in core.glob("*.cs") if "UnityEngine" in file.read_text("utf-8")]


def test_every_asset_has_its_meta_file():
    expected = make_unity_package.metas(PACKAGE)
    found = {file: file.read_text("utf-8") for file in PACKAGE.rglob("*.meta")}
    assert found == expected
    assert len({text.split("guid: ")[1][:32] for text in found.values()}) == len(found)


def test_what_is_copied_into_the_package_is_as_its_original():
    for file, text in make_unity_package.copies().items():
        assert file.read_text("utf-8") == text
