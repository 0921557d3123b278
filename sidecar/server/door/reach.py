"""Under which address others reach a sidecar: what it binds is not always what they can connect to."""

import ipaddress
import re
import socket

import psutil

from sidecar.protocol.errors import BadRequest

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def check_advertised(address: str, host: str | None) -> None:
    """Raises `BadRequest` unless `host` can be connected to, or stays unsaid where `address` itself can.

    Of several addresses the right one is not guessed: a wrong guess (a virtual network's, a container's own)
    would show only on the other machine, as silence.
    """
    if host is None and not ipaddress.ip_address(address).is_unspecified:
        return
    if host is None:
        raise BadRequest(
            f"{address} is not an address that clients can connect to: say with --advertise which is",
            field="advertise",
            tip=f"this machine has {', '.join(own_addresses()) or 'no address but loopback'}",
        )
    if not is_host(host):
        raise BadRequest(
            f"{host!r} is not a host to connect to: give an address or a name, without a port",
            field="advertise",
        )


def is_host(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return HOST.fullmatch(host) is not None


def own_addresses() -> list[str]:
    """This machine's, without those that are meant for itself or one cable only."""
    found = (
        ipaddress.ip_address(address.address)
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    )
    return [str(address) for address in found if not (address.is_loopback or address.is_link_local)]


def advertised(endpoint: str, host: str | None) -> str:
    """A bound endpoint as clients are to know it."""
    if host is None:
        return endpoint
    return f"tcp://{f'[{host}]' if ':' in host else host}:{endpoint.rpartition(':')[2]}"
