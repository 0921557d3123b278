"""What bringing packs to life works with: the models' side, and the server's thread seen from another."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet  # Python 3.10 has one of its own
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sidecar.models.pack import Pack
from sidecar.protocol import events
from sidecar.protocol.errors import Cancelled
from sidecar.reload.journal import UNSIGNED
from sidecar.server.config import ModelsConfig
from sidecar.server.lines.desk import Desk
from sidecar.server.live_voices import LiveVoices, ServedVoice

T = TypeVar("T")
_POLL_S = 0.2


@dataclass(frozen=True)
class Dependencies:
    """What the reloader works with; a test hands in quick ones.

    `check` puts a verified copy into the store; `load` makes a voice of it that has spoken its probe.
    Both raise an `NpcVoiceError`. `judge` says whose a copy is, by key (`UNSIGNED`: nobody's), or raises
    `ModelRejected` by the policy and the trusted publishers of now. `shipped` is the default voice's folder
    in the store. `free_bytes` is the memory left on the voices' device. `join` makes of a voice that speaks
    one that has, of other packs' voices, exactly those given.
    """

    models: Path
    store: Path
    check: Callable[[Path, threading.Event], Pack]
    load: Callable[[Pack], ServedVoice]
    free_bytes: Callable[[], int]
    config: ModelsConfig = field(default_factory=ModelsConfig)
    judge: Callable[[Pack], str] = lambda _: UNSIGNED
    shipped: str = ""
    join: Callable[[ServedVoice, Sequence[Pack]], ServedVoice] = lambda voice, _: voice


@dataclass(frozen=True)
class ServerSide:
    """The server's thread, seen from here: `run` does a job there, `publish` tells an event from there.
    `busy` says whether lines are being spoken now.

    `voices` and `desk` belong to that thread: they are for jobs."""

    voices: LiveVoices
    desk: Desk
    run: Callable[[Callable[[], None]], None]
    publish: Callable[[events.Event], None]
    clock: Callable[[], float]
    busy: Callable[[], bool]

    def ask(self, job: Callable[[], T], stopping: threading.Event) -> T:
        """What `job` returns on the server's thread. Raises `Cancelled` when the server ends first."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(job())
            except BaseException as error:
                done.set_exception(error)

        self.run(run)
        while not stopping.is_set():
            with contextlib.suppress(NotYet):
                return done.result(timeout=_POLL_S)
        raise Cancelled("the sidecar is stopping")
