"""Voices without weights: what such a pack says, and the model that speaks them."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.line import Line
from sidecar.models.bases import BaseMissing, find_base, verified_in
from sidecar.models.loader import Model, joined, load_model, read_added
from sidecar.models.manifest import Base, Manifest
from sidecar.models.pack import Pack, open_pack, verify
from sidecar.models.trust import Policy, TrustPolicy
from sidecar.protocol.errors import BadRequest, ModelRejected, UnknownSpeaker
from sidecar.synthesis import Synthesizer
from sidecar.voice import Voice
from tests.attacks.packs import (
    EMOTIONS,
    FITTED,
    SPEAKERS,
    WEIGHTS,
    change_manifest,
    make_miniature,
    make_voices,
    reseal,
)

CPU = place("cpu", "float32")


@pytest.fixture
def base(tmp_path: Path) -> Pack:
    return open_pack(make_miniature(tmp_path / "mini"))


@pytest.fixture
def model(base: Pack) -> Model:
    return load_model(base, CPU)


def mara(base: Pack, **how) -> Pack:
    pack = open_pack(make_voices(base.folder.with_name(how.get("name", "mara")), base.folder, **how))
    verify(pack)
    return pack


def test_a_voice_pack_survives_the_round_trip_and_a_whole_one_is_what_it_was(base: Pack):
    pack = mara(base)
    assert Manifest.from_json(pack.manifest.to_json()) == pack.manifest
    assert pack.manifest.format == 3 and pack.manifest.base.sha256 == base.manifest.sha256
    assert pack.manifest.sha256 != base.manifest.sha256
    assert not json.loads(base.manifest.to_json()).keys() & {"base", "fitted"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base": None}, "base"),
        ({"base": {"name": "a", "version": "1.0.0"}}, "sha256"),
        ({"base": {"name": "a", "version": "one", "sha256": "0" * 64}}, "base.version"),
        ({"base": {"name": "../a", "version": "1.0.0", "sha256": "0" * 64}}, "base.name"),
        ({"fitted": {}}, "clips_sha256"),
        ({"fitted": {**asdict(FITTED), "consent": ""}}, "consent"),
        ({"fitted": {**asdict(FITTED), "date": "30.11.26"}}, "date"),
        ({"fitted": {**asdict(FITTED), "clips_sha256": []}}, "clips_sha256"),
        ({"fitted": {**asdict(FITTED), "clips_sha256": ["x"]}}, "clips_sha256"),
        ({"fitted": {**asdict(FITTED), "method": 1}}, "method"),
        ({"format": 2}, "unknown field"),
        ({"format": 4}, "reads 2 and 3"),
    ],
)
def test_an_odd_field_of_a_voice_pack_is_named(base: Pack, change: dict, words: str):
    data = json.loads(mara(base).manifest.to_json())
    with pytest.raises(ModelRejected, match=words):
        Manifest.from_json(json.dumps({**data, **change}))


def test_voices_are_spoken_behind_the_bases_own_which_sound_as_before(base: Pack, model: Model):
    pack = mara(base)
    both = joined(model, [read_added(pack, model)])
    assert both.engine.description.speakers == (*SPEAKERS, "mara")
    assert both.engine.description.default_speaker == model.engine.description.default_speaker
    assert both.engine.speaker(2).name == "mara" and both.emotions.levels_db["mara"] == -2.0
    plain, more = Synthesizer(model), Synthesizer(both)
    for line in (Line("Halt!", "af_one"), Line("Halt!", {"af_one": 1, "am_two": 1})):
        assert np.array_equal(plain.speak(line).samples, more.speak(line).samples)
    assert len(more.speak(Line("Halt!", {"mara": 1, "am_two": 1})).samples)
    with pytest.raises(UnknownSpeaker):
        plain.speak(Line("Halt!", "mara"))
    assert both.engine.network is model.engine.network


def test_several_voice_packs_share_a_base_and_each_can_go(base: Pack, model: Model):
    first, second = (read_added(mara(base, name=n, speakers=(n,)), model) for n in ("mara", "orm"))
    both = joined(model, [first, second])
    assert both.engine.description.speakers[2:] == ("mara", "orm")
    alone = joined(both, [second])
    assert alone.engine.description.speakers[2:] == ("orm",) and "mara" not in alone.emotions.levels_db
    assert joined(alone, []) is model


def test_a_name_that_is_taken_is_refused(base: Pack, model: Model):
    with pytest.raises(ModelRejected, match="af_one") as refused:
        read_added(mara(base, name="one", speakers=("af_one",)), model)
    assert refused.value.reason == "speaker_taken"
    twice = [read_added(mara(base, name=n, speakers=("mara",)), model) for n in ("mara", "other")]
    with pytest.raises(ModelRejected, match="mara") as refused:
        joined(model, twice)
    assert refused.value.reason == "speaker_taken"


def test_voices_for_other_weights_are_refused(base: Pack, tmp_path: Path):
    other = load_model(open_pack(make_miniature(tmp_path / "other", seed=9)), CPU)
    with pytest.raises(ModelRejected, match="no voices for mini"):
        read_added(mara(base), other)


def test_a_voice_pack_alone_has_no_weights_to_speak_with(base: Pack):
    with pytest.raises(ModelRejected, match=r"voices only, for mini 1\.0\.0") as refused:
        load_model(mara(base), CPU)
    assert refused.value.reason == "base_missing"


@pytest.mark.parametrize(
    "content",
    [
        {"format": 1, "levels_db": {"af_one": 3}},
        {"format": 1, "speakers": {"am_two": {"angry": {"change": {"f0_st": 1}}}}},
        {"format": 1, "emotions": {"angry": {"change": {"f0_st": 9}}}},
    ],
    ids=["level", "speaker", "label"],
)
def test_a_voice_pack_says_nothing_of_other_voices(base: Pack, model: Model, content: dict):
    pack = mara(base)
    (pack.folder / EMOTIONS).write_text(json.dumps(content))
    reseal(pack.folder)
    with pytest.raises(ModelRejected, match="its own voices") as refused:
        read_added(open_pack(pack.folder), model)
    assert refused.value.reason == "emotions"


def test_a_base_is_found_by_its_weights_alone(base: Pack, tmp_path: Path):
    make_miniature(tmp_path / "home" / "store" / "wrong", seed=5)
    right = make_miniature(tmp_path / "home" / "store" / "zright", name="another", version="9.0.0")
    mara_ = mara(base)
    assert mara_.manifest.base is not None
    assert find_base(mara_.manifest.base, verified_in(Home(tmp_path / "home"))).folder == right
    (right / WEIGHTS).write_bytes(b"damaged")
    with pytest.raises(BaseMissing, match=r"mini 1\.0\.0 \(weights") as missing:
        find_base(mara_.manifest.base, verified_in(Home(tmp_path / "home")))
    assert missing.value.sha256 == base.manifest.sha256


def test_the_python_api_loads_a_voice_pack_with_its_base(base: Pack, tmp_path: Path):
    home = Home(tmp_path / "home")
    pack = mara(base)
    with pytest.raises(BaseMissing):
        Voice.load(pack.folder, device="cpu", home=home)
    make_miniature(home.store / "mini-1.0.0")
    voice = Voice.load(pack.folder, device="cpu", home=home)
    assert voice.description.speakers[-1] == "mara" and len(voice.synthesize("Halt!", "mara").samples)


def test_a_policy_may_ask_for_consent(base: Pack):
    asked = Policy.parsed("known,consent")
    assert asked == Policy(TrustPolicy.KNOWN, needs_consent=True)
    asked.check_consent(base.manifest)
    asked.check_consent(mara(base).manifest)
    silent = mara(base, name="silent", fitted=None).manifest
    Policy.parsed("known").check_consent(silent)
    with pytest.raises(ModelRejected, match="consent") as refused:
        asked.check_consent(silent)
    assert refused.value.reason == "consent_missing"


@pytest.mark.parametrize("text", ["", "some", "known,", "known,licence", "consent", "any,consent,consent"])
def test_a_policy_that_is_none_is_refused_with_those_that_are(text: str):
    with pytest.raises(BadRequest, match="known,consent"):
        Policy.parsed(text)


def test_a_base_that_was_changed_beside_its_weights_is_told(base: Pack, tmp_path: Path):
    pack = mara(base)
    change_manifest(base.folder, languages=["zh-CN"])
    with pytest.raises(ModelRejected, match="en-US"):
        read_added(pack, load_model(open_pack(base.folder), CPU))


def test_a_label_names_what_a_base_is():
    assert Base("mini", "1.0.0", "ab" * 32).label == "mini 1.0.0 (weights abababababab…)"
