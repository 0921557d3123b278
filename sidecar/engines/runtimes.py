"""What runs networks: PyTorch, or onnxruntime where there is no PyTorch. This module needs neither.

A runtime is loaded when it is first asked for. The rest of the process, its threads and the host's
bookkeeping, speaks to those that have been loaded, and to no library.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from typing import Protocol, TypeVar

from sidecar.engines.placement import RUNTIMES, Placement, check_precision
from sidecar.protocol.errors import BadRequest, NpcVoiceError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Runtime(Protocol):
    """One of them. Threads: any, unless it says otherwise."""

    name: str

    def best_device(self) -> str:
        """The fastest that there is."""

    def place(self, device: str, precision: str) -> Placement:
        """Settings as they are on this machine. Raises `BadRequest` for what is unknown or not there."""

    def failures(self, what: str, device: str) -> AbstractContextManager[None]:
        """Too little memory for `what` is an `InsufficientMemory`; a device that is lost a `DeviceLost`."""

    def set_threads(self, threads: int) -> None:
        """How many threads compute what is loaded from now on; in a forked process, one."""

    def keep_threads(self) -> None:
        """The calling thread goes on with as many, whatever others set for theirs."""

    def use_one_thread(self) -> None:
        """What the calling thread computes takes one core; other threads are not touched."""

    def throttled(self, busy: Callable[[], bool]) -> AbstractContextManager[object]:
        """What the calling thread computes in the block takes part of its time only, while `busy()`."""

    def free_bytes(self, device: str) -> int | None:
        """What can still be had of a device's own memory; None for one that has the host's."""

    def limit_memory(self, mebibytes: int, device: str) -> None:
        """Let models take no more than this of a device's own memory; beyond it, as `failures`."""

    def taken_bytes(self) -> int | None:
        """What has been taken of devices that have memory of their own; None where nothing runs on one."""

    def give_back_memory(self) -> None:
        """Return to devices what is kept of freed memory: the room for the next voice is counted without."""


_MODULES = {"torch": "sidecar.engines.torch_runtime", "onnx": "sidecar.engines.onnx_runtime"}
_PACKAGES = {"torch": "torch", "onnx": "onnxruntime"}
_loaded: dict[str, Runtime] = {}


def runtime(name: str = "auto") -> Runtime:
    """By name; "auto" is PyTorch where it is installed, else onnxruntime.

    Raises `BadRequest` for another name, and for one that is not installed.
    """
    if name not in RUNTIMES:
        raise BadRequest(f"runtime {name!r}: expected one of {', '.join(RUNTIMES)}", field="runtime")
    if name != "auto":
        return _load(name)
    try:
        return _load("torch")
    except BadRequest:
        return _load("onnx")


def loaded() -> tuple[Runtime, ...]:
    """Those that somebody has asked for."""
    return tuple(_loaded.values())


def _load(name: str) -> Runtime:
    if name not in _loaded:
        try:
            _loaded[name] = import_module(_MODULES[name]).RUNTIME
        except ImportError as error:
            raise BadRequest(
                f"runtime {name} cannot be used: {error}",
                field="runtime",
                tip=f"pip install {_PACKAGES[name]}",
            ) from error
    return _loaded[name]


def place(device: str = "auto", precision: str = "auto", by: str = "auto") -> Placement:
    """As `Runtime.place`."""
    return runtime(by).place(device, precision)


def precision_for_gradients(device: str = "auto") -> str:
    """What "auto" comes to on a device where 8 bits will not do. Raises `BadRequest`."""
    return place(device, by="torch").precision


def failures(what: str, placement: Placement) -> AbstractContextManager[None]:
    """As `Runtime.failures`."""
    return runtime(placement.runtime).failures(what, placement.device)


def on_device(device: str, precision: str, load: Callable[[Placement], T], by: str = "auto") -> T:
    """What `load` makes of the device asked for. It must speak there, and raise where that fails.

    "auto" is the best device there is and, should anything fail on it, the CPU; the log says why. What is
    wrong with the voice itself fails there again. Raises `BadRequest`, also for a named device on which
    nothing can be computed, and what `load` raises.
    """
    chosen = runtime(by)
    if device != "auto":
        return _on_named_device(chosen, device, precision, load)
    check_precision(precision)
    if (best := chosen.best_device()) != "cpu":
        try:
            return load(chosen.place(best, precision))
        except Exception as error:
            log.warning("nothing can be spoken on %s, the CPU is tried: %s", best, told(error))
        chosen.give_back_memory()
    return load(chosen.place("cpu", precision))


def _on_named_device(by: Runtime, device: str, precision: str, load: Callable[[Placement], T]) -> T:
    try:
        return load(by.place(device, precision))
    except NpcVoiceError:
        raise
    except Exception as error:
        if device == "cpu":
            raise
        said = f"nothing can be spoken on device {device!r}: {told(error)}"
        raise BadRequest(said, field="device", tip="use auto or cpu") from error


def told(error: Exception) -> str:
    """Its kind and the first line of what it says: the rest of CUDA's is advice for programmers."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def give_back_device_memory() -> None:
    for each in loaded():
        each.give_back_memory()


def device_bytes() -> int | None:
    """What has been taken of devices' own memory; None where nothing runs on one."""
    taken = [some for each in loaded() if (some := each.taken_bytes()) is not None]
    return sum(taken) if taken else None


@contextmanager
def throttled(busy: Callable[[], bool]) -> Iterator[None]:
    """What the calling thread computes in the block takes part of its time only, while `busy()`."""
    with ExitStack() as all_of_them:
        for each in loaded():
            all_of_them.enter_context(each.throttled(busy))
        yield


def use_one_thread() -> None:
    for each in loaded():
        each.use_one_thread()


def keep_threads() -> None:
    for each in loaded():
        each.keep_threads()
