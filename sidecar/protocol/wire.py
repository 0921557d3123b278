"""Bytes <-> headers: msgpack maps with string keys, within limits, without surprises."""

from typing import Any

import msgpack

from sidecar.protocol.errors import BadRequest, TooLarge
from sidecar.protocol.limits import Limits

Header = dict[str, Any]
ENTRIES = 1_024  #: of one map or list, and maps and lists of one header; more are only made to take time
_SCALARS = frozenset((str, int, float, bytes, bool, type(None)))


def encode(header: Header) -> bytes:
    """A header as one frame."""
    packed: bytes = msgpack.packb(header, use_bin_type=True)
    return packed


def encode_fields(fields: Header) -> bytes:
    """A map's keys and values without its head, for `joined`."""
    packer = msgpack.Packer(use_bin_type=True)
    return b"".join(packer.pack(item) for pair in fields.items() for item in pair)


def joined(count: int, fields: bytes) -> bytes:
    """A header of `count` fields from pieces of `encode_fields`."""
    head: bytes = msgpack.Packer().pack_map_header(count)
    return head + fields


def decode(frame: bytes, limits: Limits) -> Header:
    """One frame as a header. Raises `TooLarge` or `BadRequest`.

    Refused: anything that is not a map with text keys, repeated keys, ext types, maps or lists
    nested deeper than the limit, and bytes after the map's end.
    """
    if len(frame) > limits.header_bytes:
        raise TooLarge(f"the header has {len(frame)} bytes, at most {limits.header_bytes} fit")
    try:
        header = msgpack.unpackb(
            frame, raw=False, strict_map_key=False, object_pairs_hook=_unique, ext_hook=_no_ext,
            max_map_len=ENTRIES, max_array_len=ENTRIES,
        )  # fmt: skip
    except BadRequest:
        raise
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise BadRequest(f"the header is not valid msgpack: {error or type(error).__name__}") from error
    if not isinstance(header, dict):
        raise BadRequest(f"the header must be a map, got {type(header).__name__}")
    _check_depth(header, limits.nesting)
    return header


def _unique(pairs: list[tuple[Any, Any]]) -> Header:
    result: Header = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise BadRequest(f"keys must be text, got {type(key).__name__}")
        if key in result:
            raise BadRequest(f"the key {key[:40]!r} is given twice", field=key[:40])
        result[key] = value
    return result


def _no_ext(code: int, _data: bytes) -> None:
    raise BadRequest(f"msgpack ext type {code} is not part of the protocol")


def _check_depth(header: Header, levels: int) -> None:
    """Level by level, so that what is nested in vain is not gone through."""
    outer: list[Header | list[Any]] = [header]
    for _ in range(levels):
        outer = [
            inner
            for value in outer
            for inner in (value.values() if isinstance(value, dict) else value)
            if type(inner) not in _SCALARS
        ]
        for inner in outer:
            if not isinstance(inner, dict | list):  # msgpack turns its timestamp ext into an object unasked
                raise BadRequest(f"msgpack ext type {type(inner).__name__} is not part of the protocol")
        if not outer:
            return
        if len(outer) > ENTRIES:
            raise BadRequest(f"the header holds over {ENTRIES} maps and lists")
    raise BadRequest("the header is nested too deeply")
