"""The same weights, ids and noise give what the reference implementation gives."""

import numpy as np
import pytest
import torch

from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.engines.layers import Span
from sidecar.prosody.plan import Phrase
from tests.engines.lines import CHINESE, MINE, NOBODY, SHORT
from tests.reference.kokoro_reference import Reference, available

pytestmark = pytest.mark.skipif(not available(), reason="reference package kokoro is not installed")

CASES = [
    (MINE, "af_heart", 1.0),
    (NOBODY, "am_michael", 0.8),
    (SHORT, "bf_emma", 1.3),
    (CHINESE, "zf_xiaobei", 1.0),
]


@pytest.fixture(scope="module")
def reference(weights: dict[str, torch.Tensor]) -> Reference:
    return Reference(weights)


def inputs(engine: KokoroEngine, line: str, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    tokens, _ = engine._tokens([line])
    return tokens, torch.from_numpy(engine.speaker(name).row(len(line)))[None]


@pytest.mark.parametrize(("line", "name", "speed"), CASES)
def test_plan_equals_the_reference(
    engine: KokoroEngine, reference: Reference, line: str, name: str, speed: float
):
    speaker = engine.speaker(name)
    (plan,) = engine.plan([Phrase(line, speaker, speaker, speed)])
    durations, f0, energy, _ = reference.plan(*inputs(engine, line, name), speed)
    assert plan.durations_frames.tolist() == durations.tolist()
    assert np.abs(plan.f0_hz - f0[0].numpy()).max() <= 1e-3 * np.abs(f0.numpy()).max()
    assert np.abs(plan.energy - energy[0].numpy()).max() <= 1e-3 * np.abs(energy.numpy()).max()


@pytest.mark.parametrize(("line", "name", "speed"), CASES)
def test_waveform_equals_the_reference(
    engine: KokoroEngine, reference: Reference, line: str, name: str, speed: float
):
    tokens, style = inputs(engine, line, name)
    durations, f0, energy, alignment = reference.plan(tokens, style, speed)
    noise = torch.randn(1, 600 * int(durations.sum()), 9, generator=torch.Generator().manual_seed(1))
    expected = reference.render(tokens, alignment, f0, energy, style, noise)
    index, span = engine._alignment([durations.numpy()])
    with torch.inference_mode():
        token_span = Span([tokens.shape[1]], engine.device)
        audio = engine.network.render(tokens, token_span, index, span, f0, energy, style[:, :128], noise)
    assert audio.shape == (1, len(expected))
    assert np.abs(audio[0].numpy() - expected).max() <= 1e-3 * np.abs(expected).max()
