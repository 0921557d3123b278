"""What only Windows has: jobs, which bound processes and end them; priorities of threads; owners of files.

Import it where `sys.platform == "win32"`. Everything raises `OSError` with Windows's own words. Structures
and numbers are those of its headers winnt.h and winbase.h.
"""

import sys

if sys.platform != "win32":
    raise ImportError("this module is for Windows")

import ctypes
from collections.abc import Callable
from ctypes import wintypes
from pathlib import Path
from typing import Any

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_rights = ctypes.WinDLL("advapi32", use_last_error=True)

_EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
_LIMIT_TIME, _LIMIT_MEMORY, _NO_DIALOG, _NOT_ITS_CHILDREN, _KILL_ON_CLOSE = 0x2, 0x100, 0x400, 0x1000, 0x2000
_ASSIGNABLE = 0x101  # PROCESS_SET_QUOTA | PROCESS_TERMINATE
_THREAD_PRIORITY_LOWEST = -2
_TICKS_A_SECOND = 10_000_000  # of 100 ns
_TOKEN_QUERY, _TOKEN_USER = 0x8, 1
_RIGHTS_OF_USERS = 0x4  # DACL_SECURITY_INFORMATION
_KEEPS_RIGHTS = 0x8  # FILE_PERSISTENT_ACLS
_SDDL_REVISION = 1
_LONGEST_PATH = 32_768


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("process_time", ctypes.c_int64), ("job_time", ctypes.c_int64), ("flags", wintypes.DWORD),
        ("least_working_set", ctypes.c_size_t), ("most_working_set", ctypes.c_size_t),
        ("processes", wintypes.DWORD), ("affinity", ctypes.c_size_t), ("priority", wintypes.DWORD),
        ("scheduling", wintypes.DWORD),
    )  # fmt: skip


class _Limits(ctypes.Structure):
    _fields_ = (
        ("basic", _BasicLimits), ("io", ctypes.c_uint64 * 6), ("process_bytes", ctypes.c_size_t),
        ("job_bytes", ctypes.c_size_t), ("peak_process_bytes", ctypes.c_size_t),
        ("peak_job_bytes", ctypes.c_size_t),
    )  # fmt: skip


def _declared(library: Any, name: str, answer: object, *arguments: object) -> Callable[..., int]:
    """Without this a handle would be cut to 32 bits."""
    function = getattr(library, name)
    function.restype, function.argtypes = answer, arguments
    declared: Callable[..., int] = function
    return declared


_HANDLE, _BOOL, _DWORD, _TEXT, _AT = (
    wintypes.HANDLE, wintypes.BOOL, wintypes.DWORD, wintypes.LPCWSTR, ctypes.c_void_p,
)  # fmt: skip
_this_process = _declared(_kernel, "GetCurrentProcess", _HANDLE)
_this_thread = _declared(_kernel, "GetCurrentThread", _HANDLE)
_set_thread_priority = _declared(_kernel, "SetThreadPriority", _BOOL, _HANDLE, ctypes.c_int)
_open_process = _declared(_kernel, "OpenProcess", _HANDLE, _DWORD, _BOOL, _DWORD)
_close = _declared(_kernel, "CloseHandle", _BOOL, _HANDLE)
_free = _declared(_kernel, "LocalFree", _HANDLE, _HANDLE)
_create_job = _declared(_kernel, "CreateJobObjectW", _HANDLE, _AT, _TEXT)
_assign = _declared(_kernel, "AssignProcessToJobObject", _BOOL, _HANDLE, _HANDLE)
_set_job = _declared(_kernel, "SetInformationJobObject", _BOOL, _HANDLE, ctypes.c_int, _AT, _DWORD)
_volume_path = _declared(_kernel, "GetVolumePathNameW", _BOOL, _TEXT, wintypes.LPWSTR, _DWORD)
_volume_facts = _declared(
    _kernel, "GetVolumeInformationW", _BOOL, _TEXT, _AT, _DWORD, _AT, _AT, _AT, _AT, _DWORD
)
_open_token = _declared(_rights, "OpenProcessToken", _BOOL, _HANDLE, _DWORD, _AT)
_token_facts = _declared(_rights, "GetTokenInformation", _BOOL, _HANDLE, ctypes.c_int, _AT, _DWORD, _AT)
_sid_text = _declared(_rights, "ConvertSidToStringSidW", _BOOL, _AT, _AT)
_descriptor_of = _declared(
    _rights, "ConvertStringSecurityDescriptorToSecurityDescriptorW", _BOOL, _TEXT, _DWORD, _AT, _AT
)
_set_rights = _declared(_rights, "SetFileSecurityW", _BOOL, _TEXT, _DWORD, _AT)


