"""Voices come to a model that speaks, and go: on a real server with a miniature, checks and all."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.checks import candidate
from sidecar.home import Home
from sidecar.models.default_voice import silent
from sidecar.models.pack import open_pack
from sidecar.reload.removal import remove_from
from sidecar.server.config import FitConfig, ModelsConfig, ServeConfig
from sidecar.server.reloading import startup
from sidecar.server.reloading.reloader import Reloader
from sidecar.server.server import Server
from tests.attacks.inside import check_inside
from tests.attacks.packs import change_manifest, change_tensors, make_miniature, make_voices, sign
from tests.server.test_reloader import QUIET_S, Fake, Theatre
from tests.server.test_server import TOKEN


@pytest.fixture(autouse=True)
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights do not sound like speech; all else is as ever, but in this process."""
    settings_for = startup.settings_for
    monkeypatch.setattr(
        startup, "settings_for", lambda *given, **named: replace(settings_for(*given, **named), listen=False)
    )
    monkeypatch.setattr(startup, "check_probe", lambda synthesizer, pack: 0.0)
    monkeypatch.setattr(candidate, "run_child", check_inside)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_miniature(tmp_path / "base")


@contextmanager
def playing(root: Path, base: Path, fit: FitConfig | None = None, **config) -> Iterator[Theatre]:
    """A sidecar whose default voice is the pack in `base`."""
    given = {"quiet_s": QUIET_S, "same_source_s": QUIET_S, "grace_s": QUIET_S, **config}
    models = ModelsConfig(pack=open_pack(base), device="cpu", precision="float32", **given)
    found = startup.start_up(Home(root / "home"), models, silent)
    server = Server(found.voices, TOKEN, ServeConfig(fit=fit))
    server.reload_with(lambda side: Reloader(found.dependencies, found.journal, side, found.entries))
    endpoint, events = server.bind()
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Theatre(root / "home", Fake(root / "unused"), server, endpoint, events)
    finally:
        server.stop(drain=False)
        thread.join(30)
        found.lock.release()
        assert not thread.is_alive()


@pytest.fixture
def theatre(tmp_path: Path, base: Path) -> Iterator[Theatre]:
    with playing(tmp_path, base) as theatre:
        yield theatre


def drop(theatre: Theatre, base: Path, name: str = "mara", version: str = "1.0.0", **how) -> Path:
    """A voice pack, moved into the models folder whole."""
    made = make_voices(base.parent / f"{name}-{version}-made", base, name=name, version=version, **how)
    theatre.models.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(made, theatre.models / f"{name}-{version}"))


def speakers(theatre: Theatre) -> list[str]:
    return [row["name"] for row in theatre.ask(op="speakers")["speakers"]]


def said(theatre: Theatre, speaker: str = "mara", **fields) -> dict:
    return theatre.ask(**{"op": "synthesize", "text": "Halt!", "speaker": speaker, **fields})


def live(theatre: Theatre, label: str) -> None:
    theatre.wait(lambda: theatre.state(label) == "live")


def test_one_drop_adds_its_voices_to_the_model_that_speaks(theatre: Theatre, base: Path):
    own = said(theatre, "af_one")
    assert theatre.refused(op="synthesize", text="Halt!", speaker="mara")["code"] == "unknown_speaker"
    drop(theatre, base, speakers=("mara", "orm"))
    live(theatre, "mara@1.0.0")
    assert speakers(theatre) == ["af_one", "am_two", "mara", "orm"]
    reply = said(theatre)
    assert reply["model"] == own["model"] and reply["audio"]["frames"] > 0
    assert said(theatre, {"mara": 1, "am_two": 1})["ok"] and said(theatre, "am_two", manner="orm")["ok"]
    assert said(theatre, "af_one")["cached"], "what the model's own voices have said is still known"
    row = theatre.rows()["mara@1.0.0"]
    assert row["sha256"] != own["model"]["sha256"] and row.get("reason") is None


def test_a_version_takes_the_place_of_another_and_can_be_rolled_back(theatre: Theatre, base: Path):
    drop(theatre, base)
    live(theatre, "mara@1.0.0")
    first = said(theatre, timings=[])
    drop(theatre, base, version="1.1.0", seed=5)
    live(theatre, "mara@1.1.0")
    assert speakers(theatre).count("mara") == 1
    assert not said(theatre)["cached"], "another version sounds otherwise"
    theatre.ask(op="rollback", model="mara")
    live(theatre, "mara@1.0.0")
    again = said(theatre)
    assert again["cached"] and again["audio"] == first["audio"]


