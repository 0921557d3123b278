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

from sidecar.engines.runtimes import give_back_device_memory, use_one_thread
from sidecar.protocol.errors import Cancelled
from sidecar.protocol.replies import ModelsReply
from sidecar.reload.candidates import Candidate
from sidecar.reload.journal import Journal
from sidecar.reload.policy import SHIPPED, Check, Load, Snapshot, Verdict, decide
from sidecar.reload.rows import flood_row, row_of
from sidecar.reload.states import Entry
from sidecar.reload.watcher import Watcher
from sidecar.server.process import host
from sidecar.server.reloading.added_voices import AddedVoices
from sidecar.server.reloading.context import Context
from sidecar.server.reloading.controls import Controls, Decisions
from sidecar.server.reloading.dependencies import Dependencies, ServerSide
from sidecar.server.reloading.drops import Drops
from sidecar.server.reloading.loading import Loading
from sidecar.server.reloading.trials import Trials

log = logging.getLogger(__name__)

LOW_PRIORITY = 15


class Reloader:
    """`start` it after the device's thread. `found` and the control methods may be called from any thread."""

    def __init__(
        self, dependencies: Dependencies, journal: Journal, server: ServerSide, live: tuple[Entry, ...]
    ) -> None:
        """`live` are the entries of the voices that the server has begun with."""
        self._context = Context(dependencies, journal, server, live)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        config = dependencies.config
        self._watcher = (
            Watcher(dependencies.models, self.found, quiet_s=config.quiet_s, patience_s=config.patience_s)
            if config.watch
            else None
        )
        self._trials = Trials(self._context)
        self._added = AddedVoices(self._context)
        self._loading = Loading(self._context, self._trials, self._added)
        self._drops = Drops(self._context, self._look_again)
        self._decisions = Decisions(self._context, self._trials, self._loading, self._added)
        self.controls = Controls(self._context, self._decisions, self._jobs.put, lambda: self.rows)
        self._thread = threading.Thread(target=self._run, name="reloader", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._jobs.put(_nothing)  # what the start has found may have to be done something about
        if self._watcher is not None:
            self._watcher.start()

    def stop(self, wait_s: float) -> bool:
        """End what is under way; False if that takes longer than `wait_s`."""
        self._context.stopping.set()
        if self._watcher is not None:
            self._watcher.stop()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if self._thread.is_alive():  # the process ends in the middle of a load: no pack is to blame for that
            self._context.journal.close(lambda memory: replace(memory, loading=None))
        return not self._thread.is_alive()

    # --- what others ask

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is known now, for any thread."""
        return self._context.entries

    @property
    def pins(self) -> Mapping[str, str]:
        """What the user wants, for any thread."""
        return self._context.journal.memory.pins

    @property
    def rows(self) -> ModelsReply:
        """What is known now, for any thread."""
        now, later = self._snapshot(), self._drops.later
        rows = [row_of(entry, now, self._is_dropped(entry)) for entry in now.entries]
        if later:
            rows.append(flood_row(later))
        return ModelsReply(tuple(rows))

    def found(self, candidate: Candidate) -> None:
        """Something that may be a pack lies quietly in the models folder."""
        self._jobs.put(lambda: self._drops.take_up(candidate))

    def trial_over(self, name: str, version: str, verdict: Verdict) -> None:
        """The server has promoted a version, or gone back to the live one."""
        self._jobs.put(lambda: self._trials.end(name, version, verdict))

    def give_back_memory(self) -> None:
        """A voice that was replaced is no longer held: what it took goes back to the system."""
        self._jobs.put(host.give_back_memory)
        self._jobs.put(give_back_device_memory)

    def rescan(self) -> ModelsReply:
        """Look at the models folder now (the watcher does); what was refused is looked at again, and what
        speaks is judged by the policy and the trusted publishers of now."""
        self._jobs.put(self._drops.forget_refusals)
        self._jobs.put(self._decisions.judge_again)
        if self._watcher is not None:
            self._watcher.look_now()
        return self.rows

    # --- the thread

    def _run(self) -> None:
        be_modest()
        while not self._context.stopping.is_set():
            try:
                job = self._jobs.get(timeout=self._wait_s())
            except queue.Empty:
                job = _nothing  # something that had to wait may be checked now
            if job is None:
                return
            self._safely(job)
            while self._jobs.empty() and not self._context.stopping.is_set():
                self._safely(self._drops.take_from_later)
                self._safely(self._added.settle)
                action = decide(self._snapshot())
                if action is None:
                    self._safely(self._decisions.retire_orphans)
                    self._safely(self._added.settle)  # of those that went, voices may have been spoken
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
        return self._context.snapshot(self._drops.budget.resting(self._context.found, time.monotonic()))

    def _wait_s(self) -> float | None:
        return self._drops.budget.wait_s(self._context.found, time.monotonic())

    def _do(self, action: Check | Load) -> None:
        if isinstance(action, Check):
            self._drops.check(action.entry)
        else:
            self._loading.load(action.entry, action.share)

    def _look_again(self, source: str) -> None:
        if self._watcher is not None:
            self._watcher.forget(source)

    def _is_dropped(self, entry: Entry) -> bool | None:
        """Whether what an entry comes from still lies in the models folder; None where nobody looks."""
        if self._watcher is None or entry.signer == SHIPPED:
            return None
        return self._watcher.sees(entry.source)


def _nothing() -> None:
    return None


def be_modest() -> None:
    """This thread computes with one core, at a priority under that of speech."""
    use_one_thread()
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            from sidecar import windows

            windows.lower_thread_priority()
        elif sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
