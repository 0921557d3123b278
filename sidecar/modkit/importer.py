"""Turning somebody's checkpoints into a voice pack.

A file is opened only in a child process (`python -m sidecar.modkit.import_child`), with
`weights_only=True` and an environment without secrets; what comes back are safetensors files
or a reason in plain words.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sidecar.children.running import run_child
from sidecar.engines.emotivoice.config import SPOKEN_LANGUAGES
from sidecar.engines.emotivoice.sources import KINDS, REQUIRED
from sidecar.home import Home
from sidecar.models.architecture import EMOTIVOICE
from sidecar.models.file_names import LISTS, STYLE, WEIGHTS
from sidecar.models.kokoro_pack import write_kokoro_pack
from sidecar.models.manifest import Probe
from sidecar.models.pack import (
    Pack,
    describe,
    draft,
    open_pack,
    seal,
    staged,
    writing_to,
)
from sidecar.models.reasons import Reason, refusal
from sidecar.models.standard_probe import standard_probe
from sidecar.modkit.making import check_name, recorded, recorded_unheard
from sidecar.protocol.errors import BadRequest, ModelRejected, StorageError

TIMEOUT_S = 600
SUFFIXES = (".pth", ".pt", ".onnx")
CHILD = "sidecar.modkit.import_child"


def import_checkpoint(
    sources: Sequence[Path], home: Home, name: str, version: str, *, listen: bool = True
) -> Pack:
    """Convert one Kokoro file, or the several of an EmotiVoice model in any order, into the pack
    `name`-`version` of the home's models folder.

    Without `listen` it need not sound like speech (random weights for tests). Raises `BadRequest` for a file
    that cannot be one, `ModelRejected` with the reason when it is not what it should be, `StorageError`
    when the disk refuses. Nothing is left behind on failure.
    """
    check_name(name, version)
    for source in sources:
        if not source.is_file():
            raise BadRequest(f"{source} is not there", field="source")
    if len(sources) == 1:
        check_suffix(sources[0])
    target = home.models / f"{name}-{version}"
    with writing_to(home.models):
        if target.exists():
            raise BadRequest(
                f"{target.name} exists already: choose another --name or --version", field="name"
            )
        write = write_kokoro if len(sources) == 1 else write_emotivoice
        write(sources, target, name, version, recorded if listen else recorded_unheard)
    return open_pack(target)


def check_suffix(source: Path) -> None:
    if source.suffix.lower() not in SUFFIXES:
        raise BadRequest(
            f"{source.name}: expected a file ending in {', '.join(SUFFIXES)}, or all files of an EmotiVoice "
            f"model: {', '.join(KINDS[kind] for kind in REQUIRED)}",
            field="source",
        )


def write_kokoro(
    sources: Sequence[Path], target: Path, name: str, version: str, record: Callable[[Pack], Probe]
) -> None:
    write_kokoro_pack(
        target,
        lambda path: convert_in_child(sources, path.parent),
        record,
        name=name,
        version=version,
        licence="unknown",
        source=provenance(sources),
    )


def write_emotivoice(
    sources: Sequence[Path], target: Path, name: str, version: str, record: Callable[[Pack], Probe]
) -> None:
    with staged(target) as staging:
        said = convert_in_child(sources, staging)
        unsealed = draft(
            staging,
            (WEIGHTS, STYLE, *LISTS),
            name=name,
            version=version,
            architecture=EMOTIVOICE,
            config=said["config"],
            languages=SPOKEN_LANGUAGES,
            speakers=tuple(said["speakers"]),
            licence="unknown",
            source=provenance(sources),
            probe=standard_probe(said["speakers"]),
        )
        seal(unsealed, record(unsealed))


def provenance(sources: Sequence[Path]) -> str:
    """What a pack was made of: the first file's hash in full, and the others' names."""
    others = "".join(f", {source.name[:40]}" for source in sources[1:])
    return f"{sources[0].name[:100]}, sha256 {describe(sources[0]).sha256}{others}"


def convert_in_child(sources: Sequence[Path], folder: Path) -> dict[str, Any]:
    """Run the child; what it reports. Raises what it complains of, or `ModelRejected` when it dies or takes
    too long."""
    shown = ", ".join(source.name for source in sources)
    ended = run_child(
        CHILD, [str(folder), *(str(source.resolve()) for source in sources)], timeout_s=TIMEOUT_S
    )
    if ended.timed_out:
        raise refusal(Reason.CHECK_TIMEOUT, f"{shown}: the import took over {TIMEOUT_S} s and was stopped")
    report = next((report for report in reversed(ended.reports) if "ok" in report), None)
    if report is None:
        raise refusal(
            Reason.CHECK_CRASHED,
            f"{shown}: the import process ended with code {ended.code}: {ended.last_words}",
        )
    if report["ok"]:
        return report
    raise StorageError(report["message"]) if report["kind"] == "storage" else ModelRejected(report["message"])
