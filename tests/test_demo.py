"""Which sample lines the demo speaks."""

from sidecar.demo import chosen, sample_lines


def test_every_speaker_speaks_before_any_speaks_twice():
    lines = sample_lines()
    speakers = {line.speaker for line in lines}
    first = chosen(lines, len(speakers))
    assert {line.speaker for line in first} == speakers
    assert [line.id for line in first[:3]] == [line.id for line in lines[:3]]


def test_all_lines_are_spoken_when_asked_for():
    lines = sample_lines()
    assert sorted(line.id for line in chosen(lines, 1000)) == sorted(line.id for line in lines)
