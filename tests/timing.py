"""How long pure work takes, whatever else the machine and this process do meanwhile."""

import time
from collections.abc import Callable


def least_cpu_s(work: Callable[[], object], tries: int = 4) -> float:
    """Least CPU time of the calling thread over some tries: one alone may pay for a collection of garbage."""
    return min(_cpu_s(work) for _ in range(tries))


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began
