"""Where two voices do not fit, the old one gives way: no line is lost, and it comes back if need be."""

import json
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgpack
import pytest
import zmq

from sidecar.models.pack import Pack
from sidecar.protocol.errors import InsufficientMemory, ModelRejected
from sidecar.reload.journal import Journal
from sidecar.reload.policy import TrialRules
from sidecar.server.live_voices import ServedVoice
from tests.server.test_reloader import Fake, Theatre, playing, put_pack
from tests.server.test_server import TOKEN, connected

TALE = "A very long tale, told by an old man, by the fire. " * 20
LITTLE, MUCH = 10, 1 << 40  #: bytes: a pack of these tests needs 15, and gives 7 back


@dataclass
class Cramped(Fake):
    """A machine with room for one voice. Lines wait at `gate`; `loading` is open unless a test shuts it."""

    gate: threading.Event = field(default_factory=threading.Event)
    loading: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    alone: list[bool] = field(default_factory=list)
    live_at_load: list[dict[str, str]] = field(default_factory=list)
    room_when_empty: int = MUCH
    voices: list[weakref.ref] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loading.set()

    def empty(self) -> bool:
        return not any(voice() for voice in self.voices)

    def free(self) -> int:
        return self.room_when_empty if self.empty() else LITTLE

    def load(self, pack: Pack) -> ServedVoice:
        self.alone.append(self.empty())
        self.live_at_load.append(dict(Journal(self.store).memory.live))
        self.begun.set()
        self.loading.wait(20)
        voice = super().load(pack)
        self.voices.append(weakref.ref(voice.synthesizer))
        engine, gate = voice.synthesizer.model.engine, self.gate
        render = engine.render
        engine.render = lambda plans, seeds: (gate.wait(20), render(plans, seeds))[1]
        if (error := self.bad.get(f"probe {pack.manifest.version}")) is not None:
            raise error
        return voice


class Speaker:
    """A client that has many lines open at once."""

    def __init__(self, theatre: Theatre) -> None:
        self._connection = connected(theatre._endpoint, zmq.DEALER)
        self._socket = self._connection.__enter__()

    def send(self, id: str, text: str | None = None, **fields) -> None:
        self.ask(id=id, op="synthesize", text=text or f"Line {id}.", **fields)

    def ask(self, **fields) -> None:
        self._socket.send_multipart([b"", msgpack.packb({"v": 1, "token": TOKEN, **fields})])

    def replies(self, count: int) -> list[dict]:
        return [msgpack.unpackb(self._socket.recv_multipart()[1]) for _ in range(count)]

    def close(self) -> None:
        self._connection.__exit__(None, None, None)


@dataclass
class Stage:
    theatre: Theatre
    fake: Cramped
    speaker: Speaker

    def told(self) -> dict[str, dict]:
        lines = (self.fake.store / "events.jsonl").read_text().splitlines()
        return {entry["event"]: entry for entry in map(json.loads, lines)}

    def drop_during_a_line(self, *queue: dict, **fields) -> None:
        """A line is under way on 1.0.0, others in the `queue` behind it, and 1.1.0 waits for its end."""
        self.speaker.send("under way", TALE, **fields)
        self.theatre.wait(lambda: self.theatre.ask(op="stats")["lines_running"] == 1)
        for line in queue:
            self.speaker.send(**line)
        self.theatre.wait(lambda: self.theatre.ask(op="stats")["lines_waiting"] == len(queue))
        put_pack(self.theatre.models, "1.1.0")
        self.theatre.wait(lambda: "paused" in self.told())

    def versions(self, count: int) -> dict[str, str]:
        """Of the next replies, in their order."""
        return {reply["id"]: reply["model"]["version"] for reply in self.speaker.replies(count)}


