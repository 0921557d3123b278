"""Which packs there are in a home, and what else lies where they should. Works without PyTorch."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sidecar.checks import bare
from sidecar.checks.candidate import check_candidate
from sidecar.checks.intake import read_manifest
from sidecar.checks.settings import settings_for
from sidecar.checks.single_voice import is_single_voice
from sidecar.checks.sources import open_source, refuse_link
from sidecar.checks.stages import CheckSettings
from sidecar.engines.registry import single_voice_of
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.architecture import check_description
from sidecar.models.default_voice import Progress, ensure_default_voice, silent
from sidecar.models.file_names import MANIFEST
from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, open_pack, packs_in
from sidecar.protocol.errors import BadRequest, ModelError, NoModel, did_you_mean
from sidecar.reload.candidates import survey


@dataclass(frozen=True)
class Listed:
    """What lies at `path` in a models folder, as far as its names and its manifest tell; `problem` says why
    it
    is no pack, and is empty where nothing is wrong so far."""

    path: Path
    name: str
    version: str = ""
    kind: str = ""
    problem: str = ""


def listed(home: Home) -> list[Listed]:
    """The default voice, and all that the sidecar would look at in the models folder."""
    shipped = default_voice.folder_in(home)
    return [_listed(path) for path in [*([shipped] if shipped.exists() else []), *_dropped(home)]]


def _dropped(home: Home) -> list[Path]:
    return [home.models / name for name in sorted(survey(home.models))]


def _listed(path: Path) -> Listed:
    try:
        return _described(path)
    except ModelError as error:
        return Listed(path, path.name, problem=error.message)


def _described(path: Path) -> Listed:
    """Raises `ModelError`."""
    if is_single_voice(path) and (found := single_voice_of(path)) is not None:
        refuse_link(path)
        return Listed(path, *bare.identity(path.stem), found[0].name)
    if bare.is_bare(path):
        refuse_link(path)
        bare.checksum_of(path)
        return Listed(path, *bare.identity(path.stem))
    manifest, _ = read_manifest(open_source(path, CheckSettings().max_pack_bytes))
    check_description(manifest)
    return Listed(path, manifest.name, manifest.version, kind_of(manifest))


def kind_of(manifest: Manifest) -> str:
    """Its architecture; whose voices they are, where it has voices only."""
    base = manifest.base
    return manifest.architecture if base is None else f"voices for {base.name} {base.version}"


def installed_packs(home: Home) -> list[Pack]:
    """Every pack in the home that is a folder with a sound manifest."""
    found = []
    for folder in [default_voice.folder_in(home), *packs_in(home.models)]:
        try:
            found.append(open_pack(folder))
        except ModelError:
            continue
    return found


def find_pack(home: Home, name: str) -> Pack:
    """A pack by folder, or the home's newest of that name, or its name-version. Raises `NoModel`, and
    `BadRequest` for a file, which must be checked first."""
    if (Path(name) / MANIFEST).exists():
        return open_pack(Path(name))
    if Path(name).is_file():
        raise BadRequest(
            f"{name} is a file, and this needs a pack that lies unpacked: drop it into {home.models}",
            field="pack",
        )
    packs = installed_packs(home)
    fitting = [p for p in packs if name in (p.manifest.name, f"{p.manifest.name}-{p.manifest.version}")]
    if not fitting:
        raise NoModel(f"there is no pack {name!r}{did_you_mean(name, [p.manifest.name for p in packs])}")
    return max(fitting, key=lambda pack: pack.manifest.precedence)


def pack_or_default(home: Home, name: str | None, progress: Progress = silent) -> Pack:
    """`find_pack`, or without a name the default voice, which is made if need be. Raises as both do."""
    return find_pack(home, name) if name else ensure_default_voice(home, progress)


@contextmanager
def at_hand(home: Home, name: str) -> Iterator[Pack]:
    """`find_pack`, or a file that is not installed: checked as if it were dropped, some seconds, into a
    folder that is gone when the block ends. Raises as both do."""
    if not Path(name).is_file():
        yield find_pack(home, name)
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store:
        settings = settings_on_base(home, Path(name), more_bases=packs_in(home.models))
        yield check_candidate(Path(name), Path(store), settings).pack


def settings_on_base(
    home: Home, source: Path, policy: str = "any", more_bases: Sequence[Path] = ()
) -> CheckSettings:
    """For a check by hand: a single voice speaks with the default voice's weights, which are made if need
    be."""
    settings = settings_for(home, policy, more_bases)
    if not is_single_voice(source):
        return settings
    return replace(settings, bases=(str(ensure_default_voice(home).folder), *settings.bases))


def folder_of(pack: str | None) -> Path | None:
    """Where a pack of the user's lies, as `find_pack` finds it; None for none, which is the default voice."""
    return find_pack(Home.from_environment(), pack).folder if pack else None
