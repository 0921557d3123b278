"""A line in the voice of a clip: the nearest speaker at once, the fitted voice when it is there."""

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest
import zmq

from sidecar.children import command_child
from sidecar.children.running import Ended
from sidecar.home import Home
from sidecar.models.pack import open_pack
from sidecar.prosody.registers import nearest, shipped
from sidecar.protocol.errors import Unsupported
from sidecar.server.config import FitConfig
from sidecar.server.lines import clip_voices, voice_fitter
from sidecar.server.lines.voice_fitter import complaint_of, run_command
from tests.attacks.packs import make_miniature, make_voices
from tests.prosody.sounds import speaking
from tests.prosody.test_clip_memory import wav
from tests.server.test_reloader import Theatre
from tests.server.test_server import connected, header
from tests.server.test_voice_packs import playing, speakers, unheard

__all__ = ["unheard"]  # a fixture that is used by itself

CLIP, OTHER = wav(speaking(150, 4, 4.0)), wav(speaking(105, 3, 4.0))


class StandIn:
    """What `npc-voice voice fit` would do: a voice pack, when it is let go, or a refusal."""

    def __init__(self, base: Path) -> None:
        self.base, self.orders = base, list[list[str]]()
        self.go, self.cancelled = threading.Event(), threading.Event()
        self.error: dict | None = None

    def __call__(self, words: Sequence[str], home: Path, cancelled: threading.Event) -> Ended:
        self.orders.append(list(words))
        while not self.go.wait(0.01):
            if cancelled.is_set():
                self.cancelled.set()
                return Ended(-9, (), "killed", cancelled=True)
        if self.error is not None:
            return Ended(3, ({"error": self.error},), "no message")
        options = dict(zip(words[3::2], words[4::2], strict=False))
        assert Path(words[2]).read_bytes() in (CLIP, OTHER) and options["--threads"] == "1"
        folder = Path(options["--out"]) / f"{options['--name']}-{options['--version']}"
        make_voices(folder, self.base, name=options["--name"], speakers=(options["--name"],))
        return Ended(0, ({"folder": str(folder), "is_reached": True},), "no message")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_miniature(tmp_path / "base")


