"""The one thread that owns the device. It does one pass at a time: a phrase of each line it is given."""

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch

from sidecar.engines.device import DeviceLost
from sidecar.line import Line
from sidecar.protocol.errors import InternalError, NpcVoiceError
from sidecar.server.lines.takes import TakePart, part_of
from sidecar.server.process.host import give_back_memory
from sidecar.speech import Speech, elapsed_ms, joined, shifted
from sidecar.synthesis import Part as RenderPart
from sidecar.synthesis import Piece, PreparedLine, Synthesizer

log = logging.getLogger(__name__)

QUIET_S = 1.0
PAUSE_S = 0.1  #: between two passes, while lines are spoken without pause

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """The next phrase of a line. Where `whole`, `earlier` holds the phrases already spoken, so that the
    last pass can encode all of them as one. Where `pieced`, a pass is a piece of a phrase, and `rest` what is
    left of the phrase that was begun."""

    key: int
    synthesizer: Synthesizer
    line: Line
    format: str
    whole: bool
    pieced: bool = False
    prepared: PreparedLine | None = None
    at: int = 0
    start_s: float = 0.0
    earlier: tuple[Speech, ...] = ()
    rest: Iterator[Piece] | None = None


@dataclass(frozen=True)
class SpokenPart:
    """What a task became. `part` is None while the phrases of a whole container are collected. `share` of the
    phrase was spoken, 0..1; `rest` is what is left of it."""

    key: int
    prepared: PreparedLine
    speech: Speech
    part: TakePart | None
    last: bool
    work_s: float
    share: float = 1.0
    rest: Iterator[Piece] | None = None


@dataclass(frozen=True)
class Rendered:
    """What a pass has made of a line's phrase, and what is left of it."""

    piece: Piece
    rest: Iterator[Piece] | None = None


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
        torch.set_num_threads(torch.get_num_threads())  # for this thread, whatever others set for theirs
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
    lines = [attempted(task.key, partial(_prepared, task)) for task in tasks]
    ready = [(task, line) for task, line in zip(tasks, lines, strict=True) if not isinstance(line, Failed)]
    made = _together(ready)
    work_s = (time.perf_counter() - began) / max(1, len(ready))
    outcomes: list[Outcome] = [line for line in lines if isinstance(line, Failed)]
    for (task, line), rendered in zip(ready, made, strict=True):
        if isinstance(rendered, Failed):
            outcomes.append(rendered)
        else:
            outcomes.append(attempted(task.key, partial(finished, task, line, rendered, work_s)))
    return outcomes


def _prepared(task: Task) -> PreparedLine:
    return task.prepared or task.synthesizer.prepare(task.line)


def _together(ready: Sequence[tuple[Task, PreparedLine]]) -> list[Rendered | Failed]:
    """Render in one pass; where that fails, each line alone, to find whose fault it is."""
    parts = [(line, task.at) for task, line in ready]
    if len(parts) > 1 and not any(task.pieced for task, _ in ready):
        speeches = attempted(0, partial(ready[0][0].synthesizer.render, parts))
        if not isinstance(speeches, Failed):
            return [Rendered(Piece(speech)) for speech in speeches]
    return [
        attempted(task.key, partial(_alone, task, part)) for (task, _), part in zip(ready, parts, strict=True)
    ]


def _alone(task: Task, part: RenderPart) -> Rendered:
    if not task.pieced:
        return Rendered(Piece(task.synthesizer.render([part])[0]))
    pieces = task.rest or task.synthesizer.pieces(*part)
    piece = next(pieces)
    return Rendered(piece, None if piece.is_last else pieces)


def finished(task: Task, prepared: PreparedLine, rendered: Rendered, work_s: float) -> SpokenPart:
    """Placed in its line and encoded, as far as the line's format wants it now."""
    piece = rendered.piece
    text_ms = 0.0 if task.prepared else prepared.text_ms
    speech = shifted(
        replace(piece.speech, timing=replace(piece.speech.timing, text_ms=text_ms)), task.start_s
    )
    last = piece.is_last and task.at + 1 == len(prepared.phrases)
    part = None
    if last or not task.whole:
        said = joined([*task.earlier, speech], None) if task.whole else speech
        began = time.perf_counter()
        audio = said.encoded(task.format)
        part = part_of(said, audio, elapsed_ms(began))
    return SpokenPart(task.key, prepared, speech, part, last, work_s, piece.share, rendered.rest)


def attempted(key: int, attempt: Callable[[], T]) -> T | Failed:
    """What `attempt` returns, or the failure it ran into. The thread must outlive any bug in a line's way."""
    try:
        return attempt()
    except NpcVoiceError as error:
        return Failed(key, error)
    except Exception as error:
        log.exception("a line failed")
        return Failed(key, InternalError(f"the line failed: {type(error).__name__}"))
