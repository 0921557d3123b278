"""Turning somebody's checkpoints into a voice pack.

A file is opened only in a child process (`python -m sidecar.modkit.import_child`), with
`weights_only=True` and an environment without secrets; what comes back are safetensors files
or a reason in plain words.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sidecar.children.running import run_child
from sidecar.engines.family import Contents, Family
from sidecar.engines.registry import FAMILIES, importer_of
from sidecar.home import Home
from sidecar.models.pack import Pack, describe, open_pack, writing_to
from sidecar.models.writing import write_pack
from sidecar.modkit.making import check_name, recorded, recorded_unheard
from sidecar.protocol.errors import BadRequest, ModelRejected, StorageError, did_you_mean
from sidecar.protocol.reasons import Reason, refusal

TIMEOUT_S = 600
CHILD = "sidecar.modkit.import_child"


def import_checkpoint(
    sources: Sequence[Path], home: Home, name: str | None = None, version: str = "1.0.0", *,
    listen: bool = True, family: str | None = None,
) -> Pack:  # fmt: skip
    """Convert a family's published files, in any order, into the pack `name`-`version` of the home's models
    folder; `name` is the family's own if not given.

    `family` names whose files these are where their names do not tell.
    Without `listen` it need not sound like speech (random weights for tests). Raises `BadRequest` for a file
    that cannot be one, `ModelRejected` with the reason when it is not what it should be, `StorageError`
    when the disk refuses. Nothing is left behind on failure.
    """
    found = family_for(sources, family)
    name = name or found.importing.pack_name
    check_name(name, version)
    target = home.models / f"{name}-{version}"
    with writing_to(home.models):
        if target.exists():
            raise BadRequest(
                f"{target.name} exists already: choose another --name or --version", field="name"
            )
        write_pack(
            target,
            found,
            lambda folder: convert_in_child(found, sources, folder),
            recorded if listen else recorded_unheard,
            name=name,
            version=version,
            licence="unknown",
            source=provenance(sources),
        )
    return open_pack(target)


def family_for(sources: Sequence[Path], family: str | None = None) -> Family[Any]:
    """Whose files these are, as said or by their names. Raises `BadRequest` for what is not there or
    nobody's."""
    for source in sources:
        if not source.is_file():
            raise BadRequest(f"{source} is not there", field="source")
    if family is not None:
        if family not in FAMILIES:
            raise BadRequest(f"unknown family {family!r}{did_you_mean(family, FAMILIES)}", field="family")
        return FAMILIES[family]
    if (found := importer_of(sources)) is None:
        expected = ", or ".join(known.importing.expected for known in FAMILIES.values())
        raise BadRequest(f"{shown(sources)}: expected {expected}", field="source")
    return found


def shown(sources: Sequence[Path]) -> str:
    return ", ".join(source.name for source in sources)


def provenance(sources: Sequence[Path]) -> str:
    """What a pack was made of: the first file's hash in full, and the others' names."""
    others = "".join(f", {source.name[:40]}" for source in sources[1:])
    return f"{sources[0].name[:100]}, sha256 {describe(sources[0]).sha256}{others}"


def convert_in_child(family: Family[Any], sources: Sequence[Path], folder: Path) -> Contents:
    """Run the child, which writes the family's files. Raises what it complains of, or `ModelRejected` when it
    dies or takes too long."""
    arguments = [family.name, str(folder), *(str(source.resolve()) for source in sources)]
    names = shown(sources)
    ended = run_child(CHILD, arguments, timeout_s=TIMEOUT_S)
    if ended.timed_out:
        raise refusal(Reason.CHECK_TIMEOUT, f"{names}: the import took over {TIMEOUT_S} s and was stopped")
    report = next((report for report in reversed(ended.reports) if "ok" in report), None)
    if report is None:
        raise refusal(
            Reason.CHECK_CRASHED,
            f"{names}: the import process ended with code {ended.code}: {ended.last_words or 'no message'}",
        )
    if report["ok"]:
        return Contents(report["config"], tuple(report["speakers"]))
    raise StorageError(report["message"]) if report["kind"] == "storage" else ModelRejected(report["message"])
