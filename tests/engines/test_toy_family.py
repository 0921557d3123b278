"""One more family is one more record in the registry: a toy goes every way that a real one goes."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sidecar.checks.candidate import check_candidate
from sidecar.client import Client
from sidecar.engines.family import WEIGHTS
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.models.file_names import MANIFEST
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack, describe
from sidecar.modkit.importer import import_checkpoint
from sidecar.prosody.f0 import RATE_HZ, Floats, tracked
from sidecar.protocol.errors import BadRequest, ModelRejected
from sidecar.synthesis import Line, Synthesizer
from tests.processes import sidecar, wait_for
from tests.toy import making
from tests.toy.family import SINE

TEXT = "Halt! Who goes there? The old mine has been sealed for ten years."


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    with making.registered():
        yield


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Made of weights alone; nothing here changes it."""
    with making.registered():
        return making.make_pack(tmp_path_factory.mktemp("toy"), "sine", "1.0.0")


def pitch_hz(samples: Floats) -> float:
    """The median of what is voiced, at 8 kHz."""
    f0_hz = tracked(samples)
    return float(np.median(f0_hz[f0_hz > 0]))


def test_a_pack_is_made_of_weights_by_the_family_that_they_belong_to(pack: Pack):
    manifest = pack.manifest
    assert (manifest.architecture, manifest.languages) == (SINE.name, ("en-US",))
    assert manifest.config == {"n_speaker": 4, "partials": 6} and len(manifest.speakers) == 4
    assert [file.name for file in manifest.files] == [WEIGHTS, "probe.safetensors"]


def test_a_made_pack_speaks_and_an_emotion_lifts_it(pack: Pack):
    synthesizer = Synthesizer(load_model(pack, place("cpu")))
    neutral, happy = (
        synthesizer.speak(Line(TEXT, emotion=emotion, intensity=1.0, sample_rate_hz=RATE_HZ))
        for emotion in ("neutral", "happy")
    )
    assert pitch_hz(neutral.samples) == pytest.approx(110, rel=0.02)
    assert pitch_hz(happy.samples) > 1.1 * pitch_hz(neutral.samples)


def test_a_checkpoint_is_imported_by_the_family_that_takes_it_under_its_own_name(tmp_path: Path):
    source = tmp_path / "mine.sine"
    source.write_text(json.dumps({"octave": 2}))
    imported = import_checkpoint([source], Home(tmp_path))
    assert (imported.manifest.name, imported.manifest.architecture) == ("sine", SINE.name)
    assert load_file(imported.path(WEIGHTS))["octaves"][0] == 2


def test_a_checkpoint_that_is_odd_is_refused_in_the_familys_words(tmp_path: Path):
    (tmp_path / "mine.sine").write_text("no JSON")
    with pytest.raises(ModelRejected, match=r"mine\.sine is no \.sine file"):
        import_checkpoint([tmp_path / "mine.sine"], Home(tmp_path))


def test_who_imports_nobodys_file_is_told_what_every_family_takes(tmp_path: Path):
    (tmp_path / "mine.wav").write_bytes(b"RIFF")
    with pytest.raises(
        BadRequest, match=r"mine\.wav: expected .*\.safetensors, or all files of .*, or .*\.sine$"
    ):
        import_checkpoint([tmp_path / "mine.wav"], Home(tmp_path))


def test_a_pack_passes_every_check_in_the_child(pack: Pack, tmp_path: Path):
    done = check_candidate(pack.folder, tmp_path / "store")
    assert done.pack.manifest == pack.manifest and done.report.distance_nepers < 0.01


def test_a_bare_checkpoint_is_told_by_its_tensors(pack: Pack, tmp_path: Path):
    bare = tmp_path / "chime-2.0.0.safetensors"
    shutil.copyfile(pack.path(WEIGHTS), bare)
    (tmp_path / f"{bare.name}.sha256").write_text(describe(bare).sha256)
    found = check_candidate(bare, tmp_path / "store").pack.manifest
    assert (found.name, found.version, found.architecture) == ("chime", "2.0.0", SINE.name)


