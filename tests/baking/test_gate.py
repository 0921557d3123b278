"""The gate finds what is wrong with a clip, and nothing in one that is right."""

from dataclasses import replace

import numpy as np
import pytest

from sidecar.baking.gate import judged
from sidecar.line import Line
from sidecar.speech import Speech
from sidecar.voice import Voice
from tests.baking.faults import KINDS, planted

pytestmark = pytest.mark.slow
LINE = Line("The old bridge fell into the river last night, and nobody knows why.", "am_michael")


@pytest.fixture(scope="module")
def speech(voice: Voice) -> Speech:
    return voice.synthesizer.speak(LINE)


def test_a_clean_line_has_nothing_against_it(speech: Speech):
    assert judged(speech.samples, speech, LINE) == ()
    assert speech.planned_s == pytest.approx(speech.duration_s, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_fault_is_found_by_its_kind(speech: Speech, kind: str):
    for seed in range(3):
        found = judged(planted(kind, speech, np.random.default_rng(seed)), speech, LINE)
        assert KINDS[kind] in [finding.kind for finding in found], seed
        assert all(finding.how_bad >= 1 for finding in found)
        assert [f.how_bad for f in found] == sorted((f.how_bad for f in found), reverse=True)


def test_silence_is_said_in_a_word(speech: Speech):
    assert [f.kind for f in judged(np.zeros_like(speech.samples), speech, LINE)] == ["silent"]
    assert [f.kind for f in judged(np.zeros(0, np.float32), speech, LINE)] == ["silent"]


def test_a_word_that_is_planned_for_too_long_is_found(speech: Speech):
    at = next(n for n, word in enumerate(speech.words) if word.text == "bridge")
    words = list(speech.words)
    words[at] = replace(words[at], end_s=words[at].start_s + 1.6)
    (found,) = judged(speech.samples, replace(speech, words=tuple(words)), LINE)
    assert found.kind == "stretched" and "bridge" in found.detail and found.at_s == words[at].start_s


def test_a_level_other_than_asked_for_is_found(speech: Speech):
    asked = replace(LINE, loudness_lufs=-30)
    assert [f.kind for f in judged(speech.samples, speech, asked)] == ["level"]
    faint = speech.samples * np.float32(0.03)
    assert [f.kind for f in judged(faint, speech, LINE)] == ["level"]


def test_what_the_model_cut_to_full_scale_is_told(speech: Speech):
    cut = replace(speech, cut_samples=len(speech.samples) // 100)
    assert [f.kind for f in judged(speech.samples, cut, LINE)] == ["clipped"]
