"""What a sidecar is told of its fleet is looked at before a voice is loaded."""

from pathlib import Path

import pytest

from sidecar.protocol.errors import BadRequest
from sidecar.server.config import FleetConfig
from sidecar.server.fleet import NODE, check_fleet, checked_node

pytest.importorskip("urllib3")
ADDRESS = "etcd://127.0.0.1:2379/x"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (FleetConfig("etcd://127.0.0.1/x"), "expected etcd://HOST:PORT/PREFIX"),
        (FleetConfig(ADDRESS, ttl_s=0), "fleet_ttl is 0, expected 1 to 3600, the nearest is 1"),
        (FleetConfig(ADDRESS, node="a/b"), "no name for a node"),
        (FleetConfig(ADDRESS, prometheus="9090"), "expected http://HOST:PORT"),
        (FleetConfig(ADDRESS, credentials=Path("none.json")), "none.json cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(config: FleetConfig, words: str):
    with pytest.raises(BadRequest, match=words):
        check_fleet(config)


def test_a_node_is_called_the_same_from_start_to_start(tmp_path: Path):
    name = checked_node(None, tmp_path / "store")
    assert checked_node(None, tmp_path / "store") == name == (tmp_path / "store" / NODE).read_text()
    assert checked_node("mine", tmp_path / "store") == "mine"
