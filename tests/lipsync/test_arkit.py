"""ARKit frames: Apple's names, a whole line, lips that meet, a jaw that does not jump."""

import numpy as np
import pytest

from sidecar.lipsync.arkit import JAW_PER_S, NAMES, blend_shapes
from sidecar.lipsync.oculus import visemes
from tests.lipsync.lines import random_line, timed

#: As ARFaceAnchor.BlendShapeLocation lists them: eyes, mouth and jaw, brows, cheeks and nose, tongue.
APPLE = """
    eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft
    eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight
    jawForward jawLeft jawRight jawOpen mouthClose mouthFunnel mouthPucker mouthLeft mouthRight
    mouthSmileLeft mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight
    mouthStretchLeft mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper
    mouthPressLeft mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight
    browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft
    cheekSquintRight noseSneerLeft noseSneerRight tongueOut
"""
SYMBOLS = "ˈˌAIOWYæɑəɛɪiuʊʌɔpbmfvθðtdkɡszʃʒʧʤnŋlɹwjh ,."


def curve(values, name: str):
    return values[:, NAMES.index(name)]


def test_the_names_are_apples_in_their_order():
    assert list(NAMES) == APPLE.split() and len(NAMES) == 52


@pytest.mark.parametrize("fps", [24, 60, 90])
def test_frames_cover_the_line_and_lie_in_0_to_1(fps: float):
    moved = 0
    for seed in range(50):
        said, end_s = random_line(seed, SYMBOLS)
        track = blend_shapes(visemes(said, 0.0, end_s), end_s, fps)
        assert track.values.dtype == np.float32 and track.values.shape[1] == 52
        assert (len(track.values) - 1) / fps < end_s <= len(track.values) / fps + 1e-6
        assert track.values.min() >= 0 and track.values.max() <= 1
        moved += curve(track.values, "jawOpen").max() > 0.05
    assert moved > 40


@pytest.mark.parametrize("fps", [24, 30, 60, 144])
def test_the_lips_meet_in_a_frame_of_every_closure_and_only_there(fps: float):
    for length_s in np.arange(0.005, 0.2, 0.013):
        said, end_s = timed("ˈɑpˈɑ", [0.05, 0.3, float(length_s), 0.05, 0.3])
        values = blend_shapes(visemes(said, 0.0, end_s), end_s, fps).values
        gap = curve(values, "jawOpen") - curve(values, "mouthClose")
        times_s = np.arange(len(values)) / fps
        near = (times_s > said[2].start_s - 0.5 / fps - 0.02) & (times_s < said[2].end_s + 0.5 / fps + 0.02)
        assert gap[near].min() == pytest.approx(0, abs=1e-6)
        assert curve(values, "mouthPressLeft")[near].max() == pytest.approx(0.6)
        open_ = (times_s > said[1].start_s + 0.1) & (times_s < said[1].end_s - 0.07)
        assert gap[open_].min() > 0.3


def test_the_jaw_keeps_to_its_speed_and_never_opens_further_than_asked():
    for seed in range(50):
        said, end_s = random_line(seed, SYMBOLS)
        rows = visemes(said, 0.0, end_s)
        for fps in (30, 60):
            jaw = curve(blend_shapes(rows, end_s, fps).values, "jawOpen")
            assert np.abs(np.diff(jaw)).max() <= JAW_PER_S / fps + 1e-5
            assert jaw.max() <= 0.6 + 1e-6


def test_a_vowel_is_whole_at_its_start_and_comes_gently():
    said, end_s = timed("sˈu", [0.2, 0.05, 0.3])
    pucker = curve(blend_shapes(visemes(said, 0.0, end_s), end_s, 100).values, "mouthPucker")
    assert pucker[30:50] == pytest.approx(0.75)
    before = pucker[20:31]
    assert (np.diff(before) >= -1e-6).all() and 0.1 < before[0] < before[7] < 0.75
    assert np.diff(pucker).max() < 0.2


def test_left_and_right_are_alike_and_eyes_are_left_alone():
    said, end_s = timed("sˈupɚfˈAsɪz")
    values = blend_shapes(visemes(said, 0.0, end_s), end_s).values
    for name in NAMES:
        if name.endswith("Left"):
            assert (curve(values, name) == curve(values, name.removesuffix("Left") + "Right")).all()
        if name.startswith(("eye", "brow", "nose")):
            assert not curve(values, name).any()


def test_a_later_phrase_begins_with_its_own_first_frame():
    said, end_s = timed("ˈɑ")
    rows = visemes(said, 0.0, end_s)
    later = [(start_s + 3, shape, weight) for start_s, shape, weight in rows]
    assert blend_shapes(later, end_s + 3).values == pytest.approx(blend_shapes(rows, end_s).values, abs=1e-4)
