"""Spoken lines kept in memory, the least recently used going first."""

from collections import OrderedDict
from dataclasses import dataclass

from sidecar.protocol.replies import CacheStats
from sidecar.server.lines.takes import Take, TakeKey


@dataclass
class MemoryCache:
    """At most `limit_bytes` of takes. Not thread-safe."""

    limit_bytes: int

    def __post_init__(self) -> None:
        self._takes: OrderedDict[TakeKey, Take] = OrderedDict()
        self._bytes = self._hits = self._misses = 0

    def get(self, key: TakeKey) -> Take | None:
        take = self._takes.get(key)
        if take is None:
            self._misses += 1
            return None
        self._hits += 1
        self._takes.move_to_end(key)
        return take

    def put(self, key: TakeKey, take: Take) -> None:
        """Keep a take, unless it alone is more than everything that fits."""
        if take.size_bytes > self.limit_bytes:
            return
        self._remove(key)
        self._takes[key] = take
        self._bytes += take.size_bytes
        while self._bytes > self.limit_bytes:
            self._remove(next(iter(self._takes)))

    def keep_only(self, voices: frozenset[str]) -> None:
        """Forget what was spoken by models that are gone."""
        for key in [key for key in self._takes if key.voice not in voices]:
            self._remove(key)

    def stats(self) -> CacheStats:
        return CacheStats(self._hits, self._misses, len(self._takes), self._bytes)

    def _remove(self, key: TakeKey) -> None:
        take = self._takes.pop(key, None)
        if take is not None:
            self._bytes -= take.size_bytes
