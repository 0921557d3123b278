"""Strangers' clips are decoded in a process that they may crash, fill or hold up.

libsndfile and its codecs are written in C, and clips exist that end them, take gigabytes, leak, or keep them
busy for minutes. So a child decodes, with bounds on its memory and processor time (Windows has no such
bounds) and on the clock, and what harms it is refused. It is kept from clip to clip.
"""

import math
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
import psutil

from sidecar.audio.clip import EXPECTED, SECONDS, Clip, container
from sidecar.audio.decoding_child import ANSWER, CLIP, READY, REFUSAL, REQUEST
from sidecar.children.starting import start
from sidecar.protocol.errors import BadAudio, InternalError
from sidecar.protocol.limits import SAMPLE_RATE_HZ

MODULE = "sidecar.audio.decoding_child"
#: By the clock: a child that sleeps takes no processor time, and Windows does not bound what one takes.
CLIP_S, START_S = 10.0, 60.0
#: A child goes when nothing came for so long, after so many clips, or when it has grown by so much.
IDLE_S, CLIPS, GROWTH_BYTES = 300.0, 1000, 64 << 20
_MOST_BYTES = {READY: 0, CLIP: int(4 * SECONDS[1] * SAMPLE_RATE_HZ.highest), REFUSAL: 1000}
_OUT_OF_TIME = -getattr(signal, "SIGXCPU", 0)


