"""Coverage-guided fuzzing of everything that reads a stranger's bytes.

    python -m tests.fuzz.parser [--inputs N] [--seed N]

Needs `atheris`. Whatever comes, a parser returns a message or raises an `NpcVoiceError`; what it returns
survives the round trip. Ends with code 0 after N inputs, and with the offending input at the first defect.
"""

import sys

import atheris

with atheris.instrument_imports(include=["sidecar.protocol", "msgpack"]):
    from sidecar.protocol import wire
    from sidecar.protocol.errors import NpcVoiceError
    from sidecar.protocol.limits import Limits
    from sidecar.protocol.replies import REPLY_TO, parse_reply
    from sidecar.protocol.requests import OPS, Envelope, parse_request, request_header

LIMITS = Limits()


def one_request(data: bytes) -> None:
    header = wire.decode(data, LIMITS)
    envelope = Envelope.from_header(header, LIMITS)
    request = parse_request(envelope.op, header, (), LIMITS)
    again = wire.decode(wire.encode(request_header(envelope, request)), LIMITS)
    assert parse_request(envelope.op, again, (), LIMITS) == request


def one_reply(data: bytes) -> None:
    header = wire.decode(data, LIMITS)
    for kind in set(REPLY_TO.values()):
        try:
            parse_reply(kind, header)
        except NpcVoiceError:
            continue


def header_of(data: bytes) -> bytes:
    """Chance as a header that has the right shape: the fields of a line, each of any type."""
    source = atheris.FuzzedDataProvider(data)
    header: dict[str, object] = {"v": 1, "id": "1", "op": source.PickValueInList(list(OPS)), "token": "t"}
    for _ in range(source.ConsumeIntInRange(0, 8)):
        header[source.PickValueInList(NAMES)] = value_of(source, 3)
    return wire.encode(header)


NAMES = [
    "text", "speaker", "emotion", "intensity", "speed", "pitch", "reference", "language", "model", "session",
    "priority", "deadline_ms", "format", "sample_rate", "stream", "timings", "seed", "target", "share", "v",
    "id", "op",
]  # fmt: skip


def value_of(source: "atheris.FuzzedDataProvider", depth: int) -> object:
    kind = source.ConsumeIntInRange(0, 8 if depth else 5)
    if kind == 0:
        return source.ConsumeUnicodeNoSurrogates(20)
    if kind == 1:
        return source.ConsumeIntInRange(-(2**63), 2**64 - 1)
    if kind == 2:
        return source.ConsumeFloat()
    if kind == 3:
        return source.ConsumeBool()
    if kind == 4:
        return source.ConsumeBytes(10)
    if kind == 5:
        return None
    if kind == 6:
        return [value_of(source, depth - 1) for _ in range(source.ConsumeIntInRange(0, 3))]
    return {
        source.ConsumeUnicodeNoSurrogates(6): value_of(source, depth - 1)
        for _ in range(source.ConsumeIntInRange(0, 3))
    }


def one_input(data: bytes) -> None:
    """A third each: raw bytes as a request, chance in the shape of one, raw bytes as a reply."""
    which, rest = (data[0] % 3, data[1:]) if data else (0, data)
    try:
        if which == 2:
            one_reply(rest)
        else:
            one_request(rest if which == 0 else header_of(rest))
    except NpcVoiceError as error:
        assert error.message and error.code


def main() -> None:
    arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    runs, seed = arguments.get("--inputs", "1000000"), arguments.get("--seed", "1")
    atheris.Setup(
        [sys.argv[0], f"-atheris_runs={runs}", f"-seed={seed}", "-max_len=4096", "-rss_limit_mb=0"], one_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
