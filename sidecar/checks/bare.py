"""A bare checkpoint: `x.safetensors` under the published names, beside a file with its sha256."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from sidecar.checks.intake import copy_hashed
from sidecar.checks.sources import CHECKPOINT_SUFFIX, check_total, plain_chunks, plain_size
from sidecar.engines.kokoro.config import SPOKEN_LANGUAGES, KokoroConfig
from sidecar.engines.kokoro.config_check import tensor_shapes
from sidecar.engines.kokoro.voices import write_published
from sidecar.models.architecture import KOKORO, check_weights
from sidecar.models.manifest import WEIGHTS
from sidecar.models.pack import VOICES, Pack, draft
from sidecar.models.safetensors_header import TensorEntry
from sidecar.models.standard_probe import STANDARD
from sidecar.models.version import is_version
from sidecar.protocol.reasons import Reason, refusal

_CHECKSUM = re.compile(rb"\s*([0-9a-fA-F]{64})(?:[ \t]+\*?[^\r\n]+)?\s*")
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
            tip=f"run: sha256sum {checkpoint.name} > {beside[0].name}",
        )
    plain_size(found)
    text = b"".join(plain_chunks(found, _MOST_CHECKSUM_BYTES))
    if not (match := _CHECKSUM.fullmatch(text)):
        raise refusal(Reason.CHECKSUM_MISSING, f"{found.name} holds no sha256 in hexadecimal")
    return match.group(1).decode().lower()


def copy_checkpoint(checkpoint: Path, target: Path, sha256: str, most_bytes: int) -> None:
    """Copy the weights into the folder `target`. Raises `ModelRejected` unless their hash is `sha256`."""
    size = plain_size(checkpoint)
    check_total(size, most_bytes)
    copied = copy_hashed(plain_chunks(checkpoint, size + 1), target / WEIGHTS)
    if copied.sha256 != sha256:
        raise refusal(Reason.HASH_DIFFERS, f"{checkpoint.name}: its sha256 is not the one beside it")


def check_checkpoint(header: Mapping[str, TensorEntry]) -> None:
    """The architecture is told from the tensors: Kokoro-82M or nothing. Raises `ModelRejected`."""
    check_weights(header, tensor_shapes(KokoroConfig()))


def unsealed_pack(checkpoint: Path, folder: Path) -> Pack:
    """The copied weights with the published voices, as a pack that lacks only its probe."""
    name, version = identity(checkpoint.stem)
    speakers = write_published(folder / VOICES)
    return draft(
        folder,
        (WEIGHTS, VOICES),
        name=name,
        version=version,
        architecture=KOKORO,
        config=asdict(KokoroConfig()),
        languages=SPOKEN_LANGUAGES,
        speakers=speakers,
        licence="unknown",
        source=f"the checkpoint {ascii(checkpoint.name)[1:-1][:200]}",
        probe=STANDARD,
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
