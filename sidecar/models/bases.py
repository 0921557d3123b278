"""Where the model of a voice pack lies: the pack that has the weights which its voices belong to."""

from collections.abc import Iterable
from pathlib import Path

from sidecar.home import Home
from sidecar.models.file_names import MANIFEST
from sidecar.models.manifest import Base
from sidecar.models.pack import Pack, open_pack, packs_in, verify
from sidecar.protocol.errors import ModelError, ModelRejected
from sidecar.protocol.reasons import Reason


class BaseMissing(ModelRejected):
    """A voice pack whose base is nowhere: it may come yet. `sha256` is that of the weights."""

    def __init__(self, message: str, sha256: str, *, tip: str | None = None) -> None:
        super().__init__(message, reason=Reason.BASE_MISSING.value, tip=tip)
        self.sha256 = sha256


def verified_in(home: Home) -> tuple[Path, ...]:
    """Where a base may be: the copies that were checked, and what ships."""
    return tuple(packs_in(home.store))


def find_base(base: Base, folders: Iterable[Path]) -> Pack:
    """The first whole pack with these weights. Raises `BaseMissing`."""
    for folder in folders:
        if (pack := _of_weights(folder, base.sha256)) is not None:
            return pack
    raise BaseMissing(
        f"its voices need {base.label}, which is not there",
        base.sha256,
        tip=f"put {base.name} {base.version} into the models folder first",
    )


def _of_weights(folder: Path, sha256: str) -> Pack | None:
    """The pack in that folder if it has these weights and is whole."""
    if not (folder / MANIFEST).is_file():
        return None
    try:
        pack = open_pack(folder)
        if pack.manifest.base is not None or pack.manifest.sha256 != sha256:
            return None
        verify(pack)
    except ModelError:
        return None
    return pack
