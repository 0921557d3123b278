"""Checkpoints are imported in a child process, strictly: every tensor placed or a clear refusal."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load
from safetensors.torch import load_file, save_file

from sidecar.engines.kokoro.voices import Voices, published
from sidecar.home import Home
from sidecar.models.default_voice import joined_parts
from sidecar.models.pack import Pack, open_pack, verify
from sidecar.modkit import converting
from sidecar.modkit.finding import find_pack, installed_packs
from sidecar.modkit.importer import import_checkpoint
from sidecar.protocol.errors import BadRequest, ModelRejected, NoModel
from tests.attacks.inside import import_inside
from tests.attacks.packs import make_miniature

PARTS = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")


def checkpoint(
    weights: dict[str, torch.Tensor], prefix: str = "module."
) -> dict[str, dict[str, torch.Tensor]]:
    """The weights in the published file's layout: five state dicts, convolutions weight-normed."""
    result: dict[str, dict[str, torch.Tensor]] = {part: {} for part in PARTS}
    for name, tensor in weights.items():
        part, _, rest = name.partition(".")
        if tensor.dim() == 3 and rest.endswith(".weight"):
            stem = prefix + rest.removesuffix(".weight")
            gain = tensor.flatten(1).norm(dim=1).view(-1, 1, 1)
            result[part][f"{stem}.weight_g"] = gain
            result[part][f"{stem}.weight_v"] = 3 * tensor
        else:
            result[part][prefix + rest] = tensor
    result["bert"][f"{prefix}pooler.weight"] = torch.zeros(768, 768)
    result["bert"][f"{prefix}embeddings.position_ids"] = torch.arange(512)[None]
    result["decoder"][f"{prefix}encode.norm1.norm.weight"] = torch.ones(514)
    return result


@pytest.fixture(scope="module")
def source(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("float") / "kokoro-v1_0.pth"
    torch.save(checkpoint(weights), path)
    return path


@pytest.mark.slow
def test_the_float_checkpoint_gives_back_every_weight(source: Path, weights, tmp_path: Path):
    pack = import_checkpoint([source], Home(tmp_path), "mine", "2.0.0")
    verify(pack)
    imported = load_file(pack.path("weights.safetensors"))
    assert imported.keys() == weights.keys()
    for name, tensor in weights.items():
        assert (imported[name].float() - tensor).abs().max() <= 1e-3 * tensor.abs().max()
    assert find_pack(Home(tmp_path), "mine").manifest.version == "2.0.0"
    assert [found.manifest.name for found in installed_packs(Home(tmp_path))] == ["mine"]


@pytest.mark.slow
def test_the_onnx_export_imports_too(tmp_path: Path, pack: Pack):
    path = tmp_path / "kokoro.int8.onnx"
    path.write_bytes(joined_parts())
    imported = import_checkpoint([path], Home(tmp_path), "mine", "1.0.0")
    assert imported.manifest.files[0].sha256 == pack.manifest.files[0].sha256


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


def damaged(defect: str, source: Path, target: Path) -> None:
    if defect == "truncated":
        target.write_bytes(source.read_bytes()[:-100_000])
    elif defect == "empty":
        target.write_bytes(b"")
    elif defect == "lfs":
        target.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    elif defect == "bomb":
        target.write_bytes(pickle.dumps({part: Bomb(target.with_name("exploded")) for part in PARTS}))
    else:
        loaded = torch.load(source, weights_only=True)
        if defect == "part":
            del loaded["decoder"]
        elif defect == "tensor":
            del loaded["decoder"]["module.encode.conv1.bias"]
        elif defect == "extra":
            loaded["decoder"]["module.surprise"] = torch.zeros(1)
        elif defect == "shape":
            loaded["predictor"]["module.F0_proj.bias"] = torch.zeros(2)
        elif defect == "transposed":
            name = "module.lstm.weight_ih_l0"
            loaded["predictor"][name] = loaded["predictor"][name].T.contiguous()
        elif defect == "nan":
            loaded["predictor"]["module.F0_proj.bias"] = torch.tensor([float("nan")])
        elif defect == "huge":
            loaded["predictor"]["module.F0_proj.bias"] = torch.tensor([1e6])
        elif defect == "affine":
            loaded["decoder"]["module.encode.norm1.norm.weight"] = torch.full((514,), 2.0)
        torch.save(loaded, target)


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ("truncated", "no plain|not a plain"),
        ("empty", "not a plain"),
        ("lfs", "git lfs pull"),
        ("bomb", "not a plain"),
        ("part", "decoder"),
        ("tensor", r"encode\.conv1\.bias"),
        ("extra", "surprise"),
        ("shape", r"F0_proj\.bias"),
        ("transposed", r"lstm\.weight_ih_l0 has shape"),
        ("nan", r"F0_proj\.bias holds"),
        ("huge", r"F0_proj\.bias holds"),
        ("affine", r"norm1\.norm\.weight"),
    ],
)
def test_a_defect_is_named_and_leaves_nothing(
    source: Path, tmp_path: Path, defect: str, words: str, monkeypatch: pytest.MonkeyPatch
):
    if defect not in ("truncated", "bomb"):
        monkeypatch.setattr(converting, "run_child", import_inside)
    target = tmp_path / "broken.pth"
    damaged(defect, source, target)
    with pytest.raises(ModelRejected, match=words):
        import_checkpoint([target], Home(tmp_path / "home"), "mine", "1.0.0")
    assert [path.name for path in (tmp_path / "home" / "models").iterdir()] == [".lock"]
    assert not (tmp_path / "exploded").exists()


