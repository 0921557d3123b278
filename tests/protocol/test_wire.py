"""Headers arrive whole or are refused with a reason; nothing else comes out of the decoder."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.protocol import wire
from sidecar.protocol.errors import BadRequest, NpcVoiceError, TooLarge
from sidecar.protocol.limits import Limits

LIMITS = Limits()
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
HEADERS = st.dictionaries(
    st.text(),
    st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8),
    max_size=6,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(HEADERS)
def test_a_header_survives_the_round_trip(header: dict):
    frame = wire.encode(header)
    if depth(header) > LIMITS.nesting:
        with pytest.raises(BadRequest, match="nested"):
            wire.decode(frame, LIMITS)
    else:
        assert wire.decode(frame, LIMITS) == header


@given(st.binary(max_size=400))
def test_any_bytes_give_a_header_or_an_error(frame: bytes):
    try:
        assert isinstance(wire.decode(frame, LIMITS), dict)
    except NpcVoiceError as error:
        assert error.message


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"", "msgpack"),
        (b"\xc1", "msgpack"),
        (msgpack.packb({"a": 1})[:-1], "msgpack"),
        (msgpack.packb({"a": 1}) + b"\x00", "msgpack"),
        (msgpack.packb([1, 2]), "map"),
        (msgpack.packb(7), "map"),
        (b"\x82\xa1a\x01\xa1a\x02", "twice"),
        (msgpack.packb({1: 2}), "text"),
        (b"\x81\xc4\x01a\x01", "text|msgpack"),
        (msgpack.packb({"a": msgpack.ExtType(5, b"x")}), "ext type 5"),
        (msgpack.packb({"a": msgpack.Timestamp(1)}), "ext"),
        (b"\x81\xa1a\xd9\x02\xff\xfe", "msgpack"),
        (b"\xdf\xff\xff\xff\xff", "msgpack"),
        (b"\x81\xa1a\xc6\xff\xff\xff\xff", "msgpack"),
        (b"\x81\xa1a" + b"\x91" * 5000 + b"\xc0", "nested|msgpack"),
    ],
)
def test_a_malformed_frame_is_refused(frame: bytes, words: str):
    with pytest.raises(BadRequest, match=words):
        wire.decode(frame, LIMITS)


def test_a_frame_over_the_limit_is_refused_unread():
    with pytest.raises(TooLarge, match="65536"):
        wire.decode(b"\x00" * 65_537, LIMITS)


def test_a_header_that_only_takes_time_is_refused_soon():
    for header in (
        {f"{number:x}": 0 for number in range(wire.ENTRIES + 1)},
        {"a": [0] * (wire.ENTRIES + 1)},
        {"a": [[[]] * (wire.ENTRIES // 2)] * 3},
    ):
        with pytest.raises(BadRequest):
            wire.decode(msgpack.packb(header), LIMITS)
    most = {f"{number:x}": [] for number in range(wire.ENTRIES)}
    assert wire.decode(msgpack.packb(most), LIMITS) == most
