"""The same weights and ids give what upstream's own modules gave, at every stage they recorded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from sidecar.engines.emotivoice.acoustic import upsampled
from sidecar.engines.emotivoice.network import JointGenerator, StyleEncoder
from sidecar.engines.layers import Span
from tests.engines.emotivoice_fixture import CASES, FOLDER, JOINT, PARAMETRIZED, STYLE, expected, networks

STAGE, BERT = 2e-5, 1e-5  # absolute, float32 on the CPU
CPU = torch.device("cpu")
STYLES = json.loads((FOLDER / "style_cases.json").read_text("utf-8"))

#: Recorded name -> our module; `k` counts layers.
ACOUSTIC = {
    "token_embed": "am.src_word_emb",
    "encoder.pos": "am.encoder.embed.0",
    **{f"encoder.layer{k}": f"am.encoder.encoders.{k}" for k in range(2)},
    "encoder_out": "am.encoder",
    "projected": "am.embed_projection1",
    "pitch": "am.pitch_predictor",
    "energy": "am.energy_predictor",
    "pitch_embed": "am.pitch_embed.0",
    "energy_embed": "am.energy_embed.0",
    "decoder.pos": "am.decoder.embed.0",
    **{f"decoder.layer{k}": f"am.decoder.encoders.{k}" for k in range(3)},
    "decoder_out": "am.decoder",
    "mel": "am.to_mel",
}
VOCODER = {
    "voc.conv_pre": "generator.conv_pre",
    **{f"voc.up{k}": f"generator.ups.{k}" for k in range(4)},
    **{f"voc.res{k}": f"generator.resblocks.{k}" for k in range(3)},
    "voc.conv_post": "generator.conv_post",
}


@pytest.fixture(scope="module", params=[JOINT, PARAMETRIZED], ids=["weight_g", "parametrizations"])
def generator(request: pytest.FixtureRequest) -> JointGenerator:
    return networks(request.param)[0]


@pytest.fixture(scope="module")
def encoder() -> StyleEncoder:
    return networks()[1]


@contextmanager
def outputs_of(network: nn.Module, names: dict[str, str]) -> Iterator[dict[str, Tensor]]:
    """What each named module gives while the block runs."""
    seen: dict[str, Tensor] = {}
    hooks = [
        network.get_submodule(path).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.__setitem__(name, output)
        )
        for name, path in names.items()
    ]
    yield seen
    for hook in hooks:
        hook.remove()


def spoken(generator: JointGenerator, case: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every stage of the joint forward call, one row."""
    am, tokens = generator.am, case["in.tokens"]
    span = Span([tokens.shape[1]], CPU)
    with outputs_of(generator, {**ACOUSTIC, **VOCODER}) as seen, torch.inference_mode():
        speaker = am.spk_tokenizer.weight[case["in.speaker"]]
        prosody = am.prosody(tokens, speaker, case["in.style_embedding"], case["in.content_embedding"], span)
        frames = prosody.frames
        used = torch.where(frames.sum() > 0, frames, torch.ones_like(frames))
        frame_span = Span([int(used.sum())], CPU)
        mel = am.mel(prosody.text, prosody.pitch, prosody.energy, used.float(), span, frame_span)
        wav = generator.generator(mel, frame_span)
    added = seen["projected"] + seen["pitch_embed"] + seen["energy_embed"]
    return {
        **seen, "speaker_embed": speaker, "log_duration": prosody.log_duration[..., None],
        "durations": frames, "upsample_in": added, "wav": wav[:, None],
    }  # fmt: skip


def shown(name: str, tensor: Tensor) -> Tensor:
    """As recorded: the vocoder has channels before time."""
    return tensor.transpose(1, 2) if name.startswith("voc.") else tensor


