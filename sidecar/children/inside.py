"""A child's own side: limits on itself, reports, and an end when the parent is gone."""

import contextlib
import json
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

_NICE = 15  #: lower, a machine that is busy elsewhere would let a check take for ever


def read_request() -> dict[str, Any]:
    """The parent's one line."""
    request: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    return request


def end_with_parent() -> None:
    """From now on, end at once when standard input is closed. Call after `read_request`."""

    def watch() -> None:
        while os.read(0, 1):  # unbuffered: a buffer's lock would be in the way of our own end
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def report(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def lower_priority() -> None:
    if sys.platform != "win32":  # there the parent chose it
        os.nice(max(0, _NICE - os.nice(0)))


def give_way() -> None:
    """From now on, have the processor when nobody else wants it, where the system knows that; elsewhere at a
    low priority."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            return
    lower_priority()


def limit_self(memory_bytes: int, cpu_s: int) -> None:
    """Bound our memory, and our processor time since we began. Can be called again: the bounds are soft."""
    if sys.platform == "win32":
        from sidecar import windows

        with suppress(OSError):  # an old one, in which a job cannot hold another
            windows.limit_self(memory_bytes, cpu_s)
        return
    import resource

    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    for which, value in ((kind, memory_bytes), (resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(which)
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (bounded, hard))
        except (ValueError, OSError):  # macOS knows some limits in name only
            continue


def peak_memory_bytes() -> int | None:
    """The most memory we have had in use so far, or None where that cannot be known.

    Linux's `ru_maxrss` begins with what the parent had when it started us; the kernel's own mark does not.
    """
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "linux":
        try:
            status = Path("/proc/self/status").read_bytes()
            return 1024 * int(status.partition(b"VmHWM:")[2].split()[0])
        except (OSError, IndexError):  # a sandbox may keep it to itself
            return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
