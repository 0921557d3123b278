"""How many phrases share a pass of a network."""

from collections.abc import Sequence
from typing import TypeVar

import torch

T = TypeVar("T")

ACCELERATOR_ROWS = 8


def rows_on(device: torch.device) -> int:
    """A CPU is busy with one, so padding would only cost time there; and one by one, a phrase's samples do
    not depend on its company at all."""
    return 1 if device.type == "cpu" else ACCELERATOR_ROWS


def batched(items: Sequence[T], rows: int) -> list[Sequence[T]]:
    """In order, `rows` to a group, the last with what is left."""
    return [items[at : at + rows] for at in range(0, len(items), rows)]
