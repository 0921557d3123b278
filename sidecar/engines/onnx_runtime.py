"""onnxruntime as what runs networks: on the CPU, without PyTorch."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import onnxruntime

from sidecar.engines.placement import DEVICES, Placement, check_precision, memory_errors
from sidecar.protocol.errors import BadRequest

#: External initializers, by which packs' weights come to a graph, and LayerNormalization of opset 17.
_OLDEST = (1, 20)


class OnnxRuntime:
    """As `Runtime`. `threads` holds for what is loaded afterwards; 0 is as many as there are cores."""

    name = "onnx"

    def __init__(self) -> None:
        self.threads = 0

    def best_device(self) -> str:
        return "cpu"

    def place(self, device: str, precision: str) -> Placement:
        if device not in DEVICES and not device.startswith("cuda:"):
            raise BadRequest(f"device {device!r}: expected one of {', '.join(DEVICES)}", field="device")
        check_precision(precision)
        if device not in ("auto", "cpu"):
            raise BadRequest(
                f"device {device!r} is not for runtime onnx: use 'auto' or 'cpu', or runtime torch",
                field="device",
            )
        if precision not in ("auto", "float32"):
            raise BadRequest(f"runtime onnx has no {precision}: use 'auto' or 'float32'", field="precision")
        return Placement("cpu", "float32", self.name)

    def failures(self, what: str, device: str) -> AbstractContextManager[None]:
        return memory_errors(what)

    def set_threads(self, threads: int) -> None:
        self.threads = threads

    def keep_threads(self) -> None:
        """Threads belong to what is loaded, not to who asks."""

    def use_one_thread(self) -> None:
        """As `keep_threads`."""

    def throttled(self, busy: Callable[[], bool]) -> AbstractContextManager[object]:
        """What is loaded is small and soon done; a probe is one call, which cannot rest."""
        return nullcontext()

    def free_bytes(self, device: str) -> int | None:
        return None

    def limit_memory(self, mebibytes: int, device: str) -> None:
        """The CPU has the host's memory."""

    def taken_bytes(self) -> int | None:
        return None

    def give_back_memory(self) -> None:
        """As `limit_memory`."""


if tuple(int(part) for part in onnxruntime.__version__.split(".")[:2]) < _OLDEST:
    raise ImportError(f"onnxruntime {onnxruntime.__version__} is too old")

if hasattr(onnxruntime, "disable_telemetry_events"):
    onnxruntime.disable_telemetry_events()  # nothing is told to anybody

RUNTIME = OnnxRuntime()
