"""Which packs there are in a home. Works without PyTorch."""

from pathlib import Path

from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.file_names import MANIFEST
from sidecar.models.pack import Pack, open_pack, packs_in
from sidecar.protocol.errors import ModelError, NoModel, did_you_mean


def installed_packs(home: Home) -> list[Pack | tuple[Path, ModelError]]:
    """Every pack in the home; one that cannot be read stands with its reason."""
    found: list[Pack | tuple[Path, ModelError]] = []
    for folder in [*(f for f in [default_voice.folder_in(home)] if f.exists()), *packs_in(home.models)]:
        try:
            found.append(open_pack(folder))
        except ModelError as error:
            found.append((folder, error))
    return found


def find_pack(home: Home, name: str) -> Pack:
    """A pack by folder, or the home's newest of that name, or its name-version. Raises `NoModel`."""
    if (Path(name) / MANIFEST).exists():
        return open_pack(Path(name))
    packs = [pack for pack in installed_packs(home) if isinstance(pack, Pack)]
    fitting = [p for p in packs if name in (p.manifest.name, f"{p.manifest.name}-{p.manifest.version}")]
    if not fitting:
        raise NoModel(f"there is no pack {name!r}{did_you_mean(name, [p.manifest.name for p in packs])}")
    return max(fitting, key=lambda pack: pack.manifest.precedence)


def folder_of(pack: str | None) -> Path | None:
    """Where a pack of the user's lies, as `find_pack` finds it; None for none, which is the default voice."""
    return find_pack(Home.from_environment(), pack).folder if pack else None
