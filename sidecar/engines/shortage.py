"""What running out of memory looks like, whoever says so. Works without PyTorch."""

import errno
import re

#: What PyTorch, and what it stands on, says where Python would raise a `MemoryError`.
_SAID = re.compile(
    "|".join(
        (
            "out of memory",  # CUDA and MPS: their allocators, runtime and driver
            "(can't|[Cc]annot) allocate memory",  # the CPU's allocator, and the system about a mapped file
            "not enough memory",  # the CPU's allocator on Windows
            r"alloc_cpu\.cpp",  # what that allocator's every failure begins with
            "std::bad_alloc",
            "could not (create|execute) a primitive(?! descriptor)",  # oneDNN; a descriptor: unsupported
            "Invalid buffer size",  # MPS: more than any buffer may have
            "CU(BLAS|DNN)_STATUS_(ALLOC_FAILED|NOT_INITIALIZED)",  # the second: no room for a handle
            "CUDNN_STATUS_INTERNAL_ERROR_(HOST|DEVICE)_ALLOCATION_FAILED",
            "CUFFT_ALLOC_FAILED",
            "Failed to allocate memory|BFCArena",  # onnxruntime
        )
    )
)


def is_shortage(error: BaseException) -> bool:
    """Whether an error means that there is too little memory, on the host or on a device."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and _SAID.search(str(error)) is not None
    )
