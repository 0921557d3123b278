"""Too little memory is known by what libraries say of it, word for word."""

import errno

import pytest

from sidecar.engines.shortage import is_shortage

SHORT = {
    "CPU, Linux": "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 2437120 bytes. Error code 12 (Cannot allocate memory)",
    "CPU, Windows": "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: not enough memory: you "
    "tried to allocate 911360 bytes.",
    "oneDNN": "could not create a primitive",
    "C++": "std::bad_alloc",
    "mapped file": "unable to mmap 164000000 bytes from file <weights.pth>: Cannot allocate memory (12)",
    "CUDA": "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB of "
    "which 14.31 MiB is free.",
    "CUDA runtime": "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some "
    "other API call, so the stacktrace below might be incorrect.",
    "CUDA driver": "CUDA driver error: out of memory",
    "cuBLAS": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuBLAS handle": "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN handle": "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "cuDNN 9": "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cuFFT": "cuFFT error: CUFFT_ALLOC_FAILED",
    "HIP": "HIP out of memory. Tried to allocate 2.00 GiB.",
    "MPS": "MPS backend out of memory (MPS allocated: 7.64 GiB, other allocations: 68.91 GiB, max allowed: "
    "88.13 GiB). Tried to allocate 33.92 GiB on private pool.",
    "MPS buffer": "Invalid buffer size: 24.00 GiB",
}
NOT_SHORT = (
    "could not create a primitive descriptor for a convolution forward propagation primitive",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle)`",
    "CUDA error: no kernel image is available for execution on the device",
    "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 0",
)


@pytest.mark.parametrize("text", SHORT.values(), ids=SHORT)
def test_what_libraries_say_of_too_little_memory_is_known(text: str):
    assert is_shortage(RuntimeError(text))
    assert not is_shortage(ValueError(text))


@pytest.mark.parametrize("text", NOT_SHORT)
def test_other_failures_are_none(text: str):
    assert not is_shortage(RuntimeError(text))


def test_what_python_and_the_system_say_is_known():
    assert is_shortage(MemoryError()) and is_shortage(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not is_shortage(OSError(errno.ENOSPC, "No space left on device"))
