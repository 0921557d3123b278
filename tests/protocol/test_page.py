"""docs/PROTOCOL.md says what the code does."""

import dataclasses
import re
from pathlib import Path

import pytest

from sidecar.lipsync.arkit import BLEND_S
from sidecar.lipsync.sounds import SHAPES
from sidecar.lipsync.states import LEAST_S, SHIFT_S
from sidecar.protocol.errors import NpcVoiceError, Unreachable
from sidecar.protocol.events import KINDS as EVENT_KINDS
from sidecar.protocol.formats import SENT
from sidecar.protocol.limits import (
    INTENSITY,
    LINE_PHONEMES,
    LINE_S,
    LINE_SOUND_BYTES,
    LOUDNESS_LUFS,
    PITCH_ST,
    PROMPT_CHARACTERS,
    SAMPLE_RATE_HZ,
    SPEED,
    Limits,
)
from sidecar.protocol.replies import REPLY_TO, ErrorReply, LineTiming, SpokenReply
from sidecar.protocol.requests import KINDS, OPS, Synthesize
from sidecar.server.door.door import CUT_OFF, REPLIES_UNREAD
from sidecar.server.lines.retries import BYTES, ENTRIES
from sidecar.server.lines.scheduling import QueueLimits
from sidecar.server.lines.streams import LIFE_S

PAGE = (Path(__file__).parent.parent.parent / "docs" / "PROTOCOL.md").read_text("utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"## {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def table(text: str) -> list[list[str]]:
    """Rows of the first table, without its head."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    split = re.compile(r"(?<!\\)\|")
    return [[cell.strip() for cell in split.split(row)[1:-1]] for row in rows[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`\??", cell)


def fields_of(kind: type) -> set[str]:
    """Keys on the wire; those that can be absent with a question mark."""
    return {f.name.rstrip("_") + ("?" if f.default is None else "") for f in dataclasses.fields(kind)}


def asked_of(cell: str) -> set[str]:
    """The names of a cell outside brackets and braces, with their question marks."""
    bare = re.sub(r"\[[^\]]*\]|\{[^}]*\}|:.*", "", cell)
    return set(re.sub(r"`", "", item) for item in re.findall(r"`[a-z0-9_]+`\??", bare))


def test_the_ops_are_those_of_the_code_in_its_order():
    assert [named(row[0])[0] for row in table(section("Ops"))] == list(OPS)


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not Synthesize], ids=lambda k: k.op)
def test_an_ops_fields_and_reply_are_those_of_the_code(kind):
    row = next(row for row in table(section("Ops")) if named(row[0]) == [kind.op])
    assert set(named(row[1])) == {f.name for f in dataclasses.fields(kind)}
    if "as `models`" in row[2] or kind.op in ("next", "ping"):
        return
    assert asked_of(row[2].split(";")[0]) == fields_of(REPLY_TO[kind])


def test_the_fields_of_a_line_are_those_of_the_code_with_their_defaults():
    rows = {named(row[0])[0]: row for row in table(section("`synthesize`"))}
    assert list(rows) == [f.name for f in dataclasses.fields(Synthesize)]
    for f in dataclasses.fields(Synthesize):
        default = rows[f.name][2].strip("`")
        if isinstance(f.default, str | int | float) and not isinstance(f.default, bool):
            assert default == (f.default if isinstance(f.default, str) else f"{f.default:g}")
        elif f.default is False:
            assert default == "false"
        else:
            assert default in (
                "required",
                "none",
                "the model's",
                "the speaker's",
                "the live one",
                "from the request",
            )


def test_the_ranges_of_a_lines_fields_are_those_of_the_code():
    cells = {named(row[0])[0]: row[1] for row in table(section("`synthesize`"))}
    for name, limits in (
        ("intensity", INTENSITY), ("speed", SPEED), ("pitch", PITCH_ST), ("sample_rate", SAMPLE_RATE_HZ),
        ("loudness", LOUDNESS_LUFS),
    ):  # fmt: skip
        on_page = re.search(r"(\S+)\.\.(\S+)", cells[name].replace("−", "-"))
        assert on_page and (float(on_page[1]), float(on_page[2])) == (limits.lowest, limits.highest)
    assert f"{PROMPT_CHARACTERS} characters" in cells["prompt"]
    assert set(named(cells["format"])) == set(SENT)


def test_how_long_a_line_may_be_is_that_of_the_code():
    text = next(line for line in section("`synthesize`").splitlines() if line.startswith("**Length.**"))
    minutes, seconds = divmod(int(LINE_SOUND_BYTES / 4 / SAMPLE_RATE_HZ.highest), 60)
    for words in (
        f"over {LINE_PHONEMES:,} phonemes", f"over about {LINE_S / 60:g} minutes",
        f"over {LINE_SOUND_BYTES >> 20} MiB at 4 bytes each",
        f"over {minutes} minutes {seconds} at {SAMPLE_RATE_HZ.highest / 1000:g} kHz",
    ):  # fmt: skip
        assert words in text


def test_a_spoken_reply_has_the_fields_of_the_code():
    text = next(line for line in section("`synthesize`").splitlines() if line.startswith("Reply:"))
    assert {f.name for f in dataclasses.fields(SpokenReply)} <= set(named(text))
    assert {f.name for f in dataclasses.fields(LineTiming)} <= set(named(text))
    assert {f.name for f in dataclasses.fields(ErrorReply)} <= set(
        named(PAGE.split("Reply:", 1)[1].split("\n")[0])
    )


def test_the_visemes_and_their_limits_are_those_of_the_code():
    assert f"the ids are {', '.join(f'{at} {shape}' for at, shape in enumerate(SHAPES))}." in PAGE
    for words in (
        f"within {1000 * SHIFT_S:.0f} ms of where", f"less than {1000 * LEAST_S:.0f} ms is shared",
        f"the last {1000 * BLEND_S:.0f} ms of the state",
    ):  # fmt: skip
        assert words in PAGE


def test_the_events_are_those_of_the_code():
    on_page = {topic: asked_of(row[1]) for row in table(section("Events")) for topic in named(row[0])}
    assert on_page == {kind.topic: fields_of(kind) for kind in EVENT_KINDS}


def tree(kind: type[NpcVoiceError]) -> list[type[NpcVoiceError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


def test_the_error_codes_are_those_of_the_code():
    codes, retryable = section("Error codes").split("Retryable:")
    wire = [kind for kind in tree(NpcVoiceError) if kind is not Unreachable]
    assert set(named(codes)) == {kind.code for kind in wire}
    assert set(named(retryable)) == {kind.code for kind in wire if kind.retryable}


def test_the_limits_are_those_of_the_code():
    rows = {named(row[2])[0]: int(row[1].split()[0]) for row in table(section("Transport"))}
    assert rows == dataclasses.asdict(Limits())
    for words in (
        f"over {CUT_OFF} times", f"{REPLIES_UNREAD} replies", f"{ENTRIES:,} requests, {BYTES >> 20} MiB",
        f"{QueueLimits().lines} lines may wait, {QueueLimits().client_lines} of one", f"for {LIFE_S:g} s",
    ):  # fmt: skip
        assert words in PAGE
