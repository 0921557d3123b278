"""The one thread that owns the device. It does one pass at a time: a phrase of each line it is given."""

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sidecar.engines.placement import DeviceLost
from sidecar.engines.runtimes import keep_threads
from sidecar.protocol.errors import InternalError, NpcVoiceError
from sidecar.server.lines.takes import TakePart, part_of
from sidecar.server.process.host import give_back_memory
from sidecar.speech import Speech, elapsed_ms, joined
from sidecar.synthesis import LinePart, LineRendering, PreparedLine, with_effect

log = logging.getLogger(__name__)

QUIET_S = 1.0
PAUSE_S = 0.1  #: between two passes, while lines are spoken without pause

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """A line whose next part is to be spoken. Where `whole`, `earlier` holds the parts already spoken,
    so that the last pass can encode all of them as one. Where `pieced`, it cannot share a pass."""

    key: int
    rendering: LineRendering
    format: str
    whole: bool
    pieced: bool = False
    earlier: tuple[Speech, ...] = ()


@dataclass(frozen=True)
class SpokenPart:
    """What a task became. `part` is None while the phrases of a line in one piece are collected."""

    key: int
    prepared: PreparedLine
    spoken: LinePart
    part: TakePart | None
    work_s: float


@dataclass(frozen=True)
class Failed:
    """A line that cannot be spoken, and why."""

    key: int
    error: NpcVoiceError


Outcome = SpokenPart | Failed
Done = Callable[[Sequence[Outcome]], None]
Lost = Callable[[], None]


class DeviceThread:
    """Does passes on a thread of its own. `done` is called on that thread with each pass's outcomes, `lost`
    after the last of them if the device has failed for good: no pass is done after that."""

    def __init__(self, done: Done, lost: Lost) -> None:
        self._done, self._lost = done, lost
        self._passes: queue.SimpleQueue[Sequence[Task] | None] = queue.SimpleQueue()
        self._running = threading.Event()
        self._working, self._ended_s = False, -math.inf
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._running.wait()

    def submit(self, tasks: Sequence[Task]) -> None:
        """The tasks of one pass, all of one model."""
        self._passes.put(tasks)

    @property
    def busy(self) -> bool:
        """Somebody is being spoken for; may be asked from any thread."""
        return self._working or time.monotonic() - self._ended_s < PAUSE_S

    def stop(self, wait_s: float) -> bool:
        """Let the pass that is under way end, then the thread; False if that takes longer than `wait_s`."""
        self._passes.put(None)
        if self._thread.is_alive():
            self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        keep_threads()
        self._running.set()
        while self._do_one():
            pass

    def _do_one(self) -> bool:
        """A pass of its own frame: a thread that waits must not hold on to the model it used last."""
        tasks = self._next()
        if tasks is None:
            return False
        self._working = True
        outcomes = one_pass(tasks)
        self._working, self._ended_s = False, time.monotonic()
        self._done(outcomes)
        if (failure := failure_for_good(outcomes)) is None:
            return True
        log.error("the device is lost", exc_info=failure)
        self._lost()
        return False

    def _next(self) -> Sequence[Task] | None:
        """Wait for a pass. In the first quiet moment, memory that passes have left behind goes back."""
        try:
            return self._passes.get(timeout=QUIET_S)
        except queue.Empty:
            give_back_memory()
            return self._passes.get()


def failure_for_good(outcomes: Sequence[Outcome]) -> DeviceLost | None:
    """Why there can be no pass after this one."""
    failures = (outcome.error for outcome in outcomes if isinstance(outcome, Failed))
    return next((error for error in failures if isinstance(error, DeviceLost)), None)


def one_pass(tasks: Sequence[Task]) -> list[Outcome]:
    """Every task's outcome. A line that fails takes no other with it."""
    began = time.perf_counter()
    prepared = [attempted(task.key, task.rendering.prepare) for task in tasks]
    ready = [task for task, line in zip(tasks, prepared, strict=True) if not isinstance(line, Failed)]
    parts = _together(ready)
    work_s = (time.perf_counter() - began) / max(1, len(ready))
    outcomes: list[Outcome] = [line for line in prepared if isinstance(line, Failed)]
    for task, part in zip(ready, parts, strict=True):
        if isinstance(part, Failed):
            outcomes.append(part)
        else:
            outcomes.append(attempted(task.key, partial(encoded, task, part, work_s)))
    return outcomes


def _together(ready: Sequence[Task]) -> list[LinePart | Failed]:
    """Render in one pass; where that fails, each line alone, to find whose fault it is."""
    renderings = [task.rendering for task in ready]
    if len(ready) > 1 and not any(task.pieced for task in ready):
        parts = attempted(0, partial(LineRendering.together, renderings))
        if not isinstance(parts, Failed):
            return list(parts)
    return [attempted(task.key, partial(_alone, task.rendering)) for task in ready]


def _alone(rendering: LineRendering) -> LinePart:
    return rendering.following()[0]


def encoded(task: Task, spoken: LinePart, work_s: float) -> SpokenPart:
    """As far as the line's format wants it now."""
    part, prepared = None, task.rendering.prepare()
    if spoken.ends_line or not task.whole:
        said = spoken.speech
        if task.whole:
            said = with_effect(joined([*task.earlier, said], prepared.line.loudness_lufs), prepared)
        began = time.perf_counter()
        audio = said.encoded(task.format)
        part = part_of(said, audio, elapsed_ms(began))
    return SpokenPart(task.key, prepared, spoken, part, work_s)


def attempted(key: int, attempt: Callable[[], T]) -> T | Failed:
    """What `attempt` returns, or the failure it ran into. The thread must outlive any bug in a line's way."""
    try:
        return attempt()
    except NpcVoiceError as error:
        return Failed(key, error)
    except Exception as error:
        log.exception("a line failed")
        return Failed(key, InternalError(f"the line failed: {type(error).__name__}"))
