"""Sidecars as processes of their own, as a game starts them: what they print goes to a pipe nobody reads."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from sidecar.protocol.connection import Connection

TIMEOUT_S = 180


def command(file: Path, *arguments: str, module: str = "sidecar") -> list[str]:
    """What is dropped in tests is often the default voice under another version, so any publisher may."""
    served = ["serve", "--any-publisher", "--connection-file", str(file)]
    return [sys.executable, "-m", module, *served, *arguments]


def start(file: Path, *arguments: str, module: str = "sidecar", **options) -> "subprocess.Popen[str]":
    """A sidecar that is serving; `module` has its command line."""
    process = subprocess.Popen(
        command(file, *arguments, module=module),
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", **options
    )  # fmt: skip
    wait_for(lambda: serves(file, process), process)
    return process


def serves(file: Path, process: "subprocess.Popen[str]") -> bool:
    try:
        return Connection.read(file).pid == process.pid
    except OSError:
        return False


def wait_for(happened, process: "subprocess.Popen[str] | None" = None, timeout_s: float = TIMEOUT_S) -> float:
    """Seconds until `happened()`; fails when the process ends first or it takes too long."""
    began = time.monotonic()
    while not happened():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() - began < timeout_s, "it did not happen"
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def sidecar(file: Path, *arguments: str, **options) -> Iterator["subprocess.Popen[str]"]:
    """One that is ended, by force if need be, with the block."""
    process = start(file, *arguments, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def is_running(pid: int) -> bool:
    """Alive and not merely unburied."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