@contextmanager
def cramped(root: Path, fake: Cramped | None = None, **options) -> Iterator[Stage]:
    fake = fake or Cramped(root / "store")
    with playing(root, fake, low_memory_swap=True, **options) as theatre:
        speaker = Speaker(theatre)
        try:
            theatre.wait(lambda: (root / "store" / "state.json").exists())
            (root / "store" / "events.jsonl").touch()
            fake.begun.clear()
            yield Stage(theatre, fake, speaker)
        finally:
            fake.gate.set()
            fake.loading.set()
            speaker.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with cramped(tmp_path) as stage:
        yield stage


def test_lines_wait_for_the_new_voice_and_none_is_lost_or_overtaken(stage: Stage):
    before = Journal(stage.fake.store).memory.live
    stage.drop_during_a_line()
    for number in range(20):
        stage.speaker.send(f"{number:02}")
    stage.theatre.wait(lambda: stage.theatre.ask(op="stats")["lines_waiting"] == 20)
    stage.fake.gate.set()
    versions = stage.versions(21)
    assert list(versions) == ["under way", *(f"{number:02}" for number in range(20))]
    assert list(versions.values()) == ["1.0.0"] + ["1.1.0"] * 20
    assert stage.fake.alone == [True, True]  # there never were two
    assert stage.fake.live_at_load[1] == before  # a crash in the middle would bring the old one back
    assert stage.theatre.state("tone@1.1.0") == "live" and stage.theatre.state("tone@1.0.0") == "ready"
    told = stage.told()
    assert told["let_go"]["ms"] > 0 and told["resumed"]["ms"] >= told["let_go"]["ms"]
    assert (told["model.live"]["from_"], told["model.live"]["to"]) == ("1.0.0", "1.1.0")


def test_lines_that_have_not_begun_move_to_the_new_voice_and_bursts_go_on_before_and_after(tmp_path: Path):
    fake = Cramped(tmp_path / "store")
    fake.gate.set()
    with cramped(tmp_path, fake) as stage:
        for number in range(60):
            stage.speaker.send(f"{number:02}", f"{number}. {TALE}")
            if number == 30:
                put_pack(stage.theatre.models, "1.1.0")
            time.sleep(0.05)
        versions = stage.versions(60)
        assert sorted(versions) == [f"{number:02}" for number in range(60)]
        assert sorted(versions.values()) == list(versions.values())  # never back to the old one
        stage.theatre.wait(lambda: stage.theatre.state("tone@1.1.0") == "live")
        assert stage.theatre.version() == "1.1.0"


def test_a_line_that_asked_for_the_old_version_is_spoken_by_it(stage: Stage):
    stage.drop_during_a_line({"id": "unnamed"}, {"id": "named", "model": "tone@1.0.0"})
    stage.fake.gate.set()
    assert stage.versions(3) == {"under way": "1.0.0", "named": "1.0.0", "unnamed": "1.1.0"}


def test_a_stream_under_way_ends_on_the_voice_that_it_began_with(stage: Stage):
    stage.drop_during_a_line(stream=True)
    stage.fake.gate.set()
    (chunk,) = stage.speaker.replies(1)
    chunks = [chunk]
    while not chunks[-1]["chunk"]["last"]:
        stage.speaker.ask(id=f"next {len(chunks)}", op="next", stream=chunk["stream"])
        chunks += stage.speaker.replies(1)
    assert len(chunks) > 3 and {chunk["model"]["version"] for chunk in chunks} == {"1.0.0"}
    stage.theatre.wait(lambda: stage.theatre.version() == "1.1.0")


def test_what_was_spoken_before_is_still_answered_from_the_cache(stage: Stage):
    stage.fake.gate.set()
    assert stage.theatre.version() == "1.0.0"
    stage.fake.loading.clear()
    put_pack(stage.theatre.models, "1.1.0")
    assert stage.fake.begun.wait(20)
    assert stage.theatre.version() == "1.0.0"
    hello = stage.theatre.ask(op="hello")
    assert [model["version"] for model in hello["models"]] == ["1.0.0"]
    assert stage.theatre.ask(op="speakers")["default"] == "alto"
    stage.fake.loading.set()
    stage.theatre.wait(lambda: stage.theatre.version() == "1.1.0")


