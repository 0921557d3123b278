"""The fast renderer's own promises, at a small size with random weights."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sidecar.engines.layers import Span
from sidecar.engines.tensors import write_tensors
from sidecar.protocol.errors import ModelRejected
from tools.train_renderer.renderer import (
    HOP,
    RATE_HZ,
    FastConfig,
    FastRenderer,
    Heard,
    pulses,
    statistics,
)

SMALL = FastConfig(features=12, style=4, channels=16, blocks=2, condition=8)
CPU = torch.device("cpu")
LONG, SHORT = 130, 47


@pytest.fixture
def renderer() -> FastRenderer:
    torch.manual_seed(3)
    return FastRenderer(SMALL).eval()


def given(steps: int, seed: int = 1) -> dict[str, Tensor]:
    """A phrase as it comes to `render`, without its span: gliding F0 with an unvoiced gap."""
    chance = torch.Generator().manual_seed(seed)
    f0_hz = 120 + 80 * torch.rand(1, steps, generator=chance).cumsum(1) / steps
    f0_hz[:, steps // 3 : steps // 3 + 9] = 0
    return {
        "x": torch.randn(1, steps, SMALL.features, generator=chance),
        "s": torch.randn(1, SMALL.style, generator=chance),
        "f0_hz": f0_hz,
        "energy": torch.randn(1, steps, generator=chance),
        "noise": torch.randn(1, steps * HOP, generator=chance),
    }


def test_every_step_has_its_samples(renderer: FastRenderer):
    samples = renderer.render(**given(LONG), span=Span([LONG], CPU))
    assert samples.shape == (1, LONG * HOP)
    assert torch.isfinite(samples).all()
    assert samples.abs().max() > 1e-3


def test_same_noise_gives_same_samples_and_other_noise_others(renderer: FastRenderer):
    phrase, span = given(LONG), Span([LONG], CPU)
    again = renderer.render(**phrase, span=span)
    other = renderer.render(**{**phrase, "noise": -phrase["noise"]}, span=span)
    assert torch.equal(renderer.render(**phrase, span=span), again)
    assert not torch.allclose(other, again)


@pytest.mark.parametrize("lengths", [[24, 48], [7], [LONG]], ids=str)
def test_pieces_are_the_whole_cut_up(renderer: FastRenderer, lengths: list[int]):
    phrase = given(LONG)
    whole = renderer.render(**phrase, span=Span([LONG], CPU))
    pieces = list(renderer.pieces(**phrase, lengths=lengths))
    assert pieces[0].shape == (1, lengths[0] * HOP)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=0, atol=5e-5 * float(whole.abs().max()))


def test_first_piece_hears_no_further_than_its_reach(renderer: FastRenderer):
    phrase, first = given(LONG), 24
    piece = next(renderer.pieces(**phrase, lengths=[first]))
    far = {name: phrase[name].clone() for name in ("f0_hz", "energy")}
    for values in far.values():
        values[:, first + SMALL.reach :] = 1.0
    assert torch.equal(next(renderer.pieces(**{**phrase, **far}, lengths=[first])), piece)


def test_rows_of_a_batch_do_not_hear_each_other(renderer: FastRenderer):
    long, short = given(LONG), given(SHORT, seed=2)
    both = {name: pad_sequence([long[name][0], short[name][0]], batch_first=True) for name in long}
    rows = renderer.render(**both, span=Span([LONG, SHORT], CPU))
    for row, phrase, steps in ((0, long, LONG), (1, short, SHORT)):
        alone = renderer.render(**phrase, span=Span([steps], CPU))[0]
        torch.testing.assert_close(
            rows[row, : len(alone)], alone, rtol=0, atol=5e-5 * float(alone.abs().max())
        )


def test_phase_is_exact_after_a_minute():
    steps = 80 * 60
    f0_hz = 180 + 40 * torch.sin(torch.arange(steps) / 30)[None]
    heard = Heard.whole(torch.zeros(1, steps, 1), f0_hz, torch.zeros(1, steps))
    turns = torch.cumsum(f0_hz[0].double() / RATE_HZ, 0) * HOP
    between = torch.nn.functional.interpolate(turns[None, None], scale_factor=HOP, mode="linear")[0, 0]
    error = torch.exp(1j * heard.phase()[0].double()) - torch.exp(2j * math.pi * between)
    assert error.abs().max() < 1e-4


def test_pulses_are_the_sum_of_all_harmonics():
    f0_hz = torch.tensor([[200.0, 200.0, 0.0]])
    heard = Heard.whole(torch.zeros(1, 3, 1), f0_hz, torch.zeros(1, 3))
    phase = heard.phase()
    harmonics = torch.arange(1, 60)[:, None].double()  # those under 11.9 kHz
    expected = torch.cos(harmonics * phase[0].double()).sum(0)
    made = pulses(phase, f0_hz)[0]
    torch.testing.assert_close(made[: 2 * HOP].double(), expected[: 2 * HOP], rtol=0, atol=2e-3)
    assert not made[2 * HOP :].any()


def test_a_phrase_is_known_by_its_own_steps_only():
    x = given(SHORT)["x"]
    padded = torch.cat([x, torch.zeros(1, 10, SMALL.features)], 1)
    both = torch.cat([padded, torch.randn(1, SHORT + 10, SMALL.features)])
    mean, spread = statistics(both, Span([SHORT, SHORT + 10], CPU))
    torch.testing.assert_close(mean[0], x[0].mean(0))
    torch.testing.assert_close(spread[0], x[0].std(0))


def test_weights_come_back_from_half_precision(renderer: FastRenderer, tmp_path: Path):
    write_tensors(renderer.state_dict(), tmp_path / "fast.safetensors", torch.float16)
    loaded = FastRenderer.load(tmp_path / "fast.safetensors", SMALL)
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, renderer.state_dict()[name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("change", ["missing", "extra", "misshapen"])
def test_weights_that_do_not_fit_are_refused(renderer: FastRenderer, tmp_path: Path, change: str):
    tensors = renderer.state_dict()
    name = "blocks.1.depth"
    tensors |= {"missing": {}, "extra": {"more": torch.zeros(1)}, "misshapen": {name: torch.zeros(3)}}[change]
    if change == "missing":
        del tensors[name]
    write_tensors(tensors, tmp_path / "fast.safetensors", torch.float16)
    with pytest.raises(ModelRejected, match="more" if change == "extra" else name):
        FastRenderer.load(tmp_path / "fast.safetensors", SMALL)


def test_wide_layers_can_be_bfloat16(renderer: FastRenderer):
    phrase, span = given(LONG), Span([LONG], CPU)
    exact = renderer.render(**phrase, span=span)
    rough = renderer.prepare(CPU, torch.bfloat16).render(**phrase, span=span)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 0.1 * exact.abs().max()
