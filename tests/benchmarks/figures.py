"""Figures that benchmarks share."""

from collections.abc import Sequence


def percentile(values: Sequence[float], q: float) -> float:
    """The smallest value that `q` per cent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(10 * q) // 1000) - 1)]
