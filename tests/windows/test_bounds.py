"""Priorities, and what children may take and for how long they live."""

import ctypes
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from sidecar import windows
from sidecar.children import starting
from sidecar.children.inside import peak_memory_bytes
from sidecar.server.process.host import be_nice
from tests import processes

MIB = 1 << 20
IN_JOB = f"""
import ctypes, sys
from sidecar import windows
from sidecar.children.inside import limit_self
from sidecar.reload.room import left_under_limit

def is_in_job():
    found = ctypes.c_int()
    assert kernel.IsProcessInJob(process, None, ctypes.byref(found))
    return bool(found.value)

kernel = ctypes.WinDLL("kernel32")
process = ctypes.c_void_p(-1)
before = is_in_job()
limit_self({900 * MIB}, 60)
limit_self({800 * MIB}, 70)
print(before, is_in_job(), windows.own_limit_bytes() // {MIB}, 0 <= left_under_limit() <= {800 * MIB})
"""


def test_the_process_gives_way_to_the_game():
    before = psutil.Process().nice()
    try:
        be_nice()
        assert psutil.Process().nice() == psutil.BELOW_NORMAL_PRIORITY_CLASS
    finally:
        psutil.Process().nice(before)


def test_a_thread_gives_way_to_the_others():
    found: list[int] = []

    def lowered() -> None:
        windows.lower_thread_priority()
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentThread.restype, kernel.GetThreadPriority.argtypes = (
            ctypes.c_void_p,
            [ctypes.c_void_p],
        )
        found.append(kernel.GetThreadPriority(kernel.GetCurrentThread()))

    thread = threading.Thread(target=lowered)
    thread.start()
    thread.join()
    assert found == [-2]


def test_a_process_bounds_itself_by_a_job():
    """Wine keeps no such bounds, so that they hold cannot be seen there."""
    done = subprocess.run([sys.executable, "-c", IN_JOB], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["True", "800", "True"]


def test_a_child_ends_with_its_parent_though_it_does_not_watch():
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.windows.parent_of_sleeper"], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()
    parent.kill()
    parent.communicate()
    assert processes.wait_for(lambda: not child.is_running(), timeout_s=20) < 20


def test_no_console_opens_for_a_child(monkeypatch, tmp_path: Path):
    asked: list[int] = []
    real = subprocess.Popen

    def noted(*arguments, **options):
        asked.append(options["creationflags"])
        return real(*arguments, **options)

    monkeypatch.setattr(starting.subprocess, "Popen", noted)
    child = starting.start("tests.windows.sleeper", [], low_priority=True)
    child.kill()
    child.communicate()
    assert asked[0] & subprocess.CREATE_NO_WINDOW
    assert asked[0] & subprocess.BELOW_NORMAL_PRIORITY_CLASS


def test_memory_is_told():
    peak = peak_memory_bytes()
    assert peak is not None and 10 * MIB < peak < 4000 * MIB
