"""What is live survives a restart, and a disk that refuses costs no voice."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.reload import journal as module
from sidecar.reload.journal import EVENTS, STATE, Journal, Memory

FULL = Memory(
    {"voice": "f2"},
    {"voice": "1.1.0"},
    {"voice": ("f1",)},
    {"a\0s": "f2"},
    {"b\0t": ("hash", "damaged")},
    "f3",
)


def test_a_memory_survives_a_restart(tmp_path: Path):
    Journal(tmp_path / "new").remember(FULL)
    assert Journal(tmp_path / "new").memory == FULL
    assert [p.name for p in (tmp_path / "new").iterdir()] == [STATE]


def test_what_spoke_before_is_kept_once_and_in_order():
    memory = Memory()
    for folder in ("f1", "f2", "f3", "f1", "f2"):
        memory = memory.with_live("voice", folder)
    assert memory.live == {"voice": "f2"}
    assert memory.history == {"voice": ("f3", "f1")}
    assert replace(FULL, live={}).with_live("voice", "f9").loading is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"live": 1}', "\x00\xff"])
def test_a_damaged_memory_is_begun_anew(tmp_path: Path, content: str):
    (tmp_path / STATE).write_text(content)
    assert Journal(tmp_path).memory == Memory()


def test_a_disk_that_refuses_is_survived(tmp_path: Path, monkeypatch, caplog):
    journal = Journal(tmp_path)

    def full(self, *_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr(Path, "open", full)
    journal.remember(FULL)
    journal.tell("model.live", name="voice")
    assert journal.memory == FULL
    assert caplog.text.count("No space left") == 2


def test_events_are_lines_and_the_log_is_bounded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "EVENTS_BYTES", 2000)
    journal = Journal(tmp_path)
    for number in range(100):
        journal.tell("model.found", source=f"pack {number} 声")
    lines = (tmp_path / EVENTS).read_text("utf-8").splitlines()
    assert (tmp_path / EVENTS).stat().st_size <= 2000
    assert json.loads(lines[-1])["source"] == "pack 99 声"
    assert all(json.loads(line)["event"] == "model.found" for line in lines)