def test_several_packs_add_theirs_and_one_that_is_removed_takes_its_own_along(theatre: Theatre, base: Path):
    drop(theatre, base)
    drop(theatre, base, name="orm", speakers=("orm",))
    live(theatre, "mara@1.0.0")
    live(theatre, "orm@1.0.0")
    assert set(speakers(theatre)) == {"af_one", "am_two", "mara", "orm"}
    theatre.ask(op="remove", model="mara")
    theatre.wait(lambda: "mara" not in speakers(theatre))
    assert "orm" in speakers(theatre) and said(theatre, "orm")["ok"]
    assert not (theatre.models / "mara-1.0.0").exists()
    assert theatre.refused(op="synthesize", text="Halt!", speaker="mara")["code"] == "unknown_speaker"


def test_voices_whose_base_is_not_there_wait_for_it_and_are_told(
    tmp_path: Path, theatre: Theatre, base: Path
):
    other = make_miniature(tmp_path / "other", name="other", seed=3)
    drop(theatre, other)
    theatre.wait(lambda: theatre.rows().get("mara-1.0.0@", {}).get("reason") == "base_missing")
    row = theatre.rows()["mara-1.0.0@"]
    assert row["state"] == "found" and "other 1.0.0 (weights" in row["detail"]
    shutil.move(other, theatre.models / "other")
    live(theatre, "mara@1.0.0")
    assert said(theatre, model="other")["model"]["name"] == "other"
    assert theatre.refused(op="synthesize", text="Halt!", speaker="mara")["code"] == "unknown_speaker"


def test_a_base_that_goes_leaves_voices_that_wait_and_come_back_with_it(
    tmp_path: Path, theatre: Theatre, base: Path
):
    other = make_miniature(tmp_path / "other", name="other", seed=3)
    shutil.copytree(other, theatre.models / "other")
    live(theatre, "other@1.0.0")
    drop(theatre, other)
    live(theatre, "mara@1.0.0")
    newer = make_miniature(tmp_path / "newer", name="other", version="2.0.0", seed=4)
    shutil.move(newer, theatre.models / "newer")
    theatre.wait(lambda: theatre.rows().get("mara@1.0.0", {}).get("reason") == "base_missing")
    assert theatre.state("mara@1.0.0") == "ready" and theatre.state("other@2.0.0") == "live"
    theatre.ask(op="rollback", model="other")
    live(theatre, "mara@1.0.0")
    assert said(theatre, model="other")["model"]["version"] == "1.0.0"


def test_a_version_of_the_same_weights_has_the_voices_at_once(tmp_path: Path, theatre: Theatre, base: Path):
    other = make_miniature(tmp_path / "other", name="other", seed=3)
    shutil.copytree(other, theatre.models / "other")
    live(theatre, "other@1.0.0")
    drop(theatre, other)
    live(theatre, "mara@1.0.0")
    change_manifest(other, version="1.0.1")
    shutil.move(other, theatre.models / "newer")
    live(theatre, "other@1.0.1")
    assert theatre.state("mara@1.0.0") == "live"
    assert said(theatre, model="other")["model"]["version"] == "1.0.1"


def test_a_name_that_is_taken_waits_until_it_is_free(theatre: Theatre, base: Path):
    drop(theatre, base)
    live(theatre, "mara@1.0.0")
    drop(theatre, base, name="another", speakers=("mara", "orm"))
    theatre.wait(lambda: theatre.rows().get("another@1.0.0", {}).get("reason") == "speaker_taken")
    assert "mara@1.0.0" in theatre.rows()["another@1.0.0"]["detail"] and "orm" not in speakers(theatre)
    theatre.ask(op="activate", model="another@1.0.0")
    assert theatre.state("another@1.0.0") == "ready"
    theatre.ask(op="remove", model="mara")
    live(theatre, "another@1.0.0")
    assert "orm" in speakers(theatre)


def test_a_speaker_of_the_base_is_nobody_elses(theatre: Theatre, base: Path):
    drop(theatre, base, speakers=("af_one",))
    theatre.wait(lambda: theatre.rows().get("mara-1.0.0@", {}).get("reason") == "speaker_taken")
    assert theatre.state("mara-1.0.0@") == "rejected" and said(theatre, "af_one")["ok"]


def test_voices_do_not_take_a_models_name(theatre: Theatre, base: Path):
    drop(theatre, base, name="mini", version="2.0.0")
    theatre.wait(lambda: theatre.rows().get("mini@2.0.0", {}).get("reason") is not None)
    assert theatre.state("mini@2.0.0") == "ready" and "mara" not in speakers(theatre)
    theatre.ask(op="activate", model="mini@2.0.0")
    theatre.wait(lambda: theatre.rows()["mini@2.0.0"]["reason"] == "name_owned")
    assert said(theatre, "af_one")["model"]["version"] == "1.0.0"


