"""Thousands of streamed lines, none like another, leave no more behind than some hundreds."""

import gc
import os
import subprocess
import sys
from dataclasses import replace

import psutil

from sidecar.server.lines import retries
from sidecar.server.lines.device_thread import SpokenPart
from sidecar.server.lines.streams import ENDED_BYTES
from tests.server.test_desk import Room

LINES, SETTLED = 5_000, 1_500
SOUND_BYTES = 6 * 24_000 * 2  #: six seconds


def spoken(room: Room) -> SpokenPart:
    """What a device makes of any line: one phrase."""
    room.ask("pattern", "Halt!", stream=True)
    (outcome,) = room.device.step()
    assert isinstance(outcome, SpokenPart)
    room.desk.finished([outcome])
    return outcome


def speak_five_thousand() -> None:
    """A program of its own: another test's freed memory would be counted, or used up, here."""
    room = Room()
    pattern, process = spoken(room), psutil.Process()
    resident = []
    for number in range(LINES):
        room.ask(f"line {number}", f"Line {number}.", stream=True)
        (task,) = room.device.passes.pop(0)
        sound = number.to_bytes(4, "big") * (SOUND_BYTES // 4)
        part = replace(pattern.part, audio=sound, frames=SOUND_BYTES // 2)
        room.desk.finished([replace(pattern, key=task.key, part=part)])
        room.clock.now += 0.1
        room.sent.clear()
        room.events.clear()
        if number in (SETTLED, LINES - 1):
            gc.collect()
            resident.append(process.memory_info().rss)
    before, after = resident
    assert after <= 1.05 * before
    assert room.desk._retries.held_bytes <= retries.BYTES
    ended = [s.recording.size_bytes for s in room.desk._streams._open.values() if s.ended]
    assert sum(ended) <= ENDED_BYTES + SOUND_BYTES


def test_five_thousand_distinct_streamed_lines_take_no_more_than_fifteen_hundred():
    program = "from tests.faults.test_streams import speak_five_thousand; speak_five_thousand()"
    own_mappings = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # else glibc's holes are counted too
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=own_mappings
    )
    assert done.returncode == 0, done.stderr
