"""A version that part of the sessions hear first: how its trial ends."""

from sidecar.protocol import events
from sidecar.reload.policy import Verdict, live_of
from sidecar.reload.states import Entry, State
from sidecar.server.live_voices import ServedVoice
from sidecar.server.reloading.context import Context


class Trials:
    """On the reloader's thread."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, entry: Entry, voice: ServedVoice, share: float) -> None:
        """Let `share` of the sessions hear it."""
        voices, clock = self._context.server.voices, self._context.server.clock
        self._context.on_server(lambda: voices.begin_trial(voice, share, clock()))
        live = live_of(self._context.entries, entry.name)
        self.stop(
            entry.name, live.version if live is not None else "", f"a trial of {entry.version} took its place"
        )
        self._context.put(entry.moved(State.CANARY, share=share))
        self._context.tell(events.ModelCanary(entry.name, entry.version, share, 0, 0))

    def withdraw(self, name: str) -> None:
        """Its sessions hear the live version again; `stop` writes that down."""
        server = self._context.server
        self._context.on_server(lambda: server.voices.end_trial(name, server.clock()))

    def stop(self, name: str, to: str, why: str) -> None:
        """The voices have dropped the version on trial already, for `to`: it is ready as before."""
        for entry in [e for e in self._context.entries if e.name == name and e.state is State.CANARY]:
            self._context.put(entry.moved(State.READY))
            self._context.tell(events.ModelRolledBack(name, entry.version, to, why))

    def end(self, name: str, version: str, verdict: Verdict) -> None:
        label = f"{name}@{version}"
        trials = [e for e in self._context.entries if e.label == label and e.state is State.CANARY]
        if not trials:  # the user has decided in the same moment
            return
        entry = trials[0]
        live = live_of(self._context.entries, name)
        if live is None:  # it is being removed
            return
        if verdict.promote:
            self._context.now_live(entry)
            self._context.tell(events.ModelLive(name, version, 0.0, live.version))
            self._context.journal.tell("promoted", name=name, version=version, reason=verdict.reason)
            return
        self._context.put(entry.moved(State.REJECTED, reason="canary", detail=verdict.reason))
        self._context.remember_refusal(entry, "canary", verdict.reason)
        self._context.tell(events.ModelRolledBack(name, version, live.version, verdict.reason))