def changed(pack: Pack, folder: Path, **description: object) -> Path:
    """A copy whose manifest says something else."""
    shutil.copytree(pack.folder, folder)
    manifest = replace(pack.manifest, **description)
    (folder / MANIFEST).write_text(manifest.to_json(), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("description", "reason", "words"),
    [
        ({"config": {"n_speaker": 4, "partials": 99}}, "config", "partials is 99, expected 1 to 16"),
        ({"config": {"n_speaker": 4, "partials": 7}}, "tensor_shape", r"expected \[4, 7\]"),
        ({"speakers": ("tone_0", "tone_2")}, "speakers_differ", "tone_1"),
        ({"languages": ("zh-CN",)}, "manifest_field", "'zh-CN' cannot be read: known are en-US$"),
        ({"architecture": "cosine"}, "architecture", "expected 'kokoro' or 'emotivoice' or 'sine'"),
    ],
)
def test_what_does_not_fit_the_family_is_refused(
    pack: Pack, tmp_path: Path, description: dict[str, object], reason: str, words: str
):
    with pytest.raises(ModelRejected, match=words) as refusal:
        check_candidate(changed(pack, tmp_path / "odd", **description), tmp_path / "store")
    assert refusal.value.reason == reason


def test_a_pack_holds_nothing_that_its_family_has_no_place_for(pack: Pack, tmp_path: Path):
    save_file({"x": np.zeros(1, np.float32)}, tmp_path / "voices.safetensors")
    extra = describe(tmp_path / "voices.safetensors")
    made = changed(pack, tmp_path / "odd", files=(*pack.manifest.files, extra))
    shutil.copyfile(tmp_path / extra.name, made / extra.name)
    with pytest.raises(ModelRejected, match="a sine pack has no place for voices"):
        check_candidate(made, tmp_path / "store")


@contextmanager
def serving(pack: Pack, home: Home, file: Path) -> Iterator[Client]:
    """A sidecar that speaks with the toy and knows no other voice."""
    environment = {**os.environ, "NPC_VOICE_HOME": str(home.root)}
    with (
        sidecar(file, "--pack", str(pack.folder), module="tests.toy.sidecar", env=environment),
        Client(file, timeout_s=30) as client,
    ):
        yield client


def said(client: Client, text: str = TEXT, **options: object) -> Floats:
    line = client.say(text, format="pcm_f32le", sample_rate=RATE_HZ, seed=1, **options)
    return np.frombuffer(line.audio, "<f4")


@pytest.mark.skipif(sys.platform == "win32", reason="ended by a signal")
def test_a_pack_that_is_dropped_is_spoken_streamed_and_acted(pack: Pack, tmp_path: Path):
    home = Home(tmp_path / "home")
    dropped = making.make_pack(tmp_path, "chime", "1.0.0", octave=1.5)
    with serving(pack, home, tmp_path / "connection.json") as client:
        home.models.mkdir(parents=True, exist_ok=True)
        shutil.copytree(dropped.folder, home.models / "chime")
        wait_for(lambda: "chime" in [row.name for row in client.models().models if row.state == "live"])
        first, second = said(client), said(client, model="chime")
        assert pitch_hz(first) == pytest.approx(110, rel=0.02)
        assert pitch_hz(second) == pytest.approx(110 * 2**0.5, rel=0.02)
        assert pitch_hz(said(client, model="chime", emotion="happy", intensity=1.0)) > 1.1 * pitch_hz(second)
        chunks = list(client.stream("Halt, who goes there?", format="pcm_f32le", model="chime"))
        assert len(chunks) >= 4  # a phrase in pieces
        whole = client.say("Halt, who goes there?", format="pcm_f32le", model="chime")
        streamed, at_once = (
            np.frombuffer(b, "<f4") for b in (b"".join(c.audio for c in chunks), whole.audio)
        )
        assert np.abs(streamed - at_once).max() <= 1e-5
