"""Which configurations are sound, and the tensors each of them needs. Works without PyTorch.

The shapes repeat in formulas what `network.py` builds; a test holds the two together.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.engines.config_fields import checked_fields
from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.shapes import Shapes, conv, linear, norm

#: Lowest and highest value of each dimension; a tuple's entries each keep to it.
_BOUNDS: dict[str, tuple[int, int]] = {
    "n_token": (2, 4096),
    "n_speaker": (1, 10000),
    "width": (4, 1024),
    "encoder_layers": (1, 12),
    "encoder_heads": (1, 16),
    "decoder_layers": (1, 12),
    "decoder_heads": (1, 16),
    "predictor_width": (4, 1024),
    "pitch_layers": (1, 6),
    "energy_layers": (1, 6),
    "duration_layers": (1, 6),
    "mels": (80, 80),
    "generator_channels": (16, 1024),
    "upsample_rates": (2, 16),
    "resblock_kernels": (1, 15),
    "resblock_dilations": (1, 9),
    "bert_vocabulary": (4, 50000),
    "bert_width": (8, 1024),
    "bert_layers": (1, 24),
    "bert_heads": (1, 16),
    "bert_ffn": (8, 4096),
    "bert_positions": (16, 1024),
}
_LENGTHS = {"upsample_rates": (1, 6), "resblock_kernels": (1, 4), "resblock_dilations": (1, 4)}
_HOP = 256  #: 16 ms at 16 kHz, for which pitch and energy have their units


def checked_config(data: Mapping[str, Any]) -> EmotiVoiceConfig:
    """The configuration named by every field and no other. Raises `ValueError` naming the one at fault."""
    config = checked_fields(EmotiVoiceConfig, data, _BOUNDS, _LENGTHS)
    if complaint := next(_inconsistencies(config), None):
        raise ValueError(f"config: {complaint}")
    return config


def _inconsistencies(c: EmotiVoiceConfig) -> Iterator[str]:
    for width, heads in (
        ("width", "encoder_heads"),
        ("width", "decoder_heads"),
        ("bert_width", "bert_heads"),
    ):
        if getattr(c, width) % getattr(c, heads):
            yield f"{width} {getattr(c, width)} does not divide among {getattr(c, heads)} {heads}"
    if c.width % 2:
        yield f"width is {c.width}, expected an even number"
    if any(kernel % 2 == 0 for kernel in c.resblock_kernels):
        yield "resblock_kernels must be odd"
    if any(rate % 2 for rate in c.upsample_rates):
        yield "upsample_rates must be even"
    if c.hop != _HOP:
        yield f"upsample_rates make {c.hop} samples a frame, not {_HOP}"
    if c.generator_channels % (1 << len(c.upsample_rates)):
        yield f"generator_channels {c.generator_channels} cannot be halved {len(c.upsample_rates)} times"


def joint_shapes(c: EmotiVoiceConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of the joint generator, and no other."""
    return dict([*_acoustic(c), *_generator(c)])


def style_shapes(c: EmotiVoiceConfig) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of the style encoder, and no other."""
    return dict(_bert(c))


def _acoustic(c: EmotiVoiceConfig) -> Shapes:
    yield "am.src_word_emb.weight", (c.n_token, c.width)
    yield "am.spk_tokenizer.weight", (c.n_speaker, c.width)
    for name, depth in (("encoder", c.encoder_layers), ("decoder", c.decoder_layers)):
        yield from _transformer(f"am.{name}", c.width, c.ffn, depth)
    yield from linear("am.embed_projection1", 2 * c.width + 2 * c.bert_width, c.width)
    for name, depth in (
        ("duration", c.duration_layers), ("pitch", c.pitch_layers), ("energy", c.energy_layers),
    ):  # fmt: skip
        yield from _predictor(f"am.{name}_predictor", c.width, c.predictor_width, depth)
    for name in ("pitch", "energy"):
        yield from conv(f"am.{name}_embed.0", 1, c.width, 9)
    yield from linear("am.to_mel", c.width, c.mels)


def _transformer(name: str, width: int, inner: int, depth: int) -> Shapes:
    yield f"{name}.embed.0.alpha", (1,)
    for at in range(depth):
        layer = f"{name}.encoders.{at}"
        for part in ("q", "k", "v", "out"):
            yield from linear(f"{layer}.self_attn.linear_{part}", width, width)
        yield from conv(f"{layer}.feed_forward.w_1", width, inner, 3)
        yield from conv(f"{layer}.feed_forward.w_2", inner, width, 3)
        yield from norm(f"{layer}.norm1", width)
        yield from norm(f"{layer}.norm2", width)
    yield from norm(f"{name}.after_norm", width)


def _predictor(name: str, inputs: int, width: int, depth: int) -> Shapes:
    for at in range(depth):
        yield from conv(f"{name}.conv.{at}.0", width if at else inputs, width, 3)
        yield from norm(f"{name}.conv.{at}.2", width)
    yield from linear(f"{name}.linear", width, 1)


def _generator(c: EmotiVoiceConfig) -> Shapes:
    yield from conv("generator.conv_pre", c.mels, c.generator_channels, 7)
    width = c.generator_channels
    for stage, rate in enumerate(c.upsample_rates):
        yield f"generator.ups.{stage}.weight", (width, width // 2, 2 * rate)
        width //= 2
        yield f"generator.ups.{stage}.bias", (width,)
        for block, kernel in enumerate(c.resblock_kernels, stage * len(c.resblock_kernels)):
            for convs in ("convs1", "convs2"):
                for at in range(len(c.resblock_dilations)):
                    yield from conv(f"generator.resblocks.{block}.{convs}.{at}", width, width, kernel)
    yield from conv("generator.conv_post", width, 1, 7)


def _bert(c: EmotiVoiceConfig) -> Shapes:
    for table, rows in (("word", c.bert_vocabulary), ("position", c.bert_positions), ("token_type", 2)):
        yield f"bert.embeddings.{table}_embeddings.weight", (rows, c.bert_width)
    yield from norm("bert.embeddings.LayerNorm", c.bert_width)
    for at in range(c.bert_layers):
        layer = f"bert.encoder.layer.{at}"
        for part in ("query", "key", "value"):
            yield from linear(f"{layer}.attention.self.{part}", c.bert_width, c.bert_width)
        yield from linear(f"{layer}.attention.output.dense", c.bert_width, c.bert_width)
        yield from norm(f"{layer}.attention.output.LayerNorm", c.bert_width)
        yield from linear(f"{layer}.intermediate.dense", c.bert_width, c.bert_ffn)
        yield from linear(f"{layer}.output.dense", c.bert_ffn, c.bert_width)
        yield from norm(f"{layer}.output.LayerNorm", c.bert_width)
    yield from linear("bert.pooler.dense", c.bert_width, c.bert_width)
