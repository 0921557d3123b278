"""From a pack that is ready to a voice that speaks: loaded beside the live one, and exchanged for it."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sidecar.engines.runtimes import throttled
from sidecar.models.pack import Pack, intact
from sidecar.protocol import events
from sidecar.protocol.errors import Cancelled, InsufficientMemory, ModelRejected, NpcVoiceError
from sidecar.reload.candidates import survey
from sidecar.reload.policy import gives_way, live_of
from sidecar.reload.room import check_room, fits, freed_bytes
from sidecar.reload.states import Entry, State
from sidecar.reload.store import tidy
from sidecar.server.live_voices import ServedVoice
from sidecar.server.reloading.added_voices import AddedVoices
from sidecar.server.reloading.context import Context
from sidecar.server.reloading.swap_in_place import SwapInPlace
from sidecar.server.reloading.trials import Trials

log = logging.getLogger(__name__)

T = TypeVar("T")


class Loading:
    """On the reloader's thread. Whatever fails, the live voice is not touched."""

    def __init__(self, context: Context, trials: Trials, added: AddedVoices) -> None:
        self._context, self._trials, self._added = context, trials, added
        self._swap_in_place = SwapInPlace(
            context.dependencies, context.journal, context.server, context.stopping, added.joined
        )

    def load(self, entry: Entry, share: float) -> None:
        """Bring it to life, for `share` of the sessions."""
        assert entry.folder is not None
        pack, folder = intact(entry.folder), entry.folder.name
        if pack is None and self._context.is_as_found(entry):  # its copy is gone, what was dropped is there
            self._context.put(replace(entry.moved(State.FOUND), folder=None))
            return
        self._context.journal.update(lambda memory: replace(memory, loading=folder))
        entry = self._context.put(entry.moved(State.LOADING))
        began_s = self._context.found_s.pop(entry.source, time.perf_counter())
        try:
            self._bring_to_life(entry, pack or stored(entry), share, began_s)
        except Cancelled:
            raise
        except NpcVoiceError as error:
            self._context.reject(entry, error)
        except Exception as error:
            log.exception("a pack that had passed its checks could not be loaded")
            self._context.reject(
                entry, ModelRejected(f"it could not be loaded: {type(error).__name__}: {error}")
            )
        finally:
            self._context.journal.update(lambda memory: replace(memory, loading=None))

    def _bring_to_life(self, entry: Entry, pack: Pack, share: float, began_s: float) -> None:
        """Loaded beside the live one or, where that is allowed and there is no room, in its place; voices
        alone are added to those of a model.

        Raises an `NpcVoiceError`, or whatever a pack makes of loading."""
        if entry.base:
            self._added.add(pack)
            self._live(entry, began_s)
            return
        free_bytes = self._context.dependencies.free_bytes()
        old = gives_way(self._context.snapshot(), entry, share)
        if old is None or fits(pack.manifest, free_bytes):
            check_room(pack.manifest, free_bytes)
            self._hand_over(entry, self._loaded(pack), share, began_s)
        else:
            self._bring_to_life_in_place(entry, pack, old, began_s)

    def _loaded(self, pack: Pack) -> ServedVoice:
        with throttled(self._context.server.busy):
            voice, load_ms = timed(lambda: self._context.dependencies.load(pack))
        manifest = pack.manifest
        self._context.journal.tell(
            "loaded", name=manifest.name, version=manifest.version, ms=round(load_ms, 1)
        )
        return self._added.joined(voice)

    def _bring_to_life_in_place(self, entry: Entry, pack: Pack, old: Entry, began_s: float) -> None:
        try:
            former = stored(old)
        except ModelRejected as error:  # which is no fault of the new one's
            raise InsufficientMemory(
                f"there is no room beside {old.label}, which cannot give way: {error.message}"
            ) from error
        check_room(pack.manifest, self._context.dependencies.free_bytes(), freed_bytes(former.manifest))
        try:
            with self._swap_in_place.of(former):
                check_room(pack.manifest, self._context.dependencies.free_bytes())
                self._hand_over(entry, self._loaded(pack), 1.0, began_s)
        except Exception:
            if self._context.on_server(lambda: self._context.server.voices.is_absent(old.name)):
                self._context.put(old.moved(State.READY))  # it is to be tried like any other
            raise
        self._context.tell(events.ModelReleased(old.name, old.version))

    def _hand_over(self, entry: Entry, voice: ServedVoice, share: float, began_s: float) -> None:
        """The exchange, on the server's thread."""
        voices, clock = self._context.server.voices, self._context.server.clock
        if share < 1:
            self._trials.begin(entry, voice, share)
            return
        _, exchange_ms = self._context.on_server(lambda: timed(lambda: voices.exchange(voice, clock())))
        self._trials.stop(entry.name, entry.version, f"{entry.version} took its place")
        self._context.journal.tell("exchange", name=entry.name, ms=round(exchange_ms, 4))
        self._live(entry, began_s)

    def _live(self, entry: Entry, began_s: float) -> None:
        """It speaks: that is written down and told, and what is needed no more goes."""
        was = live_of(self._context.entries, entry.name)
        self._context.now_live(entry)
        ms = round(1000 * (time.perf_counter() - began_s), 1)
        self._context.tell(
            events.ModelLive(entry.name, entry.version, ms, was.version if was is not None else None)
        )
        try:
            self._tidy()
        except Exception:  # which is no fault of the voice that speaks now
            log.exception("what is needed no more could not be deleted")

    def _tidy(self) -> None:
        """Copies that are needed no more go, and their rows with them."""
        dependencies = self._context.dependencies
        seen = survey(dependencies.models)
        gone = tidy(self._context.journal, dependencies.store, dependencies.shipped, seen)
        for entry in [e for e in self._context.entries if e.folder is not None and e.folder.name in gone]:
            if entry.source not in seen:
                self._context.drop(entry)


def stored(entry: Entry) -> Pack:
    """The verified copy of an entry. Raises `ModelRejected` when it is whole no more."""
    pack = intact(entry.folder) if entry.folder is not None else None
    if pack is None:
        raise ModelRejected(f"the copy of {entry.label} in the store is damaged: drop it again")
    return pack


def timed(job: Callable[[], T]) -> tuple[T, float]:
    """What it returns, and its milliseconds."""
    began = time.perf_counter()
    result = job()
    return result, 1000 * (time.perf_counter() - began)
