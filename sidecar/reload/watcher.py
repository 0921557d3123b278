"""The thread that looks at the models folder when something may have changed in it.

Watchdog says when to look, never what to believe: every decision comes from a survey. Where it cannot
watch, the folder is looked at every `poll_s`; where it can, every 30 s all the same, for the changes it
is not told of (another machine's, on a network folder).
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sidecar.models.pack import storage_errors
from sidecar.reload.candidates import Candidate, Seen, survey
from sidecar.reload.notices import NoNotices, Notices
from sidecar.reload.settling import Settling

log = logging.getLogger(__name__)

Found = Callable[[Candidate], None]
UNTOLD_S = 30.0


class Watcher:
    """Calls `found` for each candidate in `folder` that has settled, on the watcher's own thread.

    `quiet_s` and `patience_s` are those of `Settling`. `use_events=False` is for network and container
    folders. What `found` raises is logged; while it runs nothing is looked at. A watcher runs once.
    """

    def __init__(
        self,
        folder: Path,
        found: Found,
        *,
        quiet_s: float = 1.0,
        patience_s: float = 10.0,
        poll_s: float = 2.0,
        use_events: bool = True,
    ) -> None:
        self._folder, self._found = folder, found
        self._poll_s, self._least_gap_s = poll_s, quiet_s / 4
        self._settling, self._quiet_s = Settling(quiet_s, patience_s), quiet_s
        self._notices = Notices(folder, self._notice) if use_events else NoNotices()
        self._seen: dict[str, Seen] = {}
        self._looked_s, self._again_s = float("-inf"), float("inf")
        self._gap_s = self._least_gap_s
        self._forgotten: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._is_noticed = True
        self._is_asked, self._is_stopping = False, False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models folder", daemon=True)

    def start(self) -> None:
        """Make the folder if there is none, and begin. Raises `StorageError` when it cannot be made."""
        with storage_errors(self._folder.parent):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and watchdog's. Waits for a running `found`, unless it is `found` that stops."""
        self._is_stopping = True
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def look_now(self) -> None:
        """Survey without delay. What is not at rest still has to settle. Any thread may call it."""
        self._is_asked = True
        self._wake.set()

    def forget(self, name: str) -> None:
        """What is found under this name is told once more. Any thread may call it."""
        self._forgotten.put(name)
        self.look_now()

    def sees(self, name: str) -> bool | None:
        """Whether something lies there under this name; None before the first look. Any thread may ask."""
        return None if self._looked_s < 0 else name in self._seen

    def _notice(self) -> None:
        """Watchdog's threads call this, thousands of times a second in a copy: only the first one wakes."""
        if not self._is_noticed:
            self._is_noticed = True
            self._wake.set()

    def _run(self) -> None:
        try:
            while True:
                self._wake.clear()
                if self._is_stopping:
                    return
                if self._notices.tend():
                    self._is_noticed = True
                now_s = time.monotonic()
                wait_s = self._due_s(now_s) - now_s
                if wait_s <= 0:
                    self._look()
                else:
                    self._wake.wait(min(wait_s, self._poll_s))
        finally:
            self._notices.close()

    def _due_s(self, now_s: float) -> float:
        """The moment of the next survey."""
        if self._is_asked:
            return now_s
        dues_s = [self._again_s, self._looked_s + (UNTOLD_S if self._notices.are_on else self._poll_s)]
        if self._is_noticed:
            dues_s.append(now_s)
        if (settling_s := self._settling.next_due_s(now_s)) is not None:
            dues_s.append(now_s + settling_s)
        return max(min(dues_s), self._looked_s + self._gap_s)

    def _look(self) -> None:
        was_noticed, self._is_noticed, self._is_asked = self._is_noticed, False, False
        now_s = time.monotonic()
        with contextlib.suppress(queue.Empty):
            while True:
                self._settling.forget(self._forgotten.get_nowait())
        seen = survey(self._folder, self._seen)
        self._pace(seen != self._seen, time.monotonic() - now_s)
        self._seen, self._looked_s = seen, now_s
        # The first notice may come before the file that makes a folder a candidate, and be the last.
        self._again_s = now_s + self._quiet_s if was_noticed else float("inf")
        for candidate in self._settling.update(seen, now_s):
            if not self._is_stopping:
                self._tell(candidate)

    def _pace(self, has_changed: bool, took_s: float) -> None:
        """Notices that lead to nothing are followed ever more slowly, down to the pace of polling.

        Otherwise a busy file next to the packs, or a system that reports our own reading, costs a core.
        """
        gap_s = self._least_gap_s if has_changed else min(2 * self._gap_s, self._poll_s)
        self._gap_s = max(gap_s, min(20 * took_s, UNTOLD_S))

    def _tell(self, candidate: Candidate) -> None:
        try:
            self._found(candidate)
        except Exception:
            log.exception("%s was found, and what had to be done about it failed", ascii(candidate.name))
