"""Pauses at inner marks and murmurs are lengthened, never shortened, and nothing else is touched."""

import numpy as np
import pytest

from sidecar.engines.emotivoice.plans import TokenPlan
from sidecar.prosody.pauses import murmured, with_pauses
from sidecar.prosody.plan import Phrase, Plan, Speaker

VOICE = Speaker("a", np.zeros((1, 4), np.float32))


def plan(phonemes: str, speed: float = 1.0, **frames: int) -> Plan:
    """Three frames a symbol; `frames` by a symbol's name tells otherwise."""
    durations = np.array([4, *(frames.get(symbol, 3) for symbol in phonemes), 2])
    energy = np.linspace(-9, 0, 2 * durations.sum(), dtype=np.float32)
    return Plan(Phrase(phonemes, VOICE, VOICE, speed), durations, np.full_like(energy, 100), energy, 0.025)


def gap_s(of: Plan, phonemes: str) -> float:
    at = of.phrase.phonemes.index(phonemes) + 1
    return float(of.durations_frames[at : at + len(phonemes)].sum() * of.frame_s)


@pytest.mark.parametrize(
    ("mark", "least_s"), [(".", 0.25), ("!", 0.25), ("?", 0.25), ("…", 0.25), ("—", 0.2)]
)
def test_an_inner_mark_pauses(mark: str, least_s: float):
    assert gap_s(with_pauses(plan(f"nˈO{mark} nˈO.")), f"{mark} ") >= least_s + 0.1


@pytest.mark.parametrize("mark", [".”", "!)", "?!", ".…"])
def test_marks_together_pause_once(mark: str):
    assert gap_s(with_pauses(plan(f"nˈO{mark} nˈO.")), f"{mark} ") == pytest.approx(0.35)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_a_pause_goes_with_the_speed(speed: float):
    assert gap_s(with_pauses(plan("nˈO! nˈO.", speed, **{"!": 1, " ": 1})), "! ") == pytest.approx(
        0.35 / speed, abs=0.025
    )


@pytest.mark.parametrize("phonemes", ["nˈO, nˈO.", "nˈO nˈO", "nˈO.", "“nˈO!”", "…nˈO."])
def test_a_phrase_without_an_inner_mark_is_the_very_same(phonemes: str):
    short = plan(phonemes)
    assert with_pauses(short) is short


def test_a_pause_that_is_long_enough_is_the_very_same():
    long = plan("nˈO. nˈO.", **{".": 12})
    assert with_pauses(long) is long


def test_nothing_sounds_at_a_mark_and_all_else_is_as_it_was():
    before = plan("nˈO! nˈO.")
    after = with_pauses(before)
    mark = slice(2 * (4 + 9), 2 * (4 + 9 + 11))
    assert not after.f0_hz[mark].any()
    assert np.all(after.energy[mark] == before.energy.min())
    rest = np.delete(np.arange(2 * after.frames), np.r_[mark])
    kept = np.delete(np.arange(2 * before.frames), np.r_[2 * 13 : 2 * 16])
    assert np.allclose(after.energy[rest], before.energy[kept])


def test_a_model_with_tokens_for_pauses_keeps_its_pitch():
    class Tokens(Plan):
        can_rest = TokenPlan.can_rest

    short = plan("nˈO! nˈO.")
    of_tokens = Tokens(short.phrase, short.durations_frames, short.f0_hz, short.energy, short.frame_s)
    after = with_pauses(of_tokens)
    assert gap_s(after, "! ") >= 0.35 and (after.f0_hz == 100).all()


@pytest.mark.parametrize("phonemes", ["m.", "ʃ", "m!", "mmː."])
def test_a_murmur_takes_its_time(phonemes: str):
    after = with_pauses(plan(phonemes))
    spoken = [at + 1 for at, symbol in enumerate(phonemes) if symbol in "mʃ"]
    assert after.durations_frames[spoken].sum() * after.frame_s >= 0.4
    assert after.f0_hz[2 * 4 : 2 * 4 + 2].all()


@pytest.mark.parametrize("phonemes", ["ˈO.", "nˈO.", "sp.", "\ue001.", "…", ""])
def test_other_phrases_are_no_murmurs(phonemes: str):
    assert not murmured(phonemes)
