"""Whatever speaks says, for machines to read, that nobody did; a test a way, and one that knows all ways."""

import base64
import io
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import soundfile

from sidecar import cli, demo, report
from sidecar.audio.encode import GENERATOR
from sidecar.baking.orders import Output
from sidecar.baking.page import page
from sidecar.line import Line
from sidecar.protocol.formats import AUDIO_FORMATS, FILES, SENT
from sidecar.protocol.marking import DIGITAL_SOURCE_TYPE
from sidecar.protocol.replies import REPLY_TO, SpokenReply
from sidecar.protocol.requests import Next, Synthesize
from sidecar.voice import Voice
from tests.baking.scripts import CAST, LINES, bake, cast_of, contents, script_of
from tests.commands import NpcVoice
from tests.fakes import tone_voice, tone_voices
from tests.server.test_server import LONG, ask, connected, serving

#: Commands from which no speech comes.
SILENT_COMMANDS = {"speakers", "emotions", "effects", "keys", "ship"}
SILENT_GROUPS = {"pack", "fleet", "voice"}
#: Commands whose speech is looked at below; what `serve` says, on the wire.
SPEAKING_COMMANDS = {"say", "demo", "bake", "report", "serve"}


def check_said(said: dict) -> None:
    assert said["synthetic"] is True and said["digital_source_type"] == DIGITAL_SOURCE_TYPE


def check_file(content: bytes, voice: str) -> None:
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        said = file.copy_metadata()
    assert f"DigitalSourceType={DIGITAL_SOURCE_TYPE}" in said["comment"] and GENERATOR in said["comment"]
    assert f"Model=tone@1.0.0; Voice={voice}" in said["comment"]


def check_page(text: str) -> None:
    assert (
        f'<meta name="digital-source-type" content="{DIGITAL_SOURCE_TYPE}">' in text.partition("</head>")[0]
    )
    sounds = re.findall(r'src="data:audio/\w+;base64,([^"]+)"', text)
    assert sounds
    for sound in sounds:
        with soundfile.SoundFile(io.BytesIO(base64.b64decode(sound))) as file:
            assert DIGITAL_SOURCE_TYPE in file.copy_metadata()["comment"]


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> Voice:
    """What every command gets for a voice."""
    voice = Voice(tone_voice().synthesizer)
    monkeypatch.setattr(Voice, "load", lambda *_, **__: voice)
    return voice


def test_every_way_is_known_here():
    """Who adds a command, a reply or a format says here whether it speaks, and has it looked at."""
    commands = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert commands == SILENT_COMMANDS | SPEAKING_COMMANDS
    assert {group.name for group in cli.app.registered_groups} == SILENT_GROUPS
    spoken = {kind for kind, reply in REPLY_TO.items() if reply is SpokenReply}
    assert spoken == {Synthesize, Next}
    with_audio = {r for r in REPLY_TO.values() if any("Audio" in str(f.type) for f in fields(r))}
    assert with_audio == {SpokenReply}
    bare = {name for name in AUDIO_FORMATS if name.startswith("pcm")}
    assert bare | set(FILES) == set(AUDIO_FORMATS)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serving(tone_voices()) as (_, commands, _):
        yield commands


@pytest.mark.parametrize("format", SENT)
@pytest.mark.parametrize("effect", [{}, {"effect": "ghost"}])
def test_a_line_on_the_wire(endpoint: str, format: str, effect: dict):
    with connected(endpoint) as socket:
        for _ in range(2):  # spoken, and from the cache
            reply, (body,) = ask(socket, op="synthesize", text="Halt!", format=format, **effect)
            check_said(reply)
            if format in FILES:
                check_file(body, "alto")


@pytest.mark.parametrize("format", SENT)
def test_every_chunk_of_a_stream(endpoint: str, format: str):
    with connected(endpoint) as socket:
        reply, (body,) = ask(socket, op="synthesize", text=LONG, format=format, stream=True)
        chunks = [(reply, body)]
        while not reply["chunk"]["last"]:
            reply, (body,) = ask(socket, op="next", stream=reply["stream"])
            chunks.append((reply, body))
    assert len(chunks) > 1
    for reply, body in chunks:
        check_said(reply)
        if format in FILES:
            check_file(body, "alto")


@pytest.mark.parametrize("format", FILES)
def test_the_api(voice: Voice, format: str, tmp_path: Path):
    speech = voice.synthesize("Halt!", "bass", effect="radio")
    speech.save(tmp_path / f"a.{format}")
    for content in (speech.encoded(format), (tmp_path / f"a.{format}").read_bytes()):
        check_file(content, "bass")
    for part in voice.stream(LONG, "bass"):
        check_file(part.encoded(format), "bass")


@pytest.mark.parametrize("format", FILES)
def test_the_command_say(voice: Voice, npc_voice: NpcVoice, tmp_path: Path, format: str):
    file = tmp_path / f"a.{format}"
    done = npc_voice("say", "Halt!", "-s", "bass", "-o", str(file), "--effect", "robot", "--json")
    assert done.returncode == 0, done.stderr
    check_said(json.loads(done.stdout))
    check_file(file.read_bytes(), "bass")


def test_the_demo(voice: Voice, npc_voice: NpcVoice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    line = demo.SampleLine("line-001", "Mara", "bass", "en-US", "neutral", "Halt!")
    monkeypatch.setattr(demo, "sample_lines", lambda: [line])
    done = npc_voice("demo", str(tmp_path), "--json")
    (row,) = json.loads(done.stdout)
    check_said(row)
    check_file(Path(row["file"]).read_bytes(), "bass")


def test_the_pages_that_are_listened_to(voice: Voice, tmp_path: Path):
    check_page(report.report(voice, Line("Halt!", "bass", effect="ghost")))
    for format in FILES:
        done = bake(tmp_path, LINES, output=Output(format))
        check_page(page(done, tmp_path / "out"))


@pytest.mark.parametrize("format", FILES)
def test_a_bake(voice: Voice, npc_voice: NpcVoice, tmp_path: Path, format: str):
    script, cast = script_of(tmp_path, LINES), cast_of(tmp_path, CAST)
    done = npc_voice(
        "bake", str(script), "--cast", str(cast), "-o", str(tmp_path / "out"), "--format", format, "--json",
        "--report", str(tmp_path / "page.html"), "--workers", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_said(json.loads(done.stdout))
    check_page((tmp_path / "page.html").read_text("utf-8"))
    made = contents(tmp_path)
    for row in map(json.loads, made["manifest.jsonl"].decode().splitlines()):
        check_said(row)
        check_file(made[row["files"][0]["name"]], row["voice"])
    check_said(json.loads(made["lengths.json"]))


def test_it_is_left_out_of_files_alone_and_where_that_is_asked_for(
    voice: Voice, npc_voice: NpcVoice, tmp_path: Path
):
    file = tmp_path / "a.wav"
    done = npc_voice("say", "Halt!", "-o", str(file), "--unmarked", "--json")
    check_said(json.loads(done.stdout))
    with soundfile.SoundFile(file) as sound:
        assert not sound.copy_metadata()
    bake(tmp_path, LINES[:1], output=Output("ogg", marked=False))
    made = contents(tmp_path)
    check_said(json.loads(made["manifest.jsonl"]))
    with soundfile.SoundFile(io.BytesIO(made["gate-1.ogg"])) as sound:
        assert "comment" not in sound.copy_metadata()
