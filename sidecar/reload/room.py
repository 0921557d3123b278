"""Is there memory for a second model beside the first?"""

import sys
from collections.abc import Callable

import psutil

from sidecar.engines.placement import Placement
from sidecar.engines.runtimes import runtime
from sidecar.models.manifest import Manifest
from sidecar.protocol.errors import InsufficientMemory

SAFETY = 1.5
#: Weights come as float16 and are held as float32 on the CPU; while they are converted both are there.
LOADED_RATIO = 2.0
#: What letting go of a voice surely gives back; where some of it is held in half precision, that is less.
FREED_RATIO = 1.5
MIB = 1 << 20

FreeBytes = Callable[[], int]


def needed_bytes(manifest: Manifest) -> int:
    """What a pack takes when it is loaded, by the size of its files."""
    return round(LOADED_RATIO * sum(file.size_bytes for file in manifest.files))


def freed_bytes(manifest: Manifest) -> int:
    """What is free again, at the least, once a loaded pack is let go of."""
    return round(FREED_RATIO * sum(file.size_bytes for file in manifest.files))


def free_on(placement: Placement) -> int:
    """Bytes that can still be had, of the device's own memory or, where it has none, of the host's."""
    if (free := runtime(placement.runtime).free_bytes(placement.device)) is not None:
        return free
    available = int(psutil.virtual_memory().available)
    return available if (left := left_under_limit()) is None else min(available, left)


def left_under_limit() -> int | None:
    """Bytes until the process's own limit (`--memory-limit`), where the system holds it to one."""
    if sys.platform == "win32":
        from sidecar import windows

        committed = windows.own_limit_bytes()
        return None if committed is None else max(0, committed - int(psutil.Process().memory_info().private))
    if sys.platform != "linux":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return None
    return max(0, limit - int(psutil.Process().memory_info().data))


def fits(manifest: Manifest, free_bytes: int) -> bool:
    """Whether 1.5 times what the pack needs is free."""
    return free_bytes >= SAFETY * needed_bytes(manifest)


def check_room(manifest: Manifest, free_bytes: int, to_be_freed_bytes: int = 0) -> None:
    """Raises `InsufficientMemory` unless the pack fits into what is and will be free."""
    if not fits(manifest, free_bytes + to_be_freed_bytes):
        freed = f", {to_be_freed_bytes // MIB} MiB more without the voice that speaks" * bool(
            to_be_freed_bytes
        )
        raise InsufficientMemory(
            f"{manifest.name} {manifest.version} needs {round(SAFETY * needed_bytes(manifest)) // MIB} MiB, "
            f"{free_bytes // MIB} MiB are free{freed}",
            tip="close something else, then rescan",
        )
