"""A bare checkpoint: `x.safetensors` under the published names, beside a file with its sha256.

For families whose weights may come alone (`engines.family.Alone`).
"""

import re
import sys
from dataclasses import asdict
from pathlib import Path

from sidecar.checks.intake import copy_hashed
from sidecar.checks.sources import CHECKPOINT_SUFFIX, check_total, plain_chunks, plain_size
from sidecar.engines.family import WEIGHTS, Contents
from sidecar.engines.headers import Header, check_shapes
from sidecar.engines.registry import owner_of
from sidecar.files import text_of
from sidecar.models.pack import Pack
from sidecar.models.version import is_version
from sidecar.models.writing import unsealed_pack
from sidecar.protocol.reasons import Reason, refusal

#: As sha256sum writes it, or alone; and as certutil does, between two lines in the user's language.
_CHECKSUM = re.compile(r"\s*([0-9a-fA-F]{64})(?:[ \t]+\*?[^\r\n]+)?\s*")
_CERTUTIL = re.compile(r"[^\r\n]+\r?\n((?:[0-9a-fA-F]{2} ?){32})\r?\n[^\r\n]+\s*")
_MOST_CHECKSUM_BYTES = 4096
NO_VERSION = "0.0.0"


def is_bare(path: Path) -> bool:
    return path.suffix.lower() == CHECKPOINT_SUFFIX and not path.is_dir()


def checksum_of(checkpoint: Path) -> str:
    """The sha256 from `x.safetensors.sha256` or `x.sha256`. Raises `ModelRejected`."""
    beside = (checkpoint.with_name(checkpoint.name + ".sha256"), checkpoint.with_suffix(".sha256"))
    found = next((path for path in beside if path.exists()), None)
    if found is None:
        raise refusal(
            Reason.CHECKSUM_MISSING,
            f"{checkpoint.name} stands alone: expected {beside[0].name} beside it",
            tip=f"run: {hashing(checkpoint.name, beside[0].name)}",
        )
    plain_size(found)
    text = b"".join(plain_chunks(found, _MOST_CHECKSUM_BYTES))
    if (sha256 := hexadecimal_in(text)) is None:
        raise refusal(Reason.CHECKSUM_MISSING, f"{found.name} holds no sha256 in hexadecimal")
    return sha256


def hexadecimal_in(content: bytes) -> str | None:
    """The sha256 in what one of the usual programs writes, in lower case; None where there is none."""
    try:
        text = text_of(content)
    except UnicodeDecodeError:  # the words around it may be in any code page
        text = content.decode("latin-1")
    match = _CHECKSUM.fullmatch(text) or _CERTUTIL.fullmatch(text)
    return match[1].replace(" ", "").lower() if match else None


def hashing(name: str, target: str) -> str:
    """The command that writes the sha256 of the file `name` to `target`, in what a user has there."""
    if sys.platform == "win32":
        return f"(Get-FileHash '{name}').Hash | Set-Content '{target}'  (in PowerShell)"
    program = "shasum -a 256" if sys.platform == "darwin" else "sha256sum"
    return f"{program} {name} > {target}"


def copy_checkpoint(checkpoint: Path, target: Path, sha256: str, most_bytes: int) -> None:
    """Copy the weights into the folder `target`. Raises `ModelRejected` unless their hash is `sha256`."""
    size = plain_size(checkpoint)
    check_total(size, most_bytes)
    copied = copy_hashed(plain_chunks(checkpoint, size + 1), target / WEIGHTS)
    if copied.sha256 != sha256:
        raise refusal(Reason.HASH_DIFFERS, f"{checkpoint.name}: its sha256 is not the one beside it")


def check_checkpoint(header: Header) -> None:
    """The family is told from the tensors, which must be all of them. Raises `ModelRejected`."""
    family, alone = owner_of(header)
    check_shapes(WEIGHTS, header, family.shapes(alone.config)[WEIGHTS], family.may_be_compact(alone.config))


def completed(checkpoint: Path, folder: Path, header: Header) -> Pack:
    """The copied weights with what their family adds, as a pack that lacks only its probe."""
    name, version = identity(checkpoint.stem)
    family, alone = owner_of(header)
    return unsealed_pack(
        folder,
        family,
        Contents(asdict(alone.config), alone.complete(folder)),
        name=name,
        version=version,
        licence="unknown",
        source=f"the checkpoint {ascii(checkpoint.name)[1:-1][:200]}",
    )


def identity(stem: str) -> tuple[str, str]:
    """Name and version from a file's name: "My Voice-1.2.0" -> ("my-voice", "1.2.0")."""
    name, dash, version = stem.partition("-")
    while dash and not is_version(version):
        more, dash, version = version.partition("-")
        name = f"{name}-{more}"
    if not dash:
        name, version = stem, NO_VERSION
    slug = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:64]
    return slug or "voice", version
