"""Write `bindings/vectors/`: what every client must read and write, as hex.

    python tools/make_vectors.py

`zmtp.json` frames, `msgpack.json` values, `messages.json` requests, replies and events; `markup.json` lines
as written and as subtitles show them. The table by which markup is read goes out as code of both bindings.
Values that JSON has no form for are `{"$bin": hex}`, `{"$int": "digits"}` beyond 2**53, and
`{"$float": "nan"}`.
"""

import json
import math
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgpack

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sidecar.protocol import wire  # noqa: E402
from sidecar.protocol.events import event_map  # noqa: E402
from sidecar.protocol.replies import reply_header  # noqa: E402
from sidecar.protocol.requests import Envelope, request_header  # noqa: E402
from sidecar.text.markup import forms  # noqa: E402
from sidecar.text.markup.marked import marked  # noqa: E402
from sidecar.text.reader import without_overrides  # noqa: E402
from tests.protocol import zmtp  # noqa: E402
from tests.protocol.examples import EVENTS, REPLIES, REQUESTS  # noqa: E402

BINDINGS = ROOT / "bindings"
FOLDER = BINDINGS / "vectors"
GDSCRIPT = BINDINGS / "godot" / "addons" / "npc_voice" / "markup_forms.gd"
CSHARP = BINDINGS / "unity" / "com.npcvoice.sidecar" / "Runtime" / "Core" / "MarkupForms.cs"
MARKUP_CASES = ROOT / "tests" / "text" / "data" / "markup_cases.tsv"
MADE = "Made by tools/make_vectors.py from sidecar/text/markup/forms.py: how markup looks."
TOKEN = "the-token"

VALUES: dict[str, Any] = {
    "nil": None, "true": True, "false": False, "zero": 0, "positive fixint": 127, "uint 8": 128,
    "uint 16": 256, "uint 32": 65_536, "uint 64": 2**32, "largest uint": 2**64 - 1, "negative fixint": -32,
    "int 8": -33,
    "int 16": -129, "int 32": -32_769, "int 64": -(2**31) - 1, "smallest int": -(2**63), "float": 1.5,
    "negative float": -0.0001, "infinity": math.inf, "not a number": math.nan, "empty text": "",
    "fixstr": "a" * 31, "str 8": "a" * 32, "str 16": "é" * 200, "str 32": "x" * 65_536, "text": "站住！🙂",
    "empty bytes": b"", "bin 8": b"\x00\xff", "bin 16": b"\x01" * 256, "bin 32": b"\x02" * 65_536,
    "empty list": [], "fixarray": [1, "two", None], "array 16": list(range(16)), "empty map": {},
    "fixmap": {"a": 1, "b": [True]}, "map 16": {f"k{i}": i for i in range(16)},
    "nested": {"a": {"b": [{"c": 1.0}]}},
}  # fmt: skip

#: Headers that must be refused, whoever receives them.
BAD_HEADERS: dict[str, bytes] = {
    "nothing": b"",
    "a byte that means nothing": b"\xc1",
    "a list": msgpack.packb([1, 2]),
    "a number": msgpack.packb(7),
    "a map cut short": msgpack.packb({"a": 1})[:-1],
    "bytes after the map": msgpack.packb({"a": 1}) + b"\x00",
    "a key twice": b"\x82\xa1a\x01\xa1a\x02",
    "a key that is a number": msgpack.packb({1: 2}),
    "a key that is bytes": b"\x81\xc4\x01a\x01",
    "an ext type": msgpack.packb({"a": msgpack.ExtType(5, b"x")}),
    "a timestamp": msgpack.packb({"a": msgpack.Timestamp(1)}),
    "text that is not UTF-8": b"\x81\xa1a\xd9\x02\xff\xfe",
    "a map of four thousand million": b"\xdf\xff\xff\xff\xff",
    "bytes that are not there": b"\x81\xa1a\xc6\xff\xff\xff\xff",
    "nested too deeply": b"\x81\xa1a" + b"\x91" * 9 + b"\xc0",
}

MESSAGES: dict[str, tuple[bytes, ...]] = {
    "a header": (b"\x80",),
    "an empty header": (b"",),
    "header and body": (b"\x81\xa1a\x01", b"\x00\x01\x02"),
    "the longest short frame": (b"x" * 255,),
    "the shortest long frame": (b"x" * 256,),
    "a short header and a long body": (b"\x80", b"\x07" * 300),
}

