"""What is heard in clips whose truth is known: spoken by the real voice from plans that were bent."""

import time
from collections.abc import Callable
from dataclasses import astuple, replace

import numpy as np
import pytest

from sidecar.audio.shape import resampled
from sidecar.line import Line
from sidecar.prosody.analysis import analysed
from sidecar.prosody.change import LIMITS, NONE, Change
from sidecar.prosody.f0 import RATE_HZ
from sidecar.prosody.plan import Plan
from sidecar.prosody.reference import change_of
from sidecar.prosody.traits import Traits
from sidecar.protocol.errors import BadAudio
from sidecar.voice import Voice
from tests.prosody.sounds import aired, chords, full, harmonics, mixed, seconds, telephoned, tilted, white

CALM = "The old mine has been sealed for ten long years, and nobody ever came back."
LINE = "My brother keeps the tavern. He will give you a warm bed, and some bread."
SPEAKERS = ("af_heart", "am_michael", "bf_emma")


def tuned(f0_st: float = 0.0, width: float = 1.0) -> Callable[[Plan], Plan]:
    """F0 moved and its excursions from the median made wider."""

    def apply(plan: Plan) -> Plan:
        voiced = plan.f0_hz > 10
        octaves = np.log2(np.where(voiced, plan.f0_hz, 1))
        middle = np.median(octaves[voiced])
        bent = 2 ** (middle + width * (octaves - middle) + f0_st / 12)
        return replace(plan, f0_hz=np.where(voiced, bent, plan.f0_hz).astype(np.float32))

    return apply


Say = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def say(voice: Voice) -> Say:
    """A clip at full scale and the analysis' rate; each is spoken once."""
    said: dict[tuple, np.ndarray] = {}
    engine = voice.synthesizer.model.engine

    def speak(speaker: str, text: str, f0_st: float = 0.0, width: float = 1.0, speed: float = 1.0):
        key = (speaker, text, f0_st, width, speed)
        if key not in said:
            line = voice.synthesizer.prepare(Line(text, speaker, speed=speed))
            plans = [tuned(f0_st, width)(plan) for plan in engine.plan(list(line.phrases))]
            rows = engine.render(plans, [0] * len(plans))
            said[key] = full(resampled(np.concatenate(rows), engine.description.sample_rate_hz, RATE_HZ))
        return said[key]

    return speak


@pytest.fixture(scope="session")
def speech(say: Say) -> np.ndarray:
    return say("af_heart", LINE)


def heard(sound: np.ndarray, baseline: np.ndarray) -> Change:
    return change_of(analysed(sound), analysed(baseline))


@pytest.mark.parametrize("speaker", SPEAKERS)
@pytest.mark.slow
class TestWithABaselineOfOtherText:
    def test_f0_is_the_difference(self, say: Say, speaker: str):
        calm, same = say(speaker, CALM), say(speaker, LINE)
        own = heard(same, calm).f0_st
        assert abs(own) < 1.5
        assert heard(say(speaker, LINE, f0_st=4), calm).f0_st - own == pytest.approx(4, abs=0.5)
        assert heard(say(speaker, LINE, f0_st=-3), calm).f0_st - own == pytest.approx(-3, abs=0.6)

    def test_range_is_wider_or_narrower(self, say: Say, speaker: str):
        calm = say(speaker, CALM)
        own = heard(say(speaker, LINE), calm).range_oct
        assert heard(say(speaker, LINE, width=1.6), calm).range_oct > max(own + 0.3, 0.15)
        assert heard(say(speaker, LINE, width=0.55), calm).range_oct < min(own - 0.3, -0.15)

    def test_rate_is_faster_or_slower(self, say: Say, speaker: str):
        calm = say(speaker, CALM)
        own = heard(say(speaker, LINE), calm).rate_oct
        assert heard(say(speaker, LINE, speed=1.4), calm).rate_oct > own + 0.1
        assert heard(say(speaker, LINE, speed=0.75), calm).rate_oct < own - 0.1

    def test_tilt_by_half_breath_and_level_follow(self, say: Say, speaker: str):
        calm, same = say(speaker, CALM), say(speaker, LINE)
        own = heard(same, calm)
        assert heard(tilted(same, 2), calm).tilt_db - own.tilt_db == pytest.approx(1, abs=0.3)
        assert heard(tilted(same, -2), calm).tilt_db - own.tilt_db == pytest.approx(-1, abs=0.3)
        assert heard(aired(same, 0.5), calm).breath > own.breath + 0.1
        louder = change_of(analysed(same, 0.0), analysed(same, -6.0))
        assert louder.level_db == pytest.approx(6, abs=0.01)

    def test_without_one_the_signs_hold_against_the_neutral_clip(self, say: Say, speaker: str):
        own = change_of(analysed(say(speaker, LINE)))
        wide, narrow = (change_of(analysed(say(speaker, LINE, width=width))) for width in (1.6, 0.55))
        assert wide.range_oct > own.range_oct + 0.2 > narrow.range_oct + 0.4
        assert wide.range_oct > 0 > narrow.range_oct
        assert wide.f0_st > own.f0_st > narrow.f0_st
        fast, slow = (change_of(analysed(say(speaker, LINE, speed=speed))) for speed in (1.4, 0.75))
        assert fast.rate_oct > own.rate_oct > slow.rate_oct
        same = say(speaker, LINE)
        assert change_of(analysed(tilted(same, 2))).tilt_db > own.tilt_db + 0.5
        assert own.level_db == own.pause_oct == own.accent_db == 0

    def test_without_one_a_neutral_clip_changes_little(self, say: Say, speaker: str):
        own = change_of(analysed(say(speaker, LINE)))
        assert abs(own.f0_st) < 1.5 and abs(own.range_oct) < 0.45 and abs(own.rate_oct) < 0.3
        assert abs(own.tilt_db) < 1 and own.breath < 0.15

    def test_a_clip_beside_itself_is_no_change(self, say: Say, speaker: str):
        same = analysed(say(speaker, LINE))
        assert change_of(same, same) == NONE


