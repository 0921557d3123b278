"""A line with an effect: as it was planned, but for what the effect says, on every way that there is."""

from dataclasses import replace

import numpy as np
import pytest

from sidecar.audio.effects import Effect
from sidecar.line import Line
from sidecar.lipsync.oculus import CLOSED
from sidecar.protocol.errors import BadRequest, Unsupported
from sidecar.voice import Voice
from tests.fakes import tone_voice

LINE = Line("Who goes there? Nobody, my lord.", "bass")
ROOM = Effect(room_s=1.0, room_share=0.3)


@pytest.fixture
def synthesizer():
    return tone_voice().synthesizer


def test_words_and_lips_stay_and_the_mouth_is_closed_in_the_tail(synthesizer):
    plain, treated = synthesizer.speak(LINE), synthesizer.speak(replace(LINE, effect=ROOM))
    assert treated.words == plain.words and treated.phonemes == plain.phonemes
    assert treated.visemes[:-1] == plain.visemes
    assert treated.visemes[-1] == (pytest.approx(plain.duration_s), CLOSED, 1.0)
    assert treated.duration_s == pytest.approx(plain.duration_s + ROOM.tail_s, abs=1e-3)
    assert treated.planned_s == pytest.approx(treated.duration_s, abs=1e-3)


def test_no_effect_is_the_very_same_line(synthesizer):
    plain, none = synthesizer.speak(LINE), synthesizer.speak(replace(LINE, effect=Effect()))
    assert none.samples.tobytes() == plain.samples.tobytes() and none.seed == plain.seed


def test_pitch_and_tune_are_spoken(synthesizer):
    (low,) = synthesizer.plans(Line("No.", "bass", effect=Effect(pitch_st=-12)))
    (plain,) = synthesizer.plans(Line("No.", "bass"))
    np.testing.assert_allclose(low.f0_hz, plain.f0_hz / 2, rtol=1e-5)
    assert low.boundaries_s().tolist() == plain.boundaries_s().tolist()
    (both,) = synthesizer.plans(Line("No.", "bass", pitch_semitones=-12, effect=Effect(pitch_st=-12)))
    np.testing.assert_allclose(both.f0_hz, low.f0_hz, rtol=1e-5)


def test_a_monotone_keeps_the_middle(synthesizer):
    asked = Line("Come in, come in!", "bass", emotion="excited", intensity=1.0)
    bent = np.concatenate([plan.f0_hz for plan in synthesizer.plans(asked)])
    flat = [plan.f0_hz for plan in synthesizer.plans(replace(asked, effect=Effect(monotone=1)))]
    assert bent.std() > 1 and all(curve[curve > 10].std() < 1e-3 for curve in flat)


def test_a_loudness_is_that_of_the_line_with_its_effect(synthesizer):
    from sidecar.audio.loudness import integrated_loudness

    asked = replace(LINE, effect="radio", loudness_lufs=-27.0)
    speech = synthesizer.speak(asked)
    assert integrated_loudness(speech.samples, speech.sample_rate_hz) == pytest.approx(-27, abs=0.3)


def test_an_effect_that_there_is_not_is_refused_with_the_nearest(synthesizer):
    for asked, words in (("gost", "did you mean 'ghost'"), (5, "name of one")):
        with pytest.raises(BadRequest, match=words) as refused:
            synthesizer.prepare(replace(LINE, effect=asked))
        assert refused.value.field == "effect"
    with pytest.raises(BadRequest):
        synthesizer.check(replace(LINE, effect="gost"))


def test_a_stream_has_no_effect(synthesizer):
    with pytest.raises(Unsupported) as refused:
        synthesizer.stream(replace(LINE, effect="ghost"))
    assert refused.value.field == "effect"


def test_the_api_takes_a_name_or_measures():
    voice = Voice(tone_voice().synthesizer)
    by_name, by_measures = (
        voice.synthesize("No.", effect=asked) for asked in ("cave", voice.effects["cave"])
    )
    assert by_name.samples.tobytes() == by_measures.samples.tobytes()


@pytest.mark.slow
def test_a_giant_of_the_real_voice_is_lower_and_larger_and_says_the_same_words(voice: Voice):
    line = Line("Who dares to wake me in the middle of the night?", "am_michael")
    plain, giant = voice.synthesizer.speak(line), voice.synthesizer.speak(replace(line, effect="giant"))
    assert [(w.text, w.start_s, w.end_s) for w in giant.words] == [
        (w.text, w.start_s, w.end_s) for w in plain.words
    ]
    vowels = [(a.f0_hz, b.f0_hz) for a, b in zip(plain.phonemes, giant.phonemes, strict=True) if a.f0_hz]
    assert np.median([12 * np.log2(after / before) for before, after in vowels]) == pytest.approx(-5, abs=0.1)