class Decoder:
    """Decodes in a child, one clip at a time. Any thread; the next waits for its turn.

    The child starts with the first clip and ends with `stop`, with this object and with this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def decoded(self, body: bytes) -> Clip:
        """What `clip.decoded` gives, to the bit. Raises `BadAudio`, also for what the child does not survive,
        and `InternalError` when no child can be started."""
        container(body)
        with self._lock:
            self._child = child = self._ready()
            try:
                return child.decoded(body)
            finally:
                child.rest(self)

    def stop(self) -> None:
        """End the child once it is done with its clip. The next clip starts another."""
        with self._lock:
            if self._child is not None:
                self._child.end()

    def stop_idle(self) -> None:
        """End a child that has had nothing to do for `IDLE_S`."""
        with self._lock:
            if self._child is not None and self._child.is_idle:
                self._child.end()

    def _ready(self) -> "_Child":
        if self._child is not None:
            if self._child.wakes():
                return self._child
            self._child.end()
        try:
            return _Child(self)
        except (OSError, _Lost) as error:
            raise InternalError(f"the process that decodes clips does not start: {error}") from error


class _Lost(Exception):
    """The child has not answered, or with nonsense, and is no more. Says why."""


@dataclass(frozen=True)
class _Answer:
    """`decoding_child.ANSWER` and what it announced."""

    kind: int
    sample_rate_hz: int
    peak_dbfs: float
    content: bytes


class _Child:
    """A child that is ready for a clip; `end` ends it, and so does the end of its owner. Not thread-safe.

    Making one raises `OSError` or `_Lost`.
    """

    def __init__(self, owner: Decoder) -> None:
        self._is_given_up, self._clips, self._used_s = False, 0, 0.0
        self._resting: threading.Timer | None = None
        self._owner_pid = os.getpid()
        self._process = start(MODULE, [], heard=False)
        self.end = weakref.finalize(owner, self._end)
        with self._within(START_S):
            self._answer(READY)
        self._first_bytes = self._memory_bytes()

    def decoded(self, body: bytes) -> Clip:
        """Raises `BadAudio`: the child's own words, or that it is lost."""
        self._clips += 1
        try:
            with self._within(CLIP_S):
                self._ask(body)
                answer = self._answer(CLIP, REFUSAL)
                if answer.kind == CLIP:
                    return _clip(answer)
        except _Lost as lost:
            raise BadAudio(f"the clip cannot be decoded: {lost}; {EXPECTED}") from lost
        raise BadAudio(answer.content.decode("utf-8", "replace"))

    def rest(self, owner: Decoder) -> None:
        """Until the next clip, if there is one soon; it is the end of a child that is worn."""
        if self._is_worn():
            self.end()
        else:
            self._used_s = time.monotonic()
            self._resting = _timer(IDLE_S, _stop_idle, weakref.ref(owner))

    @property
    def is_idle(self) -> bool:
        return time.monotonic() - self._used_s >= IDLE_S

    def wakes(self) -> bool:
        """Whether it can take another clip."""
        if self._resting is not None:
            self._resting.cancel()
        return self.end.alive and self._process.poll() is None

    def _is_worn(self) -> bool:
        return (
            self._process.poll() is not None
            or self._is_given_up  # the end may be on its way
            or self._clips >= CLIPS
            or self._memory_bytes() > self._first_bytes + GROWTH_BYTES
        )

    def _memory_bytes(self) -> int:
        with suppress(psutil.Error):  # it has just ended
            return int(psutil.Process(self._process.pid).memory_info().rss)
        return 0

    def _ask(self, body: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(REQUEST.pack(len(body)))
        self._process.stdin.write(body)
        self._process.stdin.flush()

    def _answer(self, *kinds: int) -> _Answer:
        """The next one, of these kinds. Raises `EOFError` and `ValueError`."""
        kind, sample_rate_hz, peak_dbfs, size = ANSWER.unpack(self._read(ANSWER.size))
        if kind not in kinds or size > _MOST_BYTES[kind]:
            raise ValueError("no answer")
        return _Answer(kind, sample_rate_hz, peak_dbfs, self._read(size))

    def _read(self, size: int) -> bytes:
        assert self._process.stdout
        content = self._process.stdout.read(size)
        if len(content) < size:
            raise EOFError
        return content

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """The child's end when the block takes longer or fails: the next clip must not be given the answer
        that this one did not wait for. Raises `_Lost`."""
        watch = _timer(seconds, self._give_up)
        try:
            yield
        except BaseException as error:
            self.end()
            if isinstance(error, (OSError, EOFError, ValueError)):
                raise _Lost(self._what_became_of_it(error)) from None
            raise
        finally:
            watch.cancel()
            watch.join()

    def _give_up(self) -> None:
        self._is_given_up = True
        self._process.kill()

    def _what_became_of_it(self, error: Exception) -> str:
        code = self._process.returncode
        if self._is_given_up or code == _OUT_OF_TIME:
            return "it takes too long"
        if isinstance(error, ValueError):
            return "what comes out is not sound"
        return f"the process that tried ended with code {code}"

    def _end(self) -> None:
        if os.getpid() != self._owner_pid:  # a copy in a process that was forked from its owner's
            return
        if self._resting is not None:
            self._resting.cancel()
        self._process.kill()  # one that has begun to end keeps its own code
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what it was not told any more
                pipe.close()  # type: ignore[union-attr]


def _clip(answer: _Answer) -> Clip:
    """Raises `ValueError` for what no clip is: whoever sent it may not be us any more."""
    samples = np.frombuffer(bytearray(answer.content), np.float32)
    if not SAMPLE_RATE_HZ.lowest <= answer.sample_rate_hz <= SAMPLE_RATE_HZ.highest:
        raise ValueError(f"{answer.sample_rate_hz} samples a second")
    clip = Clip(samples, answer.sample_rate_hz, answer.peak_dbfs)
    if not (SECONDS[0] <= clip.duration_s <= SECONDS[1] and math.isfinite(clip.peak_dbfs)):
        raise ValueError(f"{clip.duration_s} s, {clip.peak_dbfs} dB")
    if not np.abs(samples).max() <= 1:  # nor when it is not a number
        raise ValueError("samples beyond full scale")
    return clip


def _timer(seconds: float, call: Callable[..., None], *arguments: object) -> threading.Timer:
    timer = threading.Timer(seconds, call, arguments)
    timer.daemon = True
    timer.start()
    return timer


def _stop_idle(decoder: "weakref.ref[Decoder]") -> None:
    if (alive := decoder()) is not None:
        alive.stop_idle()
