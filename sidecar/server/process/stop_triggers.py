"""What ends a sidecar besides a request: signals, the death of its game, the end of its input."""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from sidecar.protocol.errors import BadRequest

Stop = Callable[[str, bool], None]  #: reason, and whether to finish what was accepted

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def stop_on_signals(stop: Stop) -> None:
    """The first signal drains, the second gives up what is open."""
    for name in SIGNALS:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda got, _frame: stop(signal.Signals(got).name, True))


def stop_with_parent(pid: int, stop: Stop) -> None:
    """Call `stop` when the process `pid` ends. Raises `BadRequest` when there is no such process."""
    try:
        wait = exit_of(pid)
    except (ProcessLookupError, OSError) as error:
        raise BadRequest(f"there is no process {pid} to live with", field="parent-pid") from error

    def watch() -> None:
        wait()
        stop("the parent process ended", False)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def stop_with_stdin(stop: Stop) -> None:
    """Call `stop` when standard input ends: whoever held its other end is gone.

    Raises `BadRequest` when there is none."""
    if sys.stdin is None:
        raise BadRequest("there is no standard input to watch", field="watch-stdin")
    descriptor = sys.stdin.fileno()

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 4096):
                pass
        stop("standard input ended", False)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def exit_of(pid: int) -> Callable[[], None]:
    """A function that returns when the process ends. It is bound to this very process: a later one
    with the same number does not count, a dead one that nobody has buried does. Raises `OSError`."""
    if sys.platform == "win32":
        return _exit_on_windows(pid)
    if hasattr(os, "pidfd_open"):
        return _exit_by_descriptor(pid)
    return _exit_by_kqueue(pid)


def _exit_by_descriptor(pid: int) -> Callable[[], None]:
    descriptor = os.pidfd_open(pid)

    def wait() -> None:
        select.select([descriptor], [], [])
        os.close(descriptor)

    return wait


def _exit_by_kqueue(pid: int) -> Callable[[], None]:
    """macOS and the BSDs."""
    kq: Any = select
    queue = kq.kqueue()
    queue.control([kq.kevent(pid, kq.KQ_FILTER_PROC, kq.KQ_EV_ADD, kq.KQ_NOTE_EXIT)], 0)

    def wait() -> None:
        queue.control([], 1)
        queue.close()

    return wait


def _exit_on_windows(pid: int) -> Callable[[], None]:
    import ctypes

    synchronize, for_ever = 0x00100000, 0xFFFFFFFF
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(synchronize, False, pid)
    if not handle:
        raise ProcessLookupError(pid)

    def wait() -> None:
        kernel.WaitForSingleObject(handle, for_ever)
        kernel.CloseHandle(handle)

    return wait
