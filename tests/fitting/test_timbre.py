import numpy as np
import pytest
import torch

from sidecar.fitting import timbre as module
from sidecar.fitting.material import Crop, Sentence, crops
from sidecar.fitting.timbre import Person, Progress, TimbreFit
from sidecar.prosody.f0 import Floats
from tests.fitting.toys import LAYERS, VOICES, WIDTH, ToyTuning, encoder, plan

TUNING = ToyTuning()


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENCODER_WEIGHTS", {"toy": 1.0})


def recording(frames: int = 48) -> Floats:
    """Somebody whose timbre no layer of a shipped voice has."""
    wanted = torch.tensor(VOICES["c"][1] + np.array([0.5, -0.6, 0.4, -0.5], np.float32))
    samples: Floats = TUNING.render(TUNING.said(plan(frames)), wanted.expand(LAYERS, -1))[0].numpy()
    return samples


def fit_of(steps: int = 16, seed: int = 0) -> TimbreFit:
    heard = recording()
    items: list[Crop | Sentence] = [*crops(TUNING, [plan()], heard), Sentence(TUNING.said(plan()))]
    person = Person(torch.from_numpy(heard)[None], 7000.0)
    space = TUNING.timbres(tuple("abdefgh"))
    return TimbreFit(TUNING, space, VOICES["a"][1], items, person, {"toy": encoder}, seed, steps)


def test_a_fit_comes_nearer_and_differs_by_layer() -> None:
    fit = fit_of(24)
    crop = fit._items[0]
    before = float(
        fit._aligned(TUNING.render(crop.said, torch.tensor(VOICES["a"][1]).expand(LAYERS, -1)), crop.heard)
    )
    fit.run(lambda _: None)
    timbre, layers = fit.timbre
    after = float(fit._aligned(TUNING.render(crop.said, torch.from_numpy(timbre + layers)), crop.heard))
    assert timbre.shape == (WIDTH,) and layers.shape == (LAYERS, WIDTH) and np.abs(layers).max() > 0
    assert after < 0.6 * before


def test_a_fit_that_goes_on_ends_with_the_same_bits() -> None:
    whole, killed, again = fit_of(), fit_of(), fit_of()
    whole.run(lambda _: None)
    for _ in range(11):
        killed.step()
    kept = killed.progress()
    again.resume(Progress(kept.step, {name: tensor.clone() for name, tensor in kept.tensors.items()}))
    again.run(lambda _: None)
    for one, other in zip(whole.timbre, again.timbre, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_seed_decides_and_another_gives_another_fit() -> None:
    fits = [fit_of(6, seed) for seed in (1, 1, 2)]
    for fit in fits:
        fit.run(lambda _: None)
    np.testing.assert_array_equal(fits[0].timbre[1], fits[1].timbre[1])
    assert not np.array_equal(fits[0].timbre[1], fits[2].timbre[1])


def test_progress_is_kept_now_and_then_and_at_the_end() -> None:
    kept: list[int] = []
    fit_of(20).run(lambda progress: kept.append(progress.step), keep_every=8)
    assert kept == [8, 16, 20]


def test_no_steps_leave_the_nearest_voice() -> None:
    fit = fit_of(0)
    fit.run(lambda _: None)
    timbre, layers = fit.timbre
    np.testing.assert_allclose(timbre, VOICES["a"][1], atol=1e-5)
    assert not layers.any()
