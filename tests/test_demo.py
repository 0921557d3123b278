"""Which sample lines the demo speaks."""

import io
from pathlib import Path

from rich.console import Console

from sidecar.demo import DemoLine, chosen, sample_lines, spoken_table


def test_every_speaker_speaks_before_any_speaks_twice():
    lines = sample_lines()
    speakers = {line.speaker for line in lines}
    first = chosen(lines, len(speakers))
    assert {line.speaker for line in first} == speakers
    assert [line.id for line in first[:3]] == [line.id for line in lines[:3]]


def test_all_lines_are_spoken_when_asked_for():
    lines = sample_lines()
    assert sorted(line.id for line in chosen(lines, 1000)) == sorted(line.id for line in lines)


def test_the_table_of_what_was_spoken_shows_every_file_whole_in_eighty_columns():
    names = [f"{line.id}_{line.speaker.replace(' ', '_')}.wav" for line in sample_lines()]
    spoken = [DemoLine(line, 5.4, 1.0, Path(name)) for line, name in zip(sample_lines(), names, strict=True)]
    page = io.StringIO()
    Console(file=page, width=80).print(spoken_table(spoken))
    rows = page.getvalue().splitlines()
    assert all(any(name in row for row in rows) for name in names) and all(len(row) <= 80 for row in rows)
