"""The thread that brings packs from the models folder to life while others speak.

It checks in a child, loads beside the live voice with one thread at low priority and with rests while lines
are spoken, speaks the probe in place, and asks the server's thread for one exchange of pointers. What to do
next is `policy.decide`'s; this only does it, writes it down and tells. Whatever fails, the live voice is not
touched.
"""

import contextlib
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch

from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, intact
from sidecar.protocol import events
from sidecar.protocol.errors import (
    Cancelled,
    InsufficientMemory,
    ModelRejected,
    NpcVoiceError,
    UnknownModel,
    Unsupported,
    did_you_mean,
)
from sidecar.protocol.replies import ModelRow, ModelsReply
from sidecar.reload.candidates import Candidate, survey
from sidecar.reload.journal import Journal
from sidecar.reload.policy import Check, Load, Snapshot, Verdict, decide, gives_way, live_of
from sidecar.reload.room import check_room, fits, freed_bytes
from sidecar.reload.states import Entry, State
from sidecar.reload.watcher import Watcher
from sidecar.server.giving_way import GivingWay
from sidecar.server.host import give_back_device_memory, give_back_memory
from sidecar.server.resting import Resting
from sidecar.server.voices import ServedVoice
from sidecar.server.workshop import ServerSide, Workshop

log = logging.getLogger(__name__)

T = TypeVar("T")
LOW_PRIORITY = 15


