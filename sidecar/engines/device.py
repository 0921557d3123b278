"""Which device a model runs on, and in which precision its heavy half does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from sidecar.protocol.errors import BadRequest, InsufficientMemory

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Placement:
    """`precision` is that of the decoder's convolutions; planning is always float32."""

    device: torch.device
    precision: torch.dtype


def place(device: str = "auto", precision: str = "auto") -> Placement:
    """Resolve settings against this machine. Raises `BadRequest` for a name unknown or a device not there."""
    if device not in DEVICES and not device.startswith("cuda:"):
        raise BadRequest(f"device {device!r}: expected one of {', '.join(DEVICES)}", field="device")
    if precision not in PRECISIONS:
        raise BadRequest(
            f"precision {precision!r}: expected one of {', '.join(PRECISIONS)}", field="precision"
        )
    chosen = best_device() if device == "auto" else available(device)
    if precision == "auto":
        return Placement(chosen, torch.bfloat16 if gains_from_bfloat16(chosen) else torch.float32)
    return Placement(chosen, getattr(torch, precision))


@contextmanager
def memory_errors(what: str) -> Iterator[None]:
    """Too little memory for `what`, on the device or the host, is an `InsufficientMemory`, not a crash."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise InsufficientMemory(f"there is no memory left for {what}") from error
    except RuntimeError as error:
        if "allocate memory" not in str(error) and "not enough memory" not in str(error):
            raise
        raise InsufficientMemory(f"there is no memory left for {what}") from error


def best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
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
    return torch.device(device)


def gains_from_bfloat16(device: torch.device) -> bool:
    """Whether convolutions run faster in bfloat16: on CPUs, only with AVX-512 BF16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # there since torch 2.6
    return bool(probe and probe())
