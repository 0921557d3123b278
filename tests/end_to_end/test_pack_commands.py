"""A modder's way with a pack: make, check, sign, trust, and a refusal reproduced by hand."""

import json
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.numpy import save_file

from sidecar.engines.kokoro.voices import Voices
from sidecar.models.pack import Pack
from tests.attacks.packs import archived, change_manifest, make_miniature
from tests.commands import NpcVoice
from tests.engines import emotivoice_fixture as emotivoice


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, for its list of publishers."""
    monkeypatch.setenv("NPC_VOICE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.slow
def test_a_pack_is_made_signed_trusted_and_checked(pack: Pack, tmp_path: Path, npc_voice: NpcVoice):
    def run(*arguments: str) -> str:
        done = npc_voice("pack", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    ingredients = tmp_path / "ingredients"
    ingredients.mkdir()
    (ingredients / "weights.safetensors").symlink_to(pack.path("weights.safetensors"))
    (ingredients / "lexicon.tsv").write_text("Drizzt\tdɹˈɪst\n", "utf-8")
    made = run(
        "make", str(ingredients), "--name", "mine", "--version", "2.0.0-rc.1", "--licence", "Apache-2.0",
        "--line", "Drizzt has 340 gold coins!", "--speaker", "bm_george", "--language", "en-GB",
        "--out", str(tmp_path), "--archive", "--json",
    )  # fmt: skip
    manifest = json.loads(made)
    (line,) = manifest["probe"]["lines"]
    assert line["speaker"] == "bm_george" and line["text"].startswith("[[Drizzt|dɹˈɪst]]")
    assert {file["name"] for file in manifest["files"]} == {
        "weights.safetensors", "voices.safetensors", "lexicon.tsv", "probe.safetensors",
    }  # fmt: skip
    archive = tmp_path / "mine-2.0.0-rc.1.npcvoice"

    key = tmp_path / "me.pem"
    public = run("key", str(key)).strip()
    if sys.platform != "win32":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    run("sign", str(archive), "--key", str(key), "--publisher", "Somebody")
    refused = npc_voice("pack", "check", str(archive), "--policy", "known", "--json")
    assert refused.returncode == 3
    assert json.loads(refused.stdout)["error"]["reason"] == "publisher_unknown"
    assert f"trust add {public}" in refused.stderr
    run("trust", "add", public, "--name", "Somebody")
    assert json.loads(run("trust", "list", "--json")) == [{"key": public, "name": "Somebody"}]
    report = json.loads(run("check", str(archive), "--policy", "known", "--json"))
    assert report["signer"] == public and report["distance_nepers"] < 0.02
    run("trust", "remove", public)
    assert json.loads(run("trust", "list", "--json")) == []


@pytest.mark.slow
def test_voices_are_made_a_pack_that_is_spoken_from_its_file(
    pack: Pack, alone: Path, tmp_path: Path, npc_voice: NpcVoice
):
    """In half precision, beside single voices, and without installing it."""
    ingredients = tmp_path / "ingredients"
    ingredients.mkdir()
    (ingredients / "weights.safetensors").symlink_to(pack.path("weights.safetensors"))
    voices = Voices.load(pack.path("voices.safetensors"))
    table = 0.5 * voices.table("af_heart") + 0.5 * voices.table("af_bella")
    save_file({"af_own": table.astype(np.float16)}, ingredients / "voices.safetensors")
    torch.save(torch.from_numpy(table[:, None]).half(), ingredients / "af_mine.v2.pt")
    np.savez(ingredients / "x.npz", af_third=table)
    (ingredients / "x.npz").rename(ingredients / "voices-v1.0.bin")
    done = npc_voice(
        "pack", "make", str(ingredients), "--name", "mine", "--version", "1.0.0", "--licence", "x",
        "--out", str(tmp_path), "--archive", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["speakers"] == ["af_mine_v2", "af_own", "af_third"]
    assert "voice 'af_mine.v2' is called 'af_mine_v2'" in done.stderr
    wave, archive = tmp_path / "line.wav", tmp_path / "mine-1.0.0.npcvoice"
    said = npc_voice("say", "Halt!", "--pack", str(archive), "-s", "af_mine_v2", "-o", str(wave))
    assert said.returncode == 0 and soundfile.info(wave).duration > 0.3, said.stderr
    assert not (alone / "models").exists() and not (alone / "store").exists()


def test_a_pack_that_is_no_good_is_not_spoken_from_its_file(tmp_path: Path, npc_voice: NpcVoice):
    make_miniature(tmp_path / "pack")
    archive = archived(tmp_path / "pack")
    archive.write_bytes(archive.read_bytes()[:-500])
    done = npc_voice("say", "Halt!", "--pack", str(archive), "-o", str(tmp_path / "line.wav"))
    assert done.returncode == 3 and "REASON archive_damaged" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("notes.txt", "notes.txt has no place in a pack"),
        ("af_mine.wav", "af_mine.wav has no place"),
        ("sub/x", "sub"),
    ],
)
def test_nothing_is_left_out_of_a_pack_in_silence(name: str, words: str, tmp_path: Path, npc_voice: NpcVoice):
    make_miniature(tmp_path / "files")
    (tmp_path / "files" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "files" / name).write_bytes(b"x")
    done = npc_voice(
        "pack", "make", str(tmp_path / "files"), "--name", "a", "--version", "1.0.0", "--licence", "x",
        "--out", str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 2 and words in done.stderr and "move it out" in done.stderr


def test_what_lies_in_the_models_folder_is_listed_with_what_is_wrong(alone: Path, npc_voice: NpcVoice):
    models = alone / "models"
    archived(make_miniature(models / "mini")).rename(models / "whole.npcvoice")
    (models / "half.npcvoice").write_bytes((models / "whole.npcvoice").read_bytes()[:-500])
    (models / "whole.npcvoice").with_suffix(".zip").write_bytes((models / "whole.npcvoice").read_bytes())
    (models / "kokoro-v1_0.ckpt").write_bytes(b"\x80\x04")
    (models / "empty").mkdir()
    (models / "af_mine.pt").write_bytes(b"any")
    (models / "bare-1.0.0.safetensors").write_bytes(b"any")
    (models / "README.md").write_text("Voices of the game.")
    done = npc_voice("pack", "list", "--json")
    rows = {Path(row["folder"]).name: row for row in json.loads(done.stdout)}
    assert rows.keys() == {path.name for path in models.iterdir()} - {"README.md"}
    good = {name for name, row in rows.items() if not row["problem"]}
    assert good == {"mini", "whole.npcvoice", "af_mine.pt"}
    assert (rows["af_mine.pt"]["name"], rows["af_mine.pt"]["version"]) == ("af_mine", "0.0.0")
    assert "copied whole" in rows["half.npcvoice"]["problem"]
    assert "call it whole.npcvoice" in rows["whole.zip"]["problem"]
    assert "pack import" in rows["kokoro-v1_0.ckpt"]["problem"]
    assert "no manifest.json" in rows["empty"]["problem"]
    assert "stands alone" in rows["bare-1.0.0.safetensors"]["problem"]


def test_a_check_shows_every_stage_up_to_the_refusal_and_its_reason(tmp_path: Path, npc_voice: NpcVoice):
    pack = make_miniature(tmp_path / "pack")
    change_manifest(pack, speakers=["af_one"])
    done = npc_voice("pack", "check", str(pack))
    assert done.returncode == 3
    assert [line.split()[1] for line in done.stdout.splitlines()] == [
        "paths",
        "manifest",
        "signature",
        "copy",
    ]
    assert done.stderr.startswith("ERROR") and "am_two" in done.stderr and "Traceback" not in done.stderr
    assert "REASON speakers_differ" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["check", "nowhere"], 3, "nowhere"),
        (["check", ".", "--policy", "some"], 2, "known"),
        (
            ["make", "nowhere", "--name", "a", "--version", "1.0.0", "--licence", "x"],
            2,
            "weights.safetensors",
        ),
        (["make", ".", "--name", "A", "--version", "1.0.0", "--licence", "x"], 2, "name"),
        (["make", ".", "--name", "a", "--version", "1.0", "--licence", "x"], 2, "version"),
        (["sign", "nowhere", "--key", "nowhere", "--publisher", "me"], 2, "nowhere"),
        (["trust", "add", "0", "--name", "x"], 2, "64 hexadecimal"),
        (["trust", "remove", "0"], 2, "not in your list"),
    ],
)
def test_an_error_says_what_was_wrong(
    arguments, code: int, words: str, tmp_path: Path, npc_voice: NpcVoice, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    done = npc_voice("pack", *arguments)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("ERROR") and words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_an_emotivoice_model_is_imported_and_speaks(tmp_path: Path, alone: Path, npc_voice: NpcVoice):
    sizes = tmp_path / "config.json"
    sizes.write_text(json.dumps(emotivoice.HEADS))
    files = [str(path) for path in (emotivoice.VOCABULARY, emotivoice.STYLE, emotivoice.PARAMETRIZED, sizes)]
    refused = npc_voice("pack", "import", *files)
    assert refused.returncode == 3 and "the probe" in " ".join(refused.stderr.split())
    done = npc_voice("pack", "import", *files, "--unheard")
    assert done.returncode == 0, done.stderr
    pack = alone / "models" / "emotivoice-1.0.0"
    wave = tmp_path / "line.wav"
    done = npc_voice("say", "你好 and halt!", "--pack", str(pack), "-s", "9017", "-o", str(wave))
    assert done.returncode == 0, done.stderr
    assert soundfile.info(wave).samplerate == 16000 and soundfile.info(wave).frames % 256 == 0
