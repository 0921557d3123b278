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
    UnknownSpeaker,
    Unsupported,
    UnsupportedVersion,
)
from sidecar.protocol.events import KINDS as EVENT_KINDS
from sidecar.protocol.events import event_map, parse_event
from sidecar.protocol.limits import Limits
from sidecar.protocol.record import from_map, to_map
from sidecar.protocol.replies import (
    REPLY_TO,
    ErrorReply,
    ModelsReply,
    PingReply,
    SpokenReply,
    parse_reply,
    reply_header,
)
from sidecar.protocol.requests import (
    OPS,
    Envelope,
    Request,
    Synthesize,
    check_bodies,
    parse_request,
    request_header,
)
from tests.protocol.examples import EVENTS, FULL, REPLIES, REQUESTS

LIMITS = Limits()


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("session", [None, "npc-7"])
def test_a_request_survives_the_round_trip(name: str, session: str | None):
    request = REQUESTS[name]
    envelope = Envelope("42", request.op, "secret", session)
    header = wire.decode(wire.encode(request_header(envelope, request)), LIMITS)
    assert Envelope.from_header(header, LIMITS) == envelope
    assert parse_request(envelope.op, header, (), LIMITS) == request


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_survives_the_round_trip(name: str):
    reply = REPLIES[name]
    header = wire.decode(wire.encode(reply_header("é", reply)), LIMITS)
    kind = PingReply if isinstance(reply, ErrorReply) else type(reply)
    answer = parse_reply(kind, header, b"audio")
    assert (answer.id, answer.reply) == ("é", reply)


@pytest.mark.parametrize("topic", EVENTS)
def test_an_event_survives_the_round_trip(topic: str):
    event = EVENTS[topic]
    assert parse_event(topic, wire.decode(wire.encode(event_map(event)), LIMITS)) == event


def test_every_message_has_an_example_and_every_op_a_reply():
    assert {request.op for request in REQUESTS.values()} == set(OPS)
    assert {type(reply) for reply in REPLIES.values()} == {*REPLY_TO.values(), ErrorReply}
    assert {kind.op for kind in REPLY_TO} == set(OPS)
    assert set(EVENTS) == {kind.topic for kind in EVENT_KINDS}


def test_every_field_of_a_line_has_an_example_that_is_not_its_default():
    lines = [request for request in REQUESTS.values() if isinstance(request, Synthesize)]
    fields = dataclasses.fields(Synthesize)
    assert [f.name for f in fields if all(getattr(line, f.name) == f.default for line in lines)] == []


def test_from_is_a_key_of_its_own():
    assert event_map(EVENTS["model.live"])["from"] == "0.1.0"


