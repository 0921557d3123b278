"""A message's frames -> a request that has been read whole, or why it cannot be: the same for every door."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.protocol import wire
from sidecar.protocol.errors import BadRequest, NpcVoiceError, Unauthorized
from sidecar.protocol.limits import Limits
from sidecar.protocol.requests import Envelope, Request, Synthesize, check_bodies, parse_request


@dataclass(frozen=True)
class Inbound:
    """What came. `envelope` is there when it held the token, `request` when it can be done, else `error`.

    `id` is the request's for the reply, or empty where it cannot be read. `bodies` are clips.
    """

    id: str = ""
    envelope: Envelope | None = None
    request: Request | None = None
    bodies: tuple[bytes, ...] = ()
    error: NpcVoiceError | None = None


def read_request(frames: Sequence[bytes], limits: Limits, token: bytes) -> Inbound:
    """`frames`: the empty delimiter that REQ and DEALER send, a header, perhaps bodies. Raises nothing."""
    request_id, envelope = "", None
    try:
        header, bodies = _split(frames, limits)
        request_id = readable_id(header)
        known = Envelope.from_header(header, limits)
        _authorise(known, token)
        envelope = known
        request = parse_request(envelope.op, header, bodies, limits)
        if isinstance(request, Synthesize):
            check_bodies(request, bodies)
    except NpcVoiceError as error:
        return Inbound(request_id, envelope, error=error)
    return Inbound(request_id, envelope, request, tuple(bodies))


def holds_token(header: bytes, limits: Limits, token: bytes) -> bool:
    """Whether a request's header, whatever else it is, holds the token."""
    try:
        held = wire.decode(header, limits).get("token")
    except NpcVoiceError:
        return False
    return isinstance(held, str) and hmac.compare_digest(held.encode(), token)


def readable_id(header: wire.Header) -> str:
    """The request's id for an error reply, or nothing where it cannot be read."""
    value = header.get("id")
    return value[:64] if isinstance(value, str) else ""


def _split(frames: Sequence[bytes], limits: Limits) -> tuple[wire.Header, list[bytes]]:
    if not frames or frames[0] != b"":
        raise BadRequest("a message must start with an empty delimiter frame")
    if len(frames) not in (2, 3, 4):
        raise BadRequest(f"a message has 1 to 3 frames after the delimiter, got {len(frames) - 1}")
    return wire.decode(frames[1], limits), list(frames[2:])


def _authorise(envelope: Envelope, token: bytes) -> None:
    if not hmac.compare_digest(envelope.token.encode(), token):
        raise Unauthorized("the token is missing or wrong: read it from the connection file", field="token")
