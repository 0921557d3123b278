"""Writing a pack of any family, whatever its files came from."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sidecar.engines.family import Contents, Family, SingleVoices
from sidecar.models.architecture import check_base
from sidecar.models.manifest import VOICES_FORMAT, Base, Probe
from sidecar.models.pack import Pack, describe, draft, seal, staged
from sidecar.models.standard_probe import standard_probe
from sidecar.protocol.reasons import Reason, refusal


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
        probe=standard_probe(contents.added or contents.speakers),
    )


def unsealed_voices(
    folder: Path,
    family: Family[Any],
    contents: Contents,
    base: Pack,
    *,
    name: str,
    version: str,
    licence: str,
    source: str,
) -> Pack:
    """The family's single voices in `folder` as a voice pack for the weights of `base`, which lacks only its
    probe. Raises `ModelRejected` where the two do not belong together."""
    check_takes(family, base)
    known = base.manifest
    pack = draft(
        folder,
        family.table_files,
        name=name,
        version=version,
        architecture=family.name,
        config=known.config,
        languages=known.languages,
        speakers=contents.speakers,
        licence=licence,
        source=source,
        probe=standard_probe(contents.speakers),
        format=VOICES_FORMAT,
        base=Base(known.name, known.version, known.sha256),
    )
    check_base(pack.manifest, known)
    return pack


def are_new(contents: Contents, base: Pack) -> bool:
    """Whether `base` has no speaker called as one of these, so that they can be a voice pack."""
    return not set(contents.speakers) & set(base.manifest.speakers)


def on_base(folder: Path, family: Family[Any], contents: Contents, base: Pack) -> Contents:
    """The weights of the pack `base` and its speakers beside the family's single voices in `folder`.

    Raises `ModelRejected` for a base of another family, or that is damaged.
    """
    voices = check_takes(family, base)
    for name in (*family.weight_files, *family.lists):
        shutil.copyfile(base.path(name), folder / name)
        if describe(folder / name) != base.manifest.file(name):
            raise refusal(Reason.HASH_DIFFERS, f"{name} of {base.manifest.name} is damaged")
    speakers = voices.join(folder, base.folder)
    return Contents(base.manifest.config, speakers, contents.added, contents.notes)


def check_takes(family: Family[Any], base: Pack) -> SingleVoices:
    """How the family's single voices are taken. Raises `ModelRejected` for a base of another family."""
    if family.voices is None or base.manifest.architecture != family.name:
        raise refusal(
            Reason.ARCHITECTURE,
            f"voices of {family.title} cannot speak with {base.manifest.name} {base.manifest.version}, which "
            f"is of the architecture {base.manifest.architecture!r}",
        )
    return family.voices
