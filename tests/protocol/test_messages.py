"""Every message survives the round trip over the wire, and every odd field is named."""

import dataclasses

import pytest

from sidecar.protocol import wire
from sidecar.protocol.errors import (
    BadRequest,
    NpcVoiceError,
    Overloaded,
    TextTooLong,
    TooLarge,
    UnknownOp,
    UnsupportedVersion,
)
from sidecar.protocol.limits import Limits
from sidecar.protocol.messages import (
    OPS,
    Envelope,
    ErrorReply,
    Hello,
    OkReply,
    Ping,
    Request,
    Shutdown,
    Speakers,
    Synthesize,
    parse_reply,
    parse_request,
    request_header,
)

LIMITS = Limits()
FULL = Synthesize(
    text="Halt!",
    speaker={"af_heart": 0.5, "am_adam": 0.5},
    emotion={"neutral": 1.0},
    intensity=0.25,
    speed=1.5,
    pitch=-2.0,
    language="en-GB",
    format="wav",
    sample_rate=48_000,
    timings=("words", "phonemes"),
    seed=7,
)
REQUESTS: list[Request] = [
    Hello(), Ping(), Speakers(), Shutdown(), Synthesize("Hi."), FULL,
    Synthesize("Hi.", speaker="af_heart"), Synthesize("Hi.", speaker=3),
    Synthesize("Hi.", speaker=(0.5, -1.0)),
]  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: r.op)
def test_a_request_survives_the_round_trip(request_: Request):
    envelope = Envelope("42", request_.op, "secret")
    header = wire.decode(wire.encode(request_header(envelope, request_)), LIMITS)
    assert Envelope.from_header(header, LIMITS) == envelope
    assert parse_request(envelope.op, header, None, LIMITS) == request_


@pytest.mark.parametrize(
    "reply",
    [
        OkReply("1", {}),
        OkReply("1", {"audio": {"frames": 3}, "seed": 5}),
        ErrorReply("1", "bad_request", "no"),
        ErrorReply.of("é", Overloaded("later", field="text", retry_after_ms=50)),
    ],
)
def test_a_reply_survives_the_round_trip(reply: OkReply | ErrorReply):
    assert parse_reply(wire.decode(wire.encode(reply.to_header()), LIMITS)) == reply


def test_every_op_has_a_message():
    assert {request.op for request in REQUESTS} == set(OPS)


def test_an_error_carries_what_the_exception_says():
    reply = ErrorReply.of("1", Overloaded("busy", retry_after_ms=120))
    assert (reply.code, reply.retryable, reply.retry_after_ms) == ("overloaded", True, 120)


def test_the_token_is_in_no_printed_form():
    assert "secret" not in repr(Envelope("1", "ping", "secret"))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"text": None}, BadRequest, "text"),
        ({"text": 5}, BadRequest, "text must be text"),
        ({"text": b"bytes"}, BadRequest, "text must be text"),
        ({"text": "x" * 2001}, TextTooLong, "2000"),
        ({"speed": float("nan")}, BadRequest, "speed"),
        ({"speed": float("inf")}, BadRequest, "nearest is 2"),
        ({"speed": 0}, BadRequest, "nearest is 0.5"),
        ({"speed": "fast"}, BadRequest, "speed must be a number"),
        ({"speed": True}, BadRequest, "speed must be a number"),
        ({"pitch": 13}, BadRequest, "nearest is 12"),
        ({"intensity": -0.1}, BadRequest, "nearest is 0"),
        ({"format": "mp3"}, BadRequest, "format"),
        ({"format": 1}, BadRequest, "format"),
        ({"sample_rate": 1}, BadRequest, "nearest is 8000"),
        ({"sample_rate": 24000.5}, BadRequest, "whole number"),
        ({"seed": -1}, BadRequest, "seed"),
        ({"timings": "words"}, BadRequest, "list"),
        ({"timings": ["word"]}, BadRequest, "did you mean 'words'"),
        ({"timings": [["words"]]}, BadRequest, "timings"),
        ({"speaker": ["a"]}, BadRequest, "speaker"),
        ({"speaker": 1.5}, BadRequest, "speaker"),
        ({"speaker": {}}, BadRequest, "speaker"),
        ({"speaker": {"a": "b"}}, BadRequest, "a must be a number"),
        ({"emotion": 5}, BadRequest, "emotion"),
        ({"language": 5}, BadRequest, "language"),
    ],
)
def test_an_odd_field_is_refused_by_name(change: dict, kind: type[NpcVoiceError], words: str):
    header = {**Synthesize("Hi.").to_header(), **change}
    with pytest.raises(kind, match=words) as refusal:
        parse_request("synthesize", header, None, LIMITS)
    assert refusal.value.field


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ({}, UnsupportedVersion),
        ({"v": 2, "id": "1", "op": "ping"}, UnsupportedVersion),
        ({"v": 1, "op": "ping"}, BadRequest),
        ({"v": 1, "id": 1, "op": "ping"}, BadRequest),
        ({"v": 1, "id": "1"}, BadRequest),
        ({"v": 1, "id": "x" * 65, "op": "ping"}, TooLarge),
        ({"v": 1, "id": "1", "op": "ping", "token": 5}, BadRequest),
    ],
)
def test_an_odd_envelope_is_refused(header: dict, kind: type[NpcVoiceError]):
    with pytest.raises(kind):
        Envelope.from_header(header, LIMITS)


def test_an_unknown_op_is_answered_with_the_nearest():
    with pytest.raises(UnknownOp, match="did you mean 'synthesize'"):
        parse_request("synthesise", {}, None, LIMITS)


def test_a_body_over_the_limit_is_refused():
    with pytest.raises(TooLarge):
        parse_request("ping", {}, b"xx", dataclasses.replace(LIMITS, body_bytes=1))


def test_unknown_keys_are_ignored():
    assert parse_request("synthesize", {"text": "Hi.", "novelty": [1]}, None, LIMITS) == Synthesize("Hi.")
