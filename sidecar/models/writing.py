"""Writing a pack of any family, whatever its files came from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sidecar.engines.family import Contents, Family
from sidecar.models.manifest import Probe
from sidecar.models.pack import Pack, draft, seal, staged
from sidecar.models.standard_probe import standard_probe


def write_pack(
    target: Path,
    family: Family[Any],
    write_files: Callable[[Path], Contents],
    record_probe: Callable[[Pack], Probe],
    **told: str,
) -> None:
    """Make the folder `target`, whole or not at all.

    `write_files` is given a folder for all the family's files, `record_probe` the unsealed pack, to whose
    folder it adds `probe.safetensors`; `told` as in `unsealed_pack`. Raises `StorageError` and whatever the
    two raise. Call inside `writing_to`.
    """
    with staged(target) as staging:
        unsealed = unsealed_pack(staging, family, write_files(staging), **told)
        seal(unsealed, record_probe(unsealed))


def unsealed_pack(
    folder: Path,
    family: Family[Any],
    contents: Contents,
    *,
    name: str,
    version: str,
    licence: str,
    source: str,
) -> Pack:
    """The family's files in `folder` as a pack that lacks only its probe, which is to be the standard one."""
    return draft(
        folder,
        family.files,
        name=name,
        version=version,
        architecture=family.name,
        config=contents.config,
        languages=family.languages,
        speakers=contents.speakers,
        licence=licence,
        source=source,
        probe=standard_probe(contents.speakers),
    )
