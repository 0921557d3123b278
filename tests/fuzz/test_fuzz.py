"""A short run of each fuzzer with every test run; the long ones are started by hand."""

import os
import random
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from sidecar.models.pack import Pack
from tests.fuzz import live

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="bounds and measures memory as Linux does")


@pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is not installed: no coverage-guided fuzzing"
)
def test_no_input_surprises_the_parsers():
    command = [sys.executable, "-m", "tests.fuzz.parser", "--inputs", "60000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done 60000" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="ends the sidecar with a POSIX signal")
def test_no_message_silences_a_living_sidecar(pack: Pack):
    live.main(["--inputs", "3000"])


@on_linux
def test_no_clip_surprises_the_ears(capsys: pytest.CaptureFixture[str]):
    from tests.fuzz import clips

    assert clips.main(["--inputs", "3000"]) == 0, capsys.readouterr().out


def dying(body: bytes, chance: random.Random) -> str:
    os.abort()


def hanging(body: bytes, chance: random.Random) -> str:
    time.sleep(60)
    return ""


def swelling(body: bytes, chance: random.Random) -> str:
    return str(len(b"x" * (100 << 20)))


def surprising(body: bytes, chance: random.Random) -> str:
    raise KeyError("rate")


@on_linux
@pytest.mark.parametrize(
    ("hear", "finding"),
    [(dying, "code -6"), (hanging, "no answer"), (swelling, "MiB more"), (surprising, "KeyError('rate')")],
)
def test_a_clip_that_does_harm_is_found_and_kept(hear, finding, tmp_path: Path, monkeypatch):
    from tests.fuzz import clips
    from tests.fuzz.damage import mutant

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(clips, "LIMIT_S", 1)
    tally = clips.fuzz(seed=4, inputs=1, hear=hear)
    assert finding in tally.findings[0] and not tally.outcomes
    assert next(tmp_path.glob("clips-*/4-0")).read_bytes() == mutant(4, 0)[1]
