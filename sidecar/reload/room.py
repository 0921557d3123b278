"""Is there memory for a second model beside the first?"""

from collections.abc import Callable

import psutil
import torch

from sidecar.models.manifest import Manifest
from sidecar.protocol.errors import InsufficientMemory

SAFETY = 1.5
#: Weights come as float16 and are held as float32 on the CPU; while they are converted both are there.
LOADED_RATIO = 2.0
MIB = 1 << 20

FreeBytes = Callable[[], int]


def needed_bytes(manifest: Manifest) -> int:
    """What a pack takes when it is loaded, by the size of its files."""
    return round(LOADED_RATIO * sum(file.size_bytes for file in manifest.files))


def free_on(device: torch.device) -> int:
    """Bytes that can still be had, on the device or, for the CPU, on the host."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def check_room(manifest: Manifest, free_bytes: int) -> None:
    """Raises `InsufficientMemory` unless 1.5 times what the pack needs is free."""
    needed = round(SAFETY * needed_bytes(manifest))
    if free_bytes < needed:
        raise InsufficientMemory(
            f"{manifest.name} {manifest.version} needs {needed // MIB} MiB beside the voice that speaks, "
            f"{free_bytes // MIB} MiB are free",
            tip="close something else, then rescan",
        )
