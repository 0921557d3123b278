"""One shipped folder for all of its tests."""

import pytest

from sidecar.home import Home
from sidecar.shipping.folder import Shipment, ship


@pytest.fixture(scope="package")
def shipment(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Shipment:
    return ship(tmp_path_factory.mktemp("ship") / "npc-voice", "linux", ["kokoro-82m"], ["en"], home)
