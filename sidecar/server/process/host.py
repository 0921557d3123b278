"""Living beside a game: how much of the machine the process may take."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from sidecar.protocol.errors import BadRequest

if TYPE_CHECKING:
    import torch

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


def give_back_device_memory() -> None:
    """Return to an NVIDIA device what PyTorch keeps of freed memory: the room for the next voice is counted
    without it."""
    torch = sys.modules.get("torch")  # whoever has not loaded it has taken nothing
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def device_bytes() -> int | None:
    """What PyTorch has taken of an NVIDIA device; None where nothing runs on one."""
    torch = sys.modules.get("torch")
    if torch is None or not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        return None
    return int(torch.cuda.memory_reserved())


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


def limit_device_memory(mebibytes: int, device: "torch.device") -> None:
    """Let models take no more than this of an NVIDIA device's memory; beyond it, as `limit_memory`.

    What CUDA itself takes there comes on top. Other devices share the host's memory.
    """
    if device.type == "cuda":
        import torch

        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, mebibytes * MEBI / total), device)
