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
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from sidecar.checks.candidate import Interrupted
from sidecar.files import shown
from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, intact
from sidecar.models.reasons import Reason
from sidecar.protocol import events
from sidecar.protocol.errors import (
    Cancelled,
    InsufficientMemory,
    InternalError,
    ModelRejected,
    NpcVoiceError,
    UnknownModel,
    Unsupported,
    did_you_mean,
)
from sidecar.protocol.replies import ModelRow, ModelsReply
from sidecar.reload.budget import Budget
from sidecar.reload.candidates import Candidate, survey
from sidecar.reload.journal import Copy, Journal, Memory
from sidecar.reload.policy import SHIPPED, Check, Load, Snapshot, Verdict, decide, gives_way, live_of
from sidecar.reload.removal import remove_drop
from sidecar.reload.room import check_room, fits, freed_bytes
from sidecar.reload.rows import flood_row, is_called, row_of
from sidecar.reload.states import Entry, State
from sidecar.reload.store import delete, digest_of, tidy
from sidecar.reload.watcher import Watcher
from sidecar.server.live_voices import ServedVoice
from sidecar.server.process.host import give_back_device_memory, give_back_memory
from sidecar.server.reloading.dependencies import Dependencies, ServerSide
from sidecar.server.reloading.swap_in_place import SwapInPlace
from sidecar.server.reloading.throttle import Throttle

log = logging.getLogger(__name__)

T = TypeVar("T")
LOW_PRIORITY = 15
MOST_FOUND = 200  #: drops that wait for a check; those beyond, the oldest, are told of in one row
MOST_LATER = 4096
MOST_REFUSED = 256  #: refused drops that are told of, the latest
TRIES = 3  #: checks of one drop that may be ended from outside
#: What the policy of now says, and that of tomorrow may not.
BY_POLICY = (Reason.UNSIGNED.value, Reason.PUBLISHER_UNKNOWN.value)


