"""What a mode forbids stops this process too, though it may be root's: as it would a user's."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_CAPGET, _CAPSET = {"x86_64": (125, 126), "aarch64": (90, 91)}.get(
    os.uname().machine if hasattr(os, "uname") else "", (0, 0)
)
_VERSION_3 = 0x20080522
_OVERRIDES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_GET_SECUREBITS, _SET_SECUREBITS, _NOROOT = 27, 28, 1


@contextmanager
def like_a_user() -> Iterator[None]:
    """In the block this thread, and every program that it starts, is bound by the modes of files. Skips the
    test where a superuser cannot be bound: elsewhere than on Linux."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no modes of files")
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux" or not _CAPGET:
        pytest.skip("this superuser may do everything")
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _done(libc.syscall(_CAPGET, header, sets))
    effective, bits = sets[0], libc.prctl(_GET_SECUREBITS)
    _done(libc.prctl(_SET_SECUREBITS, bits | _NOROOT))  # programs of root begin with no powers
    try:
        sets[0] = effective & ~_OVERRIDES
        _done(libc.syscall(_CAPSET, header, sets))
        yield
    finally:
        sets[0] = effective
        _done(libc.syscall(_CAPSET, header, sets))
        _done(libc.prctl(_SET_SECUREBITS, bits))


def _done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
