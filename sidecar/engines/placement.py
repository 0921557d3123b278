"""Where a model runs: by which runtime, on which device, in which precision. Works without PyTorch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sidecar.engines.shortage import is_shortage
from sidecar.protocol.errors import BadRequest, InsufficientMemory, InternalError

RUNTIMES = ("auto", "torch", "onnx")
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "int8")


class DeviceLost(InternalError):
    """Nothing works on the device any more in this process; another process may be luckier."""


@dataclass(frozen=True)
class Placement:
    """`device` as PyTorch calls it; an NVIDIA device has its number. `precision` is that of the decoder's
    convolutions; planning is always float32. With `int8`, a family that knows how runs most of them in
    8 bits, and the rest in `precision`. `runtime` is torch or onnx."""

    device: str
    precision: str
    runtime: str = "torch"
    int8: bool = False

    @property
    def is_unproven(self) -> bool:
        """Whether a model has yet to show that it speaks there, as it did on the CPU when it was checked."""
        return self.device != "cpu"


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