@pytest.fixture
def stand_in(base: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn(base)
    monkeypatch.setattr(voice_fitter, "run_command", made)
    monkeypatch.setattr(voice_fitter, "is_installed", lambda: True)
    return made


@contextmanager
def fitting(root: Path, base: Path, **config) -> Iterator[Theatre]:
    with playing(root, base, FitConfig(Home(root / "home"), default=open_pack(base), **config)) as theatre:
        yield theatre


def said(theatre: Theatre, clip: bytes = CLIP, use: str = "voice", **fields) -> tuple[dict, bytes]:
    """A reply and its sound."""
    with connected(theatre._endpoint) as socket:
        line = {"op": "synthesize", "text": "Halt!", "reference": {"use": use}, "seed": 3, **fields}
        socket.send_multipart([header(**line), clip])
        reply, *bodies = socket.recv_multipart()
        return msgpack.unpackb(reply), b"".join(bodies)


def by(theatre: Theatre, speaker: str) -> bytes:
    with connected(theatre._endpoint) as socket:
        socket.send(header(op="synthesize", text="Halt!", speaker=speaker, seed=3))
        return socket.recv_multipart()[1]


def voice_of(theatre: Theatre) -> str:
    return next(name for name in speakers(theatre) if name.startswith("clip-"))


def fits(theatre: Theatre) -> dict:
    return theatre.ask(op="stats")["fits"]


def test_the_first_use_answers_at_once_and_later_ones_in_the_fitted_voice(
    tmp_path: Path, base: Path, stand_in: StandIn
):
    with fitting(tmp_path, base) as theatre, connected(theatre.events, zmq.SUB) as listener:
        listener.setsockopt(zmq.SUBSCRIBE, b"voice.")
        quick, sound = said(theatre)
        assert quick["ok"] and sound == by(theatre, "af_one"), "no miniature's pitch is known: its own speaks"
        theatre.wait(lambda: fits(theatre)["running"] == 1)
        stand_in.go.set()
        theatre.wait(lambda: fits(theatre) == {"waiting": 0, "running": 0, "ready": 1, "failed": 0})
        reply, sound = said(theatre)
        assert reply["ok"] and not reply["cached"] and sound == by(theatre, voice_of(theatre))
        assert len(stand_in.orders) == 1
        told = []
        while not told or told[-1]["state"] != "ready":
            told.append(msgpack.unpackb(listener.recv_multipart()[1]))
        assert [event["state"] for event in told][-2:] == ["dropped", "ready"]
        assert {event["speaker"] for event in told} == {voice_of(theatre)}
        assert not list((tmp_path / "home" / "cache" / "clips").iterdir()), "the clip is not kept"
    with fitting(tmp_path, base) as theatre:  # it is there after a restart
        assert said(theatre)[1] == sound and len(stand_in.orders) == 1


def test_both_is_the_voice_with_the_clips_emotion(tmp_path: Path, base: Path, stand_in: StandIn):
    stand_in.go.set()
    with fitting(tmp_path, base) as theatre:
        said(theatre)
        theatre.wait(lambda: fits(theatre)["ready"] == 1)
        plain, moved = said(theatre)[1], said(theatre, use="both", intensity=1)[1]
        assert plain == by(theatre, voice_of(theatre)) != moved


def test_one_fit_runs_at_a_time_and_few_wait(tmp_path: Path, base: Path, stand_in: StandIn):
    with fitting(tmp_path, base) as theatre:
        for number in range(8):
            assert said(theatre, wav(speaking(100 + 10 * number, 4, 4.0)))[0]["ok"]
        theatre.wait(lambda: fits(theatre)["running"] == 1)
        assert len(stand_in.orders) == 1 and 3 <= fits(theatre)["waiting"] <= 4
        assert said(theatre)[0]["ok"], "lines go on"


def test_a_fit_that_fails_is_told_and_its_clip_is_refused_from_then_on(
    tmp_path: Path, base: Path, stand_in: StandIn
):
    stand_in.error = {"code": "bad_audio", "message": "two people speak"}
    stand_in.go.set()
    with fitting(tmp_path, base) as theatre:
        assert said(theatre)[0]["ok"]
        theatre.wait(lambda: fits(theatre)["failed"] == 1)
        error = said(theatre)[0]["error"]
        assert (error["code"], error["field"]) == ("bad_audio", "reference") and "two people" in error[
            "message"
        ]
        assert said(theatre, use="emotion")[0]["ok"] and said(theatre, OTHER)[0]["ok"]


def test_a_fit_that_fails_through_no_fault_of_the_clip_costs_no_line_and_is_tried_again_later(
    tmp_path: Path, base: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
):
    stand_in.error = {"code": "internal", "message": "no room"}
    stand_in.go.set()
    with fitting(tmp_path, base) as theatre:
        said(theatre)
        theatre.wait(lambda: fits(theatre)["failed"] == 1)
        assert said(theatre)[0]["ok"] and len(stand_in.orders) == 1
        monkeypatch.setattr(clip_voices, "AGAIN_AFTER_S", -1.0)
        stand_in.error = None
        assert said(theatre)[0]["ok"]
        theatre.wait(lambda: fits(theatre)["ready"] == 1)


def test_a_retry_gets_what_the_first_got_though_the_voice_is_there_by_now(
    tmp_path: Path, base: Path, stand_in: StandIn
):
    stand_in.go.set()
    with fitting(tmp_path, base) as theatre:
        again = {"id": "7", "session": "mara"}
        first, sound = said(theatre, **again)
        theatre.wait(lambda: fits(theatre)["ready"] == 1)
        assert said(theatre, **again)[1] == sound != said(theatre)[1] and first["ok"]
        other = said(theatre, OTHER, **again)[0]["error"]
        assert other["code"] == "bad_request" and other["field"] == "id"


def test_the_end_of_the_sidecar_ends_a_fit(tmp_path: Path, base: Path, stand_in: StandIn):
    with fitting(tmp_path, base) as theatre:
        said(theatre)
        theatre.wait(lambda: fits(theatre)["running"] == 1)
    assert stand_in.cancelled.is_set()


def test_a_voice_that_is_removed_is_fitted_again(tmp_path: Path, base: Path, stand_in: StandIn):
    stand_in.go.set()
    with fitting(tmp_path, base) as theatre:
        said(theatre)
        theatre.wait(lambda: fits(theatre)["ready"] == 1)
        theatre.ask(op="remove", model=voice_of(theatre))
        theatre.wait(lambda: len(speakers(theatre)) == 2)
        said(theatre)
        theatre.wait(lambda: len(speakers(theatre)) == 3)
        assert len(stand_in.orders) == 2


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, 'pip install "npc-voice[fit]"'),
        ({"needs_consent": True}, "consent"),
        ({"watch": False}, "models folder"),
    ],
)
def test_where_nothing_can_be_fitted_that_is_said(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch, config: dict, words: str
):
    monkeypatch.setattr(voice_fitter, "is_installed", lambda: bool(config))
    assert words in str(complaint_of(FitConfig(Home(tmp_path), **config)))
    with fitting(tmp_path, base, **config) as theatre:
        for use in ("voice", "both"):
            error = said(theatre, use=use)[0]["error"]
            assert (error["code"], error["field"]) == (Unsupported.code, "reference") and words in error[
                "message"
            ]
        assert said(theatre, use="emotion")[0]["ok"]


def test_the_nearest_speaker_is_the_one_of_that_pitch():
    names = list(shipped())
    assert len(names) == 54
    low, high = nearest(95.0, names), nearest(230.0, names)
    assert low is not None and high is not None
    assert shipped()[low] < 110 and shipped()[high] > 210
    assert nearest(100.0, ["af_one"]) is None


def test_a_command_beside_a_game_gives_way_and_knows_its_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """In this process: a child that has only what nobody wants takes minutes on a busy machine."""
    done = list[str]()
    monkeypatch.setenv("NPC_VOICE_HOME", "elsewhere")
    monkeypatch.setattr(command_child, "read_request", lambda: {"home": str(tmp_path)})
    for step in ("end_with_parent", "give_way"):
        monkeypatch.setattr(command_child, step, lambda step=step: done.append(step))
    monkeypatch.setattr(sys, "argv", sys.argv)
    with pytest.raises(SystemExit) as ended:
        command_child.main(["pack", "check", str(tmp_path / "nowhere"), "--json"])
    assert ended.value.code == 3 and done == ["end_with_parent", "give_way"]
    assert "nowhere" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert os.environ["NPC_VOICE_HOME"] == str(tmp_path)


def test_a_command_that_is_not_wanted_any_more_is_killed(tmp_path: Path):
    stopped = threading.Event()
    stopped.set()
    assert run_command(["serve"], tmp_path, stopped).cancelled
