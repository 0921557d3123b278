"""A voice may have something to add to its timbre in each layer of the decoder."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.config_check import tensor_shapes
from sidecar.engines.kokoro.decoder import Decoder
from sidecar.engines.kokoro.engine import KokoroEngine, fill
from sidecar.engines.kokoro.network import Kokoro
from sidecar.engines.kokoro.voices import TIMBRE, Voices
from sidecar.engines.layers import Span
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker
from sidecar.protocol.errors import ModelRejected
from tests.attacks.packs import MINIATURE

LINES = ["hˈɔlt", "hu ɡˈoʊz ðˈɛɹ?", "wˈɛl mˈɛt, fɹˈɛnd!"]
SHAPE = (MINIATURE.timbre_layers, MINIATURE.style)


def random(*shape: int, seed: int = 1) -> Floats:
    return (0.1 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def network(precision: torch.dtype) -> Kokoro:
    chance = torch.Generator().manual_seed(3)
    weights = {
        name: torch.randn(shape, generator=chance) / math.sqrt(math.prod(shape[1:]))
        for name, shape in tensor_shapes(MINIATURE).items()
    }
    return fill(MINIATURE, weights).prepare(torch.device("cpu"), precision)


@pytest.fixture(scope="module")
def mini() -> KokoroEngine:
    """A miniature that makes four phrases a pass, with the voice `plain`, and `more`: that with layers."""
    cpu, table = torch.device("cpu"), random(4, 256)
    layers = random(*SHAPE, seed=2).astype(np.float16)
    voices = Voices({"plain": table, "more": table, "more.layers": layers})
    return KokoroEngine(network(torch.float32), voices, cpu, torch.float32, rows_at_once=4)


def planned(engine: KokoroEngine, *speakers: Speaker) -> list[Plan]:
    return engine.plan([Phrase(line, s, s) for line, s in zip(LINES, speakers, strict=False)])


def with_layers(speaker: Speaker, layers: Floats | None) -> Speaker:
    return Speaker(speaker.name, speaker.table, layers)


def test_the_published_network_has_58_layers_in_the_order_that_is_documented():
    with torch.device("meta"):
        decoder = Decoder(KokoroConfig())
    names = {id(module): name for name, module in decoder.named_modules()}
    order = [names[id(norm)] for norm in decoder.timbre_layers()]
    assert len(order) == KokoroConfig().timbre_layers == 58
    assert [norm.place for norm in decoder.timbre_layers()] == list(range(58))
    assert order[:3] == ["encode.norm1", "encode.norm2", "decode.0.norm1"]
    assert order[9:14:2] == [
        "decode.3.norm2",
        "generator.stages.0.noise_res.snakes1.1.norm",
        "generator.stages.0.noise_res.snakes2.0.norm",
    ]
    assert order[16] == "generator.stages.0.resblocks.0.snakes1.0.norm"
    assert order[-1] == "generator.stages.1.resblocks.2.snakes2.2.norm"


def test_layers_of_nothing_sound_bit_for_bit_like_no_layers(mini: KokoroEngine):
    plain = mini.speaker("plain")
    (bare,) = mini.render(planned(mini, plain), [1])
    (same,) = mini.render(planned(mini, with_layers(plain, np.zeros(SHAPE, np.float32))), [1])
    assert np.array_equal(bare, same)


@pytest.mark.parametrize("layer", [0, 1, 9, 10, SHAPE[0] - 1])
def test_each_layer_is_heard(mini: KokoroEngine, layer: int):
    plain, layers = mini.speaker("plain"), np.zeros(SHAPE, np.float32)
    layers[layer] = random(SHAPE[1], seed=layer)
    (bare,) = mini.render(planned(mini, plain), [1])
    (other,) = mini.render(planned(mini, with_layers(plain, layers)), [1])
    assert not np.array_equal(bare, other)


def test_the_same_layer_everywhere_is_another_timbre(mini: KokoroEngine):
    plain, step = mini.speaker("plain"), random(SHAPE[1], seed=5)
    table = plain.table.copy()
    table[:, TIMBRE] += step
    (plan,) = planned(mini, plain)
    moved = Speaker("moved", table)
    (expected,) = mini.render([_spoken_by(plan, moved)], [1])
    (layered,) = mini.render([_spoken_by(plan, with_layers(plain, np.tile(step, (SHAPE[0], 1))))], [1])
    assert np.abs(layered - expected).max() <= 1e-5 * np.abs(expected).max()


def _spoken_by(plan: Plan, timbre: Speaker) -> Plan:
    phrase = Phrase(plan.phrase.phonemes, timbre, plan.phrase.manner)
    return Plan(phrase, plan.durations_frames, plan.f0_hz, plan.energy, plan.frame_s)


def test_voices_with_and_without_layers_share_a_pass(mini: KokoroEngine):
    speakers = [mini.speaker(name) for name in ("plain", "more", "plain")]
    plans = planned(mini, *speakers)
    together = mini.render(plans, [1, 2, 3])
    for seed, (plan, batched) in enumerate(zip(plans, together, strict=True), start=1):
        (alone,) = mini.render([plan], [seed])
        assert np.abs(batched - alone).max() <= 1e-4 * np.abs(alone).max()


def test_a_blend_mixes_layers_and_who_has_none_adds_none(mini: KokoroEngine):
    layers = random(*SHAPE, seed=2).astype(np.float16).astype(np.float32)
    assert np.allclose(mini.speaker({"plain": 3, "more": 1}).layers, layers / 4)
    assert np.allclose(mini.speaker({"more": 2}).layers, layers)
    assert mini.speaker({"plain": 1}).layers is None


def test_layers_belong_to_the_timbre_and_not_to_the_manner(mini: KokoroEngine):
    plain, more = mini.speaker("plain"), mini.speaker("more")
    own, lent = mini.plan([Phrase(LINES[0], plain, plain), Phrase(LINES[0], plain, more)])
    assert np.array_equal(mini.render([own], [1])[0], mini.render([lent], [1])[0])


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_reach_every_layer(precision: torch.dtype):
    decoder = network(precision).decoder
    span, frames = Span([12], torch.device("cpu")), 12
    layers = torch.from_numpy(random(1, *SHAPE)).requires_grad_()
    samples = decoder(
        torch.from_numpy(random(1, frames, MINIATURE.hidden)),
        torch.full((1, 2 * frames), 120.0),
        torch.ones(1, 2 * frames),
        layers,
        torch.from_numpy(random(1, 600 * frames, MINIATURE.harmonics)),
        span,
    )
    samples.square().mean().backward()
    assert layers.grad is not None and torch.isfinite(layers.grad).all()
    assert (layers.grad[0].abs().amax(-1) > 0).all()


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (np.zeros((58, 127), np.float32), "127|128"),
        (np.zeros(128, np.float32), "128"),
        (np.full((58, 128), np.nan, np.float32), "finite"),
    ],
    ids=["width", "one_row", "not_finite"],
)
def test_layers_that_are_none_are_refused(tmp_path: Path, layers: Floats, words: str):
    save_file({"one": random(4, 256), "one.layers": layers}, tmp_path / "voices.safetensors")
    with pytest.raises(ModelRejected, match=words):
        Voices.load(tmp_path / "voices.safetensors")


def test_a_voice_too_far_out_in_one_layer_is_named():
    layers = np.zeros((58, 128), np.float32)
    layers[41, 7] = 9.0
    voices = Voices({"af_one": random(4, 256), "af_one.layers": layers})
    complaint = voices.complaint("af_one")
    assert complaint is not None and complaint.startswith("in layer 41, number 7 is ")
    assert Voices({"af_one": random(4, 256)}).complaint("af_one") is None
