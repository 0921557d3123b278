"""Voices become a pack of their own, spoken by the weights of another."""

import json
from pathlib import Path

import numpy as np
import pytest

from sidecar.checks.candidate import check_candidate
from sidecar.checks.stages import CheckSettings
from sidecar.engines.kokoro.voices import Voices, write_published
from sidecar.models.bases import BaseMissing
from sidecar.models.pack import Pack, open_pack, verify
from sidecar.models.trust import Policy
from sidecar.modkit.making import Making, archive_name, write_archive
from sidecar.modkit.voice_pack import NewVoice, make_voice_pack, write_voices
from sidecar.protocol.errors import BadRequest, ModelRejected
from tests.attacks.packs import EMOTIONS, FITTED, MINIATURE, make_miniature
from tests.commands import NpcVoice

MAKING = Making("mara", "1.0.0", "CC-BY-4.0", "my own voice", lines=("Halt!",))


@pytest.fixture
def base(tmp_path: Path) -> Pack:
    return open_pack(make_miniature(tmp_path / "mini"))


@pytest.fixture
def ingredients(tmp_path: Path) -> Path:
    random = np.random.default_rng(4)
    tensors = {
        "table": random.normal(0, 0.1, (4, 256)),
        "layers": random.normal(0, 0.05, (MINIATURE.timbre_layers, 128)),
    }
    folder = tmp_path / "in"
    folder.mkdir()
    write_voices([NewVoice("mara", tensors)], folder)
    (folder / "LICENSE").write_text("CC-BY-4.0\n")
    return folder


def test_a_voice_pack_is_made_checked_and_small(base: Pack, ingredients: Path, tmp_path: Path):
    made = make_voice_pack(ingredients, tmp_path / "out", MAKING, base, FITTED, listen=False)
    verify(made)
    assert made.manifest.base is not None and made.manifest.base.sha256 == base.manifest.sha256
    assert made.manifest.fitted == FITTED and made.manifest.speakers == ("mara",)
    assert {file.name for file in made.manifest.files} == {
        "LICENSE", "emotions.json", "probe.safetensors", "voices.safetensors",
    }  # fmt: skip
    assert sum(file.size_bytes for file in made.manifest.files) < 64_000
    assert "[[Halt|" in made.manifest.probe.lines[0].text
    archive = write_archive(made, tmp_path / archive_name(made))
    settings = CheckSettings(Policy(needs_consent=True), listen=False, bases=(str(base.folder),))
    checked = check_candidate(archive, tmp_path / "store", settings)
    assert checked.pack.manifest == made.manifest


def test_levels_are_measured_unless_they_are_given(base: Pack, ingredients: Path, tmp_path: Path):
    measured = make_voice_pack(ingredients, tmp_path / "a", MAKING, base, listen=False)
    level = json.loads((measured.folder / EMOTIONS).read_bytes())["levels_db"]["mara"]
    assert -12 <= level <= 12
    said = {
        "format": 1,
        "levels_db": {"mara": -1.5},
        "speakers": {"mara": {"angry": {"change": {"f0_st": 1}}}},
    }
    (ingredients / EMOTIONS).write_text(json.dumps(said))
    given = make_voice_pack(ingredients, tmp_path / "b", MAKING, base, listen=False)
    assert json.loads((given.folder / EMOTIONS).read_bytes()) == said


def test_a_voice_pack_without_its_base_is_right_but_for_that(base: Pack, ingredients: Path, tmp_path: Path):
    made = make_voice_pack(ingredients, tmp_path / "out", MAKING, base, listen=False)
    with pytest.raises(BaseMissing, match="mini"):
        check_candidate(made.folder, tmp_path / "store", CheckSettings(listen=False))
    assert not list((tmp_path / "store").iterdir())


def test_a_voice_pack_that_says_nothing_of_consent_is_refused_where_that_is_asked(
    base: Pack, ingredients: Path, tmp_path: Path
):
    made = make_voice_pack(ingredients, tmp_path / "out", MAKING, base, listen=False)
    settings = CheckSettings(Policy(needs_consent=True), listen=False, bases=(str(base.folder),))
    with pytest.raises(ModelRejected) as refused:
        check_candidate(made.folder, tmp_path / "store", settings)
    assert refused.value.reason == "consent_missing"


@pytest.mark.parametrize(
    ("name", "change", "kind", "words"),
    [
        ("af_one", {}, ModelRejected, "af_one"),
        ("mara", {"layers": np.zeros((58, 128))}, ModelRejected, "layers"),
        ("mara", {"table": np.zeros((4, 255))}, ModelRejected, "255"),
        ("mara", {"table": np.full((4, 256), 9.0)}, ModelRejected, "mara"),
    ],
    ids=["taken", "layers", "width", "far_out"],
)
def test_what_no_check_would_pass_is_not_made(
    base: Pack, tmp_path: Path, name: str, change: dict, kind: type[Exception], words: str
):
    folder = tmp_path / "in"
    folder.mkdir()
    write_voices([NewVoice(name, {"table": np.full((4, 256), 0.01), **change})], folder)
    with pytest.raises(kind, match=words):
        make_voice_pack(folder, tmp_path / "out", MAKING, base, listen=False)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_voices_is_told(base: Pack, tmp_path: Path):
    (tmp_path / "in").mkdir()
    with pytest.raises(BadRequest, match="voices"):
        make_voice_pack(tmp_path / "in", tmp_path / "out", MAKING, base)


@pytest.mark.slow
def test_a_voice_pack_is_made_signed_checked_and_spoken(pack: Pack, tmp_path: Path, npc_voice: NpcVoice):
    """By the commands, with the default voice: George, a little darker in every layer."""
    write_published(tmp_path / "published.safetensors")
    george = Voices.load(tmp_path / "published.safetensors").named("bm_george")
    layers = 0.05 * np.random.default_rng(1).standard_normal((58, 128))
    folder = tmp_path / "in"
    folder.mkdir()
    write_voices([NewVoice("old_george", {"table": george.table, "layers": layers})], folder)

    def run(*arguments: str) -> str:
        done = npc_voice(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("pack", "make", str(folder), "--name", "old-george", "--version", "1.0.0", "--licence", "Apache-2.0",
        "--base", str(pack.folder), "--out", str(tmp_path))  # fmt: skip
    made = tmp_path / "old-george-1.0.0"
    run("pack", "key", str(tmp_path / "me.pem"))
    run("pack", "sign", str(made), "--key", str(tmp_path / "me.pem"), "--publisher", "Me")
    report = json.loads(run("pack", "check", str(made), "--policy", "signed", "--json"))
    assert report["signer"] and report["distance_nepers"] < 0.01
    shown = " ".join(run("pack", "info", str(made)).split())
    assert "kokoro-82m 1.0.0 (weights" in shown and "it says nothing of any" in shown
    run("say", "Halt!", "--pack", str(made), "-s", "old_george", "-o", str(tmp_path / "line.wav"))
    assert (tmp_path / "line.wav").stat().st_size > 10_000