def test_an_error_carries_what_the_exception_says_and_becomes_it_again():
    reply = ErrorReply.of(Overloaded("busy", retry_after_ms=120))
    assert (reply.code, reply.retryable, reply.retry_after_ms) == ("overloaded", True, 120)
    error = ErrorReply.of(UnknownSpeaker("who?", field="speaker")).exception()
    assert (type(error), error.message, error.field) == (UnknownSpeaker, "who?", "speaker")
    assert ErrorReply("novel_code", "?").exception().code == "internal"


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
        ({"manner": 1.5}, BadRequest, "manner must be text"),
        ({"manner": ["a"]}, BadRequest, "manner must be a list of numbers only"),
        ({"baseline": 1}, BadRequest, "baseline must be true or false"),
        ({"loudness": -61}, BadRequest, "loudness is -61, expected -60 to -5, the nearest is -60"),
        ({"loudness": "loud"}, BadRequest, "loudness must be a number"),
        ({"loudness": -23, "stream": True}, Unsupported, "not a stream"),
        ({"effect": "ghost", "stream": True}, Unsupported, "not a stream"),
        ({"effect": 5}, BadRequest, "effect must be text"),
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
        ({"speaker": {"a": "b"}}, BadRequest, "speaker.a must be a number"),
        ({"emotion": {"sad": -1}}, BadRequest, "emotion.sad is -1, expected 0 to 1e.06, the nearest is 0"),
        ({"seed": 2**63}, BadRequest, "nearest is 9223372032559808511"),
        ({"emotion": 5}, BadRequest, "emotion"),
        ({"language": 5}, BadRequest, "language"),
        ({"model": 5}, BadRequest, "model"),
        ({"priority": "bork"}, BadRequest, "did you mean 'bark'"),
        ({"deadline_ms": 0}, BadRequest, "nearest is 1"),
        ({"deadline_ms": 1.5}, BadRequest, "whole number"),
        ({"stream": "yes"}, BadRequest, "true or false"),
        ({"reference": "emotion"}, BadRequest, "a map"),
        ({"reference": {"use": "all"}}, BadRequest, "use"),
    ],
)
def test_an_odd_field_is_refused_by_name(change: dict, kind: type[NpcVoiceError], words: str):
    header = {"text": "Hi.", **change}
    with pytest.raises(kind, match=words) as refusal:
        parse_request("synthesize", header, (), LIMITS)
    assert refusal.value.field == next(iter(change))


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ({}, UnsupportedVersion),
        ({"v": 2, "id": "1", "op": "ping"}, UnsupportedVersion),
        ({"v": 1, "op": "ping"}, BadRequest),
        ({"v": 1, "id": 1, "op": "ping"}, BadRequest),
        ({"v": 1, "id": "1"}, BadRequest),
        ({"v": 1, "id": "x" * 65, "op": "ping"}, TooLarge),
        ({"v": 1, "id": "é" * 33, "op": "ping"}, TooLarge),
        ({"v": 1, "id": "1", "op": "ping", "token": 5}, BadRequest),
        ({"v": 1, "id": "1", "op": "ping", "session": 5}, BadRequest),
    ],
)
def test_an_odd_envelope_is_refused(header: dict, kind: type[NpcVoiceError]):
    with pytest.raises(kind):
        Envelope.from_header(header, LIMITS)


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        (SpokenReply, {"audio": None}, "audio is missing"),
        (SpokenReply, {"audio": []}, "audio. must be a map"),
        (SpokenReply, {"audio": {"format": "wav"}}, "audio.sample_rate is missing"),
        (SpokenReply, {"seed": "7"}, "seed must be int"),
        (SpokenReply, {"cached": 1}, "cached must be bool"),
        (SpokenReply, {"words": [["Halt", 0.1]]}, "rows of 3"),
        (SpokenReply, {"words": "Halt"}, "a list"),
        (ModelsReply, {"models": [7]}, "a map"),
        (PingReply, {"v": 3}, "version"),
        (PingReply, {"id": None}, "id"),
        (PingReply, {"ok": "yes"}, "ok"),
        (PingReply, {"ok": False}, "error"),
        (PingReply, {"ok": False, "error": {"code": "internal"}}, "error.message"),
    ],
)
def test_an_odd_reply_is_refused_by_name(kind: type, change: dict, words: str):
    header = {**reply_header("1", REPLIES["a chunk"]), **change}
    with pytest.raises(NpcVoiceError, match=words):
        parse_reply(kind, header)


def test_an_unknown_op_and_an_unknown_event_are_answered_with_the_nearest():
    with pytest.raises(UnknownOp, match="did you mean 'synthesize'"):
        parse_request("synthesise", {}, (), LIMITS)
    with pytest.raises(BadRequest, match=r"did you mean 'model\.live'"):
        parse_event("model.life", {})


def test_a_body_over_the_limit_is_refused():
    with pytest.raises(TooLarge, match="has 2 bytes"):
        parse_request("ping", {}, (b"x", b"xx"), dataclasses.replace(LIMITS, body_bytes=1))


def test_a_reference_and_a_body_come_together_or_not_at_all():
    reference = Synthesize("Hi.", reference="emotion")
    check_bodies(Synthesize("Hi."), ())
    check_bodies(reference, (b"RIFF",))
    check_bodies(FULL, (b"RIFF", b"RIFF"))
    for request, bodies, field in (
        (Synthesize("Hi."), 1, "reference"), (reference, 0, "reference"), (FULL, 0, "reference"),
        (reference, 2, "baseline"), (FULL, 1, "baseline"), (Synthesize("Hi.", baseline=True), 0, "baseline"),
    ):  # fmt: skip
        with pytest.raises(BadRequest) as refusal:
            check_bodies(request, [b"RIFF"] * bodies)
        assert refusal.value.field == field


def test_unknown_keys_are_ignored():
    request: Request = parse_request("synthesize", {"text": "Hi.", "novelty": [1]}, (), LIMITS)
    assert request == Synthesize("Hi.")
    assert from_map(PingReply, {"novelty": 1}) == PingReply()
    assert to_map(PingReply()) == {}
