"""What is dropped beside packs: single voices become packs, and all else is refused with what it may be."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from sidecar.checks import candidate
from sidecar.checks.candidate import check_candidate
from sidecar.checks.stages import CheckSettings
from sidecar.models.pack import open_pack, verify
from sidecar.models.trust import Policy, TrustPolicy
from sidecar.protocol.errors import ModelRejected
from tests.attacks.inside import check_inside
from tests.attacks.packs import archived, make_miniature


@pytest.fixture(autouse=True)
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate, "run_child", check_inside)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_miniature(tmp_path_factory.mktemp("base") / "base")


def settings(base: Path, policy: TrustPolicy = TrustPolicy.ANY) -> CheckSettings:
    return CheckSettings(Policy(policy), listen=False, bases=(str(base),))


def voice(base: Path) -> torch.Tensor:
    tables = load_file(base / "voices.safetensors")
    return torch.from_numpy(0.5 * tables["af_one"] + 0.5 * tables["am_two"])[:, None]


def refused(dropped: Path, work: Path, how: CheckSettings | None = None) -> ModelRejected:
    with pytest.raises(ModelRejected) as refusal:
        check_candidate(dropped, work / "store", how)
    assert not list((work / "store").iterdir())
    return refusal.value


def test_a_dropped_voice_is_a_voice_pack_for_the_base(base: Path, tmp_path: Path):
    torch.save(voice(base).half(), tmp_path / "My Voice-1.2.0.pt")
    pack = check_candidate(tmp_path / "My Voice-1.2.0.pt", tmp_path / "store", settings(base)).pack
    assert (pack.manifest.name, pack.manifest.version) == ("my-voice", "1.2.0")
    assert pack.manifest.speakers == ("My_Voice-1_2_0",)
    assert {line.speaker for line in pack.manifest.probe.lines} == {"My_Voice-1_2_0"}
    assert pack.manifest.base is not None
    assert pack.manifest.base.sha256 == open_pack(base).manifest.sha256
    assert "mini 1.0.0" in pack.manifest.source
    files = {path.name for path in pack.folder.iterdir()}
    assert files == {"manifest.json", "voices.safetensors", "probe.safetensors"}
    verify(pack)


def test_without_consent_no_voice_is_taken_where_it_is_asked_for(base: Path, tmp_path: Path):
    torch.save(voice(base), tmp_path / "mine.pt")
    how = CheckSettings(Policy(needs_consent=True), listen=False, bases=(str(base),))
    assert "consent" in refused(tmp_path / "mine.pt", tmp_path, how).message


def test_voices_that_stand_in_for_those_of_the_base_are_a_pack_with_its_weights(base: Path, tmp_path: Path):
    np.savez(tmp_path / "x.npz", ann=voice(base).numpy(), af_one=voice(base).numpy())
    dropped = (tmp_path / "x.npz").rename(tmp_path / "voices-v1.0.bin")
    manifest = check_candidate(dropped, tmp_path / "store", settings(base)).pack.manifest
    assert manifest.name == "voices-v1.0" and manifest.speakers == ("af_one", "am_two", "ann")
    assert manifest.base is None and manifest.sha256 == open_pack(base).manifest.sha256


def test_a_voice_that_is_none_has_a_reason(base: Path, tmp_path: Path):
    torch.save({"net": {}, "optimizer": {}}, tmp_path / "epoch_2nd_00010.pth")
    error = refused(tmp_path / "epoch_2nd_00010.pth", tmp_path, settings(base))
    assert error.reason == "not_a_voice" and "pack import" in error.message
    (tmp_path / "mine.pt").write_bytes(b"\x80\x04cos\nsystem\n")
    assert refused(tmp_path / "mine.pt", tmp_path, settings(base)).reason == "not_a_voice"
    torch.save(voice(base) * 100, tmp_path / "mine.pt")
    assert refused(tmp_path / "mine.pt", tmp_path, settings(base)).reason == "out_of_range"


def test_a_voice_is_unsigned_and_needs_a_base_and_is_no_link(base: Path, tmp_path: Path):
    torch.save(voice(base), tmp_path / "mine.pt")
    assert refused(tmp_path / "mine.pt", tmp_path, settings(base, TrustPolicy.SIGNED)).reason == "unsigned"
    assert "no pack is there" in refused(tmp_path / "mine.pt", tmp_path, CheckSettings()).message
    (tmp_path / "link.pt").symlink_to(tmp_path / "mine.pt")
    assert refused(tmp_path / "link.pt", tmp_path, settings(base)).reason == "link"
    (base.parent / "other").mkdir(exist_ok=True)
    manifest = {**json.loads((base / "manifest.json").read_text()), "architecture": "emotivoice"}
    (base.parent / "other" / "manifest.json").write_text(json.dumps(manifest))
    error = refused(tmp_path / "mine.pt", tmp_path, settings(base.parent / "other"))
    assert error.reason == "architecture" and "cannot speak with mini" in error.message


def zip_of(file: Path, *names: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("kokoro-v1_0.ckpt", "pickle", "pack import"),
        ("model.onnx", "not_a_pack", "pack import"),
        ("voices.zip", "not_a_pack", "unpack it"),
        ("mine-1.0.0.7z", "not_a_pack", "unpack it"),
        ("clip.wav", "not_a_pack", r"clip\.wav is not a voice pack: expected .* a single voice"),
        ("what", "not_a_pack", "expected"),
    ],
)
def test_a_file_that_is_no_pack_is_told_what_to_do(name: str, reason: str, words: str, tmp_path: Path):
    zip_of(tmp_path / name, "af_mine.pt", "folder/notes.txt")
    error = refused(tmp_path / name, tmp_path)
    assert error.reason == reason
    assert re.search(words, error.message)


def test_a_pack_that_was_zipped_by_hand_is_told_its_name(base: Path, tmp_path: Path):
    zipped = archived(make_miniature(tmp_path / "mini")).rename(tmp_path / "mini-1.0.0.zip")
    assert "call it mini-1.0.0.npcvoice" in refused(zipped, tmp_path).message


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("weights.safetensors", "pack make"),
        ("mini/manifest.json", "the pack is the folder mini in it"),
        ("af_mine.pt", "dropped without a folder"),
        ("notes.txt", "has no manifest.json$"),
    ],
)
def test_a_folder_that_is_no_pack_is_told_what_to_do(inside: str, words: str, tmp_path: Path):
    file = tmp_path / "mine" / inside
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{}")
    with pytest.raises(ModelRejected, match=words) as refusal:
        check_candidate(tmp_path / "mine", tmp_path / "store")
    assert refusal.value.reason == "not_a_pack"
