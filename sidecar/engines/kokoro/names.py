"""Tensor names: the published checkpoint's spelling for every parameter of our modules.

Packs store tensors under the published names with weight normalisation folded, so that a
pack made from the float checkpoint and one made from the ONNX export look the same.
"""

import re

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.network import Kokoro

_RENAMES: tuple[tuple[str, str], ...] = (
    (r"^bert\.embedding_hidden_mapping_in", r"bert.encoder.embedding_hidden_mapping_in"),
    (r"^bert\.layer\.", r"bert.encoder.albert_layer_groups.0.albert_layers.0."),
    (r"^(predictor\.lstm|predictor\.shared|text_encoder\.lstm)\.lstm\.", r"\1."),
    (r"^predictor\.duration_proj\.", r"predictor.duration_proj.linear_layer."),
    (r"^predictor\.(F0|N)\.blocks\.", r"predictor.\1."),
    (r"^predictor\.(F0|N)\.proj\.", r"predictor.\1_proj."),
    (r"^text_encoder\.cnn\.(\d)\.conv\.", r"text_encoder.cnn.\1.0."),
    (r"^text_encoder\.cnn\.(\d)\.(gamma|beta)", r"text_encoder.cnn.\1.1.\2"),
    (r"^decoder\.asr_res\.", r"decoder.asr_res.0."),
    (r"\.stages\.(\d)\.up\.", r".ups.\1."),
    (r"\.stages\.(\d)\.noise_conv\.", r".noise_convs.\1."),
    (r"\.stages\.(\d)\.noise_res\.", r".noise_res.\1."),
    (r"\.snakes([12])\.(\d)\.norm\.fc\.", r".adain\1.\2.fc."),
    (r"\.snakes([12])\.(\d)\.alpha", r".alpha\1.\2"),
)


def published_name(name: str, config: KokoroConfig) -> str:
    """Our parameter name -> the published one ("bert.layer.ffn.bias" -> "bert.encoder....ffn.bias")."""
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    if match := re.match(r"predictor\.text_encoder\.(lstms|norms)\.(\d)\.(?:lstm\.)?(.*)", name):
        kind, index, rest = match.groups()
        return f"predictor.text_encoder.lstms.{2 * int(index) + (kind == 'norms')}.{rest}"
    if match := re.match(r"(.*)\.stages\.(\d)\.resblocks\.(\d)\.(.*)", name):
        head, stage, block, rest = match.groups()
        return f"{head}.resblocks.{int(stage) * len(config.resblock_kernels) + int(block)}.{rest}"
    return name


def parameter_names(network: Kokoro) -> dict[str, str]:
    """Published name -> our name, for every parameter."""
    return {published_name(name, network.config): name for name, _ in network.named_parameters()}


def expected_shapes(config: KokoroConfig) -> dict[str, tuple[int, ...]]:
    """Published name -> shape of every tensor that a pack of this configuration must hold, and no other."""
    network = Kokoro(config)
    shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    return {published: shapes[name] for published, name in parameter_names(network).items()}
