"""The one thread that owns the device: it takes jobs in order and hands their results back."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.protocol.errors import InternalError, NpcVoiceError
from sidecar.protocol.messages import Synthesize
from sidecar.server import handlers
from sidecar.server.handlers import Answer
from sidecar.synthesis import Synthesizer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A line to speak for the client at `route`. `arrived` is a `time.perf_counter()`."""

    route: bytes
    request_id: str
    request: Synthesize
    arrived: float


Done = Callable[[Job, Answer | NpcVoiceError], None]


class Worker:
    """Runs jobs on its own thread. `done` is called on that thread with each job's outcome."""

    def __init__(self, synthesizer: Synthesizer, done: Done) -> None:
        self._synthesizer, self._done = synthesizer, done
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        self._jobs.put(job)

    def stop(self) -> None:
        """Finish what was submitted, then end the thread."""
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._done(job, self._outcome(job))

    def _outcome(self, job: Job) -> Answer | NpcVoiceError:
        try:
            return handlers.synthesize(self._synthesizer, job.request, job.arrived)
        except NpcVoiceError as error:
            return error
        except Exception as error:  # the process must outlive any bug in a line's way
            log.exception("a line failed")
            return InternalError(f"the line failed: {type(error).__name__}")
