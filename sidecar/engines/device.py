"""Which device a model runs on, in which precision its heavy half does, and what a device's failures mean."""

import gc
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import torch

from sidecar.engines import onednn
from sidecar.engines.shortage import is_shortage
from sidecar.protocol.errors import BadRequest, InsufficientMemory, InternalError, NpcVoiceError

log = logging.getLogger(__name__)

T = TypeVar("T")

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "int8")
#: Values of ONEDNN_MAX_CPU_ISA with which its convolutions in bfloat16 are the processor's own.
ONEDNN_WITH_BFLOAT16 = frozenset({
    "DEFAULT", "ALL", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX", "AVX512_CORE_AMX_FP16",
    "AVX10_1_512", "AVX10_1_512_AMX", "AVX10_1_512_AMX_FP16",
})  # fmt: skip


class DeviceLost(InternalError):
    """Nothing works on the device any more in this process; another process may be luckier."""


@dataclass(frozen=True)
class Placement:
    """`precision` is that of the decoder's convolutions; planning is always float32. An NVIDIA `device` has
    its number. With `int8`, a family that knows how runs most of them in 8 bits, and the rest in
    `precision`."""

    device: torch.device
    precision: torch.dtype
    int8: bool = False

    @property
    def is_unproven(self) -> bool:
        """Whether a model has yet to show that it speaks there, as it did on the CPU when it was checked."""
        return self.device.type != "cpu"


def on_device(device: str, precision: str, load: Callable[[Placement], T]) -> T:
    """What `load` makes of the device asked for. It must speak there, and raise where that fails.

    "auto" is the best device there is and, should anything fail on it, the CPU; the log says why. What is
    wrong with the voice itself fails there again. Raises `BadRequest`, also for a named device on which
    nothing can be computed, and what `load` raises.
    """
    if device != "auto":
        return on_named_device(device, precision, load)
    check_precision(precision)
    if (best := best_device()).type != "cpu":
        try:
            return load(place(str(best), precision))
        except Exception as error:
            log.warning("nothing can be spoken on %s, the CPU is tried: %s", best, told(error))
        give_back_what_failed()
    return load(place("cpu", precision))


def on_named_device(device: str, precision: str, load: Callable[[Placement], T]) -> T:
    try:
        return load(place(device, precision))
    except NpcVoiceError:
        raise
    except Exception as error:
        if device == "cpu":
            raise
        said = f"nothing can be spoken on device {device!r}: {told(error)}"
        raise BadRequest(said, field="device", tip="use auto or cpu") from error


def place(device: str = "auto", precision: str = "auto") -> Placement:
    """Resolve settings against this machine. Raises `BadRequest` for a name unknown or a device not there."""
    if device not in DEVICES and not device.startswith("cuda:"):
        raise BadRequest(f"device {device!r}: expected one of {', '.join(DEVICES)}", field="device")
    check_precision(precision)
    chosen = best_device() if device == "auto" else available(device)
    if chosen.type == "cuda":
        keep_float32_exact()
    if precision in ("float32", "bfloat16"):
        return Placement(chosen, getattr(torch, precision))
    fits = chosen.type == "cpu" and onednn.is_there()
    if precision == "int8" and not fits:
        where = f"{chosen.type} with this processor and PyTorch"
        raise BadRequest(f"precision 'int8' is not to be had on {where}: use 'auto'", field="precision")
    return Placement(chosen, torch.bfloat16 if gains_from_bfloat16(chosen) else torch.float32, fits)


def precision_for_gradients(device: str = "auto") -> str:
    """What "auto" comes to on a device where 8 bits will not do. Raises `BadRequest`."""
    return str(place(device).precision).removeprefix("torch.")


def check_precision(precision: str) -> None:
    if precision not in PRECISIONS:
        raise BadRequest(
            f"precision {precision!r}: expected one of {', '.join(PRECISIONS)}", field="precision"
        )


@contextmanager
def memory_errors(what: str) -> Iterator[None]:
    """Too little memory for `what`, on the device or the host, is an `InsufficientMemory`, not a crash."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_shortage(error):
            raise
        raise InsufficientMemory(f"there is no memory left for {what}") from error


@contextmanager
def device_errors(what: str, device: torch.device) -> Iterator[None]:
    """As `memory_errors` for what is done on `device`; where that is lost, a `DeviceLost`."""
    with memory_errors(what):
        try:
            yield
        except RuntimeError as error:
            if not is_lost(device):
                raise
            raise DeviceLost(
                f"{device} has failed, and only a new process can use it again: ask again once there is one"
            ) from error


def is_lost(device: torch.device) -> bool:
    """Whether a failure was of the kind that CUDA answers every later call with: a failed assertion, an
    illegal access, a launch that timed out, broken memory.

    The device is asked. What an error says is not enough: cuBLAS, cuDNN and cuFFT give such a failure names
    of their own, which also stand for ordinary ones.
    """
    if device.type != "cuda":
        return False
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return True
    return False


def keep_float32_exact() -> None:
    """Do without TF32 in this process: a duration near a rounding tie would flip.

    Once for all: a switch around each plan would be turned back by the other thread that plans. Rendering
    loses nothing, since devices that have TF32 have bfloat16, in which it runs unless told otherwise.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False  # convolutions and recurrent layers


def give_back_what_failed() -> None:
    """Return to an NVIDIA device what a model took that could not speak there; the CPU needs none of it."""
    gc.collect()
    if torch.cuda.is_initialized():
        with suppress(RuntimeError):  # a lost device takes nothing back
            torch.cuda.empty_cache()


def told(error: Exception) -> str:
    """Its kind and the first line of what it says: the rest of CUDA's is advice for programmers."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def available(device: str) -> torch.device:
    kind, _, index = device.partition(":")
    number = int(index) if index.isdecimal() else (-1 if index else 0)
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and 0 <= number < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there[kind]:
        raise BadRequest(f"device {device!r} is not on this machine: use 'auto' or 'cpu'", field="device")
    return torch.device(kind, number) if kind == "cuda" else torch.device(kind)


def gains_from_bfloat16(device: torch.device) -> bool:
    """Whether convolutions run faster in bfloat16: on CPUs, only with AVX-512 BF16."""
    if device.type == "cuda":
        with torch.cuda.device(device):  # which is asked about
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # there since torch 2.6
    return bool(probe and probe()) and not is_held_back()


def is_held_back() -> bool:
    """Whether the environment keeps oneDNN, which computes convolutions, from the processor's own bfloat16:
    it would emulate that, which takes eighteen times as long."""
    wanted = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "DEFAULT"
    return wanted.upper() not in ONEDNN_WITH_BFLOAT16
