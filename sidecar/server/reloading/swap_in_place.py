"""A change where two voices do not fit: the old one goes before the new one is loaded.

paused -> lines under way end -> let go of -> the next one is loaded and exchanged -> resumed
                                           -> it fails: the old one is loaded again -> resumed
"""

import gc
import logging
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sidecar.engines.runtimes import give_back_device_memory
from sidecar.models.pack import Pack
from sidecar.protocol.errors import Cancelled, InsufficientMemory
from sidecar.reload.journal import Journal
from sidecar.server.live_voices import ServedVoice
from sidecar.server.process.host import give_back_memory
from sidecar.server.reloading.dependencies import Dependencies, ServerSide

log = logging.getLogger(__name__)

T = TypeVar("T")
OLD_VOICE_DRAIN_S = 60.0  #: how long lines under way may take to end; after that the old voice stays
GONE_S = 2.0  #: how long a thread may take to forget the voice that it used last
LOOK_S = 0.02
PUT_BACK_AFTER_S = (0.0, 1.0, 3.0)  #: when the old voice is loaded again: memory may be short for a moment


@dataclass(frozen=True)
class SwapInPlace:
    """For the reloader's thread. `stopping` ends every wait with `Cancelled`; `joined` gives a voice that was
    loaded again what it had of other packs' voices."""

    dependencies: Dependencies
    journal: Journal
    server: ServerSide
    stopping: threading.Event
    joined: Callable[[ServedVoice], ServedVoice]

    @contextmanager
    def of(self, old: Pack) -> Iterator[None]:
        """In the block, `old`'s voice is out of memory and lines for its name wait. The block makes another
        one live for that name; where it raises, the old one is loaded again before the lines go on.

        Raises what the block does, and `InsufficientMemory` when lines under way do not end.
        """
        began = time.perf_counter()
        name, version = old.manifest.name, old.manifest.version
        self._ask(lambda: self.server.desk.pause(name))
        self.journal.tell("paused", name=name, version=version)
        try:
            self._let_go(name, version)
            yield
        except BaseException as error:
            forget_frames(error)  # half a voice may hang on them
            raise
        finally:
            if not self.stopping.is_set():
                self._go_on(old, began)

    def _let_go(self, name: str, version: str) -> None:
        began = time.perf_counter()
        voices, desk = self.server.voices, self.server.desk
        gone = self._ask(lambda: weakref.ref(voices.find(f"{name}@{version}", "").synthesizer))
        while not self._ask(lambda: desk.let_go(name)):
            if time.perf_counter() - began > OLD_VOICE_DRAIN_S:
                raise InsufficientMemory(
                    f"there is no room beside {name} {version}, and its lines under way did not end within "
                    f"{OLD_VOICE_DRAIN_S:g} s",
                    tip="rescan when there is less to say",
                )
            self.stopping.wait(LOOK_S)
        forgotten_by = time.perf_counter() + GONE_S
        while gone() is not None and time.perf_counter() < forgotten_by:
            gc.collect()
            self.stopping.wait(LOOK_S)
        give_back_memory()
        give_back_device_memory()
        self.journal.tell("let_go", name=name, version=version, ms=elapsed_ms(began))

    def _go_on(self, old: Pack, began: float) -> None:
        name = old.manifest.name
        if self._ask(lambda: self.server.voices.is_absent(name)):
            self._put_back(old)
        self._ask(lambda: self.server.desk.resume(name))
        self.journal.tell("resumed", name=name, ms=elapsed_ms(began))

    def _put_back(self, old: Pack) -> None:
        """The old voice, or for want of it a plain answer to everybody who asks for it."""
        name, version, voices = old.manifest.name, old.manifest.version, self.server.voices
        for wait_s in PUT_BACK_AFTER_S:
            self.stopping.wait(wait_s)
            give_back_memory()
            give_back_device_memory()
            try:
                self._load_again(old)
                return
            except Cancelled:
                raise
            except Exception as error:
                log.exception("a voice that had given way could not be loaded again")
                forget_frames(error)
                self.journal.tell("not_put_back", name=name, version=version, detail=str(error))
        self._ask(lambda: voices.lose(name))
        self.journal.tell("lost", name=name, version=version)

    def _load_again(self, old: Pack) -> None:
        voice = self.joined(self.dependencies.load(old))
        self._ask(lambda: self.server.voices.put_back(voice))
        self.journal.tell("put_back", name=old.manifest.name, version=old.manifest.version)

    def _ask(self, job: Callable[[], T]) -> T:
        return self.server.ask(job, self.stopping)


def forget_frames(error: BaseException | None) -> None:
    """Let go of what the frames of an error and of its causes hold."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def elapsed_ms(since: float) -> float:
    return round(1000 * (time.perf_counter() - since), 1)