def _done(answer: int | None) -> int:
    """What a function answered. Raises `OSError` for nothing."""
    if not answer:
        raise ctypes.WinError(ctypes.get_last_error())
    return answer


class Job:
    """Processes that share bounds. Its handle is never closed but by our own end."""

    def __init__(self) -> None:
        self._handle = _done(_create_job(None, None))

    def bound(self, memory_bytes: int, cpu_s: float) -> None:
        """Each of its processes may commit so many bytes and compute for so many seconds since it began; 0
        bounds nothing. Not so what they start. Can be called again."""
        limits = _Limits(process_bytes=memory_bytes)
        limits.basic.process_time = round(cpu_s * _TICKS_A_SECOND)
        bounds = (_LIMIT_MEMORY if memory_bytes else 0) | (_LIMIT_TIME if cpu_s else 0)
        self._set(limits, _NO_DIALOG | _NOT_ITS_CHILDREN | bounds)

    def end_with_us(self) -> None:
        """All of its processes, and what they start, end when nobody has a handle of it."""
        self._set(_Limits(), _NO_DIALOG | _KILL_ON_CLOSE)

    def _set(self, limits: _Limits, flags: int) -> None:
        limits.basic.flags = flags
        _done(_set_job(self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)))

    def take_in(self, process: int) -> None:
        """The process of a handle."""
        _done(_assign(self._handle, process))


class _Jobs:
    """This process's two: its own bounds, and those whom its end takes with it."""

    own: Job | None = None
    own_bytes: int = 0
    children: Job | None = None


def limit_self(memory_bytes: int, cpu_s: float = 0) -> None:
    """Bound what this process commits, and its processor time since it began. Can be called again."""
    if _Jobs.own is None:
        job = Job()
        job.take_in(_this_process())
        _Jobs.own = job
    _Jobs.own.bound(memory_bytes, cpu_s)
    _Jobs.own_bytes = memory_bytes


def own_limit_bytes() -> int | None:
    """What `limit_self` has set; None where nothing has."""
    return _Jobs.own_bytes or None


def end_with_us(pid: int) -> None:
    """A child that Windows ends when this process has ended, however it did."""
    if _Jobs.children is None:
        job = Job()
        job.end_with_us()
        _Jobs.children = job
    process = _done(_open_process(_ASSIGNABLE, False, pid))
    try:
        _Jobs.children.take_in(process)
    finally:
        _close(process)


def lower_thread_priority() -> None:
    """The calling thread gives way to all others of its process."""
    _done(_set_thread_priority(_this_thread(), _THREAD_PRIORITY_LOWEST))


def keep_to_owner(path: Path) -> None:
    """Nobody but the user of this process may open the file; what its folder allows counts no more."""
    if not _keeps_rights(path):
        raise OSError("its drive keeps no rights of users")
    descriptor = ctypes.c_void_p()
    text = f"D:P(A;;FA;;;{_own_sid()})"
    _done(_descriptor_of(text, _SDDL_REVISION, ctypes.byref(descriptor), None))
    try:
        _done(_set_rights(str(path), _RIGHTS_OF_USERS, descriptor))
    finally:
        _free(descriptor)


def _keeps_rights(path: Path) -> bool:
    """False for a FAT drive, on which setting them would succeed and do nothing."""
    volume = ctypes.create_unicode_buffer(_LONGEST_PATH)
    _done(_volume_path(str(path), volume, _LONGEST_PATH))
    flags = wintypes.DWORD()
    _done(_volume_facts(volume.value, None, 0, None, None, ctypes.byref(flags), None, 0))
    return bool(flags.value & _KEEPS_RIGHTS)


def _own_sid() -> str:
    """The user's security identifier: `S-1-5-21-…`."""
    token, size, text = wintypes.HANDLE(), wintypes.DWORD(), ctypes.c_wchar_p()
    _done(_open_token(_this_process(), _TOKEN_QUERY, ctypes.byref(token)))
    try:
        _token_facts(token, _TOKEN_USER, None, 0, ctypes.byref(size))
        facts = ctypes.create_string_buffer(size.value)
        _done(_token_facts(token, _TOKEN_USER, facts, size, ctypes.byref(size)))
    finally:
        _close(token)
    sid = ctypes.c_void_p.from_buffer(facts)  # TOKEN_USER begins with a pointer into itself
    _done(_sid_text(sid, ctypes.byref(text)))
    try:
        return str(text.value)
    finally:
        _free(ctypes.cast(text, ctypes.c_void_p))
