"""PyTorch as what runs networks, and all that this process tells it about threads, devices and memory."""

import gc
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch

from sidecar.engines import guest, onednn
from sidecar.engines.placement import DEVICES, DeviceLost, Placement, check_precision, memory_errors
from sidecar.engines.throttle import Throttle
from sidecar.protocol.errors import BadRequest

MEBI = 1 << 20
#: Values of ONEDNN_MAX_CPU_ISA with which its convolutions in bfloat16 are the processor's own.
ONEDNN_WITH_BFLOAT16 = frozenset({
    "DEFAULT", "ALL", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX", "AVX512_CORE_AMX_FP16",
    "AVX10_1_512", "AVX10_1_512_AMX", "AVX10_1_512_AMX_FP16",
})  # fmt: skip


class TorchRuntime:
    """As `Runtime`."""

    name = "torch"

    def best_device(self) -> str:
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"

    def place(self, device: str, precision: str) -> Placement:
        if device not in DEVICES and not device.startswith("cuda:"):
            raise BadRequest(f"device {device!r}: expected one of {', '.join(DEVICES)}", field="device")
        check_precision(precision)
        chosen = available(self.best_device() if device == "auto" else device)
        if chosen.type == "cuda":
            keep_float32_exact()
        if precision in ("float32", "bfloat16"):
            return Placement(str(chosen), precision, self.name)
        fits = chosen.type == "cpu" and onednn.is_there()
        if precision == "int8" and not fits:
            where = f"{chosen.type} with this processor and PyTorch"
            raise BadRequest(f"precision 'int8' is not to be had on {where}: use 'auto'", field="precision")
        best = "bfloat16" if gains_from_bfloat16(chosen) else "float32"
        return Placement(str(chosen), best, self.name, fits)

    @contextmanager
    def failures(self, what: str, device: str) -> Iterator[None]:
        with memory_errors(what):
            try:
                yield
            except RuntimeError as error:
                if not is_lost(torch.device(device)):
                    raise
                raise DeviceLost(
                    f"{device} has failed, and only a new process can use it again: "
                    "ask again once there is one"
                ) from error

    def set_threads(self, threads: int) -> None:
        guest.set_threads(threads)

    def keep_threads(self) -> None:
        torch.set_num_threads(torch.get_num_threads())

    def use_one_thread(self) -> None:
        usual = torch.get_num_threads()
        torch.set_num_threads(1)  # for this thread, and for all that begin later: which another thread undoes
        undoing = threading.Thread(target=torch.set_num_threads, args=(usual,))
        undoing.start()
        undoing.join()

    def throttled(self, busy: Callable[[], bool]) -> Throttle:
        return Throttle(busy)

    def free_bytes(self, device: str) -> int | None:
        on = torch.device(device)
        return int(torch.cuda.mem_get_info(on)[0]) if on.type == "cuda" else None

    def limit_memory(self, mebibytes: int, device: str) -> None:
        """What CUDA itself takes comes on top. Devices that are none of NVIDIA's share the host's memory."""
        on = torch.device(device)
        if on.type == "cuda":
            total = torch.cuda.get_device_properties(on).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, mebibytes * MEBI / total), on)

    def taken_bytes(self) -> int | None:
        if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
            return None
        return int(torch.cuda.memory_reserved())

    def give_back_memory(self) -> None:
        gc.collect()  # a model that could not speak there may hang in its own error
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            with suppress(RuntimeError):  # a lost device takes nothing back
                torch.cuda.empty_cache()


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


RUNTIME = TorchRuntime()


@contextmanager
def line_on(device: torch.device) -> Iterator[None]:
    """Around what an engine computes for a line: under our own defaults, failures told in our own errors."""
    with guest.own_defaults(), RUNTIME.failures("this line", str(device)):
        yield
