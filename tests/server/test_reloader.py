"""Packs come to life while others speak: on a real server, with voices that sound at once."""

import gc
import json
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgpack
import pytest
import zmq

from sidecar.checks import candidate
from sidecar.checks.candidate import check_candidate
from sidecar.models.pack import Pack, describe, open_pack
from sidecar.protocol.errors import Cancelled, ModelRejected
from sidecar.protocol.events import ModelReleased
from sidecar.reload.journal import Journal, Memory
from sidecar.reload.policy import TrialRules
from sidecar.reload.states import Entry, State
from sidecar.server.config import ModelsConfig, ServeConfig
from sidecar.server.live_voices import GRACE_S, LiveVoices, ServedVoice, drawn
from sidecar.server.reloading.dependencies import Dependencies
from sidecar.server.reloading.reloader import Reloader
from sidecar.server.server import Server
from tests.attacks.inside import check_inside
from tests.fakes import tone_voice
from tests.server.test_server import TOKEN, ask, connected, refused

QUIET_S = 0.1


def put_pack(folder: Path, version: str, name: str = "tone") -> Path:
    """A folder that the fake dependencies takes for a pack: a manifest of the tone voice and its one file."""
    manifest = tone_voice(version=version).synthesizer.model.manifest
    target = folder / f"{name}-{version}"
    target.mkdir(parents=True)
    (target / "weights.safetensors").write_bytes(version.encode())
    file = describe(target / "weights.safetensors")
    described = replace(manifest, name=name, files=(file,))
    (target / "manifest.json").write_text(described.to_json(), "utf-8")
    return target


@dataclass
class Fake:
    """A check that copies, a load that makes a tone; both fail for those who are told to."""

    store: Path
    bad: dict[str, Exception] = field(default_factory=dict)
    hold: threading.Event = field(default_factory=threading.Event)
    free_bytes: int = 1 << 40
    before: Callable[[Path], object] = str  #: called with a source before it is checked

    def check(self, source: Path, cancelled: threading.Event) -> Pack:
        self.before(source)
        while source.name in self.bad and isinstance(self.bad[source.name], TimeoutError):
            if cancelled.wait(0.01):
                raise Cancelled("cancelled")
        if (error := self.bad.get(source.name)) is not None:
            raise error
        pack = open_pack(source)
        target = self.store / f"{source.name}-{pack.manifest.sha256[:8]}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target)
        return open_pack(target)

    def load(self, pack: Pack) -> ServedVoice:
        if (error := self.bad.get(f"load {pack.manifest.version}")) is not None:
            raise error
        voice = tone_voice(version=pack.manifest.version)
        model = replace(voice.synthesizer.model, manifest=pack.manifest)
        voice.synthesizer.model = model
        return ServedVoice.of(voice.synthesizer)

    def free(self) -> int:
        return self.free_bytes


class Theatre:
    """A server that reloads, seen from outside."""

    def __init__(self, root: Path, fake: Fake, server: Server, endpoint: str, events: str) -> None:
        self.models, self.fake, self.server = root / "models", fake, server
        self._endpoint, self.events = endpoint, events

    def ask(self, **fields) -> dict:
        with connected(self._endpoint) as socket:
            return ask(socket, **fields)[0]

    def refused(self, **fields) -> dict:
        with connected(self._endpoint) as socket:
            return refused(socket, **fields)

    def rows(self) -> dict[str, dict]:
        return {f"{row['name']}@{row['version']}": row for row in self.ask(op="models")["models"]}

    def state(self, label: str) -> str | None:
        return self.rows().get(label, {}).get("state")

    def version(self, **fields) -> str:
        return self.ask(op="synthesize", text="Who speaks?", **fields)["model"]["version"]

    def wait(self, condition, timeout_s: float = 20.0) -> None:
        until = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until, self.rows()
            time.sleep(0.02)


@contextmanager
def playing(
    root: Path,
    fake: Fake | None = None,
    share: float = 0.0,
    rules: TrialRules | None = None,
    low_memory_swap: bool = False,
    entries: tuple[Entry, ...] = (),
) -> Iterator[Theatre]:
    fake = fake or Fake(root / "store")
    dependencies = Dependencies(
        root / "models", root / "store", fake.check, fake.load, fake.free,
        ModelsConfig(
            canary_share=share, low_memory_swap=low_memory_swap, quiet_s=QUIET_S, patience_s=3 * QUIET_S,
            same_source_s=QUIET_S,
        ),
    )  # fmt: skip
    journal = Journal(root / "store")
    folder = put_pack(root / "store", "1.0.0")
    voice = fake.load(open_pack(folder))
    first = Entry("tone-1.0.0", "", State.LIVE, folder, "tone", "1.0.0", voice.name.sha256)
    server = Server(LiveVoices(voice, grace_s=QUIET_S), TOKEN, ServeConfig(trial=rules or TrialRules()))
    journal.remember(Memory(live={"tone": folder.name}))
    del voice  # nobody but the server is to hold it
    server.reload_with(lambda side: Reloader(dependencies, journal, side, (first, *entries)))
    endpoint, events = server.bind()
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Theatre(root, fake, server, endpoint, events)
    finally:
        server.stop(drain=False)
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    with playing(tmp_path) as theatre:
        yield theatre


