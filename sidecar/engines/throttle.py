"""Work with tensors in small pieces, with rests between them while others need the machine more."""

import time
from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode

PIECE_S = 0.01
SHARE = 0.4  #: of a core, while somebody speaks


class Throttle(TorchFunctionMode):
    """In a `with` block, what this thread computes takes about `SHARE` of its time while `busy()`.

    A priority alone is not enough: where two cores serve one voice, whatever runs on one of them holds up
    every operation that is shared out over both. Other threads are not touched.
    """

    def __init__(self, busy: Callable[[], bool]) -> None:
        super().__init__()
        self._busy = busy
        self._since_s = time.thread_time()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        worked_s = time.thread_time() - self._since_s
        if worked_s >= PIECE_S:
            if self._busy():
                time.sleep(worked_s * (1 - SHARE) / SHARE)
            self._since_s = time.thread_time()
        return func(*args, **(kwargs or {}))
