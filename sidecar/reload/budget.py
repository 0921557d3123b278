"""How many checks may be begun: a flood of drops must not cost the machine, or hide a good pack for long."""

from collections import OrderedDict
from collections.abc import Iterable

BURST = 30  #: checks at once; after that, one every `EVERY_S`
EVERY_S = 2.0
SAME_SOURCE_S = 5.0  #: between two checks of one source, which may change as often as it likes
_SOURCES = 512


class Budget:
    """Counts checks under a clock that is handed in, in seconds. One thread at a time."""

    def __init__(self, now_s: float, same_source_s: float = SAME_SOURCE_S) -> None:
        self._left, self._since_s = float(BURST), now_s
        self._same_source_s = same_source_s
        self._checked_s: OrderedDict[str, float] = OrderedDict()

    def spend(self, source: str, now_s: float) -> None:
        """A check of `source` begins."""
        self._left, self._since_s = self._available(now_s) - 1, now_s
        self._checked_s[source] = now_s
        self._checked_s.move_to_end(source)
        while len(self._checked_s) > _SOURCES:
            self._checked_s.popitem(last=False)

    def resting(self, sources: Iterable[str], now_s: float) -> frozenset[str]:
        """Those that may not be checked yet."""
        return frozenset(source for source in sources if self._due_s(source, now_s) > now_s)

    def wait_s(self, sources: Iterable[str], now_s: float) -> float | None:
        """Until the first of them may be checked; None where there are none."""
        dues_s = [self._due_s(source, now_s) for source in sources]
        return max(0.0, min(dues_s) - now_s) if dues_s else None

    def _due_s(self, source: str, now_s: float) -> float:
        alone_s = self._checked_s.get(source, float("-inf")) + self._same_source_s
        return max(alone_s, now_s + max(0.0, 1 - self._available(now_s)) * EVERY_S)

    def _available(self, now_s: float) -> float:
        return min(float(BURST), self._left + (now_s - self._since_s) / EVERY_S)