def test_a_pack_that_is_dropped_speaks_for_its_name_from_then_on(theatre: Theatre):
    assert theatre.version() == "1.0.0"
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
    assert theatre.version() == "1.1.0"
    assert theatre.state("tone@1.0.0") == "ready"


def test_another_name_lives_beside_and_an_older_version_waits(theatre: Theatre):
    put_pack(theatre.models, "0.9.0")
    put_pack(theatre.models, "0.1.0", "other")
    theatre.wait(lambda: theatre.state("other@0.1.0") == "live" and theatre.state("tone@0.9.0") == "ready")
    assert theatre.version() == "1.0.0"
    assert theatre.version(model="other") == "0.1.0"
    assert theatre.refused(op="synthesize", text="Hi.", model="tone@0.9.0")["code"] == "unknown_model"
    assert {m["name"] for m in theatre.ask(op="hello")["models"]} == {"tone", "other"}


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("tone-1.1.0", ModelRejected("it is damaged", reason="hash_differs")),
        ("load 1.1.0", ModelRejected("it is damaged", reason="hash_differs")),
        ("load 1.1.0", RuntimeError("boom")),  # a check runs in a child, out of which no bug comes
    ],
)
def test_a_pack_that_fails_is_told_why_and_the_old_one_speaks(tmp_path: Path, where: str, error: Exception):
    with playing(tmp_path, Fake(tmp_path / "store", {where: error})) as theatre:
        put_pack(theatre.models, "1.1.0")
        labels = ("tone@1.1.0", "tone-1.1.0@")
        theatre.wait(lambda: any(theatre.state(label) == "rejected" for label in labels))
        row = next(theatre.rows()[label] for label in labels if label in theatre.rows())
        assert str(error) in row["detail"]
        assert theatre.version() == "1.0.0"
        log = tmp_path / "store" / "events.jsonl"
        theatre.wait(lambda: "hash_differs" in log.read_text() or "boom" in row["detail"])


def rejections(store: Path) -> dict[str, dict]:
    """By source, as the journal has the events."""
    lines = (store / "events.jsonl").read_text("utf-8").splitlines()
    return {
        event["source"]: event for event in map(json.loads, lines) if event.get("event") == "model.rejected"
    }


def test_what_is_no_pack_is_told_with_what_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """By the very check that packs must pass: an event, and a row of `models`."""
    monkeypatch.setattr(candidate, "run_child", check_inside)
    fake = Fake(tmp_path / "store")
    fake.check = lambda source, _: check_candidate(source, tmp_path / "store").pack  # type: ignore[method-assign]
    with playing(tmp_path, fake) as theatre:
        theatre.models.mkdir(exist_ok=True)
        (theatre.models / "mine.npcvoice").mkdir()
        for name in ("tone-1.1.0.zip", "kokoro-v1_0.pth", "voices.bin"):
            (theatre.models / name).write_bytes(b"PK\x03\x04 half a zip")
        names = ["mine.npcvoice", "tone-1.1.0.zip", "kokoro-v1_0.pth", "voices.bin"]
        theatre.wait(lambda: all(theatre.state(f"{name}@") == "rejected" for name in names))
        theatre.wait(lambda: rejections(tmp_path / "store").keys() == set(names))
        rejected = rejections(tmp_path / "store")
        assert "unpack it" in rejected["tone-1.1.0.zip"]["detail"]
        assert theatre.version() == "1.0.0"


def test_without_room_the_old_one_stays_and_a_rescan_tries_again(theatre: Theatre):
    theatre.fake.free_bytes = 0
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "rejected")
    row = theatre.rows()["tone@1.1.0"]
    assert row["reason"] == "insufficient_memory" and "free" in row["detail"]
    assert theatre.refused(op="activate", model="tone@1.1.0")["code"] == "model_rejected"
    theatre.fake.free_bytes = 1 << 40
    theatre.ask(op="rescan")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")