class Reloader:
    """`start` it after the device's thread. `found` and the control methods may be called from any thread."""

    def __init__(
        self, dependencies: Dependencies, journal: Journal, server: ServerSide, live: tuple[Entry, ...]
    ) -> None:
        """`live` are the entries of the voices that the server has begun with."""
        self._dependencies, self._journal, self._server = dependencies, journal, server
        self._entries: dict[str, Entry] = {}
        for entry in sorted(live, key=lambda e: (e.signer != SHIPPED, e.state is not State.LIVE)):
            entry = former(entry) if entry.source in self._entries else entry
            self._entries[entry.source] = entry
        self._listed = tuple(self._entries.values())  # the same for other threads, replaced as a whole
        self._orphans: set[str] = set()  # names whose voice is to go, unless another follows it
        self._later: dict[str, Candidate] = {}  # what was found beyond `MOST_FOUND`
        self._budget = Budget(time.monotonic(), dependencies.same_source_s)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._swap_in_place = SwapInPlace(dependencies, journal, server, self._stopping)
        self._thread = threading.Thread(target=self._run, name="reloader", daemon=True)
        self._watcher = (
            Watcher(
                dependencies.models, self.found,
                quiet_s=dependencies.quiet_s, patience_s=dependencies.patience_s,
            )
            if dependencies.watch
            else None
        )  # fmt: skip
        self._began_s: dict[str, float] = {}

    def start(self) -> None:
        self._thread.start()
        self._jobs.put(_nothing)  # what the start has found may have to be done something about
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
            self._journal.close(lambda memory: replace(memory, loading=None))
        return not self._thread.is_alive()

    # --- what others ask

    @property
    def rows(self) -> ModelsReply:
        """What is known now, for any thread."""
        now, later = self._snapshot(), len(self._later)
        rows = [row_of(entry, now, self._is_dropped(entry)) for entry in now.entries]
        if later:
            rows.append(flood_row(later))
        return ModelsReply(tuple(rows))

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
        before = self._journal.memory.previous.get(name)
        entry = next((e for e in self._listed if e.folder is not None and e.folder.name == before), None)
        if entry is None:
            raise Unsupported(f"there is no earlier version of {name!r} to go back to", field="model")
        self._jobs.put(lambda: self._pin(name, entry.version))
        return self.rows

    def canary(self, model: str, share: float) -> ModelsReply:
        """Try a version on part of the sessions; share 0 ends it. Raises `UnknownModel` or `Unsupported`."""
        name, _, version = model.partition("@")
        row = self._row(name, version)
        if row.state == State.LIVE.value or live_of(self._listed, name) is None:
            raise Unsupported(
                f"there is no other version that {model!r} could be tried against", field="model"
            )
        if row.state == State.READY.value and row.reason is not None and share > 0:
            raise Unsupported(f"{model!r} waits to be activated: {row.detail}", field="model")
        self._jobs.put(lambda: self._try(name, version, share))
        return self.rows

    def trial_over(self, name: str, version: str, verdict: Verdict) -> None:
        """The server has promoted a version, or gone back to the live one."""
        self._jobs.put(lambda: self._end_trial(name, version, verdict))

    def let_go(self) -> None:
        """A voice that was replaced is no longer held: what it took goes back to the system."""
        self._jobs.put(give_back_memory)
        self._jobs.put(give_back_device_memory)

    def remove(self, model: str) -> ModelsReply:
        """`name@version`, or all versions of `name`, are gone: what was dropped, the copies, and, where one
        spoke, its voice; another version speaks if there is one. Raises `UnknownModel` or `Unsupported`."""
        name, _, version = model.partition("@")
        fitting = [e for e in self._listed if is_called(e, name) and version in ("", e.version)]
        if not fitting:
            raise self._unknown(model)
        if all(entry.signer == SHIPPED for entry in fitting):
            raise Unsupported(f"{model!r} ships with the program and cannot be removed", field="model")
        self._jobs.put(lambda: self._remove(name, version))
        return self.rows

    def rescan(self) -> ModelsReply:
        """Look at the models folder now (the watcher does); what was refused is looked at again, and what
        speaks is judged by the policy and the trusted publishers of now."""
        self._jobs.put(self._forget_refusals)
        self._jobs.put(self._judge_again)
        if self._watcher is not None:
            self._watcher.look_now()
        return self.rows

    # --- the thread

    def _run(self) -> None:
        be_modest()
        while not self._stopping.is_set():
            try:
                job = self._jobs.get(timeout=self._wait_s())
            except queue.Empty:
                job = _nothing  # something that had to wait may be checked now
            if job is None:
                return
            self._safely(job)
            while self._jobs.empty() and not self._stopping.is_set():
                self._safely(self._take_from_later)
                action = decide(self._snapshot())
                if action is None:
                    self._safely(self._retire_orphans)
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
        dependencies, memory, entries = self._dependencies, self._journal.memory, self._listed
        shipped = {entry.name: SHIPPED for entry in entries if entry.signer == SHIPPED}
        return Snapshot(
            entries, memory.pins, dependencies.canary_share, dependencies.low_memory_swap,
            {**shipped, **memory.owners}, dependencies.any_publisher,
            self._budget.resting(self._found(), time.monotonic()),
        )  # fmt: skip

    def _found(self) -> list[str]:
        return [entry.source for entry in self._listed if entry.state is State.FOUND]

    def _wait_s(self) -> float | None:
        return self._budget.wait_s(self._found(), time.monotonic())

    def _do(self, action: Check | Load) -> None:
        if isinstance(action, Check):
            self._check(action.entry)
        else:
            self._load(action.entry, action.share)

    def _put(self, entry: Entry) -> Entry:
        self._entries[entry.source] = entry
        self._listed = tuple(self._entries.values())
        return entry

    def _drop(self, entry: Entry) -> None:
        self._entries.pop(entry.source, None)
        self._listed = tuple(self._entries.values())

    def _is_dropped(self, entry: Entry) -> bool | None:
        """Whether what an entry comes from still lies in the models folder; None where nobody looks."""
        if self._watcher is None or entry.signer == SHIPPED:
            return None
        return self._watcher.sees(entry.source)

    # --- finding and checking

    def _take_up(self, candidate: Candidate) -> None:
        """A new drop, or one that was judged before this start."""
        known = self._entries.get(candidate.name)
        if known is not None and known.stamp == candidate.stamp:
            return
        entry = Entry(
            candidate.name, candidate.stamp, size_bytes=candidate.size_bytes, changed_ns=candidate.changed_ns
        )
        if known is not None and known.folder is not None:  # what was dropped before stays what it is
            self._drop(known)
            self._put(former(known))
        memory = self._journal.memory
        if (refused := memory.refused.get(key(candidate))) is not None:
            self._put(replace(entry, state=State.REJECTED, reason=refused[0], detail=refused[1]))
            return
        if self._has_passed(entry):
            return
        self._began_s[entry.source] = time.perf_counter()
        self._put(entry)
        self._tell(events.ModelFound(shown(entry.source)))
        self._limit_found()

    def _has_passed(self, entry: Entry) -> bool:
        """Whether this very drop was checked before; it is judged by the policy of now all the same."""
        copies = self._journal.memory.copies
        folder = next(
            (f for f, c in copies.items() if (c.source, c.stamp) == (entry.source, entry.stamp)), None
        )
        pack = intact(self._dependencies.store / folder) if folder is not None else None
        if pack is None:
            return False
        try:
            self._settle(described(replace(entry, state=State.READY), pack, self._dependencies.judge(pack)))
        except ModelRejected as error:
            self._reject(replace(entry, state=State.CHECKING), error)
        return True

    def _limit_found(self) -> None:
        found = sorted((e for e in self._listed if e.state is State.FOUND), key=lambda e: e.changed_ns)
        for entry in found[: max(0, len(found) - MOST_FOUND)]:
            self._drop(entry)
            if len(self._later) < MOST_LATER:
                self._later[entry.source] = Candidate(
                    entry.source, entry.stamp, entry.size_bytes, entry.changed_ns
                )

    def _take_from_later(self) -> None:
        """What did not fit is found again once there is room."""
        if self._later and not self._found():
            newest = sorted(self._later.values(), key=lambda c: c.changed_ns)[-MOST_FOUND:]
            for candidate in newest:
                del self._later[candidate.name]
                self._take_up(candidate)

    def _check(self, entry: Entry) -> None:
        entry = self._put(entry.moved(State.CHECKING))
        self._budget.spend(entry.source, time.monotonic())
        self._tell(events.ModelChecking(shown(entry.source)))
        try:
            pack = self._dependencies.check(self._dependencies.models / entry.source, self._stopping)
            signer = self._dependencies.judge(pack)
        except Cancelled:
            self._put(entry.moved(State.FOUND))
        except Interrupted as error:
            self._try_again(entry, error)
        except NpcVoiceError as error:
            if self._is_as_found(entry):
                self._reject(entry, error)
            else:
                self._lose(entry)
        except Exception as error:
            log.exception("a check failed")
            self._reject(entry, InternalError(f"the check failed: {type(error).__name__}"))
        else:
            copy = Copy(entry.source, entry.stamp, digest_of(pack.folder), signer, self._dependencies.policy)
            self._journal.update(
                lambda memory: replace(memory, copies={**memory.copies, pack.folder.name: copy})
            )
            self._settle(described(entry.moved(State.READY), pack, signer))

    def _try_again(self, entry: Entry, error: Interrupted) -> None:
        """Somebody ended the check, which says nothing about the pack."""
        self._journal.tell("interrupted", source=entry.source, detail=error.message)
        if entry.tries + 1 < TRIES:
            self._put(entry.moved(State.FOUND, tries=entry.tries + 1))
        else:
            self._reject(entry, error)

    def _is_as_found(self, entry: Entry) -> bool:
        seen = survey(self._dependencies.models).get(entry.source)
        return seen is not None and seen.stamp == entry.stamp

    def _lose(self, entry: Entry) -> None:
        """It was taken away, or changed, under the check, which says nothing of what comes after."""
        self._drop(entry)
        self._journal.tell("lost", source=entry.source)
        if self._watcher is not None:
            self._watcher.forget(entry.source)

    def _settle(self, entry: Entry) -> None:
        """A pack that is ready. The same pack from another source is the one that is known already."""
        twin = next((e for e in self._listed if e.folder == entry.folder and e.source != entry.source), None)
        if twin is not None:
            self._drop(twin)
            entry = replace(twin, source=entry.source, stamp=entry.stamp)
        self._put(entry)

    def _reject(self, entry: Entry, error: NpcVoiceError) -> None:
        reason = getattr(error, "reason", None) or error.code
        self._put(entry.moved(State.REJECTED, reason=reason, detail=error.message))
        if isinstance(error, ModelRejected) and reason not in BY_POLICY:
            self._remember_refusal(entry, reason, error.message)
        self._tell(events.ModelRejection(shown(entry.source), reason, error.message))
        refused = [e for e in self._listed if e.state is State.REJECTED and e.folder is None]
        for old in refused[: max(0, len(refused) - MOST_REFUSED)]:
            self._drop(old)

    def _remember_refusal(self, entry: Entry, reason: str, detail: str) -> None:
        drop = f"{entry.source}\0{entry.stamp}"
        self._journal.update(lambda memory: memory.with_refusal(drop, reason, detail))

    def _forget_refusals(self) -> None:
        """What was refused for want of room, or by a check, may be tried again."""
        self._journal.update(lambda memory: replace(memory, refused={}))
        for entry in [e for e in self._listed if e.state is State.REJECTED]:
            if self._is_as_found(entry):
                self._put(Entry(entry.source, entry.stamp))
            elif entry.folder is not None:  # its copy is all there is of it
                self._put(replace(entry, state=State.READY, reason="", detail=""))
            else:
                self._drop(entry)

    def _judge_again(self) -> None:
        """By the policy and the publishers of now: whoever may not speak any more does not."""
        for entry in [e for e in self._listed if e.folder is not None and e.state is not State.REJECTED]:
            pack = intact(entry.folder) if entry.folder is not None else None
            if pack is None or entry.signer == SHIPPED:
                continue
            try:
                self._dependencies.judge(pack)
            except ModelRejected as error:
                self._silence(entry)
                self._reject(replace(entry, state=State.CHECKING, share=None), error)

    def _silence(self, entry: Entry) -> None:
        """A version that goes, or the trial against it, is heard by nobody any more; one that speaks does so
        until the policy has brought another to life, or there is none."""
        if entry.state not in (State.CANARY, State.LIVE):
            return
        self._on_server(lambda: self._server.voices.end_trial(entry.name, self._server.clock()))
        for other in [e for e in self._listed if e.name == entry.name and e.state is State.CANARY]:
            self._put(other.moved(State.READY))
        if entry.state is State.LIVE:
            self._orphans.add(entry.name)

    def _retire_orphans(self) -> None:
        """Nobody has followed: their names are nobody's."""
        for name in list(self._orphans):
            if live_of(self._listed, name) is None:
                self._on_server(lambda name=name: self._server.voices.retire(name, self._server.clock()))  # type: ignore[misc]
            self._orphans.discard(name)

    def _remove(self, name: str, version: str) -> None:
        going = [e for e in self._listed if is_called(e, name) and version in ("", e.version)]
        for entry in [e for e in going if e.signer != SHIPPED]:
            self._silence(entry)
            self._drop(entry)
            self._forget(entry, all_versions=not version)
            remove_drop(self._dependencies.models, entry.source)
            self._journal.tell("removed", name=shown(name), version=entry.version, source=entry.source)

    def _forget(self, entry: Entry, all_versions: bool) -> None:
        """Whatever would bring it back after a restart, and its copy."""
        folder = entry.folder.name if entry.folder is not None else ""

        def without(memory: Memory) -> Memory:
            pins = {n: v for n, v in memory.pins.items() if (n, v) != (entry.name, entry.version)}
            owners = {n: k for n, k in memory.owners.items() if not (all_versions and n == entry.name)}
            return replace(memory.without(folder), pins=pins, owners=owners)

        if entry.folder is not None and entry.folder.parent == self._dependencies.store:
            delete(entry.folder)  # first: a copy that the journal does not know would be taken in again
        self._journal.update(without)

    # --- loading

    def _load(self, entry: Entry, share: float) -> None:
        assert entry.folder is not None
        pack, folder = intact(entry.folder), entry.folder.name
        if pack is None and self._is_as_found(
            entry
        ):  # it was deleted, or is damaged: what was dropped is there
            self._put(replace(entry.moved(State.FOUND), folder=None))
            return
        self._journal.update(lambda memory: replace(memory, loading=folder))
        entry = self._put(entry.moved(State.LOADING))
        began = self._began_s.pop(entry.source, time.perf_counter())
        try:
            self._bring_to_life(entry, pack or stored(entry), share, began)
        except Cancelled:
            raise
        except NpcVoiceError as error:
            self._reject(entry, error)
        except Exception as error:
            log.exception("a pack that had passed its checks could not be loaded")
            self._reject(entry, ModelRejected(f"it could not be loaded: {type(error).__name__}: {error}"))
        finally:
            self._journal.update(lambda memory: replace(memory, loading=None))

    def _bring_to_life(self, entry: Entry, pack: Pack, share: float, began: float) -> None:
        """Loaded beside the live one or, where that is allowed and there is no room, in its place.

        Raises an `NpcVoiceError`, or whatever a pack makes of loading."""
        free_bytes = self._dependencies.free_bytes()
        old = gives_way(self._snapshot(), entry, share)
        if old is None or fits(pack.manifest, free_bytes):
            check_room(pack.manifest, free_bytes)
            self._hand_over(entry, self._loaded(pack), share, began)
        else:
            self._bring_to_life_in_place(entry, pack, old, began)

    def _loaded(self, pack: Pack) -> ServedVoice:
        with Throttle(self._server.busy):
            voice, load_ms = timed(lambda: self._dependencies.load(pack))
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
        check_room(pack.manifest, self._dependencies.free_bytes(), freed_bytes(former.manifest))
        try:
            with self._swap_in_place.of(former):
                check_room(pack.manifest, self._dependencies.free_bytes())
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
            live = live_of(self._listed, entry.name)
            to = live.version if live is not None else ""
            self._stop_trial(entry.name, to, f"a trial of {entry.version} took its place")
            self._put(entry.moved(State.CANARY, share=share))
            self._tell(events.ModelCanary(entry.name, entry.version, share, 0, 0))
            return
        _, exchange_ms = self._on_server(lambda: timed(lambda: voices.exchange(voice, clock())))
        was = live_of(self._listed, entry.name)
        self._stop_trial(entry.name, entry.version, f"{entry.version} took its place")
        self._now_live(entry)
        ms = round(1000 * (time.perf_counter() - began), 1)
        self._tell(events.ModelLive(entry.name, entry.version, ms, was.version if was is not None else None))
        self._journal.tell("exchange", name=entry.name, ms=round(exchange_ms, 4))
        self._safely(self._tidy)

    def _now_live(self, entry: Entry) -> None:
        """Write down who speaks; the one before is ready again."""
        before = live_of(self._listed, entry.name)
        if before is not None:
            self._put(before.moved(State.READY))
        self._put(entry.moved(State.LIVE))
        assert entry.folder is not None
        folder, was = entry.folder.name, before.folder if before is not None else None

        def with_it(memory: Memory) -> Memory:
            if was is not None and entry.name not in memory.live:  # it was there from the start
                memory = memory.with_live(entry.name, was.name)
            owners = {**memory.owners, entry.name: entry.signer}
            return replace(memory.with_live(entry.name, folder), owners=owners)

        self._journal.update(with_it)

    def _tidy(self) -> None:
        """Copies that are needed no more go, and their rows with them."""
        seen = survey(self._dependencies.models)
        gone = tidy(self._journal, self._dependencies.store, self._dependencies.shipped, seen)
        for entry in [e for e in self._listed if e.folder is not None and e.folder.name in gone]:
            if entry.source not in seen:
                self._drop(entry)

    # --- what the user decides

    def _pin(self, name: str, version: str | None) -> None:
        if any(e.label == f"{name}@{version}" and e.state is State.CANARY for e in self._entries.values()):
            self._on_server(lambda: self._server.voices.end_trial(name, self._server.clock()))
            self._stop_trial(name, str(version), "it is wanted for everybody")

        wanted = next((e for e in self._listed if (e.name, e.version) == (name, version) and e.folder), None)

        def with_pin(memory: Memory) -> Memory:
            pins = {n: v for n, v in memory.pins.items() if n != name}
            if version is None:
                return replace(memory, pins=pins)
            owners = memory.owners if wanted is None else {**memory.owners, name: wanted.signer}
            return replace(memory, pins={**pins, name: version}, owners=owners)

        self._journal.update(with_pin)
        self._journal.tell("pinned" if version else "unpinned", name=name, version=version)

    def _try(self, name: str, version: str, share: float) -> None:
        entry = next((e for e in self._listed if (e.name, e.version) == (name, version)), None)
        if entry is not None and share > 0 and entry.state is State.READY:
            self._load(entry, share)
        elif entry is not None and share == 0 and entry.state is State.CANARY:
            self._on_server(lambda: self._server.voices.end_trial(name, self._server.clock()))
            live = live_of(self._listed, name)
            assert live is not None
            self._pin(name, live.version)  # else the policy would take it up again
            self._put(entry.moved(State.READY))
            self._tell(events.ModelRolledBack(name, version, live.version, "asked to"))

    def _stop_trial(self, name: str, to: str, why: str) -> None:
        """The voices have dropped the version on trial already, for `to`: it is ready as before."""
        for entry in [e for e in self._listed if e.name == name and e.state is State.CANARY]:
            self._put(entry.moved(State.READY))
            self._tell(events.ModelRolledBack(name, entry.version, to, why))

    def _end_trial(self, name: str, version: str, verdict: Verdict) -> None:
        label = f"{name}@{version}"
        trials = [e for e in self._listed if e.label == label and e.state is State.CANARY]
        if not trials:  # the user has decided in the same moment
            return
        entry = trials[0]
        live = live_of(self._listed, name)
        if live is None:  # it is being removed
            return
        if verdict.promote:
            self._now_live(entry)
            self._tell(events.ModelLive(name, version, 0.0, live.version))
            self._journal.tell("promoted", name=name, version=version, reason=verdict.reason)
            return
        self._put(entry.moved(State.REJECTED, reason="canary", detail=verdict.reason))
        self._remember_refusal(entry, "canary", verdict.reason)
        self._tell(events.ModelRolledBack(name, version, live.version, verdict.reason))

    # --- the server's thread, and everybody

    def _on_server(self, job: Callable[[], T]) -> T:
        """What `job` returns on the server's thread. Raises `Cancelled` when the server ends first."""
        return self._server.ask(job, self._stopping)

    def _tell(self, event: events.Event) -> None:
        self._journal.tell(event.topic, **vars(event))
        self._server.run(lambda: self._server.publish(event))

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


def former(entry: Entry) -> Entry:
    """What was dropped before something else under its name stays what it is, under a name of its own."""
    return replace(entry, source=f"{entry.source} ({entry.folder.name if entry.folder else entry.stamp})")


def key(candidate: Candidate) -> str:
    """One drop of one name."""
    return f"{candidate.name}\0{candidate.stamp}"


def stored(entry: Entry) -> Pack:
    """The verified copy of an entry. Raises `ModelRejected` when it is whole no more."""
    pack = intact(entry.folder) if entry.folder is not None else None
    if pack is None:
        raise ModelRejected(f"the copy of {entry.label} in the store is damaged: drop it again")
    return pack


def described(entry: Entry, pack: Pack, signer: str) -> Entry:
    """The entry with what its copy says of itself; `signer` is the key that signed it, or `SHIPPED`."""
    manifest: Manifest = pack.manifest
    return replace(
        entry, folder=pack.folder, name=manifest.name, version=manifest.version, sha256=manifest.sha256,
        signer=signer, speakers=frozenset(manifest.speakers), languages=frozenset(manifest.languages),
    )  # fmt: skip


def _nothing() -> None:
    return None


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
