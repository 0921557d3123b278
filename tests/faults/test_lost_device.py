"""A device that fails for good takes its process with it, and the next one speaks."""

import json
import sys
from pathlib import Path

import pytest

from sidecar.client import Client, finding
from sidecar.models.pack import Pack
from sidecar.protocol.connection import DEVICE_LOST, Connection
from sidecar.protocol.errors import InternalError
from tests.processes import sidecar, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="a shell script stands for the interpreter"),
]
LOST = "tests.faults.lost"


@pytest.fixture
def file(tmp_path: Path, pack: Pack) -> Path:
    return tmp_path / "connection.json"


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def test_a_sidecar_that_loses_its_device_ends_with_a_code_of_its_own(file: Path, device: str):
    with sidecar(file, "--device", device, module=LOST) as process, Client(file) as client:
        client.say("Well met.")
        with pytest.raises(InternalError, match="ask again"):
            client.say("A curse upon you.")
        wait_for(lambda: process.poll() is not None, timeout_s=20)
        _, log = process.communicate()
        assert process.returncode == DEVICE_LOST and not file.exists()
        entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        (why,) = [entry for entry in entries if entry["message"] == "the device is lost"]
        assert "device-side assert" in why["trace"]


def test_a_client_starts_the_next_sidecar_after_a_lost_device(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    interpreter = tmp_path / "python"
    interpreter.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} -m {LOST} "$@"\n')
    interpreter.chmod(0o755)
    monkeypatch.setattr(finding.sys, "executable", str(interpreter))
    with Client(file, start=True, arguments=("--device", "cpu")) as client:
        with pytest.raises(InternalError, match="ask again"):
            client.say("A curse upon you.")
        first = Connection.read(file).pid if file.exists() else None
        assert client.say("Well met.").duration_s > 0.3
        assert Connection.read(file).pid != first
