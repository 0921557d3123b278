"""A child that reports: it is given a request and ends by itself, and till then it says how it goes.

It talks in lines of JSON on its standard output.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from sidecar.children.starting import start

_POLL_S = 0.02
_LONGEST_LINE, _MOST_LINES, _KEPT_STDERR = 1 << 20, 1000, 4096

Report = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How a child ended. `reports` are its lines in order, `last_words` the last line of its stderr."""

    code: int
    reports: tuple[Report, ...]
    last_words: str
    timed_out: bool = False
    cancelled: bool = False


def run_child(
    module: str,
    arguments: Sequence[str],
    *,
    timeout_s: float,
    request: Report | None = None,
    cancelled: threading.Event | None = None,
    on_report: Callable[[Report], None] | None = None,
    low_priority: bool = False,
) -> Ended:
    """Run `module` with `arguments` as a program, hand it `request` as a line, and wait for its end.

    Setting `cancelled` kills the child within a few hundredths of a second. `on_report` is called once
    a line, on the caller's thread; what it raises ends the child. Raises `OSError` when no process can
    be started.
    """
    process = start(module, arguments, low_priority=low_priority)
    assert process.stdin and process.stdout and process.stderr
    reports: list[Report] = []
    last_words = bytearray()
    readers = [
        threading.Thread(target=_read_reports, args=(process.stdout, reports), daemon=True),
        threading.Thread(target=_read_tail, args=(process.stderr, last_words), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        _ask(process.stdin, request)
        told = _Told(reports, on_report)
        timed_out, was_cancelled = _wait(process, timeout_s, cancelled, told)
        _end(process, readers)
        told.rest()
    finally:
        _end(process, readers)
        _close(process.stdin)
        process.stdout.close()
        process.stderr.close()
    words = last_words.decode("utf-8", "replace").strip().splitlines()
    return Ended(process.returncode, tuple(reports), words[-1] if words else "", timed_out, was_cancelled)


class _Told:
    """Hands reports on as they come in."""

    def __init__(self, reports: list[Report], listener: Callable[[Report], None] | None) -> None:
        self._reports, self._listener, self._count = reports, listener, 0

    def rest(self) -> None:
        while self._count < len(self._reports):
            self._count += 1
            if self._listener is not None:
                self._listener(self._reports[self._count - 1])


def _end(process: "subprocess.Popen[bytes]", readers: Sequence[threading.Thread]) -> None:
    process.kill()
    process.wait()
    for reader in readers:
        reader.join()


def _wait(
    process: "subprocess.Popen[bytes]", timeout_s: float, cancelled: threading.Event | None, told: _Told
) -> tuple[bool, bool]:
    """(timed out, cancelled): whichever came before the child's own end."""
    deadline = time.monotonic() + timeout_s
    while process.poll() is None:
        told.rest()
        if cancelled is not None and cancelled.is_set():
            return False, True
        if time.monotonic() >= deadline:
            return True, False
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            continue
    return False, False


def _ask(stream: Any, request: Report | None) -> None:
    """The pipe stays open: its end is the child's signal to go."""
    if request is None:
        return
    try:
        stream.write(json.dumps(request).encode() + b"\n")
        stream.flush()
    except OSError:  # the child died at once; its end says so
        return


def _close(stream: Any) -> None:
    try:
        stream.close()
    except OSError:  # an unflushed request to a dead child
        return


def _read_reports(stream: BinaryIO, reports: list[Report]) -> None:
    while line := stream.readline(_LONGEST_LINE):
        try:
            report = json.loads(line)
        except (ValueError, RecursionError):  # a library's own words
            continue
        if isinstance(report, dict) and len(reports) < _MOST_LINES:
            reports.append(report)


def _read_tail(stream: BinaryIO, tail: bytearray) -> None:
    while chunk := stream.read1(_KEPT_STDERR):  # type: ignore[attr-defined]
        tail += chunk
        del tail[:-_KEPT_STDERR]