class Reloader:
    """`start` it after the device's thread. `found` and the control methods may be called from any thread."""

    def __init__(
        self, workshop: Workshop, journal: Journal, server: ServerSide, live: tuple[Entry, ...]
    ) -> None:
        """`live` are the entries of the voices that the server has begun with."""
        self._workshop, self._journal, self._server = workshop, journal, server
        self._entries: dict[str, Entry] = {entry.source: entry for entry in live}
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._giving_way = GivingWay(workshop, journal, server, self._stopping)
        self._thread = threading.Thread(target=self._run, name="reloader", daemon=True)
        self._watcher = Watcher(workshop.models, self.found) if workshop.watch else None
        self._began_s: dict[str, float] = {}
        self.rows = self._rows()

    def start(self) -> None:
        self._thread.start()
        if self._watcher is not None:
            self._watcher.start()

    def stop(self, wait_s: float) -> bool:
        """End what is under way; False if that takes longer than `wait_s`."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.stop()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if self._thread.is_alive():  # the process ends in the middle of a load: no pack is to blame for that
            self._journal.remember(replace(self._journal.memory, loading=None))
        return not self._thread.is_alive()

    # --- what others ask

    def found(self, candidate: Candidate) -> None:
        """Something that may be a pack lies quietly in the models folder."""
        self._jobs.put(lambda: self._take_up(candidate))

    def activate(self, model: str) -> ModelsReply:
        """`name@version` is pinned and becomes live; `name` alone is unpinned. Raises `UnknownModel` or
        `ModelRejected`."""
        name, _, version = model.partition("@")
        if version:
            self._row(name, version)
        elif not any(row.name == name for row in self.rows.models):
            raise self._unknown(model)
        self._jobs.put(lambda: self._pin(name, version or None))
        return self.rows

    def rollback(self, name: str) -> ModelsReply:
        """Back to the version before, which is pinned. Raises `UnknownModel` or `Unsupported`."""
        if not any(row.name == name for row in self.rows.models):
            raise self._unknown(name)
        before = self._journal.memory.history.get(name, ())
        entry = next(
            (e for f in reversed(before) for e in self._entries.values() if str(e.folder) == f), None
        )
        if entry is None:
            raise Unsupported(f"there is no earlier version of {name!r} to go back to", field="model")
        self._jobs.put(lambda: self._pin(name, entry.version))
        return self.rows

    def canary(self, model: str, share: float) -> ModelsReply:
        """Try a version on part of the sessions; share 0 ends it. Raises `UnknownModel` or `Unsupported`."""
        name, _, version = model.partition("@")
        row = self._row(name, version)
        if row.state == State.LIVE.value:
            raise Unsupported(
                f"{model!r} is live for all sessions: there is nothing to try it against", field="model"
            )
        self._jobs.put(lambda: self._try(name, version, share))
        return self.rows

    def trial_over(self, name: str, version: str, verdict: Verdict) -> None:
        """The server has promoted a version, or gone back to the live one."""
        self._jobs.put(lambda: self._end_trial(name, version, verdict))

    def let_go(self) -> None:
        """A voice that was replaced is no longer held: what it took goes back to the system."""
        self._jobs.put(give_back_memory)
        self._jobs.put(give_back_device_memory)

    def rescan(self) -> ModelsReply:
        """Look at the models folder now (the watcher does); what was refused is looked at again."""
        self._jobs.put(self._forget_refusals)
        if self._watcher is not None:
            self._watcher.look_now()
        return self.rows

    # --- the thread

    def _run(self) -> None:
        be_modest()
        while not self._stopping.is_set():
            if (job := self._jobs.get()) is None:
                return
            self._safely(job)
            while self._jobs.empty() and not self._stopping.is_set():
                action = decide(self._snapshot())
                if action is None:
                    break
                self._safely(lambda action=action: self._do(action))  # type: ignore[misc]

    def _safely(self, job: Callable[[], None]) -> None:
        """The thread must outlive any bug in a pack's way."""
        try:
            job()
        except Cancelled:  # the sidecar is stopping
            return
        except Exception:
            log.exception("a reload failed")

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            tuple(self._entries.values()), self._journal.memory.pins, self._workshop.canary_share,
            self._workshop.low_memory_swap,
        )  # fmt: skip

    def _do(self, action: Check | Load) -> None:
        if isinstance(action, Check):
            self._check(action.entry)
        else:
            self._load(action.entry, action.share)

    def _put(self, entry: Entry) -> Entry:
        self._entries[entry.source] = entry
        self.rows = self._rows()
        return entry

    # --- finding and checking

    def _take_up(self, candidate: Candidate) -> None:
        """A new drop, or one that was judged before this start."""
        known = self._entries.get(candidate.name)
        if known is not None and known.stamp in ("", candidate.stamp):  # "": there since the start
            self._put(replace(known, stamp=candidate.stamp))
            return
        entry = Entry(candidate.name, candidate.stamp)
        if known is not None and known.folder is not None:  # what was dropped before stays what it is
            former = f"{known.source} ({known.version})"
            self._entries[former] = replace(known, source=former)
            del self._entries[known.source]
        memory = self._journal.memory
        if (refused := memory.refused.get(key(candidate))) is not None:
            self._put(replace(entry, state=State.REJECTED, reason=refused[0], detail=refused[1]))
            return
        folder = memory.passed.get(key(candidate))
        if folder is not None and (pack := intact(Path(folder))) is not None:
            self._settle(described(replace(entry, state=State.READY), pack))
            return
        self._began_s[entry.source] = time.perf_counter()
        self._put(entry)
        self._tell(events.ModelFound(entry.source))

    def _check(self, entry: Entry) -> None:
        entry = self._put(entry.moved(State.CHECKING))
        self._tell(events.ModelChecking(entry.source))
        try:
            pack = self._workshop.check(self._workshop.models / entry.source, self._stopping)
        except Cancelled:
            self._put(entry.moved(State.FOUND))
        except NpcVoiceError as error:
            if self._is_as_found(entry):
                self._reject(entry, error)
            else:
                self._lose(entry)
        else:
            memory = self._journal.memory
            self._journal.remember(
                replace(memory, passed={**memory.passed, f"{entry.source}\0{entry.stamp}": str(pack.folder)})
            )
            self._settle(described(entry.moved(State.READY), pack))

    def _is_as_found(self, entry: Entry) -> bool:
        seen = survey(self._workshop.models).get(entry.source)
        return seen is not None and seen.stamp == entry.stamp

    def _lose(self, entry: Entry) -> None:
        """It was taken away, or changed, under the check, which says nothing of what comes after."""
        del self._entries[entry.source]
        self.rows = self._rows()
        self._journal.tell("lost", source=entry.source)
        if self._watcher is not None:
            self._watcher.forget(entry.source)

    def _settle(self, entry: Entry) -> None:
        """A pack that is ready. The same pack from another source is the one that is known already."""
        twin = next(
            (e for e in self._entries.values() if e.folder == entry.folder and e.source != entry.source), None
        )
        if twin is not None:
            del self._entries[twin.source]
            entry = replace(twin, source=entry.source, stamp=entry.stamp)
        self._put(entry)

    def _reject(self, entry: Entry, error: NpcVoiceError) -> None:
        reason = getattr(error, "reason", None) or error.code
        self._put(entry.moved(State.REJECTED, reason=reason, detail=error.message))
        if isinstance(error, ModelRejected):
            memory = self._journal.memory
            refused = {**memory.refused, f"{entry.source}\0{entry.stamp}": (reason, error.message)}
            self._journal.remember(replace(memory, refused=refused))
        self._tell(events.ModelRejected(entry.source, reason, error.message))

    def _forget_refusals(self) -> None:
        """What was refused for want of room, or by a check, may be tried again."""
        self._journal.remember(replace(self._journal.memory, refused={}))
        for entry in [e for e in self._entries.values() if e.state is State.REJECTED]:
            self._put(Entry(entry.source, entry.stamp))

    # --- loading

    def _load(self, entry: Entry, share: float) -> None:
        self._journal.remember(replace(self._journal.memory, loading=str(entry.folder)))
        entry = self._put(entry.moved(State.LOADING))
        began = self._began_s.pop(entry.source, time.perf_counter())
        try:
            self._bring_to_life(entry, share, began)
        except Cancelled:
            raise
        except NpcVoiceError as error:
            self._reject(entry, error)
        except Exception as error:
            log.exception("a pack that had passed its checks could not be loaded")
            self._reject(entry, ModelRejected(f"it could not be loaded: {type(error).__name__}: {error}"))
        finally:
            self._journal.remember(replace(self._journal.memory, loading=None))

    def _bring_to_life(self, entry: Entry, share: float, began: float) -> None:
        """Loaded beside the live one or, where that is allowed and there is no room, in its place.

        Raises an `NpcVoiceError`, or whatever a pack makes of loading."""
        pack, free_bytes = stored(entry), self._workshop.free_bytes()
        old = gives_way(self._snapshot(), entry, share)
        if old is None or fits(pack.manifest, free_bytes):
            check_room(pack.manifest, free_bytes)
            self._hand_over(entry, self._loaded(pack), share, began)
        else:
            self._bring_to_life_in_place(entry, pack, old, began)

    def _loaded(self, pack: Pack) -> ServedVoice:
        with Resting(self._server.busy):
            voice, load_ms = timed(lambda: self._workshop.load(pack))
        manifest = pack.manifest
        self._journal.tell("loaded", name=manifest.name, version=manifest.version, ms=round(load_ms, 1))
        return voice

    def _bring_to_life_in_place(self, entry: Entry, pack: Pack, old: Entry, began: float) -> None:
        try:
            former = stored(old)
        except ModelRejected as error:  # which is no fault of the new one's
            raise InsufficientMemory(
                f"there is no room beside {old.label}, which cannot give way: {error.message}"
            ) from error
        check_room(pack.manifest, self._workshop.free_bytes(), freed_bytes(former.manifest))
        try:
            with self._giving_way.of(former):
                check_room(pack.manifest, self._workshop.free_bytes())
                self._hand_over(entry, self._loaded(pack), 1.0, began)
        except Exception:
            if self._on_server(lambda: self._server.voices.is_absent(old.name)):
                self._put(old.moved(State.READY))  # it could not be loaded again, and is tried like any other
            raise
        self._tell(events.ModelReleased(old.name, old.version))

    def _hand_over(self, entry: Entry, voice: ServedVoice, share: float, began: float) -> None:
        """The exchange, on the server's thread."""
        voices, clock = self._server.voices, self._server.clock
        if share < 1:
            self._on_server(lambda: voices.begin_trial(voice, share, clock()))
            self._stop_trial(entry.name, f"a trial of {entry.version} took its place")
            self._put(entry.moved(State.CANARY))
            self._tell(events.ModelCanary(entry.name, entry.version, share, 0, 0))
            return
        _, exchange_ms = self._on_server(lambda: timed(lambda: voices.exchange(voice, clock())))
        was = live_of(tuple(self._entries.values()), entry.name)
        self._now_live(entry)
        self._stop_trial(entry.name, f"{entry.version} took its place")
        ms = round(1000 * (time.perf_counter() - began), 1)
        self._tell(events.ModelLive(entry.name, entry.version, ms, was.version if was is not None else None))
        self._journal.tell("exchange", name=entry.name, ms=round(exchange_ms, 4))

    def _now_live(self, entry: Entry) -> None:
        """Write down who speaks; the one before is ready again."""
        before = live_of(tuple(self._entries.values()), entry.name)
        if before is not None:
            self._put(before.moved(State.READY))
        self._put(entry.moved(State.LIVE))
        memory = self._journal.memory
        if before is not None and entry.name not in memory.live:  # it was there from the start
            memory = memory.with_live(entry.name, str(before.folder))
        self._journal.remember(memory.with_live(entry.name, str(entry.folder)))

    # --- what the user decides

    def _pin(self, name: str, version: str | None) -> None:
        memory = self._journal.memory
        if any(e.label == f"{name}@{version}" and e.state is State.CANARY for e in self._entries.values()):
            self._on_server(lambda: self._server.voices.end_trial(name, self._server.clock()))
            self._stop_trial(name, "it is wanted for everybody")
        pins = {n: v for n, v in memory.pins.items() if n != name}
        self._journal.remember(replace(memory, pins=pins if version is None else {**pins, name: version}))
        self._journal.tell("pinned" if version else "unpinned", name=name, version=version)
        self.rows = self._rows()

    def _try(self, name: str, version: str, share: float) -> None:
        entry = next((e for e in self._entries.values() if (e.name, e.version) == (name, version)), None)
        if entry is not None and share > 0 and entry.state is State.READY:
            self._load(entry, share)
        elif entry is not None and share == 0 and entry.state is State.CANARY:
            self._on_server(lambda: self._server.voices.end_trial(name, self._server.clock()))
            live = live_of(tuple(self._entries.values()), name)
            assert live is not None
            self._pin(name, live.version)  # else the policy would take it up again
            self._put(entry.moved(State.READY))
            self._tell(events.ModelRolledBack(name, version, live.version, "asked to"))

    def _stop_trial(self, name: str, why: str) -> None:
        """The voices have dropped the version on trial already: it is ready as before."""
        live = live_of(tuple(self._entries.values()), name)
        for entry in [e for e in self._entries.values() if e.name == name and e.state is State.CANARY]:
            self._put(entry.moved(State.READY))
            self._tell(events.ModelRolledBack(name, entry.version, live.version if live else "", why))

    def _end_trial(self, name: str, version: str, verdict: Verdict) -> None:
        label = f"{name}@{version}"
        trials = [e for e in self._entries.values() if e.label == label and e.state is State.CANARY]
        if not trials:  # the user has decided in the same moment
            return
        entry = trials[0]
        live = live_of(tuple(self._entries.values()), name)
        assert live is not None
        if verdict.promote:
            self._now_live(entry)
            self._tell(events.ModelLive(name, version, 0.0, live.version))
            self._journal.tell("promoted", name=name, version=version, reason=verdict.reason)
            return
        self._put(entry.moved(State.REJECTED, reason="canary", detail=verdict.reason))
        memory = self._journal.memory
        refused = {**memory.refused, f"{entry.source}\0{entry.stamp}": ("canary", verdict.reason)}
        self._journal.remember(replace(memory, refused=refused))
        self._tell(events.ModelRolledBack(name, version, live.version, verdict.reason))

    # --- the server's thread, and everybody

    def _on_server(self, job: Callable[[], T]) -> T:
        """What `job` returns on the server's thread. Raises `Cancelled` when the server ends first."""
        return self._server.ask(job, self._stopping)

    def _tell(self, event: events.Event) -> None:
        self._journal.tell(event.topic, **vars(event))
        self._server.run(lambda: self._server.publish(event))

    def _rows(self) -> ModelsReply:
        return ModelsReply(
            tuple(row_of(entry, self._journal.memory.pins) for entry in self._entries.values())
        )

    def _row(self, name: str, version: str) -> ModelRow:
        """Raises `UnknownModel`, or `ModelRejected` with its reason."""
        for row in self.rows.models:
            if (row.name, row.version) == (name, version):
                if row.state == State.REJECTED.value:
                    raise ModelRejected(f"{name}@{version} was rejected: {row.detail}")
                return row
        raise self._unknown(f"{name}@{version}")

    def _unknown(self, model: str) -> UnknownModel:
        known = [f"{row.name}@{row.version}" for row in self.rows.models if row.version]
        return UnknownModel(f"unknown model {model[:80]!r}{did_you_mean(model, known)}", field="model")


