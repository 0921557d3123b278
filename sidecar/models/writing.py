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
    *,
    name: str,
    version: str,
    licence: str,
    source: str,
) -> None:
    """Make the folder `target`, whole or not at all.

    `write_files` is given a folder for all the family's files, `record_probe` the unsealed pack, to whose
    folder it adds `probe.safetensors`. Raises `StorageError` and whatever the two raise. Call inside
    `writing_to`.
    """
    with staged(target) as staging:
        contents = write_files(staging)
        unsealed = draft(
            staging,
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
        seal(unsealed, record_probe(unsealed))
