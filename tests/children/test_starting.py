"""A child finds our code though it is isolated, and ends with its input; so does a frozen program's."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sidecar
from sidecar.children.running import run_child
from sidecar.children.starting import CHILDREN, be_child_if_told, child_command, library_folders, start

ASKED = (
    "from sidecar.children.running import run_child; import sidecar, sys;"
    "print(sidecar.__file__); print(run_child('sidecar.checks.child', ['nothing', 'nowhere'], timeout_s=60,"
    "request={'policy': 'any', 'needs_consent': False, 'bases': [],"
    "'trusted_keys': [], 'max_pack_bytes': 1, 'memory_bytes': 1 << 30,"
    "'processor_s': 60, 'timeout_s': 60, 'listen': False}).reports[-1:])"
)


def test_a_child_finds_our_code_and_ends_with_its_input():
    with start("sidecar.audio.decoding_child", [], heard=False) as child:
        assert child.stdin and child.stdout
        assert len(child.stdout.read(21)) == 21 and child.poll() is None
        child.stdin.close()
        assert child.wait(10) == 0


@pytest.mark.parametrize("module", CHILDREN)
def test_a_frozen_program_is_its_own_child(module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    command, ran = child_command(module, ["argument"]), []
    monkeypatch.setattr(runpy, "run_module", lambda name, run_name: ran.append((name, sys.argv)))
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit):
        be_child_if_told(sys.argv)
    assert ran == [(module, [module, "argument"])]


def test_a_frozen_program_is_no_other_module():
    assert be_child_if_told([sys.executable, "--as-child", "sidecar.cli"]) is None


def test_a_program_that_lies_elsewhere_finds_its_own_code_in_the_child(tmp_path: Path):
    """As after `pip install --target` or `--user`: the folder is on the parent's path only."""
    shutil.copytree(
        Path(sidecar.__file__).parent, tmp_path / "sidecar", ignore=shutil.ignore_patterns("*.pyc")
    )
    child = tmp_path / "sidecar" / "checks" / "child.py"
    marked = child.read_text("utf-8").replace("def main(", "print('{\"moved\": 1}')\n\n\ndef main(", 1)
    child.write_text(marked, "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", ASKED.replace("reports[-1:]", "reports[:1]")],
        env=environment, cwd="/", capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert str(tmp_path) in said.splitlines()[0] and "'moved': 1" in said


def test_the_environment_leads_no_child_to_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "json.py").write_text("raise SystemExit(99)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) not in library_folders()
    assert (
        run_child("sidecar.modkit.import_child", ["kokoro", str(tmp_path), "none"], timeout_s=60).code != 99
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for the program")
def test_a_frozen_program_runs_its_checks(tmp_path: Path):
    program = tmp_path / "npc-voice"
    program.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from sidecar.cli import main; main()' \"$@\"\n", "utf-8"
    )
    program.chmod(0o755)
    frozen = f"import sys; sys.frozen = True; sys.executable = {str(program)!r}; "
    said = subprocess.run(
        [sys.executable, "-c", frozen + ASKED], capture_output=True, text=True, check=True
    ).stdout
    assert "'kind':" in said and "crashed" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX sessions")
def test_what_is_sent_to_our_group_does_not_reach_a_child():
    with start("sidecar.audio.decoding_child", [], heard=False) as child:
        assert child.stdin and child.stdout
        assert len(child.stdout.read(21)) == 21
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
        child.stdin.close()