@pytest.mark.parametrize(
    "error",
    [
        ModelRejected("it sounds wrong", reason="probe_differs"),
        InsufficientMemory("there is no memory left for the voice"),
        RuntimeError("boom"),
    ],
)
@pytest.mark.parametrize("where", ["load", "probe"])
def test_when_the_new_voice_fails_the_old_one_comes_back_for_all_who_wait(
    tmp_path: Path, where: str, error: Exception
):
    fake = Cramped(tmp_path / "store", {f"{where} 1.1.0": error})
    with cramped(tmp_path, fake) as stage:
        before = Journal(fake.store).memory.live
        stage.drop_during_a_line()
        stage.speaker.send("waits")
        fake.gate.set()
        assert stage.versions(2) == {"under way": "1.0.0", "waits": "1.0.0"}
        stage.theatre.wait(lambda: stage.theatre.state("tone@1.1.0") == "rejected")
        assert str(error) in stage.theatre.rows()["tone@1.1.0"]["detail"]
        assert stage.theatre.state("tone@1.0.0") == "live"
        assert fake.alone == [True, True, True]  # half of the new one was not in the old one's way
        assert Journal(fake.store).memory.live == before
        assert "put_back" in stage.told() and "model.live" not in stage.told()


def test_when_there_is_no_room_even_then_the_old_voice_comes_back(stage: Stage):
    stage.fake.gate.set()
    stage.fake.room_when_empty = LITTLE
    put_pack(stage.theatre.models, "1.1.0")
    stage.theatre.wait(lambda: stage.theatre.state("tone@1.1.0") == "rejected")
    assert stage.theatre.rows()["tone@1.1.0"]["reason"] == "insufficient_memory"
    assert stage.theatre.version() == "1.0.0"
    stage.fake.room_when_empty = MUCH
    stage.theatre.ask(op="rescan")
    stage.theatre.wait(lambda: stage.theatre.version() == "1.1.0")


def test_nobody_waits_for_a_pack_that_cannot_fit_at_all(stage: Stage):
    stage.fake.gate.set()
    target = put_pack(stage.theatre.models / ".aside", "1.1.0-" + "x" * 40)
    target.rename(stage.theatre.models / target.name)
    label = f"tone@{target.name.removeprefix('tone-')}"
    stage.theatre.wait(lambda: stage.theatre.state(label) == "rejected")
    assert "without the voice that speaks" in stage.theatre.rows()[label]["detail"]
    assert "paused" not in stage.told() and stage.theatre.version() == "1.0.0"


def test_when_the_old_voice_cannot_come_back_others_speak_and_its_name_says_no_model(tmp_path: Path):
    put_pack(tmp_path / "models", "1.0.0")
    fake = Cramped(tmp_path / "store")
    fake.gate.set()
    with cramped(tmp_path, fake) as stage:
        fake.room_when_empty, fake.voices = MUCH, []  # an odd one fits beside
        put_pack(stage.theatre.models, "0.1.0", "other")
        stage.theatre.wait(lambda: stage.theatre.state("other@0.1.0") == "live")
        fake.voices = [weakref.ref(stage.theatre.server._voices.default.synthesizer)]
        broken = InsufficientMemory("there is no memory left for the voice")
        fake.bad = {"load 1.1.0": broken, "load 1.0.0": broken}
        put_pack(stage.theatre.models, "1.1.0")
        stage.theatre.wait(lambda: stage.theatre.state("tone@1.0.0") == "rejected")
        refusal = stage.theatre.refused(op="synthesize", text="Anybody?")
        assert refusal["code"] == "no_model" and "tone" in refusal["message"]
        assert stage.theatre.version(model="other") == "0.1.0"
        assert [model["name"] for model in stage.theatre.ask(op="hello")["models"]] == ["other"]
        assert "no memory left" in stage.told()["not_put_back"]["detail"] and "lost" in stage.told()
        assert Journal(fake.store).memory.live["tone"].endswith("tone-1.0.0")  # for the next start
        fake.bad = {}
        stage.theatre.ask(op="rescan")
        stage.theatre.wait(lambda: stage.theatre.state("tone@1.1.0") == "live")
        assert stage.theatre.version() == "1.1.0"