#: What a client must take for a broken connection, after a good greeting and READY.
BAD_FRAMES: dict[str, bytes] = {
    "no delimiter": zmtp.frame(b"\x80"),
    "reserved flags": bytes([0x80, 1, 0x80]),
    "a length of 2**63": bytes([zmtp.LONG]) + (2**63).to_bytes(8, "big"),
    "a length of a thousand million": bytes([zmtp.LONG]) + (10**9).to_bytes(8, "big"),
    "a command after READY that is none": zmtp.frame(b"\x05BOGUS", zmtp.COMMAND),
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in vectors().items():
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (FOLDER / name).write_text(text + "\n", "utf-8")
    for file, code in tables().items():
        file.write_text(code, "utf-8", newline="\n")


def vectors() -> dict[str, Any]:
    return {
        "zmtp.json": zmtp_vectors(),
        "msgpack.json": msgpack_vectors(),
        "messages.json": message_vectors(),
        "markup.json": markup_vectors(),
    }


def markup_vectors() -> list[dict[str, str]]:
    rows = [row.split("\t") for row in MARKUP_CASES.read_text("utf-8").splitlines() if row[0] != "#"]
    lines = [row[2].replace("⏎", "\n") for row in rows[1:]]
    return [{"line": line, "shown": shown(line)} for line in lines]


def shown(line: str) -> str:
    """As a subtitle."""
    return re.sub(" {2,}", " ", without_overrides(marked(line).plain.text)).strip()


def tables() -> dict[Path, str]:
    """The files that hold the table, and what is in each."""
    return {GDSCRIPT: gdscript_table(), CSHARP: csharp_table()}


def patterns() -> dict[str, str | dict[str, str] | list[str]]:
    """What a subtitle has to know of `forms`."""
    known = {name: value for name, value in vars(forms).items() if name.isupper() and name[0] != "_"}
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in known.items()
        if isinstance(value, (str, dict, frozenset)) and name not in ("BEAT_S", "STRESSING")
    }


def gdscript_table() -> str:
    rows = [
        f"const {name} := {json.dumps(value, indent=1).replace(chr(10) + ' ', chr(10) + chr(9))}"
        for name, value in patterns().items()
    ]
    return "\n".join(("@tool", "extends RefCounted", f"## {MADE}", "", *rows, ""))


def csharp_table() -> str:
    rows = [row for name, value in patterns().items() for row in csharp_field(name, value)]
    opening = ("using System.Collections.Generic;", "", "namespace NpcVoice", "{", f"    // {MADE}")
    body = ("    internal static class MarkupForms", "    {", *rows, "    }", "}", "")
    return "\n".join((*opening, *body))


def csharp_field(name: str, value: str | dict[str, str] | list[str]) -> list[str]:
    title = "".join(part.title() for part in name.split("_"))
    if isinstance(value, str):
        return [f"        public const string {title} = {json.dumps(value)};"]
    kind = "Dictionary<string, string>" if isinstance(value, dict) else "HashSet<string>"
    items = value.items() if isinstance(value, dict) else [(each,) for each in value]
    rows = [", ".join(map(json.dumps, item)) for item in items]
    written = [
        f"            {{ {row} }}," if isinstance(value, dict) else f"            {row}," for row in rows
    ]
    start = f"        public static readonly {kind} {title} = new {kind}"
    return [start, "        {", *written, "        };"]


def zmtp_vectors() -> dict[str, Any]:
    return {
        "greeting": zmtp.GREETING.hex(),
        "ready": zmtp.ready("REQ").hex(),
        "messages": [
            {"name": name, "frames": [part.hex() for part in parts], "hex": zmtp.message(*parts).hex()}
            for name, parts in MESSAGES.items()
        ],
        "invalid": [{"name": name, "hex": content.hex()} for name, content in BAD_FRAMES.items()],
    }


def msgpack_vectors() -> dict[str, Any]:
    return {
        "valid": [
            {"name": name, "value": as_json(value), "hex": msgpack.packb(value).hex()}
            for name, value in VALUES.items()
        ],
        "invalid_headers": [{"name": name, "hex": content.hex()} for name, content in BAD_HEADERS.items()],
    }


def message_vectors() -> dict[str, Any]:
    requests = (
        (name, request_header(Envelope("42", request.op, TOKEN, "npc-7"), request))
        for name, request in REQUESTS.items()
    )
    return {
        "requests": headers(requests),
        "replies": headers((name, reply_header("42", reply)) for name, reply in REPLIES.items()),
        "events": headers((topic, event_map(event)) for topic, event in EVENTS.items()),
    }


def headers(named: Iterable[tuple[str, wire.Header]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "header": as_json(header), "hex": wire.encode(header).hex()} for name, header in named
    ]


def as_json(value: Any) -> Any:
    """A value in a form that JSON can hold exactly."""
    if isinstance(value, bytes):
        return {"$bin": value.hex()}
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        return {"$int": str(value)}
    return value


if __name__ == "__main__":
    main()
