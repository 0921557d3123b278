"""What a bake and the processes that speak for it tell each other.

Down go lines of JSON: a `Task` first, then an order a line. Up comes the length of an answer, 8 bytes, and
the answer in msgpack: that it is ready, a clip, or why there is none.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgpack

from sidecar.audio.effects import Effect
from sidecar.baking.cells import LIMITS
from sidecar.baking.clip import Clip
from sidecar.baking.manifest import Entry
from sidecar.baking.orders import Order
from sidecar.baking.script import Failure
from sidecar.prosody.change import Change
from sidecar.protocol.record import from_map, to_map
from sidecar.protocol.requests import Envelope, Synthesize, request_header

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Task:
    """What to load: a pack's folder, empty for the default voice, with the user's own files in `home`."""

    home: str
    pack: str
    precision: str
    runtime: str


@dataclass(frozen=True)
class _Plain:
    """An order but for its request, reference and effect."""

    row: int
    id: str
    stem: str
    character: str
    format: str
    lips: tuple[str, ...]
    subtitles: tuple[str, ...]
    marked: bool


@dataclass(frozen=True)
class _Spoken:
    """A clip; `contents` are its files', by `names`."""

    entry: Entry
    names: tuple[str, ...]
    contents: tuple[bytes, ...]


Answer = Clip | Failure | None  #: None: it is ready


def task_line(task: Task) -> bytes:
    return json.dumps(to_map(task)).encode() + b"\n"


def task_of(line: bytes) -> Task:
    return from_map(Task, json.loads(line))


def order_line(order: Order, key: str) -> bytes:
    plain = _Plain(
        order.row,
        order.id,
        order.stem,
        order.character,
        order.format,
        order.lips,
        order.subtitles,
        order.marked,
    )
    header = request_header(Envelope("", Synthesize.op, ""), order.request)
    effect = None if order.effect is None else to_map(order.effect)
    said = {"order": to_map(plain), "key": key, "request": header, "reference": to_map(order.reference)}
    return json.dumps({**said, "effect": effect}).encode() + b"\n"


def order_of(line: bytes) -> tuple[Order, str]:
    """The order and its key. Raises `BadRequest`."""
    said = json.loads(line)
    request = Synthesize.from_header(said["request"], LIMITS)
    plain = from_map(_Plain, said["order"])
    effect = None if said["effect"] is None else from_map(Effect, said["effect"])
    reference = from_map(Change, said["reference"])
    return Order(**vars(plain), request=request, reference=reference, effect=effect), said["key"]


def write_answer(stream: BinaryIO, answer: Answer) -> None:
    content = msgpack.packb(_answer_map(answer))
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def read_answer(stream: BinaryIO) -> Answer:
    """Raises `EOFError` where there is none any more."""
    (size,) = _LENGTH.unpack(_exactly(stream.read, _LENGTH.size))
    said = msgpack.unpackb(_exactly(stream.read, size))
    if "failure" in said:
        return from_map(Failure, said["failure"])
    if "clip" in said:
        spoken = from_map(_Spoken, said["clip"])
        return Clip(spoken.entry, tuple(zip(spoken.names, spoken.contents, strict=True)))
    return None


def _answer_map(answer: Answer) -> dict[str, Any]:
    if answer is None:
        return {"ready": True}
    if isinstance(answer, Failure):
        return {"failure": to_map(answer)}
    names, contents = zip(*answer.files, strict=True)
    return {"clip": to_map(_Spoken(answer.entry, names, contents))}


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    content = read(size)
    if len(content) < size:
        raise EOFError
    return content
