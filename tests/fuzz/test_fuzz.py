"""A short run of each fuzzer with every test run; the long ones are started by hand."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from sidecar.models.pack import Pack
from tests.fuzz import live


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
