"""The formulas for a configuration's tensors are those of the network."""

from dataclasses import asdict, replace

import pytest

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
    import torch

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
