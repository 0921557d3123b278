"""What a user decides: which version is live, which is tried, which is gone.

`Controls` answers at once, from any thread; `Decisions` does what is to be done, on the reloader's.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sidecar.files import shown
from sidecar.models.pack import intact
from sidecar.protocol import events
from sidecar.protocol.errors import ModelRejected, UnknownModel, Unsupported, did_you_mean
from sidecar.protocol.replies import ModelRow, ModelsReply
from sidecar.reload.journal import Memory
from sidecar.reload.policy import SHIPPED, live_of
from sidecar.reload.removal import remove_drop
from sidecar.reload.rows import is_called
from sidecar.reload.states import Entry, State
from sidecar.reload.store import delete
from sidecar.server.reloading.added_voices import AddedVoices
from sidecar.server.reloading.context import Context
from sidecar.server.reloading.loading import Loading
from sidecar.server.reloading.trials import Trials


class Decisions:
    """On the reloader's thread."""

    def __init__(self, context: Context, trials: Trials, loading: Loading, added: AddedVoices) -> None:
        self._context, self._trials, self._loading, self._added = context, trials, loading, added
        self._orphans: set[str] = set()  # names whose voice is to go, unless another follows it

    def pin(self, name: str, version: str | None) -> None:
        if any(e.label == f"{name}@{version}" and e.state is State.CANARY for e in self._context.entries):
            self._trials.withdraw(name)
            self._trials.stop(name, str(version), "it is wanted for everybody")

        wanted = next(
            (e for e in self._context.entries if (e.name, e.version) == (name, version) and e.folder), None
        )

        def with_pin(memory: Memory) -> Memory:
            pins = {n: v for n, v in memory.pins.items() if n != name}
            if version is None:
                return replace(memory, pins=pins)
            owners = memory.owners if wanted is None else {**memory.owners, name: wanted.signer}
            return replace(memory, pins={**pins, name: version}, owners=owners)

        self._context.journal.update(with_pin)
        self._context.journal.tell("pinned" if version else "unpinned", name=name, version=version)

    def try_out(self, name: str, version: str, share: float) -> None:
        entry = next((e for e in self._context.entries if (e.name, e.version) == (name, version)), None)
        if entry is not None and share > 0 and entry.state is State.READY:
            self._loading.load(entry, share)
        elif entry is not None and share == 0 and entry.state is State.CANARY:
            self._trials.withdraw(name)
            live = live_of(self._context.entries, name)
            assert live is not None
            self.pin(name, live.version)  # else the policy would take it up again
            self._context.put(entry.moved(State.READY))
            self._context.tell(events.ModelRolledBack(name, version, live.version, "asked to"))

    def remove(self, name: str, version: str) -> None:
        going = [e for e in self._context.entries if is_called(e, name) and version in ("", e.version)]
        for entry in [e for e in going if e.signer != SHIPPED]:
            self._silence(entry)
            self._context.drop(entry)
            self._forget(entry, all_versions=not version)
            remove_drop(self._context.dependencies.models, entry.source)
            self._context.journal.tell(
                "removed", name=shown(name), version=entry.version, source=entry.source
            )

    def judge_again(self) -> None:
        """By the policy and the publishers of now: whoever may not speak any more does not."""
        for entry in self._context.entries:
            if entry.folder is None or entry.state is State.REJECTED or entry.signer == SHIPPED:
                continue
            if (pack := intact(entry.folder)) is None:
                continue
            try:
                self._context.dependencies.judge(pack)
            except ModelRejected as error:
                self._silence(entry)
                self._context.reject(replace(entry, state=State.CHECKING, share=None), error)

    def retire_orphans(self) -> None:
        """Nobody has followed: their names are nobody's."""
        for name in list(self._orphans):
            if live_of(self._context.entries, name) is None:
                self._added.take_away(name)
                self._context.on_server(partial(self._retire, name))
            self._orphans.discard(name)

    def _retire(self, name: str) -> None:
        self._context.server.voices.retire(name, self._context.server.clock())

    def _silence(self, entry: Entry) -> None:
        """A version that goes, or the trial against it, is heard by nobody any more; one that speaks does so
        until the policy has brought another to life, or there is none."""
        if entry.state not in (State.CANARY, State.LIVE):
            return
        self._trials.withdraw(entry.name)
        for other in [e for e in self._context.entries if e.name == entry.name and e.state is State.CANARY]:
            self._context.put(other.moved(State.READY))
        if entry.state is State.LIVE:
            self._orphans.add(entry.name)

    def _forget(self, entry: Entry, all_versions: bool) -> None:
        """Whatever would bring it back after a restart, and its copy."""
        folder = entry.folder.name if entry.folder is not None else ""

        def without(memory: Memory) -> Memory:
            pins = {n: v for n, v in memory.pins.items() if (n, v) != (entry.name, entry.version)}
            owners = {n: k for n, k in memory.owners.items() if not (all_versions and n == entry.name)}
            return replace(memory.without(folder), pins=pins, owners=owners)

        if entry.folder is not None and entry.folder.parent == self._context.dependencies.store:
            delete(entry.folder)  # first: a copy that the journal does not know would be taken in again
        self._context.journal.update(without)


