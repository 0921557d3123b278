"""A modder's way with a pack: make, check, sign, trust, and a refusal reproduced by hand."""

import json
import stat
import sys
from pathlib import Path

import pytest
import soundfile

from sidecar.models.pack import Pack
from tests.attacks.packs import change_manifest, make_miniature
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
    (ingredients / "notes.txt").write_text("not for the pack")
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