@pytest.mark.parametrize("name", ["zh_short", "en_short", "zh_long", "zero_duration"])
def test_every_stage_equals_upstream(generator: JointGenerator, name: str):
    inputs = expected(f"expected_{CASES[name].get('same_inputs_as', name)}")
    inputs = {key: tensor for key, tensor in inputs.items() if key.startswith("in.")}
    case = {**inputs, **expected(f"expected_{name}")}
    bias = generator.am.duration_predictor.linear.bias
    kept = bias.clone()
    if override := CASES[name].get("override"):
        bias.copy_(torch.tensor(override["am.duration_predictor.linear.bias"]))
    stages = spoken(generator, case)
    bias.copy_(kept)
    assert stages["durations"].tolist() == case["durations"].tolist() == [CASES[name]["durations"]]
    recorded = [
        key for key in case if not key.startswith(("in.", "override.")) and key not in ("durations", "pcm16")
    ]
    assert "wav" in recorded and "mel" in recorded
    for key in recorded:
        if key == "upsampled":
            continue  # compared by itself below
        assert (shown(key, stages[key]) - case[key]).abs().max() <= STAGE, key
    pcm = (stages["wav"].flatten().double() * 32768).clamp(-32768, 32767).trunc()
    assert (pcm - case["pcm16"].double()).abs().max() <= 2


@pytest.mark.parametrize("name", ["zh_short", "en_short", "zh_long"])
def test_upsampling_equals_upstream(name: str):
    case = expected(f"expected_{name}")
    tokens, frames = case["durations"].shape[1], int(case["durations"].sum())
    x = upsampled(case["upsample_in"], case["durations"].float(), Span([tokens], CPU), Span([frames], CPU))
    assert (x - case["upsampled"]).abs().max() <= STAGE


@pytest.mark.parametrize("style", STYLES, ids=lambda style: str(style["index"]))
def test_the_style_encoder_equals_upstream(encoder: StyleEncoder, style: dict):
    case = {
        key.partition(".")[2]: tensor
        for key, tensor in expected("style_expected").items()
        if key.partition(".")[0] == str(style["index"])
    }
    names = {"hidden.0": "bert.embeddings", **{f"hidden.{k + 1}": f"bert.encoder.layer.{k}" for k in (0, 1)}}
    ids = case["input_ids"]
    with outputs_of(encoder, names) as seen, torch.inference_mode():
        pooled = encoder.bert(ids, Span([ids.shape[1]], CPU))
    for name, hidden in seen.items():
        assert (hidden - case[name]).abs().max() <= BERT, name
    assert (pooled - case["pooled_output"]).abs().max() <= BERT
    heads = torch.load(STYLE, map_location="cpu", weights_only=True)["model"]
    for kind in ("pitch", "speed", "energy", "emotion"):
        weight, bias = (heads[f"module.{kind}_clf.classifier.{part}"] for part in ("weight", "bias"))
        logits = torch.nn.functional.linear(pooled, weight, bias)
        assert (logits - case[f"logits.{kind}"]).abs().max() <= BERT, kind


def test_rows_of_a_batch_do_not_leak_into_each_other(generator: JointGenerator):
    """Upstream's own logic moves the shorter row's pitch by 0.59 and its mel by 0.34 here."""
    cases = [expected(f"expected_{name}") for name in ("zh_short", "zh_long", "en_short")]
    lengths = [int(case["in.lengths"]) for case in cases]
    tokens, span = torch.zeros(3, max(lengths), dtype=torch.long), Span(lengths, CPU)
    for row, case in zip(tokens, cases, strict=True):
        row[: case["in.tokens"].shape[1]] = case["in.tokens"][0]
    speaker = generator.am.spk_tokenizer.weight[torch.cat([case["in.speaker"] for case in cases])]
    style, content = (
        torch.cat([case[f"in.{kind}_embedding"] for case in cases]) for kind in ("style", "content")
    )
    with torch.inference_mode():
        p = generator.am.prosody(tokens, speaker, style, content, span)
        frame_span = Span(p.frames.sum(1).tolist(), CPU)
        mel = generator.am.mel(p.text, p.pitch, p.energy, p.frames.float(), span, frame_span)
        wav = generator.generator(mel, frame_span)
    for row, (case, length) in enumerate(zip(cases, lengths, strict=True)):
        assert p.frames[row, :length].tolist() == case["durations"][0].tolist()
        assert (p.pitch[row, :length] - case["pitch"][0]).abs().max() <= STAGE
        frames = case["mel"].shape[1]
        assert (mel[row, :frames] - case["mel"][0]).abs().max() <= STAGE
        assert (wav[row, : 256 * frames] - case["wav"].flatten()).abs().max() <= STAGE