def test_activate_pins_rollback_goes_back_and_a_name_alone_unpins(theatre: Theatre):
    for version in ("1.1.0", "1.2.0"):
        put_pack(theatre.models, version)
        theatre.wait(lambda version=version: theatre.state(f"tone@{version}") == "live")
    theatre.ask(op="rollback", model="tone")
    theatre.wait(lambda: theatre.version() == "1.1.0")
    assert theatre.rows()["tone@1.1.0"]["pinned"]
    put_pack(theatre.models, "1.3.0")
    theatre.wait(lambda: theatre.state("tone@1.3.0") == "ready")
    assert theatre.version() == "1.1.0"
    theatre.ask(op="activate", model="tone@1.2.0")
    theatre.wait(lambda: theatre.version() == "1.2.0")
    theatre.ask(op="activate", model="tone")
    theatre.wait(lambda: theatre.version() == "1.3.0")
    assert theatre.refused(op="activate", model="tone@7.7.7")["code"] == "unknown_model"
    assert theatre.refused(op="rollback", model="nobody")["code"] == "unknown_model"


def test_the_voice_of_the_start_can_be_gone_back_to(theatre: Theatre):
    journal = theatre.server._reloader._context.journal
    journal.remember(replace(journal.memory, live={}))  # as in a fresh home
    theatre.ask(op="activate", model="tone@1.0.0")
    theatre.wait(lambda: theatre.rows()["tone@1.0.0"]["pinned"])
    theatre.ask(op="activate", model="tone")
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
    theatre.ask(op="rollback", model="tone")
    theatre.wait(lambda: theatre.version() == "1.0.0")


def test_a_line_under_way_ends_on_the_model_it_began_with(theatre: Theatre):
    with connected(theatre._endpoint, zmq.DEALER) as teller:
        text = "A very long tale, told by an old man, by the fire. " * 38
        request = {"v": 1, "id": "t", "token": TOKEN, "op": "synthesize", "text": text}
        teller.send_multipart([b"", msgpack.packb(request)])
        theatre.wait(lambda: theatre.ask(op="stats")["lines_running"] == 1)
        theatre.server._later(lambda: theatre.server._voices.exchange(tone_voice(version="1.1.0"), 0.0))
        theatre.wait(lambda: theatre.version() == "1.1.0")
        reply = msgpack.unpackb(teller.recv_multipart()[1])
        assert reply["ok"] and reply["model"]["version"] == "1.0.0"


def test_a_model_that_was_replaced_is_let_go_after_its_last_line():
    voices = LiveVoices(old := tone_voice())
    old.leases = 1
    assert voices.exchange(tone_voice(version="1.1.0"), 100.0) is old
    assert voices.released(100.0 + GRACE_S + 1) == []
    old.leases = 0
    assert voices.released(100.0 + GRACE_S / 2) == []
    assert [name.version for name in voices.released(100.0 + GRACE_S + 1)] == ["1.0.0"]
    assert not voices.retiring


def test_a_replaced_model_is_really_gone(theatre: Theatre):
    old = weakref.ref(theatre.server._voices.default.synthesizer)
    theatre.version()
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
    theatre.wait(lambda: (gc.collect(), theatre.ask(op="ping"), old() is None)[-1])


def sessions(share: float, tried: bool) -> list[str]:
    return [s for s in map(str, range(200)) if (drawn(s, "tone") < share) == tried][:30]


def test_a_new_version_is_tried_on_some_sessions_and_promoted(tmp_path: Path):
    with playing(tmp_path, share=0.3, rules=TrialRules(requests=5)) as theatre:
        put_pack(theatre.models, "1.1.0")
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "canary")
        assert {theatre.version(session=s) for s in sessions(0.3, False)[:5]} == {"1.0.0"}
        for number, session in enumerate(sessions(0.3, True)[:5]):
            reply = theatre.ask(op="synthesize", text=f"Trial {number}.", session=session)
            assert reply["model"]["version"] == "1.1.0"
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
        assert {theatre.version(session=s) for s in sessions(0.3, False)[:5]} == {"1.1.0"}
        theatre.wait(lambda: "promoted" in (tmp_path / "store" / "events.jsonl").read_text())


def test_a_version_that_fails_on_trial_is_taken_back(tmp_path: Path):
    fake = Fake(tmp_path / "store")
    with playing(tmp_path, fake, share=0.3, rules=TrialRules(errors=2)) as theatre:
        load = fake.load

        def broken(pack: Pack) -> ServedVoice:
            voice = load(pack)
            voice.synthesizer.model.engine.render = None  # every line fails with an internal error
            return voice

        object.__setattr__(theatre.server._reloader._context.dependencies, "load", broken)
        put_pack(theatre.models, "1.1.0")
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "canary")
        session = sessions(0.3, True)[0]
        for number in range(2):
            assert theatre.refused(op="synthesize", text=f"{number}.", session=session)["code"] == "internal"
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "rejected")
        assert theatre.version(session=session) == "1.0.0"
        assert theatre.rows()["tone@1.1.0"]["reason"] == "canary"


