"""Voices of voice packs beside those of live models: added and taken away while lines are spoken.

A live voice is exchanged for one of the same weights with other speakers; lines under way end on the old one,
and nothing is loaded but the numbers of the voices.
"""

import logging
from collections.abc import Callable, Sequence

from sidecar.models.pack import Pack, intact
from sidecar.protocol import events
from sidecar.protocol.errors import NpcVoiceError
from sidecar.reload.states import Entry, State
from sidecar.server.live_voices import ServedVoice
from sidecar.server.reloading.context import Context

log = logging.getLogger(__name__)

Packs = Sequence[Pack]


class AddedVoices:
    """On the reloader's thread."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, pack: Pack) -> None:
        """Every live model with the weights that it needs speaks its voices from the next line on, in place
        of another version's. Raises `ModelRejected`; then nothing has changed."""
        name, base = pack.manifest.name, pack.manifest.base
        kept = {entry.folder for entry in self._live()}  # others are on their way out
        assert base is not None

        def wanted(voice: ServedVoice, packs: Packs) -> Packs:
            if voice.name.sha256 != base.sha256:
                return packs
            return [*(p for p in _without(packs, name) if p.folder in kept), pack]

        self._change(wanted)

    def take_away(self, name: str) -> None:
        """Nobody speaks the voices of the pack of that name any more."""
        self._change(lambda _, packs: _without(packs, name))

    def joined(self, voice: ServedVoice) -> ServedVoice:
        """A model that is about to speak, with the voices that are added to its weights now. Where they do
        not go together, it speaks without them: `settle` tells."""
        packs = [pack for entry in self._live() if (pack := _for(voice, entry)) is not None]
        if not packs:
            return voice
        try:
            return self._context.dependencies.join(voice, packs)
        except NpcVoiceError as error:
            log.warning("voices of other packs were not added to %s: %s", voice.label, error)
            return voice

    def settle(self) -> None:
        """Voices whose base speaks no more are ready again, and it is told."""
        if not (live := self._live()):
            return
        speaking = self._context.on_server(self._context.server.voices.speaking)
        spoken = {pack.folder for voice in speaking for pack in packs_of(voice)}
        for entry in [entry for entry in live if entry.folder not in spoken]:
            self._context.put(entry.moved(State.READY))
            self._context.tell(events.ModelReleased(entry.name, entry.version))

    def _live(self) -> list[Entry]:
        return [entry for entry in self._context.entries if entry.base and entry.state is State.LIVE]

    def _change(self, wanted: Callable[[ServedVoice, Packs], Packs]) -> None:
        """Until everybody who speaks has what is wanted: a trial may end meanwhile."""
        while pairs := self._pairs(wanted):
            self._context.on_server(lambda pairs=pairs: self._exchange(pairs))  # type: ignore[misc]

    def _pairs(self, wanted: Callable[[ServedVoice, Packs], Packs]) -> list[tuple[ServedVoice, ServedVoice]]:
        """Those who are to change, each with who is to follow."""
        speaking = self._context.on_server(self._context.server.voices.speaking)
        changes = [(voice, wanted(voice, packs_of(voice))) for voice in speaking]
        join = self._context.dependencies.join
        return [(voice, join(voice, packs)) for voice, packs in changes if packs != packs_of(voice)]

    def _exchange(self, pairs: Sequence[tuple[ServedVoice, ServedVoice]]) -> None:
        """On the server's thread."""
        voices, now_s = self._context.server.voices, self._context.server.clock()
        for old, new in pairs:
            voices.replace(old, new, now_s)


def packs_of(voice: ServedVoice) -> list[Pack]:
    return [added.pack for added in voice.synthesizer.model.added]


def _without(packs: Packs, name: str) -> list[Pack]:
    return [pack for pack in packs if pack.manifest.name != name]


def _for(voice: ServedVoice, entry: Entry) -> Pack | None:
    """The copy of an entry's voices, if they are for this model and whole."""
    if entry.folder is None or entry.base != voice.name.sha256:
        return None
    return intact(entry.folder)
