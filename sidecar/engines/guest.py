"""Being a guest in somebody's process: what the host told PyTorch is not for our models, nor ours for theirs.

PyTorch's default type is one for the process: while lines are spoken, other threads of a host that changed it
see float32. Its default device, autocast and gradients are each thread's own.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")
AUTOCAST = ("cpu", "cuda", "mps")


class _DefaultType:
    """float32 while anybody speaks; then again what the host had chosen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._speaking, self._hosts = 0, torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if not self._speaking:
                self._hosts = torch.get_default_dtype()
                _set_default_type(torch.float32)
            self._speaking += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._speaking -= 1
            if not self._speaking and torch.get_default_dtype() == torch.float32:
                _set_default_type(self._hosts)


def _set_default_type(chosen: torch.dtype) -> None:
    if torch.get_default_dtype() != chosen:
        torch.set_default_dtype(chosen)


class _Process:
    """What does not survive a fork: PyTorch's threads, and a lock that another thread held."""

    def __init__(self) -> None:
        self.default_type, self.is_forked, self._is_settled = _DefaultType(), False, True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.default_type, self.is_forked, self._is_settled = _DefaultType(), True, False

    def settle(self) -> None:
        """One thread computes in a forked process: more would wait for those that only the parent has."""
        if not self._is_settled:
            torch.set_num_threads(1)
            self._is_settled = True


_process = _Process()


def set_threads(threads: int) -> None:
    """How many threads compute in this process; in one that was forked, one."""
    if not _process.is_forked:
        torch.set_num_threads(threads)


@contextmanager
def own_defaults() -> Iterator[None]:
    """float32, on the CPU where no device is said, without autocast and gradients. Any thread; where the host
    has changed nothing, neither does this."""
    _process.settle()
    with ExitStack() as own, _process.default_type:
        if torch.get_default_device().type != "cpu":
            own.enter_context(torch.device("cpu"))
        for kind in AUTOCAST:
            if torch.is_autocast_enabled(kind):
                own.enter_context(torch.autocast(kind, enabled=False))
        if torch.is_inference_mode_enabled():
            own.enter_context(torch.inference_mode(False))
        own.enter_context(torch.no_grad())
        yield


def each_with_own_defaults(steps: Iterator[T]) -> Iterator[T]:
    """The same steps, the host's own defaults between them."""
    while True:
        with own_defaults():
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step
