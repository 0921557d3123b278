"""Turning somebody's checkpoint into a voice pack.

The file is opened only in a child process (`python -m sidecar.modkit.import_child`), with
`weights_only=True` and an environment without secrets; what comes back is a safetensors file
or a reason in plain words.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sidecar.models.home import Home
from sidecar.models.kokoro_pack import write_kokoro_pack
from sidecar.models.manifest import check_identity
from sidecar.models.pack import (
    Pack,
    describe,
    open_pack,
    packs_in,
    writing_to,
)
from sidecar.protocol.errors import BadRequest, ModelError, ModelRejected, NoModel, StorageError, did_you_mean

TIMEOUT_S = 600
SUFFIXES = (".pth", ".pt", ".onnx")
#: What the child inherits: enough to find libraries and temporary space.
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")


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
            name=name,
            version=version,
            licence="unknown",
            source=f"{source.name}, sha256 {describe(source).sha256}",
        )
    return open_pack(target)


def convert_in_child(source: Path, weights: Path) -> None:
    """Run the child; raises what it reports, or `ModelRejected` when it dies or takes too long."""
    command = [sys.executable, "-I", "-m", "sidecar.modkit.import_child", str(source.resolve()), str(weights)]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=TIMEOUT_S, check=False,
            env={name: value for name, value in os.environ.items() if name in KEPT_ENVIRONMENT},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ModelRejected(f"{source.name}: the import took over {TIMEOUT_S} s and was stopped") from error
    report = last_report(done.stdout)
    if report is None:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelRejected(f"{source.name}: the import process ended with code {done.returncode}: {last}")
    if report["ok"]:
        return
    raise StorageError(report["message"]) if report["kind"] == "storage" else ModelRejected(report["message"])


def last_report(output: str) -> dict[str, Any] | None:
    try:
        report = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return report if isinstance(report, dict) and "ok" in report else None


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
    return max(fitting, key=lambda pack: pack.manifest.version_numbers)


def check_name(name: str, version: str) -> None:
    """Raises `BadRequest` unless these can be a pack's name and version."""
    try:
        check_identity(name, version)
    except ModelRejected as error:
        raise BadRequest(error.message, field="name") from error
