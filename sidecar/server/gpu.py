"""An NVIDIA device's load, through NVML where its driver is there."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GpuLoad:
    """`utilisation` is the share of time, 0..1, in which the device was busy lately."""

    used_bytes: int
    utilisation: float


class Gpu:
    """One device. `close` when done."""

    def __init__(self, nvml: Any, index: int) -> None:
        """`nvml` is the module `pynvml`, or what stands for it. Raises its `NVMLError`."""
        self._nvml = nvml
        nvml.nvmlInit()
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)

    @classmethod
    def of(cls, device: str) -> "Gpu | None":
        """The device that torch calls "cuda" or "cuda:1"; None for others, and without a driver."""
        kind, _, index = device.partition(":")
        if kind != "cuda":
            return None
        import pynvml

        try:
            return cls(pynvml, int(index or 0))
        except pynvml.NVMLError:
            return None

    def load(self) -> GpuLoad | None:
        """None when the driver does not answer."""
        try:
            memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle)
            busy = self._nvml.nvmlDeviceGetUtilizationRates(self._handle)
        except self._nvml.NVMLError:
            return None
        return GpuLoad(int(memory.used), busy.gpu / 100)

    def close(self) -> None:
        self._nvml.nvmlShutdown()
