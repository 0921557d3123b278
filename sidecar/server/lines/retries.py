"""Requests that were asked before: a retry gets what the first one got, and costs nothing."""

from collections import OrderedDict
from dataclasses import dataclass

from sidecar.protocol.errors import BadRequest
from sidecar.protocol.replies import ModelName
from sidecar.protocol.requests import Synthesize
from sidecar.server.lines.flight import Caller, Recording, Stream
from sidecar.server.lines.takes import asked_as

ENTRIES = 4096
BYTES = 64 * 1024 * 1024


@dataclass(eq=False)
class Asked:
    """A request that was accepted, and the recording it is answered from."""

    request: Synthesize
    recording: Recording
    model: ModelName
    stream: Stream | None = None


@dataclass
class _Holding:
    """How many entries are answered from one recording, and the bytes that they keep in memory by it."""

    entries: int = 0
    size_bytes: int = 0


class Retries:
    """The last requests by session and id, at most `ENTRIES` whose recordings hold `BYTES`.

    A recording counts once, however many have asked for it and however it is sent: whole, from a cache or
    chunk by chunk.
    """

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[str, str], Asked] = OrderedDict()
        self._held: dict[Recording, _Holding] = {}
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def find(self, caller: Caller, request: Synthesize) -> Asked | None:
        """Raises `BadRequest` when the id was used for another request."""
        asked = self._asked.get(caller.asked)
        if asked is None or asked.recording.error is not None:
            return None
        if asked_as(asked.request) != asked_as(request):
            raise BadRequest(
                f"the id {caller.id!r} was used for another request: give each its own", field="id"
            )
        return asked

    def keep(self, caller: Caller, request: Synthesize, recording: Recording, model: ModelName) -> None:
        self.forget(caller)
        self._asked[caller.asked] = Asked(request, recording, model)
        self._held.setdefault(recording, _Holding()).entries += 1
        self.grown(recording)

    def grown(self, recording: Recording) -> None:
        """From now on a recording counts with the bytes that it has."""
        if (holding := self._held.get(recording)) is not None:
            size_bytes = recording.size_bytes
            self._bytes += size_bytes - holding.size_bytes
            holding.size_bytes = size_bytes
        while len(self._asked) > ENTRIES or (self._bytes > BYTES and self._asked):
            self._let_go(self._asked.popitem(last=False)[1])

    def opened(self, caller: Caller, stream: Stream) -> None:
        if (asked := self._asked.get(caller.asked)) is not None:
            asked.stream = stream

    def forget(self, caller: Caller) -> None:
        if (asked := self._asked.pop(caller.asked, None)) is not None:
            self._let_go(asked)

    def _let_go(self, asked: Asked) -> None:
        holding = self._held[asked.recording]
        holding.entries -= 1
        if not holding.entries:
            self._bytes -= self._held.pop(asked.recording).size_bytes
