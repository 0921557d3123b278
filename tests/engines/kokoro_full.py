"""Kokoro at its full size with random weights: neither speed nor memory depends on the values.

Engines need PyTorch and safetensors only, as machines with an accelerator often have no more.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from sidecar.engines.kokoro.config import ARCHITECTURE, VOICES, KokoroConfig
from sidecar.engines.kokoro.config_check import tensor_shapes
from sidecar.engines.kokoro.engine import KokoroEngine, fill
from sidecar.engines.kokoro.voices import Voices, write_published
from sidecar.engines.placement import Placement
from sidecar.text.languages import LANGUAGES

CONFIG = KokoroConfig()
#: About a phoneme's length and pitch in usual speech (a pack's weights reach 100 at most), and how loud the
#: bins of a spectrum are.
FRAMES, PITCH_HZ, LOG_MAGNITUDE = 3, 95.0, -3.0


def random_tensors(seed: int = 7) -> dict[str, Tensor]:
    """Published names. Numbers so small that nothing runs away, gains of 1, lines as long as spoken ones."""
    chance = torch.Generator().manual_seed(seed)
    made = {
        name: torch.randn(shape, generator=chance) / math.sqrt(math.prod(shape[1:]))
        for name, shape in tensor_shapes(CONFIG).items()
    }
    for name, tensor in made.items():
        if name.endswith(("LayerNorm.weight", "layer_norm.weight", "gamma")) or ".alpha" in name:
            tensor.fill_(1.0)
        elif name.endswith(("bias", "beta")):
            tensor.zero_()
    share = FRAMES / CONFIG.max_duration_frames
    made["predictor.duration_proj.linear_layer.bias"].fill_(math.log(share / (1 - share)))
    made["predictor.F0_proj.bias"].fill_(PITCH_HZ)
    made["decoder.generator.conv_post.weight"] *= 0.2
    made["decoder.generator.conv_post.bias"][: CONFIG.n_fft // 2 + 1] = LOG_MAGNITUDE
    return made


def full_size(
    placement: Placement, rows_at_once: int | None = None, tensors: Mapping[str, Tensor] | None = None
) -> KokoroEngine:
    """An engine that speaks gibberish as fast as the real one speaks."""
    network = fill(CONFIG, dict(tensors or random_tensors()))
    device, precision = torch.device(placement.device), getattr(torch, placement.precision)
    file = resources.files("sidecar.engines.kokoro") / "data" / "voices.safetensors"
    with resources.as_file(file) as path:
        voices = Voices.load(path)
    return KokoroEngine(network.prepare(device, precision), voices, device, precision, rows_at_once)


def write_pack(folder: Path, name: str, version: str) -> None:
    """A whole pack that sounds like nothing: its probe is a picture of nothing, for who does not listen."""
    from safetensors.torch import save_file

    from sidecar.audio.mel import BANDS
    from sidecar.engines.family import WEIGHTS
    from sidecar.models.file_names import PROBE
    from sidecar.models.manifest import Probe, ProbeLine
    from sidecar.models.pack import draft, seal

    folder.mkdir(parents=True)
    save_file({key: tensor.half() for key, tensor in random_tensors().items()}, folder / WEIGHTS)
    speakers = write_published(folder / VOICES)
    save_file({"line.0": torch.zeros(80, BANDS, dtype=torch.float16)}, folder / PROBE)
    probe = Probe((ProbeLine("[[Halt|hˈɔlt]]!", speakers[0], 7),), 0.04)
    pack = draft(
        folder, (WEIGHTS, VOICES), name=name, version=version, architecture=ARCHITECTURE,
        config=asdict(CONFIG), languages=LANGUAGES, speakers=speakers, licence="CC0-1.0",
        source="random", probe=probe,
    )  # fmt: skip
    seal(pack, probe)