def test_a_trial_can_be_begun_and_ended_by_hand(theatre: Theatre):
    theatre.ask(op="activate", model="tone@1.0.0")
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "ready")
    theatre.ask(op="canary", model="tone@1.1.0", share=0.5)
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "canary")
    session = sessions(0.5, True)[0]
    assert theatre.version(session=session) == "1.1.0"
    assert theatre.version(session=session, model="tone@1.0.0") == "1.0.0"
    theatre.ask(op="canary", model="tone@1.1.0", share=0)
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "ready")
    assert theatre.version(session=session) == "1.0.0"


def test_a_version_that_is_pinned_ends_the_trial_of_another(tmp_path: Path):
    with playing(tmp_path, share=0.5) as theatre:
        put_pack(theatre.models, "0.9.0")
        theatre.wait(lambda: theatre.state("tone@0.9.0") == "ready")
        put_pack(theatre.models, "1.1.0")
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "canary")
        theatre.ask(op="activate", model="tone@0.9.0")
        theatre.wait(lambda: theatre.state("tone@0.9.0") == "live")
        assert theatre.state("tone@1.1.0") == "ready"
        assert theatre.version(session=sessions(0.5, True)[0]) == "0.9.0"
        theatre.ask(op="activate", model="tone")
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "canary")


def test_a_version_on_trial_that_is_pinned_speaks_to_all(tmp_path: Path):
    with playing(tmp_path, share=0.5) as theatre:
        put_pack(theatre.models, "1.1.0")
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "canary")
        theatre.ask(op="activate", model="tone@1.1.0")
        theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
        assert {theatre.version(session=s) for s in sessions(0.5, False)[:3]} == {"1.1.0"}
        assert theatre.rows()["tone@1.1.0"]["pinned"]


def test_a_change_under_the_same_name_is_another_drop(theatre: Theatre):
    folder = put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
    folder.rename(folder.with_name(".aside"))
    put_pack(theatre.models / ".new", "1.4.0").rename(folder)
    theatre.wait(lambda: theatre.state("tone@1.4.0") == "live")
    assert theatre.version() == "1.4.0"


def test_a_pack_that_is_taken_away_under_its_check_is_found_when_it_comes_back(theatre: Theatre):
    aside = theatre.models / ".aside"

    def taken_away(source: Path) -> None:
        if not aside.exists():
            source.rename(aside)
            raise ModelRejected("it cannot be read", reason="cannot_read")

    theatre.fake.before = taken_away
    folder = put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: aside.exists() and "tone-1.1.0@" not in theatre.rows())
    aside.rename(folder)
    aside.mkdir()
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
    assert '"lost"' in (theatre.fake.store / "events.jsonl").read_text()


def test_stopping_ends_a_check_that_hangs(tmp_path: Path):
    fake = Fake(tmp_path / "store", {"tone-1.1.0": TimeoutError()})
    with playing(tmp_path, fake) as theatre:
        put_pack(theatre.models, "1.1.0")
        theatre.wait(lambda: theatre.state("tone-1.1.0@") == "checking")
    assert threading.active_count() < 20


def test_what_is_said_to_be_live_is_live_after_a_crash(theatre: Theatre, monkeypatch: pytest.MonkeyPatch):
    """With a disk on which every write takes its time."""
    update = Journal.update

    def slow(self: Journal, change: Callable[[Memory], Memory]) -> None:
        time.sleep(0.2)
        update(self, change)

    monkeypatch.setattr(Journal, "update", slow)
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
    written = Journal(theatre.fake.store).memory
    assert written.live["tone"].startswith("tone-1.1.0") and written.loading is None


def until_heard(theatre: Theatre, listener: zmq.Socket) -> None:
    """Subscribed, which a server learns of in its own time: told of something until it is heard."""
    listener.setsockopt(zmq.SUBSCRIBE, b"model.")
    while True:
        theatre.server._later(lambda: theatre.server.publish(ModelReleased("nobody", "0.0.0")))
        if listener.poll(20):
            break
    while listener.poll(200):
        listener.recv_multipart()


def test_models_are_told_by_events(theatre: Theatre):
    with connected(theatre.events, zmq.SUB) as listener:
        until_heard(theatre, listener)
        put_pack(theatre.models, "1.1.0")
        topics = [listener.recv_multipart() for _ in range(4)]
    assert [topic.decode() for topic, _ in topics] == [
        "model.found",
        "model.checking",
        "model.live",
        "model.released",
    ]
    live = msgpack.unpackb(topics[2][1])
    assert (live["name"], live["from"], live["to"]) == ("tone", "1.0.0", "1.1.0") and live["ms"] > 0
