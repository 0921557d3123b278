"""Lip-sync files: what is in them, and what is refused before any work."""

import json
from pathlib import Path

import pytest

from sidecar.lipsync.files import check_format, content
from sidecar.lipsync.oculus import visemes
from sidecar.lipsync.sounds import SHAPES
from sidecar.protocol.errors import BadRequest
from tests.lipsync.lines import timed

SAID, END_S = timed("mˈIn")
ROWS = visemes(SAID, 0.0, END_S)


def written(name: str, kind: str) -> str:
    path = Path(name)
    check_format(path, kind)
    return content(ROWS, END_S, path, kind, "line.wav")


def test_oculus_rows_in_json_are_those_of_the_wire():
    read = json.loads(written("a.json", "oculus"))
    assert read["shapes"] == list(SHAPES) and read["duration_s"] == pytest.approx(END_S)
    assert [tuple(row) for row in read["visemes"]] == [
        (round(at_s, 4), i, weight) for at_s, i, weight in ROWS
    ]


def test_oculus_rows_in_tsv_have_names():
    head, *lines = [line.split("\t") for line in written("a.TSV", "oculus").splitlines()]
    assert head == ["start_s", "shape", "weight"] and lines[0] == ["0.0000", "sil", "1"]
    assert [shape for _, shape, _ in lines] == [SHAPES[shape] for _, shape, _ in ROWS]


def test_arkit_frames_are_the_same_in_both_files():
    read = json.loads(written("a.json", "arkit"))
    head, *lines = [line.split("\t") for line in written("a.tsv", "arkit").splitlines()]
    assert head == ["time_s", *read["names"]] and len(head) == 53 and read["fps"] == 60
    assert len(lines) == len(read["frames"]) == round(60 * END_S)
    for number, (line, frame) in enumerate(zip(lines, read["frames"], strict=True)):
        assert [float(cell) for cell in line] == pytest.approx([number / 60, *frame], abs=1e-4)


def test_rhubarb_files_are_rhubarbs():
    assert written("a.tsv", "rhubarb").startswith("0.00\tX\n")
    assert json.loads(written("a.json", "rhubarb"))["metadata"]["soundFile"] == "line.wav"


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [("a.txt", "oculus", ".json or .tsv"), ("a", "arkit", ".json or .tsv"),
     ("a.json", "ovr", "known are oculus")],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(name: str, kind: str, words: str):
    with pytest.raises(BadRequest, match=words):
        check_format(Path(name), kind)
