"""Requests that were asked before: a retry gets what the first one got, and costs nothing."""

from collections import OrderedDict
from dataclasses import dataclass

from sidecar.protocol.errors import BadRequest
from sidecar.protocol.replies import ModelName
from sidecar.protocol.requests import Synthesize
from sidecar.server.flight import Caller, Recording, Stream
from sidecar.server.takes import Take

ENTRIES = 4096
BYTES = 64 * 1024 * 1024


@dataclass(eq=False)
class Asked:
    """A request that was accepted, and the recording it is answered from."""

    request: Synthesize
    recording: Recording
    model: ModelName
    stream: Stream | None = None
    size_bytes: int = 0


class Retries:
    """The last requests by session and id, at most `ENTRIES` whose takes hold `BYTES`."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[str, str], Asked] = OrderedDict()
        self._bytes = 0

    def find(self, caller: Caller, request: Synthesize) -> Asked | None:
        """Raises `BadRequest` when the id was used for another request."""
        asked = self._asked.get(caller.asked)
        if asked is None or asked.recording.error is not None:
            return None
        if asked.request != request:
            raise BadRequest(
                f"the id {caller.id!r} was used for another request: give each its own", field="id"
            )
        return asked

    def keep(self, caller: Caller, request: Synthesize, recording: Recording, model: ModelName) -> None:
        self.forget(caller)
        self._asked[caller.asked] = Asked(request, recording, model)
        while len(self._asked) > ENTRIES or self._bytes > BYTES:
            self._bytes -= self._asked.popitem(last=False)[1].size_bytes

    def completed(self, caller: Caller, take: Take) -> None:
        """From now on the entry counts with its bytes."""
        if (asked := self._asked.get(caller.asked)) is not None:
            self._bytes += take.size_bytes - asked.size_bytes
            asked.size_bytes = take.size_bytes

    def opened(self, caller: Caller, stream: Stream) -> None:
        if (asked := self._asked.get(caller.asked)) is not None:
            asked.stream = stream

    def forget(self, caller: Caller) -> None:
        if (asked := self._asked.pop(caller.asked, None)) is not None:
            self._bytes -= asked.size_bytes
