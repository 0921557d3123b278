"""Turning somebody's checkpoint into a voice pack.

The file is opened only in a child process (`python -m sidecar.modkit.import_child`), with
`weights_only=True` and an environment without secrets; what comes back is a safetensors file
or a reason in plain words.
"""

from pathlib import Path

from sidecar.models.child import run_child
from sidecar.models.home import Home
from sidecar.models.kokoro_pack import write_kokoro_pack
from sidecar.models.pack import (
    Pack,
    describe,
    open_pack,
    packs_in,
    writing_to,
)
from sidecar.models.reasons import Reason, refusal
from sidecar.modkit.making import check_name, recorded
from sidecar.protocol.errors import BadRequest, ModelError, ModelRejected, NoModel, StorageError, did_you_mean

TIMEOUT_S = 600
SUFFIXES = (".pth", ".pt", ".onnx")
CHILD = "sidecar.modkit.import_child"


def import_checkpoint(source: Path, home: Home, name: str, version: str) -> Pack:
    """Convert `source` into the pack `name`-`version` of the home's models folder.

    Raises `BadRequest` for a file that cannot be one, `ModelRejected` with the reason when it is not
    what it should be, `StorageError` when the disk refuses. Nothing is left behind on failure.
    """
    if source.suffix.lower() not in SUFFIXES:
        raise BadRequest(f"{source.name}: expected a file ending in {', '.join(SUFFIXES)}", field="source")
    check_name(name, version)
    if not source.is_file():
        raise BadRequest(f"{source} is not there", field="source")
    target = home.models / f"{name}-{version}"
    with writing_to(home.models):
        if target.exists():
            raise BadRequest(
                f"{target.name} exists already: choose another --name or --version", field="name"
            )
        write_kokoro_pack(
            target,
            lambda path: convert_in_child(source, path),
            recorded,
            name=name,
            version=version,
            licence="unknown",
            source=f"{source.name}, sha256 {describe(source).sha256}",
        )
    return open_pack(target)


def convert_in_child(source: Path, weights: Path) -> None:
    """Run the child; raises what it reports, or `ModelRejected` when it dies or takes too long."""
    ended = run_child(CHILD, [str(source.resolve()), str(weights)], timeout_s=TIMEOUT_S)
    if ended.timed_out:
        raise refusal(
            Reason.CHECK_TIMEOUT, f"{source.name}: the import took over {TIMEOUT_S} s and was stopped"
        )
    report = next((report for report in reversed(ended.reports) if "ok" in report), None)
    if report is None:
        raise refusal(
            Reason.CHECK_CRASHED,
            f"{source.name}: the import process ended with code {ended.code}: {ended.last_words}",
        )
    if report["ok"]:
        return
    raise StorageError(report["message"]) if report["kind"] == "storage" else ModelRejected(report["message"])


def installed_packs(home: Home) -> list[Pack | tuple[Path, ModelError]]:
    """Every pack in the home; one that cannot be read stands with its reason."""
    found: list[Pack | tuple[Path, ModelError]] = []
    for folder in packs_in(home.models):
        try:
            found.append(open_pack(folder))
        except ModelError as error:
            found.append((folder, error))
    return found


def find_pack(home: Home, name: str) -> Pack:
    """A pack by folder, or the home's newest of that name, or its name-version. Raises `NoModel`."""
    if (Path(name) / "manifest.json").exists():
        return open_pack(Path(name))
    packs = [pack for pack in installed_packs(home) if isinstance(pack, Pack)]
    fitting = [p for p in packs if name in (p.manifest.name, f"{p.manifest.name}-{p.manifest.version}")]
    if not fitting:
        raise NoModel(f"there is no pack {name!r}{did_you_mean(name, [p.manifest.name for p in packs])}")
    return max(fitting, key=lambda pack: pack.manifest.precedence)
