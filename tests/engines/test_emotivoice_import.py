"""The published files become a pack's, strictly: every tensor placed, or a refusal that says why."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sidecar.engines.emotivoice.family import EMOTIVOICE
from sidecar.engines.emotivoice.files import STYLE
from sidecar.engines.emotivoice.lists import published_speakers, published_tokens
from sidecar.engines.emotivoice.pack_files import convert
from sidecar.engines.family import WEIGHTS
from sidecar.protocol.errors import ModelRejected
from tests.engines import emotivoice_fixture as fixture


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Copies to spoil, under their published names."""
    names = {"g_00140000": fixture.JOINT, "checkpoint_163431": fixture.STYLE, "vocab.txt": fixture.VOCABULARY}
    copies = {name: tmp_path / name for name in [*names, "config.json"]}
    for name, original in names.items():
        shutil.copyfile(original, copies[name])
    copies["config.json"].write_text(json.dumps(fixture.HEADS))
    return copies


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def resaved(path: Path, change: Callable[[Any], None]) -> None:
    content = torch.load(path, map_location="cpu", weights_only=True)
    change(content)
    torch.save(content, path)


@pytest.mark.parametrize("joint", [fixture.JOINT, fixture.PARAMETRIZED], ids=["weight_g", "parametrizations"])
def test_every_tensor_arrives_in_both_spellings_and_in_any_order(
    files: dict[str, Path], target: Path, joint: Path
):
    shutil.copyfile(joint, files["g_00140000"])
    converted = convert([*reversed(files.values())], target)
    _, generator, style = fixture.tensors(joint)
    for name, expected in ((WEIGHTS, generator), (STYLE, style)):
        written = load_file(target / name)
        assert written.keys() == expected.keys()
        assert all(torch.equal(written[key], tensor) for key, tensor in expected.items())
    assert {path.name for path in target.iterdir()} == set(EMOTIVOICE.files)
    assert not any("optimizer" in key or "clf" in key for key in load_file(target / STYLE))
    assert converted.speakers == published_speakers() and converted.config["decoder_heads"] == 2


def test_the_published_lists_are_as_long_as_the_tables_and_give_the_recorded_ids():
    tokens, speakers = published_tokens(), published_speakers()
    assert (len(tokens), len(set(tokens)), len(speakers), len(set(speakers))) == (502, 502, 2014, 2014)
    for case in fixture.CASES.values():
        if "tokens" in case:
            assert [tokens.index(token) for token in case["tokens"]] == case["ids"]
            assert speakers[case["speaker_id"]] == case["speaker"]


def test_a_fine_tuned_model_brings_its_own_speakers(files: dict[str, Path], target: Path, tmp_path: Path):
    table = "am.spk_tokenizer.weight"
    resaved(
        files["g_00140000"],
        lambda c: c["generator"].update({table: torch.cat([c["generator"][table], torch.ones(1, 24)])}),
    )
    with pytest.raises(ModelRejected, match=r"2,015 speakers.*own list"):
        convert(list(files.values()), target)
    speakers = tmp_path / "speaker"
    speakers.write_text("\n".join([*published_speakers(), "my_hero"]))
    assert convert([*files.values(), speakers], target).speakers[-1] == "my_hero"


def broken(defect: str, files: dict[str, Path]) -> None:
    joint, style, vocabulary = files["g_00140000"], files["checkpoint_163431"], files["vocab.txt"]
    if defect == "truncated":
        joint.write_bytes(joint.read_bytes()[:-50_000])
    elif defect == "truncated_style":
        style.write_bytes(style.read_bytes()[:300_000])
    elif defect == "empty":
        joint.write_bytes(b"")
    elif defect == "lfs":
        style.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    elif defect == "lfs_vocabulary":
        vocabulary.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    elif defect == "twice":
        shutil.copyfile(joint, style)
    elif defect == "discriminators":
        torch.save({"mpd": {}, "msd": {}, "optim_g": {}}, joint)
    elif defect == "bare_bert":
        torch.save({"bert.embeddings.word_embeddings.weight": torch.zeros(2, 2)}, style)
    elif defect == "other":
        torch.save({"net": 1}, joint)
    elif defect == "code":
        torch.save({"generator": Path("x")}, joint)
    elif defect == "bytes":
        vocabulary.write_bytes(bytes(range(160, 256)))
    elif defect == "other_bert":
        vocabulary.write_text(vocabulary.read_text("utf-8") + "more\n", "utf-8")
    elif defect == "no_vocabulary":
        vocabulary.write_text("\n".join(published_tokens()))
    elif defect == "heads":
        files["config.json"].write_text('{"encoder_heads": 7}')
    elif defect == "unknown_size":
        files["config.json"].write_text('{"width": 24}')
    elif defect == "missing":
        resaved(joint, lambda c: c["generator"].pop("am.to_mel.bias"))
    elif defect == "missing_table":
        resaved(joint, lambda c: c["generator"].pop("am.src_word_emb.weight"))
    elif defect == "missing_style":
        resaved(style, lambda c: c["model"].pop("module.bert.pooler.dense.bias"))
    elif defect == "extra":
        resaved(joint, lambda c: c["generator"].update({"am.surprise": torch.zeros(1)}))
    elif defect == "half_a_pair":
        resaved(joint, lambda c: c["generator"].pop("generator.conv_pre.weight_g"))
    elif defect == "prefix":
        resaved(style, lambda c: c["model"].update({"bert.surprise": torch.zeros(1)}))
    elif defect == "entry":
        resaved(joint, lambda c: c.update({"steps": 5}))
    elif defect == "shape":
        resaved(joint, lambda c: c["generator"].update({"am.to_mel.bias": torch.zeros(81)}))
    elif defect == "nan":
        resaved(joint, lambda c: c["generator"]["am.to_mel.bias"].fill_(float("nan")))


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ("truncated", "g_00140000 is cut short"),
        ("truncated_style", "checkpoint_163431 is cut short"),
        ("empty", "no joint generator"),
        ("lfs", "checkpoint_163431 is a Git LFS pointer"),
        ("lfs_vocabulary", "vocab.txt is a Git LFS pointer"),
        ("twice", "are both a joint generator"),
        ("discriminators", "only training needs"),
        ("bare_bert", "bare BERT.*checkpoint_163431"),
        ("other", "holds net"),
        ("code", "pathlib.*which may be code"),
        ("bytes", "vocab.txt is neither"),
        ("other_bert", "another BERT's"),
        ("no_vocabulary", "no SimBERT vocabulary"),
        ("heads", "7 encoder_heads"),
        ("unknown_size", "'width'"),
        ("missing", r"g_00140000 lacks 'am\.to_mel\.bias'"),
        ("missing_table", r"g_00140000 lacks the tensor 'am\.src_word_emb"),
        ("missing_style", r"checkpoint_163431 lacks 'bert\.pooler\.dense\.bias'"),
        ("extra", r"unexpected tensor 'am\.surprise'"),
        ("half_a_pair", r"generator\.conv_pre\.weight"),
        ("prefix", r"'bert\.surprise' does not begin"),
        ("entry", "unexpected entry 'steps'"),
        ("shape", r"am\.to_mel\.bias has shape \[81\]"),
        ("nan", r"am\.to_mel\.bias holds values"),
    ],
)
def test_a_defect_is_named(files: dict[str, Path], target: Path, defect: str, words: str):
    broken(defect, files)
    with pytest.raises(ModelRejected, match=words):
        convert(list(files.values()), target)
