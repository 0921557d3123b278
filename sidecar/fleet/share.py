"""Which nodes go first, decided by each node alone: a number drawn by its id and the rollout's."""

import hashlib
from collections.abc import Iterable, Sequence


def drawn(node: str, rollout: str, purpose: str = "share") -> float:
    """A number in 0..1 that a node always draws for a rollout: it does not change sides in mid-way."""
    digest = hashlib.sha256(f"{purpose}\0{rollout}\0{node}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def is_in(node: str, rollout: str, percent: float) -> bool:
    """Whether a node is among the first `percent`; whoever is stays so while the weight grows."""
    return 100 * drawn(node, rollout) < percent


def jitter_s(node: str, rollout: str, most_s: float) -> float:
    """How long a node waits before it fetches, so that not all of them come at once."""
    return most_s * drawn(node, rollout, "fetch")


def best_rollout(candidates: Iterable[str], nodes: Sequence[str], weights: Sequence[int]) -> str:
    """Of these ids the one by which the nodes of now are shared out most like `weights`, in percent.

    With few nodes chance alone would often leave the first step without any.
    """
    return min(candidates, key=lambda rollout: sum(_miss(rollout, nodes, weight) for weight in weights))


def _miss(rollout: str, nodes: Sequence[str], weight: int) -> float:
    """Nodes too many or too few; nobody at all where somebody should be is worse than that."""
    inside = sum(is_in(node, rollout, weight) for node in nodes)
    wanted = len(nodes) * weight / 100
    nobody = 1000.0 if nodes and weight > 0 and not inside else 0.0
    return abs(inside - wanted) + nobody