def traits(**others: float) -> Traits:
    usual = Traits(5, 40, 100, 126, 3, -5, -3, 4.6, 0.4, -20, 5, -7.5, 19, 0.3)
    return replace(usual, **others)


def test_what_is_beyond_the_limits_is_cut_to_them():
    wild = change_of(
        traits(middle_hz=480, base_hz=300, range_st=12, syllables_per_s=20, tilt_db=9, cepstral_peak_db=0),
        traits(level_dbfs=-60),
    )
    for value, (low, high) in zip(astuple(wild), LIMITS.values(), strict=True):
        assert low <= value <= high
    assert wild.f0_st == LIMITS["f0_st"][1]


def test_a_noisy_clip_says_nothing_of_the_voice_and_all_of_its_tune():
    noisy = change_of(traits(snr_db=10, tilt_db=-3, cepstral_peak_db=10, range_st=6), traits())
    assert noisy.tilt_db == noisy.breath == 0 < noisy.range_oct


def test_registers_beyond_most_peoples_count_without_a_baseline():
    assert change_of(traits(base_hz=200, middle_hz=252)).f0_st > 1
    assert change_of(traits(base_hz=60, middle_hz=75.6)).f0_st < -1
    assert change_of(traits()).f0_st == pytest.approx(0, abs=0.1)


class TestWhatIsHeardThroughBadMicrophones:
    def test_gain_changes_nothing_but_the_level(self, speech: np.ndarray):
        loud, soft = analysed(speech, 0.0), analysed(speech, -30.0)
        assert replace(soft, level_dbfs=loud.level_dbfs) == loud

    @pytest.mark.parametrize("speaker", SPEAKERS)
    def test_a_telephone_keeps_tune_and_rate(self, say: Say, speaker: str):
        sound = say(speaker, LINE)
        clear, far = analysed(sound), analysed(telephoned(sound))
        assert abs(12 * np.log2(far.middle_hz / clear.middle_hz)) < 2.5
        assert abs(np.log2(far.range_st / clear.range_st)) < 0.5
        assert abs(np.log2(far.syllables_per_s / clear.syllables_per_s)) < 0.25

    def test_some_noise_keeps_tune_and_rate(self, speech: np.ndarray):
        clear, noisy = analysed(speech), analysed(mixed(speech, white(10.0), 15))
        assert noisy.middle_hz == pytest.approx(clear.middle_hz, rel=0.03)
        assert noisy.range_st == pytest.approx(clear.range_st, rel=0.2)
        assert noisy.syllables_per_s == pytest.approx(clear.syllables_per_s, rel=0.2)

    def test_thirty_seconds_take_a_tenth_of_them_at_most(self, speech: np.ndarray):
        long = np.resize(speech, 30 * RATE_HZ)
        began = time.thread_time()
        analysed(long)
        assert time.thread_time() - began < 3.0


def refusal(sound: np.ndarray) -> str:
    with pytest.raises(BadAudio) as refused:
        analysed(full(sound))
    return str(refused.value)


class TestWhatIsRefused:
    def test_noise_as_loud_as_the_speech(self, speech: np.ndarray):
        pink = np.fft.irfft(np.fft.rfft(white(10.0)) / np.maximum(1, np.arange(40_001)) ** 0.5)
        for noise in (white(10.0), pink):
            assert "background" in refusal(mixed(speech, noise, 0))

    def test_nothing_but_noise(self):
        assert "background" in refusal(white(5.0))

    def test_music_alone(self):
        assert "music" in refusal(chords(6.0))

    @pytest.mark.parametrize("snr_db", [5, 10, 15, 20])
    def test_music_under_speech(self, speech: np.ndarray, snr_db: float):
        refused = refusal(mixed(speech, chords(8.0), snr_db))
        assert "music" in refused or "background" in refused

    def test_a_tone(self):
        refusal(np.sin(2 * np.pi * 440 * seconds(3.0)))

    def test_a_vowel_without_end(self):
        refusal(harmonics(np.full(3 * RATE_HZ, 150.0)))

    def test_two_people(self, say: Say):
        both = np.concatenate([say("af_heart", LINE), say("am_michael", LINE)])
        assert "two voices" in refusal(both)

    def test_a_whisper(self, speech: np.ndarray):
        level = np.convolve(np.abs(speech), np.ones(200) / 200, "same")
        assert "whisper" in refusal(level * white(len(speech) / RATE_HZ)[: len(speech)])

    def test_a_word_in_a_long_silence(self, speech: np.ndarray):
        assert "of speech" in refusal(np.concatenate([speech[1600:5600], np.zeros(5 * RATE_HZ)]))

    def test_one_person_who_is_calm_and_then_excited_is_not(self, say: Say):
        analysed(np.concatenate([say("af_heart", LINE, width=0.55), say("af_heart", LINE, width=1.6)]))
