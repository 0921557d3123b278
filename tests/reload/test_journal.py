"""What is live survives a restart, and a disk that refuses costs no voice."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar import files
from sidecar.reload import journal as module
from sidecar.reload.journal import EVENTS, PREVIOUS, REFUSALS, STATE, Copy, Journal, Memory

FULL = Memory(
    {"voice": "f2"},
    {"voice": "1.1.0"},
    {"voice": "f1"},
    {"f2": Copy("a", "s", "00", "key", "any"), "f1": Copy("\udcff", "t")},
    {"b\0t": ("hash", "damaged")},
    {"voice": "key"},
    "f3",
    {"f1": 1},
)


def test_a_memory_survives_a_restart(tmp_path: Path):
    Journal(tmp_path / "new").remember(FULL)
    assert Journal(tmp_path / "new").memory == FULL
    assert [p.name for p in (tmp_path / "new").iterdir()] == [STATE]


def test_what_spoke_before_is_kept():
    memory = Memory()
    for folder in ("f1", "f2", "f2", "f3"):
        memory = memory.with_live("voice", folder)
    assert (memory.live, memory.previous) == ({"voice": "f3"}, {"voice": "f2"})
    assert memory.needed == {"f2", "f3"}
    assert replace(FULL, live={}).with_live("voice", "f9").loading is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"live": 1}', "\x00\xff", "[" * 100_000])
def test_a_damaged_memory_is_told_from_a_new_one(tmp_path: Path, content: str):
    assert Journal(tmp_path).is_whole
    (tmp_path / STATE).write_text(content)
    damaged = Journal(tmp_path)
    assert damaged.memory == Memory() and not damaged.is_whole


def test_a_memory_that_is_cut_at_any_byte_is_the_one_before_it_or_itself(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.remember(FULL)
    journal.remember(replace(FULL, loading=None))
    whole = (tmp_path / STATE).read_bytes()
    for length in range(len(whole)):
        (tmp_path / STATE).write_bytes(whole[:length])
        torn = Journal(tmp_path)
        assert torn.memory == FULL and not torn.is_whole
    (tmp_path / STATE).unlink()  # the process died between two renames
    assert Journal(tmp_path).memory == FULL


def test_a_torn_memory_never_replaces_the_one_before_it(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.remember(FULL)
    journal.remember(FULL)
    (tmp_path / STATE).write_text("{")
    Journal(tmp_path).remember(Memory(pins={"voice": "2.0.0"}))
    assert Memory.of(json.loads((tmp_path / PREVIOUS).read_text())) == FULL
    assert Journal(tmp_path).memory.pins == {"voice": "2.0.0"} and Journal(tmp_path).is_whole


def test_a_memory_of_the_first_format_is_read(tmp_path: Path):
    old = {
        "live": {"voice": "/home/me/npc/store/f2"}, "pins": {"voice": "1.1.0"},
        "history": {"voice": ["/home/me/npc/store/f0", "/home/me/npc/store/f1"]},
        "passed": {"a\0s": "C:\\npc\\store\\f2"}, "refused": {"b\0t": ["hash", "damaged"]}, "loading": None,
    }  # fmt: skip
    (tmp_path / STATE).write_text(json.dumps(old))
    memory = Journal(tmp_path).memory
    assert (memory.live, memory.previous, memory.pins) == (
        {"voice": "f2"},
        {"voice": "f1"},
        {"voice": "1.1.0"},
    )
    assert memory.copies == {"f2": Copy("a", "s")} and memory.refused == {"b\0t": ("hash", "damaged")}


def test_refusals_are_bounded_and_the_latest_stay():
    memory = Memory()
    for number in range(REFUSALS + 10):
        memory = memory.with_refusal(f"drop\0{number}", "hash", "damaged")
    memory = memory.with_refusal("drop\0100", "hash", "again")
    assert len(memory.refused) == REFUSALS
    assert list(memory.refused)[-1] == "drop\0100" and "drop\0" + "5" not in memory.refused


def test_after_the_last_word_nothing_is_written(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.close(lambda memory: FULL)
    journal.remember(Memory())
    assert Journal(tmp_path).memory == FULL


def test_two_threads_do_not_lose_each_others_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "write_whole", lambda *_, **__: None)
    journal = Journal(tmp_path)

    def pin(name: str) -> None:
        for number in range(200):
            journal.update(lambda m, n=number: replace(m, pins={**m.pins, f"{name}{n}": "1.0.0"}))

    threads = [threading.Thread(target=pin, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(journal.memory.pins) == 600


def test_a_disk_that_refuses_is_survived(tmp_path: Path, monkeypatch, caplog):
    journal = Journal(tmp_path)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_whole", full)
    monkeypatch.setattr(Path, "open", full)
    journal.remember(FULL)
    journal.tell("model.live", name="voice")
    assert journal.memory == FULL
    assert caplog.text.count("No space left") == 2


def test_events_are_lines_and_the_log_is_bounded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "EVENTS_BYTES", 2000)
    journal = Journal(tmp_path)
    for number in range(100):
        journal.tell("model.found", source=f"pack {number} 声 \udc80")
    lines = (tmp_path / EVENTS).read_text("utf-8").splitlines()
    assert (tmp_path / EVENTS).stat().st_size <= 2000
    assert json.loads(lines[-1])["source"] == "pack 99 声 \udc80"
    assert all(json.loads(line)["event"] == "model.found" for line in lines)