def test_a_file_of_another_kind_or_none_is_refused_before_anything_runs(tmp_path: Path):
    for name in ("voice.wav", "absent.pth"):
        with pytest.raises(BadRequest, match=name):
            import_checkpoint([tmp_path / name], Home(tmp_path), "mine", "1.0.0")
    with pytest.raises(BadRequest, match="name"):
        (tmp_path / "x.pth").write_bytes(b"")
        import_checkpoint([tmp_path / "x.pth"], Home(tmp_path), "Bad Name", "1.0.0")


def training(weights: dict[str, torch.Tensor]) -> dict[str, object]:
    """As StyleTTS2's second stage saves it, of several GPUs."""
    net: dict[str, object] = {**checkpoint(weights), "style_encoder": {"module.x": torch.zeros(2)}, "mpd": {}}
    return {"net": net, "optimizer": {"lr": 1e-4}, "iters": 10, "val_loss": 0.3, "epoch": 2}


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["training", "whole"])
def test_a_fine_tuned_model_is_taken_from_its_training_layout_with_its_voice(
    layout: str, weights: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(converting, "run_child", import_inside)
    saved = training(weights) if layout == "training" else {f"module.{k}": v for k, v in weights.items()}
    torch.save(saved, tmp_path / "epoch_2nd_00010.pth")
    np.save(tmp_path / "af_mine.npy", Voices(load(published())).table("af_heart"))
    sources = [tmp_path / "af_mine.npy", tmp_path / "epoch_2nd_00010.pth"]
    pack = import_checkpoint(sources, Home(tmp_path), "tuned", listen=False)
    assert load_file(pack.path("weights.safetensors")).keys() == weights.keys()
    assert "af_mine" in pack.manifest.speakers and len(pack.manifest.speakers) == 55


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ({"net": {"decoder": {}, "diffusion": {}}, "optimizer": {}}, "StyleTTS2 training checkpoint"),
        (
            {"net": {part: {"x": torch.zeros(1)} for part in PARTS}},
            "StyleTTS2 training checkpoint.*Kokoro-82M's.*differs.*'bert.embeddings",
        ),
        ({"weight": {}, "config": [], "info": "", "f0": 1}, "RVC"),
        ({"weight": {}, "config": {}, "info": ""}, "GPT-SoVITS"),
        ({"model": {}, "iteration": 1, "optimizer": {}, "learning_rate": 1e-4}, "VITS"),
        ({part: 3 for part in PARTS}, "bert is no state dict"),
    ],
)
def test_a_checkpoint_of_another_program_is_told_what_it_may_be(
    saved: object, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(converting, "run_child", import_inside)
    torch.save(saved, tmp_path / "x.pth")
    with pytest.raises(ModelRejected, match=words):
        import_checkpoint([tmp_path / "x.pth"], Home(tmp_path), "mine")


def test_voices_become_a_voice_pack_for_a_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(converting, "run_child", import_inside)
    base = open_pack(make_miniature(tmp_path / "base"))
    table = torch.zeros(510, 1, 256)
    torch.save(table, tmp_path / "My Zoë.pt")
    table.numpy().tofile(tmp_path / "raw.bin")
    told: list[str] = []
    sources = [tmp_path / "My Zoë.pt", tmp_path / "raw.bin"]
    pack = import_checkpoint(sources, Home(tmp_path), listen=False, base=base, tell=told.append)
    verify(pack)
    assert (pack.manifest.name, pack.manifest.version) == ("my-zo", "1.0.0")
    assert pack.manifest.speakers == ("My_Zoe", "raw")
    assert pack.manifest.base is not None and pack.manifest.base.sha256 == base.manifest.sha256
    assert told == ["voice 'My Zoë' is called 'My_Zoe'"]
    (tmp_path / "raw.bin").rename(tmp_path / "af_one.bin")
    pack = import_checkpoint([tmp_path / "af_one.bin"], Home(tmp_path), listen=False, base=base)
    assert pack.manifest.speakers == ("af_one", "am_two") and pack.manifest.base is None
    assert pack.manifest.sha256 == base.manifest.sha256 and pack.manifest.config == base.manifest.config


def test_a_model_in_safetensors_is_told_how_it_becomes_a_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(converting, "run_child", import_inside)
    save_file({"decoder.x": torch.zeros(3)}, tmp_path / "tuned.safetensors")
    with pytest.raises(ModelRejected, match="pack make"):
        import_checkpoint([tmp_path / "tuned.safetensors"], Home(tmp_path))
    torch.save({"net": {}}, tmp_path / "b.pth")
    torch.save({"net": {}}, tmp_path / "c.pth")
    with pytest.raises(ModelRejected, match=r"b\.pth and c\.pth are both models"):
        import_checkpoint([tmp_path / "b.pth", tmp_path / "c.pth"], Home(tmp_path))


def test_whose_a_file_is_can_be_said(tmp_path: Path):
    (tmp_path / "model.pth").write_bytes(b"")
    with pytest.raises(BadRequest, match="did you mean 'kokoro'"):
        import_checkpoint([tmp_path / "model.pth"], Home(tmp_path), family="kokora")
    with pytest.raises(ModelRejected, match=r"EmotiVoice|there is no"):
        import_checkpoint([tmp_path / "model.pth"], Home(tmp_path), family="emotivoice")


def test_the_newest_version_is_found_by_name_and_any_by_name_and_version(tmp_path: Path, pack: Pack):
    for version in ("9.0.0", "10.0.0"):
        folder = tmp_path / "models" / f"folder-{version}"
        folder.mkdir(parents=True)
        manifest = replace(pack.manifest, name="mine", version=version)
        (folder / "manifest.json").write_text(manifest.to_json(), "utf-8")
    (tmp_path / "models" / ".incoming-1").mkdir()
    (tmp_path / "models" / ".incoming-1" / "manifest.json").write_text("{}")
    assert find_pack(Home(tmp_path), "mine").manifest.version == "10.0.0"
    assert find_pack(Home(tmp_path), "mine-9.0.0").manifest.version == "9.0.0"
    assert len(installed_packs(Home(tmp_path))) == 2


def test_a_file_is_no_pack_for_who_needs_one_that_lies_unpacked(tmp_path: Path):
    (tmp_path / "mine.npcvoice").write_bytes(b"any")
    with pytest.raises(BadRequest, match="drop it into"):
        find_pack(Home(tmp_path), str(tmp_path / "mine.npcvoice"))


def test_an_unknown_pack_is_answered_with_the_nearest(tmp_path: Path, home: Home, pack: Pack):
    with pytest.raises(NoModel, match="kokoro-82m"):
        find_pack(home, "kokoro-82")
