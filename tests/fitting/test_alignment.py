import numpy as np
import pytest

from sidecar.fitting.alignment import _apart, aligned, warped
from sidecar.fitting.curves import energy_of, f0_of
from sidecar.line import Line
from sidecar.prosody.plan import Phrase
from sidecar.synthesis import Synthesizer
from sidecar.voice import Voice


def test_a_path_follows_what_was_stretched() -> None:
    a = np.arange(40, dtype=np.float32)
    b = np.repeat(a, 3)
    path, cost = warped(np.abs(a[:, None] - b[None]))
    assert cost == 0
    assert tuple(path[0]) == (0, 0) and tuple(path[-1]) == (39, 119)
    assert (np.diff(path, axis=0) >= 0).all() and (path[:, 1] // 3 == path[:, 0]).all()


def test_a_path_agrees_with_all_paths_of_a_small_table() -> None:
    costs = np.random.default_rng(3).random((4, 5))

    def cheapest(i: int, j: int) -> float:
        if i == j == 0:
            return float(costs[0, 0])
        before = [cheapest(i - a, j - b) for a, b in ((1, 1), (0, 1), (1, 0)) if i >= a and j >= b]
        return float(costs[i, j]) + min(before)

    path, mean = warped(costs)
    assert mean * len(path) == pytest.approx(cheapest(3, 4))


@pytest.mark.parametrize(
    "edges", [[0, 0, 0, 9, 9, 10], [0, 8, 9, 10, 10, 10], [3, 3, 3, 3, 3, 3], [0, 2, 4, 6, 8, 10]]
)
def test_every_token_gets_a_frame(edges: list[int]) -> None:
    found = _apart(np.array(edges), 10)
    assert found[0] == 0 and found[-1] == 10 and (np.diff(found) >= 1).all()


def test_edges_that_fit_stay() -> None:
    np.testing.assert_array_equal(_apart(np.array([0, 2, 4, 6, 8, 10]), 10), [0, 2, 4, 6, 8, 10])


def test_too_little_time_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 frames for 5 tokens"):
        _apart(np.arange(6), 3)


def test_phonemes_are_found_in_another_voices_speech(voice: Voice) -> None:
    """What a man says, by a woman who says the same: within three hundredths of a second on average."""
    engine = voice.synthesizer.model.engine
    text = "We have seven horses, and one very old dog."
    man, woman = (engine.plan(_phrases(voice.synthesizer, text, name)) for name in ("am_michael", "af_heart"))
    heard = np.concatenate(engine.render(man, [1] * len(man)))
    found, cost = aligned(heard, woman, engine.render(woman, [1] * len(woman)))
    ends = [
        np.cumsum(np.concatenate([plan.durations_frames for plan in plans]))[:-1] for plans in (man, found)
    ]
    inner = np.abs(ends[0] - ends[1]) * 0.025
    assert inner.mean() < 0.03
    assert cost < 0.38


def _phrases(synthesizer: Synthesizer, text: str, name: str) -> list[Phrase]:
    return list(synthesizer.prepare(Line(text, name)).phrases)


def test_curves_of_a_recording_are_the_models_own(voice: Voice) -> None:
    """F0 and energy that are read off a model's speech, against those it was given."""
    engine = voice.synthesizer.model.engine
    (plan,) = engine.plan(
        _phrases(voice.synthesizer, "There is a letter for you from the captain.", "am_michael")
    )
    (samples,) = engine.render([plan], [1])
    steps = len(plan.f0_hz)
    f0, energy = f0_of(samples, steps), energy_of(samples, steps)
    both = (f0 > 0) & (plan.f0_hz > 60)
    assert abs(np.median(12 * np.log2(f0[both] / plan.f0_hz[both]))) < 0.3
    loud = plan.energy > np.quantile(plan.energy, 0.4)
    assert np.corrcoef(energy, plan.energy)[0, 1] > 0.9
    assert np.abs(energy - plan.energy)[loud].mean() < 0.6
