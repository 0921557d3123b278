"""Single voices that were dropped: they become a voice pack for a base; or, where they are to stand in for
voices of the base that are called alike, a pack of their own with its weights.

For families whose speakers may come one by one (`engines.family.SingleVoices`).
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sidecar.checks.bare import identity
from sidecar.checks.sources import plain_chunks, plain_size
from sidecar.engines.family import Contents, Family
from sidecar.engines.registry import single_voice_of
from sidecar.models.pack import Pack, describe, open_pack
from sidecar.models.writing import are_new, on_base, unsealed_pack, unsealed_voices
from sidecar.protocol.errors import ModelError, ModelRejected
from sidecar.protocol.reasons import Reason, refusal

_COPY = "dropped"


def is_single_voice(path: Path) -> bool:
    """By its name and size."""
    return not path.is_dir() and single_voice_of(path) is not None


def base_of(folders: Sequence[str], voice: str) -> Pack:
    """The pack in the first of the folders. Raises `ModelRejected` where there is none."""
    try:
        return open_pack(Path(folders[0] if folders else ""))
    except ModelError as error:
        raise refusal(
            Reason.NOT_A_PACK,
            f"{voice} is a single voice, and no pack is there with whose weights it could speak: "
            f"{error.message}",
        ) from error


def copied(source: Path, folder: Path) -> Path:
    """A copy of the file, under its own name, in a folder of its own. Raises `ModelRejected`, `OSError`."""
    size = plain_size(source)
    (folder / _COPY).mkdir()
    copy = folder / _COPY / source.name
    with copy.open("xb") as stream:
        for chunk in plain_chunks(source, size):
            stream.write(chunk)
    return copy


def read(copy: Path, folder: Path) -> tuple[Family[Any], Contents]:
    """Its voices, written into `folder` as the family has them. Raises `ModelRejected`."""
    found = single_voice_of(copy)
    assert found is not None
    family, voices = found
    try:
        return family, voices.read([copy], folder)
    except ModelRejected as error:
        if error.reason in {reason.value for reason in Reason}:
            raise
        raise refusal(Reason.NOT_A_VOICE, error.message, tip=error.tip) from error


def completed(copy: Path, folder: Path, family: Family[Any], contents: Contents, base: Pack) -> Pack:
    """The voices as a pack that lacks only its probe: a voice pack, unless the base has one called alike."""
    name, version = identity(copy.stem)
    told = {
        "name": name,
        "version": version,
        "licence": "unknown",
        "source": f"the file {ascii(copy.name)[1:-1][:200]}, sha256 {describe(copy).sha256}, with "
        f"{base.manifest.name} {base.manifest.version}",
    }
    shutil.rmtree(copy.parent)
    if are_new(contents, base):
        return unsealed_voices(folder, family, contents, base, **told)
    return unsealed_pack(folder, family, on_base(folder, family, contents, base), **told)
