"""Rhubarb's nine drawings and its two files."""

import json
from itertools import pairwise

import pytest

from sidecar.lipsync.oculus import visemes
from sidecar.lipsync.rhubarb import Cue, as_json, cues, tsv
from tests.lipsync.lines import random_line, timed

SYMBOLS = "ˈˌAIOWYæɑəɛɪiuʊʌɔpbmfvθðtdkɡszʃʒʧʤnŋlɹwjh ,."


def shown(phonemes: str, each_s: float = 0.12) -> list[Cue]:
    said, end_s = timed(phonemes, each_s)
    return list(cues(visemes(said, 0.0, end_s), end_s))


def test_cues_cover_the_line_without_a_gap_and_none_repeats():
    for seed in range(100):
        said, end_s = random_line(seed, SYMBOLS)
        found = cues(visemes(said, 0.0, end_s), end_s)
        assert found[0].start_s == 0 and found[-1].end_s == end_s
        for before, after in pairwise(found):
            assert before.end_s == after.start_s and before.shape != after.shape
        assert {cue.shape for cue in found} <= set("ABCDEFGHX")


@pytest.mark.parametrize(
    ("phonemes", "shapes"),
    [
        ("ˈɑ", "XDX"), ("ˈi", "XBX"), ("ˈɛ", "XCX"), ("ˈæ", "XCX"), ("ˈɔ", "XEX"), ("ˈu", "XFX"),
        ("ɑ", "XCX"), ("mˈɑ", "XADX"), ("fˈɑ", "XGDX"), ("lˈɑ", "XHDX"), ("lˈi", "XBX"),
        ("sˈɑ", "XBDX"), ("wˈɛ", "XFCX"), ("pˈI", "XADBX"), ("ɹˈɑ", "XEDX"),
    ],
)  # fmt: skip
def test_sounds_have_the_drawings_of_the_manual(phonemes: str, shapes: str):
    assert "".join(cue.shape for cue in shown(phonemes)) == shapes


def test_a_tsv_can_be_read_back():
    found = shown("hˈəlO mˈIn", 0.0773)
    lines = [line.split("\t") for line in tsv(found).splitlines()]
    assert lines[0] == ["0.00", "X"] and lines[-1][1] == "X"
    assert found[-1].end_s - 0.01 < float(lines[-1][0]) <= found[-1].end_s
    read = [Cue(float(start), float(end), shape) for (start, shape), (end, _) in pairwise(lines)]
    assert [cue.shape for cue in read] == [cue.shape for cue in found]
    for cue, original in zip(read, found, strict=True):
        assert cue.start_s == pytest.approx(original.start_s, abs=0.005001)
        assert cue.end_s == pytest.approx(original.end_s, abs=0.01)


def test_the_json_has_rhubarbs_keys_and_names_its_sound():
    found = shown("hˈəlO mˈIn", 0.0773)
    read = json.loads(as_json(found, "hello.wav"))
    assert read["metadata"]["soundFile"] == "hello.wav"
    cuts = read["mouthCues"]
    assert [cue["value"] for cue in cuts] == [cue.shape for cue in found]
    assert cuts[0]["start"] == 0 and cuts[-1]["end"] == read["metadata"]["duration"] <= found[-1].end_s
    assert all(before["end"] == after["start"] for before, after in pairwise(cuts))
