"""The thread that listens to reference clips, so that neither sockets nor the device wait for it."""

import logging
import queue
import threading
from collections.abc import Callable

from sidecar.prosody.clip_memory import ClipMemory, Heard
from sidecar.protocol.errors import InternalError

log = logging.getLogger(__name__)

Told = Callable[[str, Heard | InternalError], None]


class ClipListener:
    """Listens to one clip after another. `told` is called on its thread with a clip's
    name and what was heard. At most `PENDING` clips wait, since each holds its bytes."""

    PENDING = 8

    def __init__(self, told: Told) -> None:
        self._told, self._clips = told, ClipMemory()
        self._waiting: queue.Queue[tuple[str, bytes] | None] = queue.Queue(self.PENDING)
        self._thread = threading.Thread(target=self._run, name="clip-listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def known(self, name: str) -> Heard | None:
        return self._clips.known(name)

    def listen(self, name: str, clip: bytes) -> bool:
        """False when too many wait."""
        try:
            self._waiting.put_nowait((name, clip))
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        """Hear what waits to its end: some seconds at most, unless it was made to take long."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        self._clips.stop()

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            name, clip = job
            self._told(name, self._heard(clip))

    def _heard(self, clip: bytes) -> Heard | InternalError:
        """The thread must outlive any bug that a clip finds."""
        try:
            return self._clips.listen(clip)
        except Exception as error:
            log.exception("a clip failed")
            return InternalError(f"the clip failed: {type(error).__name__}")
