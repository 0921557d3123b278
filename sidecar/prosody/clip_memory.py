"""Recordings as bytes -> what is heard in them, remembered for a while."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from sidecar.audio.decoder import Decoder
from sidecar.prosody.analysis import analysed
from sidecar.prosody.change import Change
from sidecar.prosody.f0 import RATE_HZ
from sidecar.prosody.reference import change_of
from sidecar.prosody.traits import Traits
from sidecar.protocol.errors import BadAudio

ENTRIES = 64

Heard = Traits | BadAudio


FIELDS = ("reference", "baseline")


@dataclass(frozen=True)
class Clips:
    """A reference and, where there is one, a neutral clip of the same person."""

    reference: bytes = field(repr=False)
    baseline: bytes | None = field(default=None, repr=False)

    @property
    def given(self) -> tuple[bytes, ...]:
        return (self.reference,) if self.baseline is None else (self.reference, self.baseline)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """By which they are remembered."""
        return tuple(map(name_of, self.given))


class ClipMemory:
    """Listens to clips and remembers the last `ENTRIES`, refusals too. Any thread; two that ask for the
    same new clip at once both listen to it. A child process decodes them, from the first on until `stop`."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._heard: OrderedDict[str, Heard] = OrderedDict()
        self._lock = threading.Lock()

    def change(self, clip: bytes, baseline: bytes | None = None) -> Change:
        """What sets the clip apart from neutral speech, or from a neutral clip of the same speaker.

        Takes up to a second for 30 s of sound, the first one a little longer. Raises `BadAudio` with what is
        wrong with which, and `InternalError` when no process can be started.
        """
        heard = self.compared(Clips(clip, baseline))
        if isinstance(heard, BadAudio):
            raise heard
        return heard

    def compared(self, clips: Clips) -> Change | BadAudio:
        """As `change`, but what is wrong with a clip is returned. Raises `InternalError`."""
        return _compared(map(self._listened, clips.given, clips.names))

    def known_change(self, clips: Clips) -> Change | BadAudio | None:
        """The same where all clips are remembered, else None."""
        heard = [known for name in clips.names if (known := self.known(name)) is not None]
        return _compared(heard) if len(heard) == len(clips.names) else None

    def listen(self, clip: bytes) -> Heard:
        """The clip's traits, or why it has none. Raises `InternalError`."""
        return self._listened(clip, name_of(clip))

    def _listened(self, clip: bytes, name: str) -> Heard:
        if (known := self.known(name)) is not None:
            return known
        try:
            sound = self._decoder.decoded(clip)
            heard: Heard = analysed(sound.at(RATE_HZ), sound.peak_dbfs)
        except BadAudio as error:
            heard = BadAudio(error.message)  # what was raised holds on to the clip
        with self._lock:
            self._heard[name] = heard
            while len(self._heard) > ENTRIES:
                self._heard.popitem(last=False)
        return heard

    def known(self, name: str) -> Heard | None:
        """What was heard in the clip of that name, if it is remembered."""
        with self._lock:
            if name in self._heard:
                self._heard.move_to_end(name)
            return self._heard.get(name)

    def stop(self) -> None:
        """End the child. What was heard is still known, and another clip starts another child."""
        self._decoder.stop()


def _compared(heard: Iterable[Heard]) -> Change | BadAudio:
    traits = []
    for name, one in zip(FIELDS, heard, strict=False):  # a reference may come alone
        if isinstance(one, BadAudio):
            return BadAudio(one.message, field=name)
        traits.append(one)
    return change_of(*traits)


def name_of(clip: bytes) -> str:
    return hashlib.sha256(clip).hexdigest()
