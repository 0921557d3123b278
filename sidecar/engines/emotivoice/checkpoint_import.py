"""The two published checkpoints -> the tensors of a pack, under the published names.

Joint generator (`g_00140000` or a fine-tuned one): a dict with the one key `generator`, a state dict with
the prefixes ``am.`` and ``generator.``, the latter's convolutions weight-normed. Style encoder
(`checkpoint_163431`): a dict whose key `model` is a state dict with ``module.`` before every name; what
else is in the file is the optimiser's.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from sidecar.engines.checkpoint import folded, placed
from sidecar.engines.emotivoice.config import EmotiVoiceConfig
from sidecar.engines.emotivoice.config_check import joint_shapes, style_shapes
from sidecar.protocol.errors import ModelRejected

JOINT, STYLE = "generator", "model"
_ALIGNMENT = "am.alignment_module."
_PREFIX = "module."
_HEADS = tuple(f"{kind}_clf.classifier." for kind in ("pitch", "speed", "energy", "emotion"))
#: What training needed and speaking does not.
_UNUSED_STYLE = (*_HEADS, "style_embed_proj.", "bert.embeddings.position_ids")


def joint_tensors(checkpoint: Mapping[str, object], name: str) -> dict[str, Tensor]:
    """All that the file holds, weight norm folded, without the aligner. Raises `ModelRejected`."""
    if odd := sorted(map(str, checkpoint.keys() - {JOINT})):
        raise ModelRejected(f"{name} has an unexpected entry {odd[0]!r} beside {JOINT!r}")
    found = folded(_state(checkpoint[JOINT], name))
    kept = {key: tensor for key, tensor in found.items() if not key.startswith(_ALIGNMENT)}
    return {key: tensor.reshape(tensor.shape or (1,)) for key, tensor in kept.items()}


def style_tensors(checkpoint: Mapping[str, object], name: str) -> dict[str, Tensor]:
    """The encoder without its classifiers. Raises `ModelRejected`."""
    found = {}
    for key, tensor in _state(checkpoint[STYLE], name).items():
        if not key.startswith(_PREFIX):
            raise ModelRejected(f"{name}: tensor {key!r} does not begin with {_PREFIX!r}")
        if not key.removeprefix(_PREFIX).startswith(_UNUSED_STYLE):
            found[key.removeprefix(_PREFIX)] = tensor
    return found


def _state(entry: object, name: str) -> dict[str, Tensor]:
    if not isinstance(entry, Mapping):
        raise ModelRejected(f"{name} holds no state dict but {type(entry).__name__}")
    for key, tensor in entry.items():
        if not isinstance(key, str) or not isinstance(tensor, Tensor):
            raise ModelRejected(f"{name}: {key!r} is not a tensor")
    return dict(entry)


def fitted(
    config: EmotiVoiceConfig, joint: Mapping[str, Tensor], style: Mapping[str, Tensor], names: tuple[str, str]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Exactly the tensors that the configuration asks for. Raises `ModelRejected` naming the first odd one.

    `names` are the two files'.
    """
    return placed(joint, joint_shapes(config), names[0]), placed(style, style_shapes(config), names[1])


def measured(
    base: EmotiVoiceConfig, joint: Mapping[str, Tensor], style: Mapping[str, Tensor]
) -> EmotiVoiceConfig:
    """`base` with every size that the tensors show; the numbers of heads leave no trace in them.

    Raises `KeyError` or `ValueError` where a tensor to measure is missing or of another kind.
    """
    tokens, width = joint["am.src_word_emb.weight"].shape
    vocabulary, bert_width = style["bert.embeddings.word_embeddings.weight"].shape
    ups = _count(joint, "generator.ups.", ".weight")
    return replace(
        base,
        n_token=tokens,
        n_speaker=len(joint["am.spk_tokenizer.weight"]),
        width=width,
        encoder_layers=_count(joint, "am.encoder.encoders.", ".norm1.weight"),
        decoder_layers=_count(joint, "am.decoder.encoders.", ".norm1.weight"),
        predictor_width=len(joint["am.pitch_predictor.conv.0.0.weight"]),
        pitch_layers=_count(joint, "am.pitch_predictor.conv.", ".0.weight"),
        energy_layers=_count(joint, "am.energy_predictor.conv.", ".0.weight"),
        duration_layers=_count(joint, "am.duration_predictor.conv.", ".0.weight"),
        mels=len(joint["am.to_mel.weight"]),
        generator_channels=len(joint["generator.conv_pre.weight"]),
        upsample_rates=tuple(joint[f"generator.ups.{at}.weight"].shape[2] // 2 for at in range(ups)),
        bert_vocabulary=vocabulary,
        bert_width=bert_width,
        bert_layers=_count(style, "bert.encoder.layer.", ".output.dense.weight") // 2,
        bert_ffn=len(style["bert.encoder.layer.0.intermediate.dense.weight"]),
        bert_positions=len(style["bert.embeddings.position_embeddings.weight"]),
    )


def _count(tensors: Mapping[str, Tensor], head: str, tail: str) -> int:
    return sum(name.startswith(head) and name.endswith(tail) for name in tensors)