def test_lines_under_way_end_on_the_voices_that_they_began_with(theatre: Theatre, base: Path):
    drop(theatre, base)
    live(theatre, "mara@1.0.0")
    results: list[dict] = []
    many = [
        threading.Thread(target=lambda n=n: results.append(said(theatre, text=f"Who is there? {n}", seed=n)))
        for n in range(6)
    ]
    for thread in many:
        thread.start()
    drop(theatre, base, version="1.1.0", seed=7)
    drop(theatre, base, name="orm", speakers=("orm",))
    live(theatre, "mara@1.1.0")
    live(theatre, "orm@1.0.0")
    for thread in many:
        thread.join(20)
    assert len(results) == 6 and all(reply["ok"] for reply in results)


def test_a_restart_speaks_with_the_voices_that_were_live(tmp_path: Path, base: Path):
    with playing(tmp_path, base) as theatre:
        drop(theatre, base)
        live(theatre, "mara@1.0.0")
        shutil.rmtree(theatre.models / "mara-1.0.0")  # what was dropped is not needed any more
        frames = said(theatre)["audio"]["frames"]
    with playing(tmp_path, base) as theatre:
        assert theatre.state("mara@1.0.0") == "live"
        assert speakers(theatre)[-1] == "mara" and said(theatre)["audio"]["frames"] == frames


def test_a_restart_without_the_base_keeps_the_voices_for_later(tmp_path: Path, base: Path):
    other = make_miniature(tmp_path / "other", name="other", seed=3)
    with playing(tmp_path, base) as theatre:
        drop(theatre, base)
        live(theatre, "mara@1.0.0")
    with playing(tmp_path, other) as theatre:
        theatre.wait(lambda: theatre.rows()["mara@1.0.0"].get("reason") == "base_missing")
    with playing(tmp_path, base) as theatre:
        live(theatre, "mara@1.0.0")
        assert said(theatre)["ok"]


def test_a_policy_of_today_silences_voices_without_consent(tmp_path: Path, base: Path):
    with playing(tmp_path, base) as theatre:
        drop(theatre, base, fitted=None)
        drop(theatre, base, name="orm", speakers=("orm",))
        live(theatre, "mara@1.0.0")
        live(theatre, "orm@1.0.0")
    with playing(tmp_path, base, policy="any,consent") as theatre:
        row = theatre.rows()["mara@1.0.0"]
        assert (row["state"], row["reason"]) == ("rejected", "consent_missing")
        assert set(speakers(theatre)) == {"af_one", "am_two", "orm"}


def test_signed_voices_belong_to_their_publisher(theatre: Theatre, base: Path):
    made = make_voices(base.parent / "signed", base)
    sign(made)
    theatre.models.mkdir(parents=True, exist_ok=True)
    shutil.move(made, theatre.models / "signed")
    live(theatre, "mara@1.0.0")
    drop(theatre, base, version="1.1.0")
    theatre.wait(lambda: theatre.rows().get("mara@1.1.0", {}).get("reason") == "name_owned")
    assert theatre.state("mara@1.0.0") == "live"


def test_a_trial_is_not_for_voices(tmp_path: Path, base: Path):
    with playing(tmp_path, base, canary_share=0.5) as theatre:
        drop(theatre, base)
        live(theatre, "mara@1.0.0")
        drop(theatre, base, version="1.1.0", seed=3)
        live(theatre, "mara@1.1.0")
        refused = theatre.refused(op="canary", model="mara@1.0.0", share=0.5)
        assert refused["code"] == "unsupported" and "voices only" in refused["message"]


def test_voices_of_noise_are_refused_and_nothing_changes(theatre: Theatre, base: Path):
    made = make_voices(base.parent / "noise", base)
    change_tensors(made, lambda voices: voices | {"mara": voices["mara"] * 40}, "voices.safetensors")
    theatre.models.mkdir(parents=True, exist_ok=True)
    shutil.move(made, theatre.models / "noise")
    theatre.wait(lambda: theatre.state("noise@") == "rejected")
    assert theatre.rows()["noise@"]["reason"] == "out_of_range" and said(theatre, "af_one")["ok"]


def test_voices_are_removed_while_nobody_serves(tmp_path: Path, base: Path):
    with playing(tmp_path, base) as theatre:
        drop(theatre, base)
        live(theatre, "mara@1.0.0")
    assert remove_from(Home(tmp_path / "home"), "mara") == ["mara@1.0.0"]
    with playing(tmp_path, base) as theatre:
        assert speakers(theatre) == ["af_one", "am_two"]
