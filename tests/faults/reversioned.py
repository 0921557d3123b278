"""The default voice under other versions, to be dropped into the models folder of a running sidecar."""

import shutil
from dataclasses import replace
from pathlib import Path

from sidecar.models.file_names import MANIFEST
from sidecar.models.pack import Pack


def drop(pack: Pack, models: Path, version: str, name: str | None = None) -> Path:
    """`pack` as another version (and name), written aside and renamed into place. Links instead of copies
    would change the date of what they are made from, which then looks as if it were dropped again."""
    name = name or pack.manifest.name
    aside, target = models / f".{name}-{version}", models / f"{name}-{version}"
    aside.mkdir(parents=True)
    for file in pack.manifest.files:
        shutil.copyfile(pack.folder / file.name, aside / file.name)
    manifest = replace(pack.manifest, name=name, version=version)
    (aside / MANIFEST).write_bytes(manifest.to_json().encode())
    aside.rename(target)
    return target
