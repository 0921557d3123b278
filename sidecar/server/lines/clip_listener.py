"""The thread that listens to reference clips, so that neither sockets nor the device wait for it."""

import logging
import queue
import threading
from collections.abc import Callable

from sidecar.prosody.change import Change
from sidecar.prosody.clip_memory import ClipMemory, Clips
from sidecar.prosody.traits import Traits
from sidecar.protocol.errors import BadAudio, InternalError

log = logging.getLogger(__name__)

Compared = Change | BadAudio
Told = Callable[[tuple[str, ...], Compared | InternalError], None]


class ClipListener:
    """Listens to one request's clips after another's. `told` is called on its thread with their names and
    what was heard. Those of `PENDING` requests wait at most, since they hold their bytes."""

    PENDING = 8

    def __init__(self, told: Told) -> None:
        self._told, self._clips = told, ClipMemory()
        self._waiting: queue.Queue[Clips | None] = queue.Queue(self.PENDING)
        self._thread = threading.Thread(target=self._run, name="clip-listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def known(self, clips: Clips) -> Compared | None:
        return self._clips.known_change(clips)

    def traits(self, name: str) -> Traits | None:
        """What was measured in a clip that was heard, by its sha256; None for one that was refused."""
        heard = self._clips.known(name)
        return heard if isinstance(heard, Traits) else None

    def listen(self, clips: Clips) -> bool:
        """False when too many wait."""
        try:
            self._waiting.put_nowait(clips)
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
        while (clips := self._waiting.get()) is not None:
            self._told(clips.names, self._heard(clips))

    def _heard(self, clips: Clips) -> Compared | InternalError:
        """The thread must outlive any bug that a clip finds."""
        try:
            return self._clips.compared(clips)
        except Exception as error:
            log.exception("a clip failed")
            return InternalError(f"the clip failed: {type(error).__name__}")