class Controls:
    """For any thread. `later` does a job on the reloader's thread, `rows` is what is known now."""

    def __init__(
        self, context: Context, decisions: Decisions, later: Callable[[Callable[[], None]], None],
        rows: Callable[[], ModelsReply],
    ) -> None:  # fmt: skip
        self._context, self._decisions, self._later, self._rows = context, decisions, later, rows

    def activate(self, model: str) -> ModelsReply:
        """`name@version` is pinned and becomes live; `name` alone is unpinned. Raises `UnknownModel` or
        `ModelRejected`."""
        name, _, version = model.partition("@")
        if version:
            self._row(name, version)
        elif not any(row.name == name for row in self._rows().models):
            raise self._unknown(model)
        self._later(lambda: self._decisions.pin(name, version or None))
        return self._rows()

    def rollback(self, name: str) -> ModelsReply:
        """Back to the version before, which is pinned. Raises `UnknownModel` or `Unsupported`."""
        if not any(row.name == name for row in self._rows().models):
            raise self._unknown(name)
        before = self._context.journal.memory.previous.get(name)
        entry = next(
            (e for e in self._context.entries if e.folder is not None and e.folder.name == before), None
        )
        if entry is None:
            raise Unsupported(f"there is no earlier version of {name!r} to go back to", field="model")
        self._later(lambda: self._decisions.pin(name, entry.version))
        return self._rows()

    def canary(self, model: str, share: float) -> ModelsReply:
        """Try a version on part of the sessions; share 0 ends it. Raises `UnknownModel` or `Unsupported`."""
        name, _, version = model.partition("@")
        row = self._row(name, version)
        if any(e.label == model and e.base for e in self._context.entries):
            raise Unsupported(f"{model!r} has voices only, which are there for everybody", field="model")
        if row.state == State.LIVE.value or live_of(self._context.entries, name) is None:
            raise Unsupported(
                f"there is no other version that {model!r} could be tried against", field="model"
            )
        if row.state == State.READY.value and row.reason is not None and share > 0:
            raise Unsupported(f"{model!r} waits to be activated: {row.detail}", field="model")
        self._later(lambda: self._decisions.try_out(name, version, share))
        return self._rows()

    def remove(self, model: str) -> ModelsReply:
        """`name@version`, or all versions of `name`, are gone: what was dropped, the copies, and, where one
        spoke, its voice; another version speaks if there is one. Raises `UnknownModel` or `Unsupported`."""
        name, _, version = model.partition("@")
        fitting = [e for e in self._context.entries if is_called(e, name) and version in ("", e.version)]
        if not fitting:
            raise self._unknown(model)
        if all(entry.signer == SHIPPED for entry in fitting):
            raise Unsupported(f"{model!r} ships with the program and cannot be removed", field="model")
        self._later(lambda: self._decisions.remove(name, version))
        return self._rows()

    def _row(self, name: str, version: str) -> ModelRow:
        """Raises `UnknownModel`, or `ModelRejected` with its reason."""
        for row in self._rows().models:
            if (row.name, row.version) == (name, version):
                if row.state == State.REJECTED.value:
                    raise ModelRejected(f"{name}@{version} was rejected: {row.detail}")
                return row
        raise self._unknown(f"{name}@{version}")

    def _unknown(self, model: str) -> UnknownModel:
        known = [f"{row.name}@{row.version}" for row in self._rows().models if row.version]
        return UnknownModel(f"unknown model {model[:80]!r}{did_you_mean(model, known)}", field="model")
