"""Who speaks a bake's lines: this process, and others beside it. Every one computes with one thread.

How many threads share a sum decides its last bit, so only with one each do lines come out the same whoever
speaks them and however many there are. Many lines at once fill the cores better than many threads a line do.
"""

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Protocol

import psutil

from sidecar.baking.clip import Clip, spoken_clip
from sidecar.baking.differences import Wanted
from sidecar.baking.messages import Answer, Task, order_line, read_answer, task_line
from sidecar.baking.script import Failure
from sidecar.children.starting import start
from sidecar.engines.runtimes import use_one_thread
from sidecar.protocol.errors import BadRequest, NpcVoiceError
from sidecar.synthesis import Synthesizer

MODULE = "sidecar.baking.speaking_child"
WORKER_BYTES = 1536 << 20  #: what a process with a voice may take
TRIES = 2  #: processes that a line may take with it
_ENDS_S = 10.0


class Speaker(Protocol):
    """Speaks one line after the other, on one thread, and answers for each whatever happens."""

    def clip(self, wanted: Wanted) -> Clip | Failure: ...

    def close(self) -> None: ...


class OwnSpeaker:
    """Speaks in this process."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self._synthesizer = synthesizer

    def clip(self, wanted: Wanted) -> Clip | Failure:
        use_one_thread()
        return attempted(self._synthesizer, wanted)

    def close(self) -> None:
        """Nothing is to be given back."""


class OtherSpeaker:
    """Speaks in a process of its own, started with the first line. Where one dies, its line is tried once
    more in another; a line that takes both with it is a failure.

    One thread speaks (`clip`), any may `close`. The process and its pipes are the speaking thread's, which
    holds `_speaking` meanwhile; another may only kill the process.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._speaking, self._starting = threading.Lock(), threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def clip(self, wanted: Wanted) -> Clip | Failure:
        order, ends = wanted.order, ""
        with self._speaking:
            for _ in range(TRIES):
                try:
                    answer = _asked(self._process or self._started(), order_line(order, wanted.key))
                    assert answer is not None
                    return answer
                except (OSError, EOFError, ValueError, BadRequest) as error:  # gone, or no answer of ours
                    ends = self._end_of(error)
        return Failure(order.row, order.id, f"the process that spoke it {ends}")

    def close(self) -> None:
        """End the process for good, in the midst of a line too. Any thread, any number of times."""
        with self._starting:
            self._closed = True
            if self._process is not None:
                self._process.kill()  # whoever waits for its answer finds the end of it
        with self._speaking:
            self._bury()

    def _started(self) -> "subprocess.Popen[bytes]":
        """Raises `OSError` and `EOFError`."""
        with self._starting:
            if self._closed:
                raise OSError("no more lines are to be spoken")
            process = self._process = start(MODULE, [], heard=False)
        _asked(process, task_line(self._task))
        return process

    def _end_of(self, error: Exception) -> str:
        if self._process is None:
            return f"could not be started: {error}"
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_ENDS_S)
        self._bury()
        return f"ended with code {code}"

    def _bury(self) -> None:
        """Nothing is left of the process."""
        with self._starting:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what was still to be sent
                    pipe.close()  # type: ignore[union-attr]


def _asked(process: "subprocess.Popen[bytes]", line: bytes) -> Answer:
    """What it answers to a line. Raises `OSError` and `EOFError`."""
    assert process.stdin and process.stdout
    process.stdin.write(line)
    process.stdin.flush()
    return read_answer(process.stdout)  # type: ignore[arg-type]


def attempted(synthesizer: Synthesizer, wanted: Wanted) -> Clip | Failure:
    """The clip, or why there is none. A bug costs its line."""
    order = wanted.order
    try:
        return spoken_clip(synthesizer, order, wanted.key)
    except NpcVoiceError as error:
        return Failure.of(order.row, order.id, error)
    except Exception as error:
        return Failure(order.row, order.id, f"the line failed: {type(error).__name__}: {error}")


def clips(wanted: Sequence[Wanted], speakers: Sequence[Speaker]) -> Generator[Clip | Failure, None, None]:
    """What becomes of each line, as it comes. Whoever stops asking ends all speakers."""
    waiting: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
    done: queue.SimpleQueue[Clip | Failure] = queue.SimpleQueue()
    ended = threading.Event()
    for one in wanted:
        waiting.put(one)
    threads = [
        threading.Thread(target=_speak, args=(speaker.clip, waiting, done, ended), daemon=True)
        for speaker in speakers
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in wanted:
            yield done.get()
    finally:
        ended.set()
        for speaker in speakers:
            speaker.close()
        for thread in threads:
            thread.join()


def _speak(
    clip: Callable[[Wanted], Clip | Failure],
    waiting: "queue.SimpleQueue[Wanted]",
    done: "queue.SimpleQueue[Clip | Failure]",
    ended: threading.Event,
) -> None:
    with suppress(queue.Empty):
        while not ended.is_set():
            done.put(clip(waiting.get_nowait()))


def default_workers() -> int:
    """As many as there are cores for, and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(psutil.virtual_memory().available / WORKER_BYTES)))
