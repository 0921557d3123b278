"""Names and shapes of the tensors of common layers, for checking a pack's headers. Works without PyTorch."""

from collections.abc import Iterator

Shape = tuple[int, ...]
Shapes = Iterator[tuple[str, Shape]]


def linear(name: str, inputs: int, outputs: int) -> Shapes:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def conv(name: str, inputs: int, outputs: int, kernel: int) -> Shapes:
    yield f"{name}.weight", (outputs, inputs, kernel)
    yield f"{name}.bias", (outputs,)


def norm(name: str, size: int) -> Shapes:
    yield f"{name}.weight", (size,)
    yield f"{name}.bias", (size,)
