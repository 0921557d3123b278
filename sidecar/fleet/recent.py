"""What a voice has done lately, out of counters that only grow, or begin anew with a new voice."""

from collections import deque
from collections.abc import Mapping

from sidecar.reload.policy import Side

MOST_SAMPLES = 512
Counters = Mapping[tuple[str, str], Side]  #: by name and version


class RecentFigures:
    """Samples of the counters under a clock that is handed in, in seconds. One thread at a time."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], deque[tuple[float, Side]]] = {}

    def add(self, counters: Counters, now_s: float) -> None:
        """Voices that are not among them are forgotten."""
        self._samples = {key: self._samples.get(key, deque(maxlen=MOST_SAMPLES)) for key in counters}
        for key, side in counters.items():
            samples = self._samples[key]
            if samples and side.requests < samples[-1][1].requests:
                samples.clear()  # it was loaded anew, or a trial began
            if not samples:
                samples.append((float("-inf"), Side()))
            samples.append((now_s, side))

    def recent(self, name: str, version: str, window_s: float) -> Side:
        """From the last sample that is at least so old, or since the voice began."""
        samples = self._samples.get((name, version))
        if not samples:
            return Side()
        newest_s, newest = samples[-1]
        oldest = next(
            (side for at_s, side in reversed(samples) if newest_s - at_s >= window_s), samples[0][1]
        )
        return Side(
            newest.requests - oldest.requests, newest.errors - oldest.errors,
            max(0.0, newest.work_s - oldest.work_s), max(0.0, newest.audio_s - oldest.audio_s),
        )  # fmt: skip

    def versions(self, name: str) -> tuple[str, ...]:
        return tuple(sorted(version for known, version in self._samples if known == name))
