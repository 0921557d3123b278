"""The watcher on a real folder: with watchdog, without it, and where watchdog fails."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sidecar.protocol.errors import StorageError
from sidecar.reload.candidates import Candidate
from sidecar.reload.watcher import Watcher
from tests.reload.drops import FILES, drop, manifest

DEADLINE_S = 20
QUIET_S, POLL_S = 0.3, 0.1


class Finds:
    """What was found, and when."""

    def __init__(self) -> None:
        self.all: list[tuple[str, float]] = []
        self.threads: set[str] = set()
        self._changed = threading.Condition()

    def __call__(self, candidate: Candidate) -> None:
        with self._changed:
            self.all.append((candidate.name, time.monotonic()))
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()

    def names(self) -> list[str]:
        return [name for name, _ in self.all]

    def reach(self, count: int) -> list[str]:
        """Wait until `count` were found."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all) >= count, DEADLINE_S), self.all
        return self.names()


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.fixture
def finds() -> Finds:
    return Finds()


@pytest.fixture(params=["events", "polling", "failing"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "failing":
        monkeypatch.setattr("sidecar.reload.notices.Observer.start", refuse)
    return str(request.param)


def refuse(_: object) -> None:
    raise OSError(28, "inotify watch limit reached")


@pytest.fixture
def watcher(tmp_path: Path, finds: Finds, way: str) -> Iterator[Watcher]:
    watcher = Watcher(
        tmp_path / "home" / "models", finds, quiet_s=QUIET_S, patience_s=1.5, poll_s=POLL_S,
        use_events=way != "polling",
    )  # fmt: skip
    watcher.start()
    yield watcher
    watcher.stop()


@pytest.fixture
def folder(tmp_path: Path, watcher: Watcher) -> Path:
    return tmp_path / "home" / "models"


def test_a_pack_is_found_once_and_only_after_its_copy_ends(folder: Path, finds: Finds):
    pack = folder / "mine"
    pack.mkdir()
    (pack / "manifest.json").write_bytes(manifest())
    with (pack / "weights.safetensors").open("wb", buffering=0) as stream:
        for _ in range(10):
            stream.write(b"x" * (FILES["weights.safetensors"] // 10))
            time.sleep(QUIET_S / 6)
    (pack / "voices.safetensors").write_bytes(b"x" * FILES["voices.safetensors"])
    ended_s = time.monotonic()
    assert finds.reach(1) == ["mine"]
    assert finds.all[0][1] >= ended_s
    assert finds.threads == {"models folder"}
    drop(folder / "other")
    assert finds.reach(2) == ["mine", "other"]


def test_a_pack_dropped_again_is_found_again(folder: Path, finds: Finds):
    for count in (1, 2, 3):
        shutil.rmtree(folder / "mine", ignore_errors=True)
        drop(folder / "mine")
        assert finds.reach(count) == ["mine"] * count


def test_packs_moved_in_and_archives_and_checkpoints_are_found(folder: Path, finds: Finds, tmp_path: Path):
    drop(tmp_path / "mine").rename(folder / "mine")
    (folder / "a.npcvoice.part").write_bytes(b"x" * 100)
    (folder / "a.npcvoice.part").rename(folder / "a.npcvoice")
    (folder / "x.safetensors").write_bytes(b"x")
    (folder / "x.safetensors.sha256").write_text("ab" * 32)
    assert sorted(finds.reach(3)) == ["a.npcvoice", "mine", "x.safetensors"]


def test_a_manifest_that_never_fits_is_found_when_patience_ends(folder: Path, finds: Finds):
    (drop(folder / "mine") / "manifest.json").write_bytes(b"{")
    assert finds.reach(1) == ["mine"]


@pytest.mark.parametrize("pause_s", [0, 3 * POLL_S])
def test_a_folder_removed_and_made_anew_is_watched_on(folder: Path, finds: Finds, pause_s: float):
    for count in (1, 3, 5):
        drop(folder / "mine")
        assert finds.reach(count)[-1] == "mine"
        drop(folder / "other")
        assert finds.reach(count + 1)[-1] == "other"
        shutil.rmtree(folder)
        time.sleep(pause_s)
        folder.mkdir()


def test_a_folder_swapped_for_another_is_watched_on(folder: Path, finds: Finds):
    folder.rename(folder.with_name("old"))
    drop(folder / "mine")
    assert finds.reach(1) == ["mine"]
    drop(folder / "other")
    assert finds.reach(2) == ["mine", "other"]


def test_what_lay_there_before_the_start_is_found(tmp_path: Path, finds: Finds, way: str):
    drop(tmp_path / "models" / "mine")
    watcher = Watcher(tmp_path / "models", finds, quiet_s=0.1, use_events=way != "polling")
    watcher.start()
    assert finds.reach(1) == ["mine"]
    watcher.stop()


def test_stop_leaves_no_thread_and_finds_nothing_more(tmp_path: Path, finds: Finds, way: str):
    before = threading.active_count()
    watcher = Watcher(tmp_path / "models", finds, quiet_s=0.05, use_events=way != "polling")
    watcher.start()
    drop(tmp_path / "models" / "mine")
    finds.reach(1)
    watcher.stop()
    watcher.stop()
    assert threading.active_count() == before
    drop(tmp_path / "models" / "other")
    assert finds.names() == ["mine"]


def test_a_watcher_that_never_began_can_be_stopped(tmp_path: Path, finds: Finds):
    Watcher(tmp_path / "models", finds).stop()


def test_look_now_does_not_wait_for_the_next_poll(tmp_path: Path, finds: Finds):
    watcher = Watcher(tmp_path / "models", finds, quiet_s=0.05, poll_s=1000, use_events=False)
    watcher.start()
    until(lambda: not watcher._is_noticed)
    drop(tmp_path / "models" / "mine")
    watcher.look_now()
    assert finds.reach(1) == ["mine"]
    watcher.stop()


def test_what_found_raises_is_logged_and_the_next_is_found(
    tmp_path: Path, finds: Finds, caplog: pytest.LogCaptureFixture
):
    def found(candidate: Candidate) -> None:
        finds(candidate)
        raise RuntimeError("no room")

    watcher = Watcher(tmp_path / "models", found, quiet_s=0.05, poll_s=POLL_S)
    with caplog.at_level(logging.ERROR):
        watcher.start()
        for count, name in enumerate(("mine", "other"), 1):
            drop(tmp_path / "models" / name)
            finds.reach(count)
        watcher.stop()
    ours = [record for record in caplog.records if record.name.startswith("sidecar.")]
    assert [record.exc_text is not None for record in ours] == [True, True]


def test_found_may_stop_the_watcher(tmp_path: Path, finds: Finds):
    def found(candidate: Candidate) -> None:
        finds(candidate)
        watcher.stop()

    watcher = Watcher(tmp_path / "models", found, quiet_s=0.05, poll_s=POLL_S)
    watcher.start()
    drop(tmp_path / "models" / "mine")
    finds.reach(1)
    watcher._thread.join(DEADLINE_S)
    assert not watcher._thread.is_alive()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path, finds: Finds):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        Watcher(tmp_path / "file" / "models", finds).start()


def test_idle_and_busy_neighbours_cost_few_surveys(
    tmp_path: Path, finds: Finds, monkeypatch: pytest.MonkeyPatch
):
    surveys: list[Path] = []
    monkeypatch.setattr("sidecar.reload.watcher.survey", lambda folder, _: surveys.append(folder) or {})
    watcher = Watcher(tmp_path / "models", finds, quiet_s=0.2, poll_s=0.4)
    watcher.start()
    until(lambda: len(surveys) >= 2)
    end_s = time.monotonic() + 1.5
    with (tmp_path / "models" / "game.log").open("wb", buffering=0) as stream:
        while time.monotonic() < end_s:
            stream.write(b"x")
            time.sleep(0.001)
    watcher.stop()
    assert 2 <= len(surveys) <= 12