def test_the_old_voice_is_loaded_again_as_soon_as_there_is_memory(tmp_path: Path):
    short = InsufficientMemory("there is no memory left for the voice")
    fake = Cramped(tmp_path / "store")
    fake.gate.set()
    with cramped(tmp_path, fake) as stage:
        fake.bad = {"load 1.1.0": short, "load 1.0.0": short}
        put_pack(stage.theatre.models, "1.1.0")
        stage.theatre.wait(lambda: len(fake.alone) == 3)  # the first, the new one, the old one in vain
        stage.speaker.send("waits")
        fake.bad.clear()
        assert stage.versions(1) == {"waits": "1.0.0"}
        assert "put_back" in stage.told() and "lost" not in stage.told()


def test_a_deadline_passes_and_a_line_is_cancelled_while_it_waits(stage: Stage):
    stage.drop_during_a_line()
    stage.speaker.send("urgent", deadline_ms=300)
    stage.speaker.send("unwanted")
    stage.theatre.wait(lambda: stage.theatre.ask(op="stats")["lines_waiting"] == 2)
    (late,) = stage.speaker.replies(1)
    assert (late["id"], late["error"]["code"]) == ("urgent", "deadline_exceeded")
    stage.speaker.ask(id="c", op="cancel", target="unwanted")
    said = {reply["id"]: reply for reply in stage.speaker.replies(2)}
    assert said["c"]["cancelled"] and said["unwanted"]["error"]["code"] == "cancelled"
    stage.fake.gate.set()
    assert stage.versions(1) == {"under way": "1.0.0"}
    stage.theatre.wait(lambda: stage.theatre.version() == "1.1.0")


@pytest.mark.parametrize("moment", ["lines end", "loading"])
def test_a_stop_in_the_middle_is_prompt_and_blames_no_pack(tmp_path: Path, moment: str):
    fake = Cramped(tmp_path / "store")
    with cramped(tmp_path, fake) as stage:
        if moment == "loading":
            fake.gate.set()
            fake.loading.clear()
            put_pack(stage.theatre.models, "1.1.0")
            assert fake.begun.wait(20)
        else:
            stage.drop_during_a_line()
        stage.speaker.send("waits")
        stage.theatre.wait(lambda: stage.theatre.ask(op="stats")["lines_waiting"] == 1)
        began = time.monotonic()
        stage.theatre.server.stop(drain=False)
        codes = {r["id"]: r["error"]["code"] for r in stage.speaker.replies(1 + (moment == "lines end"))}
        assert set(codes.values()) == {"shutting_down"} and "waits" in codes
        (server,) = [thread for thread in threading.enumerate() if thread.name.endswith("(run)")]
        server.join(10)
        assert not server.is_alive() and time.monotonic() - began < 5
        memory = Journal(fake.store).memory
        assert memory.loading is None and memory.live["tone"].endswith("tone-1.0.0")


def test_it_is_refused_as_ever_where_it_is_not_allowed_or_a_trial_needs_both(tmp_path: Path):
    fake = Cramped(tmp_path / "store")
    fake.gate.set()
    with cramped(tmp_path, fake, share=0.3, rules=TrialRules()) as stage:
        put_pack(stage.theatre.models, "1.1.0")
        stage.theatre.wait(lambda: stage.theatre.state("tone@1.1.0") == "rejected")
        assert stage.theatre.rows()["tone@1.1.0"]["reason"] == "insufficient_memory"
        assert "paused" not in stage.told()
