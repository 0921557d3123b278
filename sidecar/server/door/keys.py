"""CURVE keys for a sidecar that other machines reach: `server.key_secret` and `clients/*.key` in a folder."""

from dataclasses import dataclass, field
from pathlib import Path

import zmq
import zmq.auth

from sidecar import files
from sidecar.protocol.errors import BadRequest

SERVER = "server"
CLIENTS = "clients"
CLIENT = "client"


@dataclass(frozen=True)
class Curve:
    """The server's CURVE keys, Z85, and the folder with the public keys of those who may come in."""

    public_key: bytes
    secret_key: bytes = field(repr=False)
    clients: Path


def make_keys(folder: Path) -> Path:
    """New keys for a server and one client in `folder`, readable by their owner only; the client's secret.

    Raises `BadRequest` when there are keys already, `OSError` when the folder cannot be written.
    """
    if (folder / f"{SERVER}.key_secret").exists():
        raise BadRequest(f"{folder} holds keys already", field="keys")
    clients = folder / CLIENTS
    clients.mkdir(parents=True, mode=0o700, exist_ok=True)
    zmq.auth.create_certificates(folder, SERVER)
    public, secret = (Path(path) for path in zmq.auth.create_certificates(folder, CLIENT))
    files.replace(public, clients / public.name)
    for path in folder.glob("*.key_secret"):
        files.keep_to_owner(path)
    return secret


def read_keys(folder: Path) -> Curve:
    """The server's keys. Raises `BadRequest` when they are not there or not keys."""
    path = folder / f"{SERVER}.key_secret"
    try:
        public, secret = zmq.auth.load_certificate(path)
    except (OSError, ValueError, IndexError) as error:
        raise BadRequest(f"{path} holds no keys: make some with npc-voice keys", field="keys") from error
    if secret is None:
        raise BadRequest(f"{path} holds no secret key", field="keys")
    return Curve(public, secret, folder / CLIENTS)
