"""From what lies in the models folder to packs that are ready: found, checked, settled or refused."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from sidecar.checks.candidate import Interrupted
from sidecar.files import shown
from sidecar.models.bases import BaseMissing
from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, intact
from sidecar.protocol import events
from sidecar.protocol.errors import Cancelled, InternalError, ModelRejected, NpcVoiceError
from sidecar.reload.budget import Budget
from sidecar.reload.candidates import Candidate
from sidecar.reload.journal import Copy, drop_key
from sidecar.reload.states import Entry, State
from sidecar.reload.store import digest_of
from sidecar.server.reloading.context import Context, former

log = logging.getLogger(__name__)

MOST_FOUND = 200  #: drops that wait for a check; those beyond, the oldest, are told of in one row
MOST_LATER = 4096
TRIES = 3  #: checks of one drop that may be ended from outside


class Drops:
    """On the reloader's thread. `look_again` lets the watcher find a source once more."""

    def __init__(self, context: Context, look_again: Callable[[str], None]) -> None:
        self._context, self._look_again = context, look_again
        self._later: dict[str, Candidate] = {}  # what was found beyond `MOST_FOUND`
        self.budget = Budget(time.monotonic(), context.dependencies.config.same_source_s)

    @property
    def later(self) -> int:
        """How many drops wait to be taken up."""
        return len(self._later)

    def take_up(self, candidate: Candidate) -> None:
        """A new drop, or one that was judged before this start."""
        known = self._context.entry(candidate.name)
        if known is not None and known.stamp == candidate.stamp:
            return
        entry = Entry(
            candidate.name, candidate.stamp, size_bytes=candidate.size_bytes, changed_ns=candidate.changed_ns
        )
        if known is not None and known.folder is not None:  # what was dropped before stays what it is
            self._context.drop(known)
            self._context.put(former(known))
        memory = self._context.journal.memory
        if (refused := memory.refused.get(drop_key(candidate.name, candidate.stamp))) is not None:
            self._context.put(replace(entry, state=State.REJECTED, reason=refused[0], detail=refused[1]))
            return
        if self._has_passed(entry):
            return
        self._context.found_s[entry.source] = time.perf_counter()
        self._context.put(entry)
        self._context.tell(events.ModelFound(shown(entry.source)))
        self._limit_found()

    def _has_passed(self, entry: Entry) -> bool:
        """Whether this very drop was checked before; it is judged by the policy of now all the same."""
        copies = self._context.journal.memory.copies
        folder = next(
            (f for f, c in copies.items() if (c.source, c.stamp) == (entry.source, entry.stamp)), None
        )
        pack = intact(self._context.dependencies.store / folder) if folder is not None else None
        if pack is None:
            return False
        try:
            self._settle(
                described(replace(entry, state=State.READY), pack, self._context.dependencies.judge(pack))
            )
        except ModelRejected as error:
            self._context.reject(replace(entry, state=State.CHECKING), error)
        return True

    def _limit_found(self) -> None:
        found = sorted(
            (e for e in self._context.entries if e.state is State.FOUND), key=lambda e: e.changed_ns
        )
        for entry in found[: max(0, len(found) - MOST_FOUND)]:
            self._context.drop(entry)
            if len(self._later) < MOST_LATER:
                self._later[entry.source] = Candidate(
                    entry.source, entry.stamp, entry.size_bytes, entry.changed_ns
                )

    def take_from_later(self) -> None:
        """What did not fit is found again once there is room."""
        if self._later and not self._context.found:
            newest = sorted(self._later.values(), key=lambda c: c.changed_ns)[-MOST_FOUND:]
            for candidate in newest:
                del self._later[candidate.name]
                self.take_up(candidate)

    def check(self, entry: Entry) -> None:
        entry = self._context.put(entry.moved(State.CHECKING, reason="", detail=""))
        self.budget.spend(entry.source, time.monotonic())
        self._context.tell(events.ModelChecking(shown(entry.source)))
        try:
            pack = self._context.dependencies.check(
                self._context.dependencies.models / entry.source, self._context.stopping
            )
            signer = self._context.dependencies.judge(pack)
        except Cancelled:
            self._context.put(entry.moved(State.FOUND))
        except Interrupted as error:
            self._try_again(entry, error)
        except BaseMissing as error:
            self._wait_for_base(entry, error)
        except NpcVoiceError as error:
            if self._context.is_as_found(entry):
                self._context.reject(entry, error)
            else:
                self._lose(entry)
        except Exception as error:
            log.exception("a check failed")
            self._context.reject(entry, InternalError(f"the check failed: {type(error).__name__}"))
        else:
            copy = Copy(
                entry.source,
                entry.stamp,
                digest_of(pack.folder),
                signer,
                self._context.dependencies.config.policy,
            )
            self._context.journal.update(
                lambda memory: replace(memory, copies={**memory.copies, pack.folder.name: copy})
            )
            self._settle(described(entry.moved(State.READY), pack, signer))

    def _try_again(self, entry: Entry, error: Interrupted) -> None:
        """Somebody ended the check, which says nothing about the pack."""
        self._context.journal.tell("interrupted", source=entry.source, detail=error.message)
        if entry.tries + 1 < TRIES:
            self._context.put(entry.moved(State.FOUND, tries=entry.tries + 1))
        else:
            self._context.reject(entry, error)

    def _wait_for_base(self, entry: Entry, error: BaseMissing) -> None:
        """All else of these voices is right: they are checked again once there is a copy of their base. Where
        there was one, and it is damaged, they are refused."""
        if entry.base == error.sha256:
            self._context.reject(entry, error)
            return
        why = {"reason": error.reason, "detail": error.message, "base": error.sha256}
        self._context.put(entry.moved(State.FOUND, **why))
        self._context.journal.tell("waiting", source=entry.source, **why)

    def _lose(self, entry: Entry) -> None:
        """It was taken away, or changed, under the check, which says nothing of what comes after."""
        self._context.drop(entry)
        self._context.journal.tell("lost", source=entry.source)
        self._look_again(entry.source)

    def _settle(self, entry: Entry) -> None:
        """A pack that is ready. The same pack from another source is the one that is known already."""
        twin = next(
            (e for e in self._context.entries if e.folder == entry.folder and e.source != entry.source), None
        )
        if twin is not None:
            self._context.drop(twin)
            entry = replace(twin, source=entry.source, stamp=entry.stamp)
        self._context.put(entry)

    def forget_refusals(self) -> None:
        """What was refused for want of room, or by a check, may be tried again."""
        self._context.journal.update(lambda memory: replace(memory, refused={}))
        for entry in [e for e in self._context.entries if e.state is State.REJECTED]:
            if self._context.is_as_found(entry):
                self._context.put(Entry(entry.source, entry.stamp))
            elif entry.folder is not None:  # its copy is all there is of it
                self._context.put(replace(entry, state=State.READY, reason="", detail=""))
            else:
                self._context.drop(entry)


def described(entry: Entry, pack: Pack, signer: str) -> Entry:
    """The entry with what its copy says of itself; `signer` is the key that signed it, or `SHIPPED`."""
    manifest: Manifest = pack.manifest
    return replace(
        entry, folder=pack.folder, name=manifest.name, version=manifest.version, sha256=manifest.sha256,
        signer=signer, speakers=frozenset(manifest.speakers), languages=frozenset(manifest.languages),
        base=manifest.base.sha256 if manifest.base is not None else "",
    )  # fmt: skip
