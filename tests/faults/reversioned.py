"""The default voice under other versions, to be dropped into the models folder of a running sidecar."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from sidecar.models.manifest import FILE_NAME
from sidecar.models.pack import Pack


def drop(pack: Pack, models: Path, version: str, name: str | None = None) -> Path:
    """`pack` as another version (and name), written aside and renamed into place; files are shared by links
    where the disk has such, since only the manifest differs."""
    name = name or pack.manifest.name
    aside, target = models / f".{name}-{version}", models / f"{name}-{version}"
    aside.mkdir(parents=True)
    for file in pack.manifest.files:
        try:
            os.link(pack.folder / file.name, aside / file.name)
        except OSError:
            shutil.copyfile(pack.folder / file.name, aside / file.name)
    manifest = replace(pack.manifest, name=name, version=version)
    (aside / FILE_NAME).write_bytes(manifest.to_json().encode())
    aside.rename(target)
    return target
