"""A sidecar on an NVIDIA device, as a game starts it."""

from pathlib import Path

import pytest

from sidecar.client import Client
from sidecar.models.pack import Pack
from tests.processes import sidecar

pytestmark = pytest.mark.cuda


@pytest.mark.parametrize(
    "arguments", [(), ("--device", "cuda", "--memory-limit", "4096")], ids=["auto", "limited"]
)
def test_it_serves_on_the_device(tmp_path: Path, pack: Pack, arguments: tuple[str, ...]):
    file = tmp_path / "connection.json"
    with sidecar(file, *arguments), Client(file) as client:
        assert client.hello().device.name == "cuda:0"
        parts = list(client.stream("Halt! Who goes there? The old mine has been sealed for ten years."))
        assert len(parts) > 1 and sum(part.duration_s for part in parts) > 2
