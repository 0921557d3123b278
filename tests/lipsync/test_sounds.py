"""Every symbol that can be spoken has a mouth, or is known to have none of its own."""

import json
from importlib.resources import files

import pytest

from sidecar.engines.kokoro.vocabulary import VOCABULARY
from sidecar.lipsync.oculus import visemes
from sidecar.lipsync.sounds import (
    CONSONANTS,
    DIPHTHONGS,
    OF_THE_LAST,
    OF_THE_NEXT,
    RESTS,
    SHAPES,
    VOWELS,
)
from sidecar.text.chinese import reader as chinese
from tests.lipsync.lines import during, timed

KINDS = (VOWELS.keys(), DIPHTHONGS.keys(), CONSONANTS.keys(), OF_THE_LAST, OF_THE_NEXT, RESTS)


def test_every_symbol_of_the_model_is_of_one_kind_and_no_other_is():
    assert sorted(symbol for kind in KINDS for symbol in kind) == sorted(VOCABULARY)


@pytest.mark.parametrize("dialect", ["us", "gb"])
def test_every_word_of_english_moves_the_mouth(dialect: str):
    published = files("misaki") / "data" / f"{dialect}_silver.json"
    spoken = set("".join(json.loads(published.read_text("utf-8")).values()))
    assert len(spoken) > 35
    assert spoken - {"ˈ", "ˌ", "ː"} <= VOWELS.keys() | DIPHTHONGS.keys() | CONSONANTS.keys()


def test_every_syllable_of_mandarin_moves_the_mouth():
    for initial in ("", *chinese._INITIALS.values()):
        for final in (*chinese._FINALS.values(), *chinese._WHOLE.values(), "ɨ|"):
            for tone in chinese._TONES.values():
                syllable = initial + final.replace("|", tone)
                said, end_s = timed(syllable)
                shapes = {SHAPES[shape] for _, shape, _ in visemes(said, 0.0, end_s)}
                assert shapes - {"sil"}, syllable


def test_weights_are_shares_of_known_shapes():
    poses = [*VOWELS.values(), *CONSONANTS.values(), *(p for two in DIPHTHONGS.values() for p in two)]
    for pose in poses:
        assert pose.keys() <= set(SHAPES) and min(pose.values()) > 0
        assert sum(pose.values()) == pytest.approx(1) or sum(pose.values()) < 1


@pytest.mark.parametrize(
    ("symbol", "shape"),
    [
        ("p", "PP"), ("m", "PP"), ("v", "FF"), ("ð", "TH"), ("t", "DD"), ("ɡ", "kk"), ("ʤ", "CH"),
        ("ꭧ", "CH"), ("z", "SS"), ("ʦ", "SS"), ("l", "nn"), ("ɹ", "RR"), ("ɑ", "aa"), ("ɛ", "E"),
        ("i", "ih"), ("ɔ", "oh"), ("u", "ou"), ("w", "ou"), ("y", "ou"),
    ],
)  # fmt: skip
def test_a_sound_alone_has_the_shape_of_the_reference(symbol: str, shape: str):
    said, end_s = timed(symbol)
    pose = during(visemes(said, 0.0, end_s), 0.15)
    assert max(pose, key=pose.__getitem__) == shape
