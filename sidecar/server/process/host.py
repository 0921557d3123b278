"""Living beside a game: how much of the machine the process may take."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from sidecar.protocol.errors import BadRequest

MEBI = 1 << 20
LEAST_MIB = 256
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  #: glibc's numbers for them


def be_nice() -> None:
    """Give way to the game: below-normal priority for every thread started from here on."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(5)


def keep_one_heap() -> None:
    """Let all threads share the C library's first heap, the only one whose end `give_back_memory` can return.

    With one a thread, a voice that comes and goes leaves up to 50 MiB behind, here or there. Speech is as
    fast. Call it before threads are started.
    """
    if (mallopt := _of_glibc("mallopt")) is not None:
        mallopt(_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Return to the system what the C library keeps of freed memory; hundreds of MiB after many lines.

    Only glibc keeps it and can be told not to; elsewhere nothing is done.
    """
    if (trim := _of_glibc("malloc_trim")) is not None:
        trim(0)


@contextmanager
def returnable_memory() -> Iterator[None]:
    """What is allocated in large pieces in here goes back to the system as soon as it is freed.

    glibc would keep much of it in its heap, in holes that a limit still counts. Outside, thresholds are those
    that it comes to by itself: there, large pieces come and go with every line. Other systems are left alone.
    """
    if (mallopt := _of_glibc("mallopt")) is None:
        yield
        return
    mallopt(_MMAP_THRESHOLD, MEBI)
    try:
        yield
    finally:
        mallopt(_MMAP_THRESHOLD, 32 * MEBI)
        mallopt(_TRIM_THRESHOLD, 64 * MEBI)


def _of_glibc(name: str) -> Callable[..., int] | None:
    """A function of the C library; None on systems whose library has none of that name."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def limit_memory(mebibytes: int) -> None:
    """Let the process take no more than this of the host's memory.

    Beyond it a line is answered with `insufficient_memory`. Raises `BadRequest` for a limit under which
    nothing can run, or that an old Windows cannot set.
    """
    if mebibytes < LEAST_MIB:
        raise BadRequest(f"a memory limit is at least {LEAST_MIB} MiB, got {mebibytes}", field="memory-limit")
    if sys.platform == "win32":
        from sidecar import windows

        try:
            windows.limit_self(mebibytes * MEBI)
        except OSError as error:
            raise BadRequest(f"this Windows sets no memory limit: {error}", field="memory-limit") from error
    else:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = mebibytes * MEBI
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
