"""What ends a sidecar besides a request: signals, the death of its game, the end of its input."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import psutil

from sidecar.protocol.errors import BadRequest

Stop = Callable[[str, bool], None]  #: reason, and whether to finish what was accepted

LOOK_EVERY_S = 0.25  #: at the parent: psutil waits for a dead one until it is buried, which it may never be
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def stop_on_signals(stop: Stop) -> None:
    """The first signal drains, the second gives up what is open."""
    for name in SIGNALS:
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda got, _frame: stop(signal.Signals(got).name, True))


def stop_with_parent(pid: int, stop: Stop) -> None:
    """Call `stop` when the process `pid` has ended. Raises `BadRequest` when there is no such process."""
    try:
        parent = psutil.Process(pid)
    except psutil.NoSuchProcess as error:
        raise BadRequest(
            f"there is no process {pid} to live with",
            field="parent-pid",
            tip="a game under Wine or Proton has numbers of its own: use --watch-stdin",
        ) from error

    def watch() -> None:
        while is_alive(parent):
            time.sleep(LOOK_EVERY_S)
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


def is_alive(process: psutil.Process) -> bool:
    """Whether that very process is there: a later one with the same number is not it, and a dead one that
    nobody has buried does not count."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # there is one to be denied
        return True
