"""The connection file names an address that clients can connect to, or the start is refused."""

from pathlib import Path

import pytest

from sidecar.protocol.errors import BadRequest
from sidecar.server.config import ListenConfig
from sidecar.server.door.reach import advertised
from sidecar.server.process.process import check_address


def options(address: str, advertise: str | None) -> ListenConfig:
    return ListenConfig(address=address, advertise=advertise, keys=Path("keys"))


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_all_addresses_are_none_to_connect_to_unless_one_is_named(address: str):
    with pytest.raises(BadRequest, match="--advertise") as refusal:
        check_address(options(address, None))
    assert refusal.value.field == "advertise" and "this machine has" in str(refusal.value.tip)
    check_address(options(address, "192.168.1.5"))


@pytest.mark.parametrize("host", ["192.168.1.5", "fd00::5", "voices.lan", "pc-7"])
def test_an_address_or_a_name_can_be_advertised(host: str):
    check_address(options("0.0.0.0", host))


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "pc:5555", "tcp://pc", "[::1]", "a b", "-", "*"])
def test_what_nobody_can_connect_to_cannot(host: str):
    with pytest.raises(BadRequest) as refusal:
        check_address(options("192.168.1.5", host))
    assert refusal.value.field == "advertise"


def test_an_endpoint_keeps_its_port():
    assert advertised("tcp://127.0.0.1:5", None) == "tcp://127.0.0.1:5"
    assert advertised("tcp://0.0.0.0:5", "pc") == "tcp://pc:5"
    assert advertised("tcp://[::]:5", "fd00::5") == "tcp://[fd00::5]:5"
