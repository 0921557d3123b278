"""`signature.json`: a publisher's ed25519 signature over a manifest, and so over every file it lists.

What is signed is a fixed prefix and the manifest's bytes as they stand in the file. A key is 32
bytes, a signature 64, both written in lower-case hexadecimal. The publisher's name is a claim;
what counts is the key.
"""

import json
import re
import stat
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from sidecar import files
from sidecar.models.file_names import SIGNATURE
from sidecar.models.manifest import read_json
from sidecar.protocol.errors import BadRequest, StorageError
from sidecar.protocol.reasons import Reason, refusal

FORMAT = 1
MAX_BYTES = 4096
_PREFIX = b"npc-voice pack manifest\n"
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{128}", re.ASCII)
_PUBLISHER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}", re.ASCII)
_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True)
class Signature:
    publisher: str
    key: str
    signature: str
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Signature":
        """Raises `ModelRejected` unless the file has exactly the four fields in their form."""
        data = read_json(text, SIGNATURE, Reason.SIGNATURE_FORM, MAX_BYTES)
        wanted = {"publisher": _PUBLISHER, "key": _KEY, "signature": _SIGNATURE}
        if not isinstance(data, dict) or data.keys() != {"format", *wanted}:
            raise _malformed("expected the fields format, publisher, key and signature")
        if type(data["format"]) is not int or data["format"] != FORMAT:
            raise _malformed(f"format is {data['format']!r:.40}, this version reads {FORMAT}")
        for field, pattern in wanted.items():
            if not isinstance(data[field], str) or not pattern.fullmatch(data[field]):
                raise _malformed(f"{field} is {data[field]!r:.80}, expected the form {pattern.pattern}")
        return cls(**data)

    def verify(self, manifest: bytes) -> None:
        """Raises `ModelRejected` unless this key signed exactly this manifest."""
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key)).verify(
                bytes.fromhex(self.signature), _PREFIX + manifest
            )
        except (InvalidSignature, ValueError) as error:
            raise refusal(
                Reason.SIGNATURE_WRONG,
                f"{SIGNATURE}: the signature is not that of key {self.key[:16]}… over this manifest",
            ) from error


def _malformed(message: str) -> Exception:
    return refusal(Reason.SIGNATURE_FORM, f"{SIGNATURE}: {message}")


def is_publisher(name: str) -> bool:
    return bool(_PUBLISHER.fullmatch(name))


def make_key(path: Path) -> str:
    """Write a new private key that only its owner can read; the public key in hexadecimal.

    Raises `BadRequest` when the file exists, `StorageError` when it cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        files.write_new(path, pem, private=True)
    except FileExistsError as error:
        raise BadRequest(f"{path} exists already: a key is never written over", field="key") from error
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    return public_key(key)


def load_key(path: Path) -> Ed25519PrivateKey:
    """Raises `BadRequest` when the file is no such key, or others can read it."""
    try:
        if not _WINDOWS and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadRequest(f"{path} can be read by others", field="key", tip=f"run: chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}", field="key") from error
    except (ValueError, TypeError) as error:
        raise BadRequest(f"{path} is not a private key in PEM", field="key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadRequest(
            f"{path} is not an ed25519 key", field="key", tip="make one with `npc-voice pack key`"
        )
    return key


def public_key(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def signed(manifest: bytes, key: Ed25519PrivateKey, publisher: str) -> Signature:
    """Raises `BadRequest` for a publisher's name that is none."""
    if not is_publisher(publisher):
        raise BadRequest(
            f"publisher {publisher!r}: expected 1 to 64 letters, digits, spaces or ._@-", field="publisher"
        )
    return Signature(publisher, public_key(key), key.sign(_PREFIX + manifest).hex())
