"""Strangers' checkpoints and voices -> a family's files, in a child process (`python -m
sidecar.modkit.import_child`), with `weights_only=True` and an environment without secrets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sidecar.children.running import run_child
from sidecar.engines.family import Contents, Family
from sidecar.protocol.errors import ModelRejected, StorageError
from sidecar.protocol.reasons import Reason, refusal

TIMEOUT_S = 600
CHILD = "sidecar.modkit.import_child"


def unheeded(_words: str) -> None:
    """For those who need not know what became of a file."""


def shown(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files)


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
        listed = (tuple(report[field]) for field in ("speakers", "added", "notes"))
        return Contents(report["config"], *listed)
    raise StorageError(report["message"]) if report["kind"] == "storage" else ModelRejected(report["message"])
