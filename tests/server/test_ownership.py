"""Whose a name is, who may speak by the policy of now, and how a voice is got rid of."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.checks.candidate import Interrupted
from sidecar.models.manifest import Manifest
from sidecar.models.pack import Pack, describe
from sidecar.protocol.errors import ModelRejected
from sidecar.reload.policy import SHIPPED
from sidecar.reload.states import Entry, State
from sidecar.server.reloading import drops
from tests.server.test_reloader import Fake, Theatre, playing, put_pack


class Publishers(Fake):
    """Who signed a pack stands in a file in it; `forbidden` are those who may not speak now."""

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self.forbidden: set[str] = set()

    def judge(self, pack: Pack) -> str:
        signer = pack.folder / "signer"
        key = signer.read_text() if signer.exists() else ""
        if key in self.forbidden:
            raise ModelRejected("not by the policy", reason="publisher_unknown")
        return key


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    fake = Publishers(tmp_path / "store")
    with playing(tmp_path, fake) as theatre:
        dependencies = theatre.server._reloader._context.dependencies
        object.__setattr__(dependencies, "judge", fake.judge)
        yield theatre


def signed(folder: Path, version: str, key: str, name: str = "other", **changes) -> Path:
    """A pack whose publisher is `key`, moved into the models folder as a whole."""
    aside = put_pack(folder / f".{key}{version}", version, name)
    (aside / "signer").write_text(key)
    if changes:
        manifest = Manifest.from_json((aside / "manifest.json").read_bytes())
        (aside / "manifest.json").write_text(replace(manifest, **changes).to_json(), "utf-8")
    return aside.rename(folder / aside.name)


def as_shipped(theatre: Theatre) -> None:
    """As if the voice of the start came with the program."""
    found = theatre.server._reloader._context
    (first,) = found.entries
    found.put(replace(first, signer=SHIPPED))


def test_the_default_voices_name_is_taken_by_no_pack_until_the_user_says_so(theatre: Theatre):
    as_shipped(theatre)
    put_pack(theatre.models, "999999999.0.0")
    theatre.wait(lambda: theatre.state("tone@999999999.0.0") == "ready")
    row = theatre.rows()["tone@999999999.0.0"]
    assert row["reason"] == "name_reserved" and "activate" in row["detail"]
    assert theatre.version() == "1.0.0"
    theatre.ask(op="activate", model="tone@999999999.0.0")
    theatre.wait(lambda: theatre.version() == "999999999.0.0")
    theatre.ask(op="remove", model="tone")
    theatre.wait(lambda: theatre.version() == "1.0.0")
    assert not (theatre.models / "tone-999999999.0.0").exists()
    put_pack(theatre.models, "2.0.0")  # and it is reserved again
    theatre.wait(lambda: theatre.state("tone@2.0.0") == "ready")
    assert theatre.version() == "1.0.0"


def test_what_ships_cannot_be_removed(theatre: Theatre):
    as_shipped(theatre)
    assert theatre.refused(op="remove", model="tone")["code"] == "unsupported"
    assert theatre.refused(op="remove", model="nobody")["code"] == "unknown_model"


def test_a_name_belongs_to_its_first_publisher(theatre: Theatre):
    signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    signed(theatre.models, "2.0.0", "mallory")
    theatre.wait(lambda: theatre.state("other@2.0.0") == "ready")
    assert theatre.rows()["other@2.0.0"]["reason"] == "name_owned"
    signed(theatre.models, "1.1.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.1.0") == "live")
    assert theatre.version(model="other") == "1.1.0"
    theatre.ask(op="activate", model="other@2.0.0")  # the user says otherwise
    theatre.wait(lambda: theatre.state("other@2.0.0") == "live")
    theatre.ask(op="activate", model="other")
    signed(theatre.models, "3.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@3.0.0") == "ready")
    assert theatre.rows()["other@3.0.0"]["reason"] == "name_owned"


def test_a_version_that_cannot_do_what_the_live_one_can_waits(theatre: Theatre):
    signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    signed(theatre.models, "1.1.0", "kay", speakers=("alto",))
    theatre.wait(lambda: theatre.state("other@1.1.0") == "ready")
    row = theatre.rows()["other@1.1.0"]
    assert row["reason"] == "lacks_speakers" and "bass" in row["detail"]
    signed(theatre.models, "1.2.0", "kay", languages=("zh-CN",))
    theatre.wait(lambda: theatre.state("other@1.2.0") == "ready")
    assert theatre.rows()["other@1.2.0"]["reason"] == "lacks_languages"
    assert theatre.version(model="other", speaker="bass") == "1.0.0"


def test_who_is_trusted_no_longer_is_silent_after_a_rescan(theatre: Theatre):
    signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    assert theatre.version(model="other") == "1.0.0"
    theatre.fake.forbidden.add("kay")
    theatre.ask(op="rescan")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "rejected")
    assert theatre.rows()["other@1.0.0"]["reason"] == "publisher_unknown"
    theatre.wait(lambda: "other" not in {m["name"] for m in theatre.ask(op="hello")["models"]})
    assert theatre.refused(op="synthesize", text="Hi.", model="other")["code"] == "unknown_model"
    theatre.fake.forbidden.clear()
    theatre.ask(op="rescan")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")


def test_a_version_that_is_removed_leaves_the_next_best(theatre: Theatre):
    for version in ("1.0.0", "1.1.0"):
        signed(theatre.models, version, "kay")
        theatre.wait(lambda version=version: theatre.state(f"other@{version}") == "live")
    theatre.ask(op="remove", model="other@1.1.0")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    theatre.wait(lambda: theatre.version(model="other") == "1.0.0")
    assert not (theatre.models / "other-1.1.0").exists()
    assert not list(theatre.fake.store.glob("other-1.1.0-*"))
    theatre.ask(op="remove", model="other")
    theatre.wait(lambda: "other" not in {m["name"] for m in theatre.ask(op="hello")["models"]})
    assert theatre.refused(op="synthesize", text="Hi.", model="other")["code"] == "unknown_model"
    theatre.ask(op="rescan")
    assert "other@1.0.0" not in theatre.rows()


def test_a_row_says_when_what_was_dropped_is_gone(theatre: Theatre):
    folder = signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    assert theatre.rows()["other@1.0.0"]["dropped"] is True
    shutil.rmtree(folder)
    theatre.wait(lambda: theatre.rows()["other@1.0.0"]["dropped"] is False)
    assert theatre.version(model="other") == "1.0.0"


def test_copies_are_kept_for_what_speaks_and_what_one_may_go_back_to(theatre: Theatre):
    for number in range(4):
        folder = signed(theatre.models, f"1.{number}.0", "kay")
        theatre.wait(lambda number=number: theatre.state(f"other@1.{number}.0") == "live")
        shutil.rmtree(folder)
    signed(theatre.models, "1.4.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.4.0") == "live")
    copies = lambda: sorted(p.name.split("-")[1] for p in theatre.fake.store.glob("other-*"))  # noqa: E731
    theatre.wait(lambda: copies() == ["1.3.0", "1.4.0"])
    theatre.ask(op="rollback", model="other")
    theatre.wait(lambda: theatre.version(model="other") == "1.3.0")


def test_a_copy_that_is_gone_is_made_again_from_what_was_dropped(theatre: Theatre):
    for version in ("1.0.0", "1.1.0"):
        signed(theatre.models, version, "kay")
        theatre.wait(lambda version=version: theatre.state(f"other@{version}") == "live")
    (copy,) = theatre.fake.store.glob("other-1.0.0-*")
    shutil.rmtree(copy)
    theatre.ask(op="rollback", model="other")
    theatre.wait(lambda: theatre.version(model="other") == "1.0.0")


def test_names_that_are_no_text_or_absurd_are_told_plainly(theatre: Theatre):
    theatre.models.mkdir(exist_ok=True)
    ends = ("\x1b]0;pwned\x07", "\udcff\udcfe", "n" * 200, "neue\nZeile")
    odd = [f"{end}.npcvoice" for end in ends]
    for name in odd:
        (theatre.models / name).write_bytes(b"PK")
        theatre.fake.bad[name] = ModelRejected("it is damaged", reason="archive_damaged")
    rejected = lambda: [r for r in theatre.ask(op="models")["models"] if r["state"] == "rejected"]  # noqa: E731
    theatre.wait(lambda: len(rejected()) == len(odd), timeout_s=40)
    assert all(row["name"].isprintable() and len(row["name"]) <= 121 for row in rejected())
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")


def test_a_flood_is_told_in_one_row_and_hides_no_good_pack(theatre: Theatre, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drops, "MOST_FOUND", 20)
    hold, order = threading.Event(), []

    def checked(source: Path) -> None:
        order.append(source.name)
        if len(order) == 5:
            hold.wait(60)

    theatre.fake.before = checked
    theatre.models.mkdir(exist_ok=True)
    for number in range(300):
        (theatre.models / f"junk{number}.npcvoice").write_bytes(b"PK")
        theatre.fake.bad[f"junk{number}.npcvoice"] = ModelRejected("junk", reason="archive_damaged")
    theatre.wait(lambda: theatre.state("(models folder)@") == "rejected", timeout_s=60)
    assert len(theatre.rows()) < 40
    assert "more wait" in theatre.rows()["(models folder)@"]["detail"]
    put_pack(theatre.models, "1.1.0")
    settling = theatre.server._reloader._watcher._settling
    wait_of = lambda: settling._waits.get("tone-1.1.0")  # noqa: E731
    theatre.wait(lambda: wait_of() is not None and wait_of().is_over)  # found, behind all of them
    hold.set()
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live", timeout_s=40)
    assert order.index("tone-1.1.0") < 20


def test_a_check_that_is_ended_from_outside_is_begun_again_and_given_up_at_last(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sidecar.reload.budget.SAME_SOURCE_S", 0.05)
    begun = []

    def ended(source: Path) -> None:
        begun.append(source.name)
        if (source.name == "tone-1.1.0" and len(begun) < 3) or source.name == "tone-1.2.0":
            raise Interrupted("killed")

    theatre.fake.before = ended
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone@1.1.0") == "live")
    put_pack(theatre.models, "1.2.0")
    theatre.wait(lambda: theatre.state("tone-1.2.0@") == "rejected")
    assert begun.count("tone-1.2.0") == drops.TRIES
    assert not any("1.2.0" in drop for drop in theatre.server._reloader._context.journal.memory.refused)


def test_a_bug_in_a_check_leaves_no_row_behind(theatre: Theatre):
    def broken(source: Path) -> None:
        if source.name == "tone-1.1.0":
            raise ZeroDivisionError

    theatre.fake.before = broken
    put_pack(theatre.models, "1.1.0")
    theatre.wait(lambda: theatre.state("tone-1.1.0@") == "rejected")
    put_pack(theatre.models, "1.2.0")
    theatre.wait(lambda: theatre.state("tone@1.2.0") == "live")


def test_rows_are_whole_while_the_reloader_works(theatre: Theatre):
    over, wrong = threading.Event(), []

    def look() -> None:
        while not over.is_set():
            try:
                theatre.server._reloader.rows  # noqa: B018
                theatre.server._reloader.controls.rollback("tone")
            except Exception as error:
                if "earlier version" not in str(error):
                    wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    found = theatre.server._reloader._context
    for number in range(300):
        found.put(Entry(f"drop {number}", "s", State.REJECTED))
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_removing_all_versions_silences_the_one_that_speaks_though_another_was_ready(theatre: Theatre):
    signed(theatre.models, "1.1.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.1.0") == "live")
    signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "ready")
    theatre.ask(op="remove", model="other")
    theatre.wait(lambda: "other" not in {m["name"] for m in theatre.ask(op="hello")["models"]})


def test_a_version_that_goes_and_whose_successor_cannot_be_loaded_is_silent(theatre: Theatre):
    for version in ("1.0.0", "1.1.0"):
        signed(theatre.models, version, "kay")
        theatre.wait(lambda version=version: theatre.state(f"other@{version}") == "live")
    theatre.fake.bad["load 1.0.0"] = ModelRejected("it is broken now", reason="probe_differs")
    theatre.ask(op="remove", model="other@1.1.0")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "rejected")
    theatre.wait(lambda: "other" not in {m["name"] for m in theatre.ask(op="hello")["models"]})


def test_removing_the_live_version_ends_its_trial_and_the_other_speaks(theatre: Theatre):
    signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    theatre.ask(op="activate", model="other@1.0.0")
    theatre.wait(lambda: theatre.rows()["other@1.0.0"]["pinned"])
    signed(theatre.models, "1.1.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.1.0") == "ready")
    theatre.ask(op="canary", model="other@1.1.0", share=0.5)
    theatre.wait(lambda: theatre.state("other@1.1.0") == "canary")
    assert theatre.rows()["other@1.1.0"]["share"] == 0.5
    theatre.ask(op="remove", model="other@1.0.0")
    theatre.wait(lambda: theatre.state("other@1.1.0") == "live")
    theatre.wait(lambda: theatre.version(model="other") == "1.1.0")


def test_a_pin_lets_nobody_else_in_under_the_same_version(theatre: Theatre):
    signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    theatre.fake.bad["load 2.0.0"] = ModelRejected("no", reason="probe_differs")
    signed(theatre.models, "2.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@2.0.0") == "rejected")
    del theatre.fake.bad["load 2.0.0"]
    journal = theatre.server._reloader._context.journal
    journal.update(lambda memory: replace(memory, pins={"other": "2.0.0"}))
    shutil.rmtree(theatre.models / "other-2.0.0")
    signed(theatre.models / ".apart", "2.0.0", "mallory").rename(theatre.models / "mallorys")
    theatre.wait(lambda: any(r.get("reason") == "name_owned" for r in theatre.ask(op="models")["models"]))
    assert theatre.version(model="other") == "1.0.0"


def test_a_held_version_is_not_tried_either(theatre: Theatre):
    signed(theatre.models, "1.0.0", "kay")
    theatre.wait(lambda: theatre.state("other@1.0.0") == "live")
    signed(theatre.models, "2.0.0", "mallory")
    theatre.wait(lambda: theatre.state("other@2.0.0") == "ready")
    assert theatre.refused(op="canary", model="other@2.0.0", share=0.5)["code"] == "unsupported"


def test_a_source_that_changes_often_at_one_version_keeps_what_speaks(theatre: Theatre):
    def rows() -> list[dict]:
        return [row for row in theatre.ask(op="models")["models"] if row["name"] == "other"]

    for number in range(3):
        aside = put_pack(theatre.models / f".new{number}", "1.0.0", "other")
        (aside / "signer").write_text("kay")
        (aside / "weights.safetensors").write_bytes(b"%d" % number)
        manifest = Manifest.from_json((aside / "manifest.json").read_bytes())
        files = (describe(aside / "weights.safetensors"),)
        (aside / "manifest.json").write_text(replace(manifest, files=files).to_json(), "utf-8")
        target = theatre.models / "changing"
        if target.exists():
            target.rename(theatre.models / f".old{number}")
        aside.rename(target)
        seen = number + 1
        theatre.wait(lambda seen=seen: len(rows()) == seen)
    assert [row["state"] for row in rows()].count("live") == 1


def test_what_the_start_has_left_to_do_is_done_without_anybody_asking(tmp_path: Path):
    fake = Publishers(tmp_path / "store")
    ready = put_pack(tmp_path / "store", "3.0.0", "other")
    waiting = Entry("x", "s", State.READY, ready, "other", "3.0.0", "0" * 64)
    with playing(tmp_path, fake, entries=(waiting,)) as theatre:
        theatre.wait(lambda: theatre.state("other@3.0.0") == "live")
