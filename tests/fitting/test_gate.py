import numpy as np
import pytest

from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.engines.kokoro.tuning import KokoroTuning
from sidecar.fitting.gate import Found, within_reach
from sidecar.fitting.quality import NAMES, distance, voice_quality
from sidecar.prosody.f0 import Floats


def found(tuning: KokoroTuning, size: float) -> Found:
    start = tuning.timbre("am_michael")
    layers = np.random.default_rng(2).normal(0, size, (tuning.layers, tuning.width)).astype(np.float32)
    return Found(start, start + 0.01, layers, tuning.manner("am_michael"))


def test_layers_beyond_where_voices_are_known_are_shrunk(engine: KokoroEngine) -> None:
    tuning = KokoroTuning(engine)
    far = found(tuning, 3.0)
    assert tuning.complaint({**tuning.table("am_michael", far.timbre, far.manner), "layers": far.layers})
    tensors = within_reach(tuning, "am_michael", far, 1.0)
    assert tuning.complaint(tensors) is None
    assert 0 < np.abs(tensors["layers"]).max() < np.abs(far.layers).max()


def test_layers_within_reach_stay_as_they_were_fitted_and_half_of_them_is_half(engine: KokoroEngine) -> None:
    tuning = KokoroTuning(engine)
    near = found(tuning, 0.02)
    whole, half = (within_reach(tuning, "am_michael", near, share) for share in (1.0, 0.5))
    np.testing.assert_allclose(whole["layers"], near.layers, atol=1e-3)
    np.testing.assert_allclose(half["layers"], near.layers / 2, atol=1e-3)
    np.testing.assert_allclose(half["mean"][:128], near.start + 0.005, atol=1e-5)


def test_none_of_a_fit_is_the_nearest_voice_with_the_manner(engine: KokoroEngine) -> None:
    tuning = KokoroTuning(engine)
    tensors = within_reach(tuning, "am_michael", found(tuning, 0.1), 0.0)
    assert "layers" not in tensors
    table = tuning.speaker("mara", tensors).table
    np.testing.assert_allclose(table, engine.voices.table("am_michael"), atol=2e-3)


def test_a_fitted_voice_varies_with_the_length_of_phrases_as_its_nearest_does(engine: KokoroEngine) -> None:
    tuning = KokoroTuning(engine)
    tensors = tuning.table("af_heart", tuning.timbre("af_heart") + 1, tuning.manner("af_heart"))
    ours, theirs = tuning.speaker("mara", tensors).table, engine.voices.table("af_heart")
    np.testing.assert_allclose(np.diff(ours, axis=0), np.diff(theirs, axis=0), atol=2e-3)


def test_voice_quality_hears_a_filter_and_not_a_gain(spoken: dict[str, Floats]) -> None:
    samples = spoken["am_michael"]
    plain, quiet = voice_quality(samples, 24_000), voice_quality(0.2 * samples, 24_000)
    dull = voice_quality(np.convolve(samples, np.ones(5) / 5, "same").astype(np.float32), 24_000)
    spread = np.maximum(np.abs(plain) * 0.05, 0.1)
    assert len(plain) == len(NAMES) and np.isfinite(plain).all()
    assert distance(plain, quiet, spread) < 0.2 * distance(plain, dull, spread)


@pytest.mark.parametrize("name", ["am_michael", "af_heart"])
def test_formants_are_where_a_voice_has_them(spoken: dict[str, Floats], name: str) -> None:
    first, second, third = 2 ** voice_quality(spoken[name], 24_000)[:3]
    assert 300 < first < 800 < second < 2000 < third < 3300
