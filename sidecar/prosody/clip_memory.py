"""Recordings as bytes -> what is heard in them, remembered for a while."""

import hashlib
import threading
from collections import OrderedDict

from sidecar.audio.decoder import Decoder
from sidecar.prosody.analysis import analysed
from sidecar.prosody.change import Change
from sidecar.prosody.f0 import RATE_HZ
from sidecar.prosody.reference import change_of
from sidecar.prosody.traits import Traits
from sidecar.protocol.errors import BadAudio

ENTRIES = 64

Heard = Traits | BadAudio


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
        return change_of(
            self._traits(clip, "reference"), None if baseline is None else self._traits(baseline, "baseline")
        )

    def listen(self, clip: bytes) -> Heard:
        """The clip's traits, or why it has none. Raises `InternalError`."""
        name = name_of(clip)
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

    def _traits(self, clip: bytes, field: str) -> Traits:
        heard = self.listen(clip)
        if isinstance(heard, BadAudio):
            raise BadAudio(heard.message, field=field)
        return heard


def name_of(clip: bytes) -> str:
    return hashlib.sha256(clip).hexdigest()
