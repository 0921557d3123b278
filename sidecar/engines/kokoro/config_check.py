"""Which configurations are sound, and the tensors each of them needs. Works without PyTorch.

`tensor_shapes` repeats in formulas what `network.py` builds; a test holds the two together.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.engines.config_fields import checked_fields
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.shapes import Shapes, conv, linear, norm

_LEAST_COMPACT = 1 << 14  #: values of a tensor
_NEVER_COMPACT = re.compile(r"\.(ups\.\d|conv_post)\.weight$")

#: Lowest and highest value of each dimension; a tuple's entries each keep to it.
_BOUNDS: dict[str, tuple[int, int]] = {
    "n_token": (178, 178),  # the vocabulary's
    "hidden": (8, 1024),
    "style": (128, 128),  # half a row of the voice tables
    "max_duration_frames": (10, 100),
    "depth": (1, 6),
    "text_kernel": (1, 9),
    "bert_embedding": (8, 512),
    "bert_hidden": (8, 1536),
    "bert_heads": (1, 24),
    "bert_layers": (1, 24),
    "bert_ffn": (8, 4096),
    "bert_positions": (512, 512),  # the reader cuts phrases to fit
    "decoder_hidden": (8, 2048),
    "text_residual": (4, 256),
    "generator_channels": (8, 1024),
    "upsample_rates": (2, 50),
    "upsample_kernels": (4, 100),
    "resblock_kernels": (1, 15),
    "resblock_dilations": (1, 9),
    "noise_kernels": (1, 15),
    "n_fft": (4, 64),
    "hop": (1, 32),
    "harmonics": (1, 16),
    "sample_rate_hz": (24000, 24000),
}
_LENGTHS = {
    "upsample_rates": (2, 2),
    "upsample_kernels": (2, 2),
    "noise_kernels": (2, 2),
    "resblock_kernels": (1, 4),
    "resblock_dilations": (1, 4),
}
_CURVE_HZ = 80


def checked_config(data: Mapping[str, Any]) -> KokoroConfig:
    """The configuration named by every field and no other. Raises `ValueError` naming the one at fault."""
    config = checked_fields(KokoroConfig, data, _BOUNDS, _LENGTHS)
    if complaint := next(_inconsistencies(config), None):
        raise ValueError(f"config: {complaint}")
    return config


def _inconsistencies(c: KokoroConfig) -> Iterator[str]:
    if c.hidden % 2:
        yield f"hidden is {c.hidden}, expected an even number"
    if c.bert_hidden % c.bert_heads:
        yield f"bert_hidden {c.bert_hidden} does not divide among {c.bert_heads} heads"
    for name in ("text_kernel", "resblock_kernels", "noise_kernels"):
        value = getattr(c, name)
        if any(kernel % 2 == 0 for kernel in (value if isinstance(value, tuple) else (value,))):
            yield f"{name} must be odd"
    if any(rate % 2 for rate in c.upsample_rates):
        yield "upsample_rates must be even"
    if c.upsample_kernels != tuple(2 * rate for rate in c.upsample_rates):
        yield "upsample_kernels must be twice upsample_rates"
    if c.generator_channels % (1 << len(c.upsample_rates)):
        yield f"generator_channels {c.generator_channels} cannot be halved {len(c.upsample_rates)} times"
    if c.n_fft % 2 or c.n_fft % c.hop or c.n_fft < 2 * c.hop:
        yield f"n_fft {c.n_fft} must be an even multiple of hop {c.hop}"
    if c.samples_per_curve_frame * _CURVE_HZ != c.sample_rate_hz:
        yield f"upsample_rates and hop make {c.samples_per_curve_frame} samples a step, not 300"


def compact_tensors(config: KokoroConfig) -> frozenset[str]:
    """What may be kept as int8: matrices and convolutions. Transposed convolutions and the last one are few,
    and suffer from rounding."""
    return frozenset(
        name
        for name, shape in tensor_shapes(config).items()
        if len(shape) > 1 and math.prod(shape) >= _LEAST_COMPACT and not _NEVER_COMPACT.search(name)
    )


def tensor_shapes(c: KokoroConfig) -> dict[str, tuple[int, ...]]:
    """Published name -> shape of every tensor of a pack of this configuration, and no other."""
    return dict([*_bert(c), *_predictor(c), *_text_encoder(c), *_decoder(c), *_generator(c)])


def _lstm(name: str, inputs: int, outputs: int) -> Shapes:
    half = outputs // 2
    for way in ("", "_reverse"):
        yield f"{name}.weight_ih_l0{way}", (4 * half, inputs)
        yield f"{name}.weight_hh_l0{way}", (4 * half, half)
        yield f"{name}.bias_ih_l0{way}", (4 * half,)
        yield f"{name}.bias_hh_l0{way}", (4 * half,)


def _block(name: str, inputs: int, outputs: int, style: int, *, upsample: bool = False) -> Shapes:
    yield from linear(f"{name}.norm1.fc", style, 2 * inputs)
    yield from linear(f"{name}.norm2.fc", style, 2 * outputs)
    yield from conv(f"{name}.conv1", inputs, outputs, 3)
    yield from conv(f"{name}.conv2", outputs, outputs, 3)
    if inputs != outputs:
        yield f"{name}.conv1x1.weight", (outputs, inputs, 1)
    if upsample:
        yield from conv(f"{name}.pool", 1, inputs, 3)


def _bert(c: KokoroConfig) -> Shapes:
    for table, rows in (("word", c.n_token), ("position", c.bert_positions), ("token_type", 2)):
        yield f"bert.embeddings.{table}_embeddings.weight", (rows, c.bert_embedding)
    yield from norm("bert.embeddings.LayerNorm", c.bert_embedding)
    yield from linear("bert.encoder.embedding_hidden_mapping_in", c.bert_embedding, c.bert_hidden)
    layer = "bert.encoder.albert_layer_groups.0.albert_layers.0"
    for part in ("query", "key", "value", "dense"):
        yield from linear(f"{layer}.attention.{part}", c.bert_hidden, c.bert_hidden)
    yield from norm(f"{layer}.attention.LayerNorm", c.bert_hidden)
    yield from linear(f"{layer}.ffn", c.bert_hidden, c.bert_ffn)
    yield from linear(f"{layer}.ffn_output", c.bert_ffn, c.bert_hidden)
    yield from norm(f"{layer}.full_layer_layer_norm", c.bert_hidden)
    yield from linear("bert_encoder", c.bert_hidden, c.hidden)


def _predictor(c: KokoroConfig) -> Shapes:
    wide, half = c.hidden + c.style, c.hidden // 2
    for layer in range(c.depth):
        yield from _lstm(f"predictor.text_encoder.lstms.{2 * layer}", wide, c.hidden)
        yield from linear(f"predictor.text_encoder.lstms.{2 * layer + 1}.fc", c.style, 2 * c.hidden)
    yield from _lstm("predictor.lstm", wide, c.hidden)
    yield from linear("predictor.duration_proj.linear_layer", c.hidden, c.max_duration_frames)
    yield from _lstm("predictor.shared", wide, c.hidden)
    for curve in ("F0", "N"):
        yield from _block(f"predictor.{curve}.0", c.hidden, c.hidden, c.style)
        yield from _block(f"predictor.{curve}.1", c.hidden, half, c.style, upsample=True)
        yield from _block(f"predictor.{curve}.2", half, half, c.style)
        yield from conv(f"predictor.{curve}_proj", half, 1, 1)


def _text_encoder(c: KokoroConfig) -> Shapes:
    yield "text_encoder.embedding.weight", (c.n_token, c.hidden)
    for layer in range(c.depth):
        yield from conv(f"text_encoder.cnn.{layer}.0", c.hidden, c.hidden, c.text_kernel)
        yield f"text_encoder.cnn.{layer}.1.gamma", (c.hidden,)
        yield f"text_encoder.cnn.{layer}.1.beta", (c.hidden,)
    yield from _lstm("text_encoder.lstm", c.hidden, c.hidden)


def _decoder(c: KokoroConfig) -> Shapes:
    joined = c.decoder_hidden + 2 + c.text_residual
    yield from _block("decoder.encode", c.hidden + 2, c.decoder_hidden, c.style)
    for layer in range(3):
        yield from _block(f"decoder.decode.{layer}", joined, c.decoder_hidden, c.style)
    yield from _block("decoder.decode.3", joined, c.generator_channels, c.style, upsample=True)
    for curve in ("F0", "N"):
        yield from conv(f"decoder.{curve}_conv", 1, 1, 3)
    yield from conv("decoder.asr_res.0", c.hidden, c.text_residual, 1)


def _generator(c: KokoroConfig) -> Shapes:
    head, bins = "decoder.generator", c.n_fft + 2
    yield from linear(f"{head}.m_source.l_linear", c.harmonics, 1)
    for stage, rate in enumerate(c.upsample_rates):
        channels, is_last = c.generator_channels >> (stage + 1), stage == len(c.upsample_rates) - 1
        yield f"{head}.ups.{stage}.weight", (2 * channels, channels, 2 * rate)
        yield f"{head}.ups.{stage}.bias", (channels,)
        stride = 1
        for later in c.upsample_rates[stage + 1 :]:
            stride *= later
        yield from conv(f"{head}.noise_convs.{stage}", bins, channels, 1 if is_last else 2 * stride)
        yield from _resblock(f"{head}.noise_res.{stage}", channels, c.noise_kernels[stage], c)
        for index, kernel in enumerate(c.resblock_kernels):
            block = stage * len(c.resblock_kernels) + index
            yield from _resblock(f"{head}.resblocks.{block}", channels, kernel, c)
    last = c.generator_channels >> len(c.upsample_rates)
    yield from conv(f"{head}.conv_post", last, bins, 7)


def _resblock(name: str, channels: int, kernel: int, c: KokoroConfig) -> Shapes:
    for index in range(len(c.resblock_dilations)):
        for half in (1, 2):
            yield from conv(f"{name}.convs{half}.{index}", channels, channels, kernel)
            yield from linear(f"{name}.adain{half}.{index}.fc", c.style, 2 * channels)
            yield f"{name}.alpha{half}.{index}", (1, channels, 1)