def key(candidate: Candidate) -> str:
    """One drop of one name."""
    return f"{candidate.name}\0{candidate.stamp}"


def stored(entry: Entry) -> Pack:
    """The verified copy of an entry. Raises `ModelRejected` when it is whole no more."""
    pack = intact(entry.folder) if entry.folder is not None else None
    if pack is None:
        raise ModelRejected(f"the copy of {entry.label} in the store is damaged: drop it again")
    return pack


def described(entry: Entry, pack: Pack) -> Entry:
    manifest: Manifest = pack.manifest
    return replace(
        entry, folder=pack.folder, name=manifest.name, version=manifest.version, sha256=manifest.sha256
    )


def row_of(entry: Entry, pins: Mapping[str, str]) -> ModelRow:
    pinned = bool(entry.name) and pins.get(entry.name) == entry.version
    return ModelRow(
        entry.name or entry.source, entry.version, entry.state.value, entry.sha256 or None, pinned,
        None, entry.reason or None, entry.detail or None,
    )  # fmt: skip


def timed(job: Callable[[], T]) -> tuple[T, float]:
    """What it returns, and its milliseconds."""
    began = time.perf_counter()
    result = job()
    return result, 1000 * (time.perf_counter() - began)


def be_modest() -> None:
    """This thread computes with one core, at a priority under that of speech."""
    usual = torch.get_num_threads()
    torch.set_num_threads(1)  # for this thread, and for all that begin later: which another thread undoes
    undoing = threading.Thread(target=torch.set_num_threads, args=(usual,))
    undoing.start()
    undoing.join()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
