"""The installed command as a user runs it, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from sidecar.models.pack import Pack
from sidecar.protocol.connection import Connection
from tests.commands import NpcVoice

TIMEOUT_S = 180


def run_command(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sidecar", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT_S, **options
    )


@pytest.mark.slow
def test_demo_speaks_sample_lines_of_several_characters(pack: Pack, tmp_path: Path):
    done = run_command("demo", str(tmp_path / "out"), "--lines", "3", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len({row["speaker"] for row in rows}) == 3
    for row in rows:
        info = soundfile.info(row["file"])
        assert info.duration == pytest.approx(row["audio_s"], abs=0.01)
        assert info.duration > 1


@pytest.mark.slow
def test_say_writes_the_line_and_tells_its_words(pack: Pack, tmp_path: Path):
    done = run_command(
        "say", "Halt!", "-o", str(tmp_path / "a.ogg"), "-s", "af_heart:0.7,am_adam:0.3", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["words"][0][:2] == ["Halt", "hˈɔlt"]
    assert soundfile.info(tmp_path / "a.ogg").format == "OGG"


@pytest.mark.slow
def test_say_writes_the_mouths_movement_beside_the_sound(pack: Pack, tmp_path: Path):
    sound, lips = tmp_path / "a.wav", tmp_path / "a.json"
    done = run_command(
        "say", "Halt!", "-o", str(sound), "--lipsync", str(lips), "--lipsync-format", "rhubarb"
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(lips.read_text("utf-8"))
    assert read["metadata"]["soundFile"] == "a.wav"
    assert read["metadata"]["duration"] == pytest.approx(soundfile.info(sound).duration, abs=0.011)


@pytest.mark.slow
def test_a_pipe_in_a_narrow_code_page_is_no_trouble(pack: Pack, tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "sidecar",
        "say",
        "你好。",
        "-s",
        "zf_xiaobei",
        "-o",
        str(tmp_path / "好.wav"),
    ]
    narrow = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    for arguments in (command, [*command, "--json"]):
        done = subprocess.run(arguments, capture_output=True, env=narrow, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stderr


def test_speakers_and_packs_are_listed(pack: Pack, npc_voice: NpcVoice):
    speakers = json.loads(npc_voice("speakers", "--json").stdout)
    assert len(speakers) == 54
    (listed,) = json.loads(npc_voice("pack", "list", "--json").stdout)
    assert (listed["name"], listed["problem"]) == ("kokoro-82m", "")
    assert json.loads(npc_voice("pack", "info", "kokoro-82m", "--json").stdout)["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["say", ""], 2, "empty"),
        (["say", "Hi.", "-s", "af_hart"], 2, "did you mean 'af_heart'"),
        (["say", "Hi.", "-s", "a:b:c"], 2, "not a blend"),
        (["say", "Hi.", "--emotion", "angy"], 2, "did you mean 'angry'"),
        (["say", "Hi.", "--speed", "nan"], 2, "speed"),
        (["say", "Hi.", "-o", "line.mp3"], 2, ".wav"),
        (["say", "Hi.", "--pack", "nowhere"], 3, "nowhere"),
        (["pack", "info", "nowhere"], 3, "nowhere"),
        (["pack", "import", "absent.pth"], 2, "absent.pth"),
        (["say", "Hi.", "-o", "absent/line.wav"], 4, "cannot write"),
        (["say", "Hi.", "--lipsync", "a.txt"], 2, ".json or .tsv"),
        (["bake", "script.xlsx", "--out", "voice"], 2, ".jsonl"),
        (["bake", "absent.csv", "--out", "voice"], 4, "cannot read"),
        (["bake", "absent.csv", "--out", "voice", "--lips", "arkti"], 2, "did you mean 'arkit'"),
        (["say", "Hi.", "--lipsync", "a.tsv", "--lipsync-format", "rhubard"], 2, "did you mean 'rhubarb'"),
    ],
)
def test_an_error_says_what_was_wrong_and_exits_with_its_kind(
    pack: Pack, arguments, code: int, words: str, tmp_path: Path, npc_voice: NpcVoice, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = npc_voice(*arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("ERROR")
    assert words in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_needs_no_voice_is_refused_before_one_is_loaded(tmp_path: Path):
    for arguments, code in (
        (["say", ""], 2),
        (["say", "Hi.", "--speed", "9"], 2),
        (["say", "Hi.", "-s", "a:b:c"], 2),
        (["say", "Hi.", "--pack", "nowhere"], 3),
        (["pack", "info", "nowhere"], 3),
    ):
        done = whether_torch_is_loaded(arguments, tmp_path)
        assert (done.returncode, done.stdout) == (code, "False\n"), done.stderr
        assert done.stderr.startswith("ERROR") and "Traceback" not in done.stderr


@pytest.mark.parametrize("question", ["speakers", "emotions"])
def test_what_is_only_listed_is_told_without_a_network(pack: Pack, tmp_path: Path, question: str):
    done = whether_torch_is_loaded([question, "--json"], tmp_path)
    answer, _, loaded = done.stdout.rstrip().rpartition("\n")
    assert done.returncode == 0 and loaded == "False"
    assert len(json.loads(answer)) > 1


def whether_torch_is_loaded(arguments: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """The command; the last line that it prints says so."""
    program = (
        "import atexit, sys; from sidecar import cli; sys.argv[0] = 'npc-voice'\n"
        "atexit.register(lambda: print('torch' in sys.modules)); cli.main()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=folder
    )


def start_server(tmp_path: Path) -> tuple[subprocess.Popen[str], Path]:
    file = tmp_path / "connection.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "serve", "--connection-file", str(file)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + TIMEOUT_S
    while not file.exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr
        time.sleep(0.05)
    return process, file


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.slow
def test_the_thirty_line_client_gets_speech_and_a_signal_ends_the_server(
    pack: Pack, tmp_path: Path, samples_folder: Path
):
    process, file = start_server(tmp_path)
    try:
        wav = tmp_path / "line.wav"
        client = [
            sys.executable,
            str(samples_folder / "client.py"),
            str(file),
            "Halt! Who goes there?",
            str(wav),
        ]
        subprocess.run(client, check=True, timeout=TIMEOUT_S)
        assert soundfile.info(wav).duration > 1
        refused = subprocess.run(
            [*client[:3], "", str(wav)], capture_output=True, text=True, timeout=TIMEOUT_S
        )
        assert refused.returncode == 1 and "empty_text" in refused.stderr
        token = Connection.read(file).token
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert not file.exists()
    assert token not in log and "Who goes there" not in log


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_plain_error(pack: Pack, tmp_path: Path):
    process, file = start_server(tmp_path)
    try:
        port = Connection.read(file).commands.rpartition(":")[2]
        done = run_command("serve", "--port", port, "--connection-file", str(tmp_path / "other.json"))
        assert done.returncode == 4
        assert "ERROR cannot start serving" in done.stderr and "Traceback" not in done.stderr
        assert not (tmp_path / "other.json").exists()
    finally:
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)


@pytest.mark.slow
def test_without_a_console_commands_work_and_nothing_is_watched_that_is_not_there(pack: Pack):
    """As a program of the desktop starts us: no standard input, output or error."""
    closed = "exec {0} -m sidecar {1} <&- >&- 2>&-"
    for arguments, code in (("pack list", 0), ("serve --no-watch --watch-stdin", 2)):
        run = ["sh", "-c", closed.format(sys.executable, arguments)]
        assert subprocess.run(run, check=False, timeout=120).returncode == code


def test_a_folders_name_does_nothing_to_the_terminal(tmp_path: Path):
    folder = tmp_path / "models" / "\x1b]0;pwned\x07"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    environment = {**os.environ, "NPC_VOICE_HOME": str(tmp_path)}
    for arguments in (["pack", "list"], ["pack", "check", str(folder)]):
        run = subprocess.run(
            [sys.executable, "-m", "sidecar", *arguments], env=environment, capture_output=True, check=False
        )
        assert b"\x1b]" not in run.stdout + run.stderr and run.stdout + run.stderr
