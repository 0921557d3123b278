"""A message's frames -> a request that has been read whole, or why it cannot be: the same for every door."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.protocol import wire
from sidecar.protocol.errors import BadRequest, NpcVoiceError, Unauthorized
from sidecar.protocol.limits import Limits
from sidecar.protocol.requests import Envelope, Request, Synthesize, parse_request, require_body


@dataclass(frozen=True)
class Inbound:
    """What came. `envelope` is there when it held the token, `request` when it can be done, else `error`.

    `id` is the request's for the reply, or empty where it cannot be read. `body` is a reference clip.
    """

    id: str = ""
    envelope: Envelope | None = None
    request: Request | None = None
    body: bytes | None = None
    error: NpcVoiceError | None = None


def read_request(frames: Sequence[bytes], limits: Limits, token: bytes) -> Inbound:
    """`frames`: the empty delimiter that REQ and DEALER send, a header, perhaps a body. Raises nothing."""
    request_id, envelope = "", None
    try:
        header, body = _split(frames, limits)
        request_id = readable_id(header)
        known = Envelope.from_header(header, limits)
        _authorise(known, token)
        envelope = known
        request = parse_request(envelope.op, header, body, limits)
        if isinstance(request, Synthesize):
            require_body(request, body)
    except NpcVoiceError as error:
        return Inbound(request_id, envelope, error=error)
    return Inbound(request_id, envelope, request, body)


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


def _split(frames: Sequence[bytes], limits: Limits) -> tuple[wire.Header, bytes | None]:
    if not frames or frames[0] != b"":
        raise BadRequest("a message must start with an empty delimiter frame")
    if len(frames) not in (2, 3):
        raise BadRequest(f"a message has 1 or 2 frames after the delimiter, got {len(frames) - 1}")
    return wire.decode(frames[1], limits), frames[2] if len(frames) == 3 else None


def _authorise(envelope: Envelope, token: bytes) -> None:
    if not hmac.compare_digest(envelope.token.encode(), token):
        raise Unauthorized("the token is missing or wrong: read it from the connection file", field="token")
