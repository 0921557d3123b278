"""The formulas for a configuration's tensors are those of the network."""

from dataclasses import asdict, replace

import pytest
import torch

from sidecar.engines.emotivoice import config_check as emotivoice
from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.network import JointGenerator, StyleEncoder
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.config_check import checked_config, tensor_shapes
from sidecar.engines.kokoro.names import expected_shapes
from tests.attacks.packs import MINIATURE

CONFIGS = {
    "published": KokoroConfig(),
    "miniature": MINIATURE,
    "shallow": replace(KokoroConfig(), depth=2, bert_layers=4, max_duration_frames=40),
    "other_rates": replace(
        MINIATURE, upsample_rates=(6, 10), upsample_kernels=(12, 20), noise_kernels=(5, 3)
    ),
    "other_blocks": replace(
        MINIATURE, resblock_kernels=(3, 5), resblock_dilations=(1, 3), generator_channels=16
    ),
    "square": replace(MINIATURE, decoder_hidden=10, hidden=8, text_residual=6, n_fft=30, hop=5, harmonics=4),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_shapes_by_formula_are_those_of_the_network(config: KokoroConfig):
    assert checked_config(asdict(config)) == config
    assert tensor_shapes(config) == expected_shapes(config)


@pytest.mark.parametrize(
    "config", [MINIATURE, CONFIGS["other_rates"], CONFIGS["other_blocks"], CONFIGS["square"]]
)
def test_a_network_of_every_sound_configuration_can_speak(config: KokoroConfig):
    import numpy as np

    from sidecar.engines.kokoro.engine import KokoroEngine, fill
    from sidecar.engines.kokoro.voices import Voices
    from sidecar.prosody.plan import Phrase

    torch.manual_seed(0)
    weights = {name: 0.1 * torch.randn(shape) for name, shape in tensor_shapes(config).items()}
    voices = Voices({"af_one": np.ones((4, 256), np.float32) * 0.1})
    network = fill(config, weights).prepare(torch.device("cpu"), torch.float32)
    engine = KokoroEngine(network, voices, torch.device("cpu"), torch.float32)
    (plan,) = engine.plan([Phrase("hˈɔlt", voices.named("af_one"), voices.named("af_one"))])
    (samples,) = engine.render([plan], [1])
    assert len(samples) == plan.frames * 600 and np.isfinite(samples).all()


EMOTIVOICES = {
    "published": EmotiVoiceConfig(),
    "small": EmotiVoiceConfig(
        width=24, decoder_layers=3, predictor_width=20, pitch_layers=2, energy_layers=1, duration_layers=4,
        generator_channels=32, upsample_rates=(16, 16), resblock_kernels=(3,), resblock_dilations=(1, 3),
        bert_width=48, bert_layers=2, bert_ffn=96,
    ),
}  # fmt: skip


@pytest.mark.parametrize("config", EMOTIVOICES.values(), ids=EMOTIVOICES)
def test_emotivoice_shapes_by_formula_are_those_of_the_networks(config: EmotiVoiceConfig):
    assert emotivoice.checked_config(asdict(config)) == config
    with torch.device("meta"):
        networks = JointGenerator(config), StyleEncoder(config)
    for network, shapes in zip(networks, (emotivoice.joint_shapes, emotivoice.style_shapes), strict=True):
        assert shapes(config) == {name: tuple(p.shape) for name, p in network.named_parameters()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder_heads": 7}, "encoder_heads"),
        ({"upsample_rates": (8, 8, 2)}, "128 samples"),
        ({"resblock_kernels": (4,)}, "odd"),
        ({"mels": 81}, "mels"),
        ({"bert_layers": True}, "bert_layers"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_an_unsound_emotivoice_configuration_is_named(change: dict, words: str):
    with pytest.raises(ValueError, match=words):
        emotivoice.checked_config({**asdict(EmotiVoiceConfig()), **change})
