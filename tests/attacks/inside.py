"""Children's work in this very process: for what is about verdicts, not about the child that comes to them.

Either stands in the place of `run_child`: without limits, priority and a crash of its own.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

import torch

from sidecar.checks import child
from sidecar.checks.stages import CheckSettings
from sidecar.children.running import Ended, Report
from sidecar.modkit import import_child


def check_inside(
    _module: str,
    arguments: Sequence[str],
    *,
    request: Report,
    on_report: Callable[[Report], None],
    **_: object,
) -> Ended:
    """A check of a pack."""
    reports: list[Report] = []

    def report(**fields: object) -> None:
        reports.append(fields)
        on_report(fields)

    source, staging = map(Path, arguments)
    threads = torch.get_num_threads()
    try:
        with mock.patch.object(child, "report", report):
            settings = CheckSettings.from_request(request)
            report(**child.told(lambda: child.check_source(source, staging, settings)))
    finally:
        torch.set_num_threads(threads)
    return Ended(0, tuple(reports), "no message")


def import_inside(_module: str, arguments: Sequence[str], **_: object) -> Ended:
    """An import of a checkpoint."""
    reports: list[Report] = []
    with (
        mock.patch.object(import_child, "report", lambda **fields: reports.append(fields)),
        mock.patch.object(import_child, "end_with_parent", lambda: None),
    ):
        import_child.main(arguments[0], Path(arguments[1]), [Path(argument) for argument in arguments[2:]])
    return Ended(0, tuple(reports), "no message")
