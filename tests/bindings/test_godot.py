"""The Godot binding in a real Godot: its own tests, with a sidecar, a kill or a new voice from this side.

Each engine run prints `N passed, N failed`. Without a Godot (`python tools/install_godot.py`) all skip.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.protocol.connection import Connection
from tests import processes
from tests.faults.reversioned import drop
from tools.install_godot import installed

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "bindings" / "godot"
TAVERN = ROOT / "samples" / "godot_tavern"
GODOT = installed()
LIMIT_S = 240
GRACE_S = 2.0
VERSION = "9.9.9"

pytestmark = [
    pytest.mark.bindings,
    pytest.mark.skipif(GODOT is None, reason="no Godot 4.5 or newer: python tools/install_godot.py"),
]


class Engine:
    """A Godot that runs one of the binding's scripts; `said` grows with what it prints."""

    def __init__(self, script: str, home: Path, project: Path = PROJECT, **arguments: object) -> None:
        assert GODOT is not None
        for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            (home / name).mkdir(exist_ok=True)
        environment = {
            name: str(home / name) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        }
        command = [
            GODOT,
            "--headless",
            "--path",
            str(project),
            "--script",
            f"res://tests/{script}.gd",
            "--",
            "durations=1",
        ]
        self.process = subprocess.Popen(
            command + [f"{name}={value}" for name, value in arguments.items()],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment},
        )  # fmt: skip
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(iter(self.process.stdout.readline, ""))

    def wait_for(self, words: str) -> str:
        """The line that starts so."""
        found: list[str] = []

        def is_said() -> bool:
            found[:] = [line for line in self.said if line.startswith(words)]
            return bool(found) or self.process.poll() is not None

        processes.wait_for(is_said, timeout_s=LIMIT_S)
        assert found, "".join(self.said)
        return found[0]

    def passes(self) -> str:
        """All that it printed, once it has ended well."""
        try:
            self.process.wait(LIMIT_S)
        finally:
            self.end()
        text = "".join(self.said)
        print(text)
        counted = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.MULTILINE)
        assert len(counted) == 1, text
        assert int(counted[0][0]) > 0 and counted[0][1] == "0" and self.process.returncode == 0, text
        return text

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()


@pytest.fixture(scope="module")
def troupe(tmp_path_factory: pytest.TempPathFactory, pack: Pack) -> Home:
    """A home in which the voice is changed, which other tests must not see."""
    home = Home(tmp_path_factory.mktemp("troupe"))
    drop(pack, home.models, pack.manifest.version)
    return home


@pytest.fixture(scope="module")
def file(troupe: Home) -> Iterator[Path]:
    """The connection file of a real sidecar with the real voice."""
    path = troupe.root / "connection.json"
    with processes.sidecar(path, env={**os.environ, "NPC_VOICE_HOME": str(troupe.root)}):
        yield path


@pytest.fixture
def engine_home(tmp_path: Path) -> Path:
    return tmp_path


def test_every_client_is_held_to_the_same_vectors(engine_home: Path):
    Engine("test_vectors", engine_home, vectors=PROJECT.parent / "vectors").passes()


def test_every_message_is_exchanged_with_a_real_sidecar(file: Path, engine_home: Path):
    clip = engine_home / "clip.wav"
    with Client(file) as client:
        line = client.say(
            "You again? Get out of my tavern!", speaker="bf_emma", emotion="angry", format="wav"
        )
    clip.write_bytes(line.audio)
    assert soundfile.info(clip).duration > 1
    Engine("test_messages", engine_home, file=file, clip=clip).passes()


def test_speakers_really_play_and_move_their_mouths(file: Path, engine_home: Path):
    Engine("test_speaker", engine_home, file=file).passes()


def test_a_voice_is_swapped_in_the_middle_of_a_conversation(
    file: Path, engine_home: Path, troupe: Home, pack: Pack
):
    engine = Engine("test_swap", engine_home, file=file, version=VERSION)
    try:
        engine.wait_for("ready")
        drop(pack, troupe.models, VERSION)
    except BaseException:
        engine.end()
        raise
    engine.passes()


def test_a_conversation_goes_on_though_the_sidecar_is_killed(engine_home: Path, pack: Pack):
    path = engine_home / "connection.json"
    first = processes.start(path)
    engine = Engine("test_restart", engine_home, file=path)
    try:
        engine.wait_for("ready")
        first.kill()
        first.communicate()
        with processes.sidecar(path):
            engine.passes()
    finally:
        engine.end()


def test_a_sidecar_of_the_games_own_is_started_restarted_and_stopped(engine_home: Path, pack: Pack):
    Engine("test_own", engine_home, file=engine_home / "own.json", python=sys.executable).passes()


def test_a_killed_game_leaves_no_sidecar(engine_home: Path, pack: Pack):
    path = engine_home / "own.json"
    engine = Engine("game", engine_home, file=path, python=sys.executable)
    try:
        pid = int(engine.wait_for("sidecar ").split()[1])
        assert Connection.read(path).pid == pid and processes.is_running(pid)
    finally:
        engine.end()
    assert processes.wait_for(lambda: not processes.is_running(pid), timeout_s=10) < GRACE_S
    assert not path.exists()


def test_a_hostile_server_gets_typed_errors_and_no_frame(engine_home: Path):
    folder = engine_home / "ways"
    folder.mkdir()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bindings.hostile", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        Engine("test_hostile", engine_home, folder=folder).passes()
    finally:
        server.communicate()


def test_the_addon_loads_in_the_editor(engine_home: Path, tmp_path: Path):
    """Enabled as in a user's project: no error, and its settings and autoload are there."""
    assert GODOT is not None
    project = tmp_path / "project"
    (project / "addons").mkdir(parents=True)
    (project / "addons" / "npc_voice").symlink_to(PROJECT / "addons" / "npc_voice")
    (project / "project.godot").write_text(
        '[autoload]\nNpcVoice="*res://addons/npc_voice/npc_voice.gd"\n'
        '[editor_plugins]\nenabled=PackedStringArray("res://addons/npc_voice/plugin.cfg")\n'
    )
    done = subprocess.run(
        [GODOT, "--headless", "--editor", "--quit", "--path", str(project)],
        capture_output=True, text=True, timeout=LIMIT_S, env={**os.environ, "HOME": str(engine_home)},
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert not re.search(r"SCRIPT ERROR|Parse Error|npc_voice.*ERROR", output), output


def test_the_tavern_plays_by_itself_with_anger_and_a_swap(engine_home: Path, pack: Pack, tmp_path: Path):
    """In a sidecar of its own whose models folder has two versions."""
    other = Home(tmp_path / "tavern")
    other.models.mkdir(parents=True)
    for version in ("1.0.0", VERSION):
        drop(pack, other.models, version)
    environment = {**os.environ, "NPC_VOICE_HOME": str(other.root)}
    with processes.sidecar(other.connection_file, env=environment):
        done = subprocess.run(
            [str(GODOT), "--headless", "--path", str(TAVERN), "--", "--ci"],
            capture_output=True, text=True, timeout=LIMIT_S, env={**environment, "HOME": str(engine_home)},
        )  # fmt: skip
    output = done.stdout + done.stderr
    print(output)
    assert done.returncode == 0 and "rehearsal: good" in output, output
    assert "ERROR" not in output, output
