"""The store and its journal: whatever happens to the folder or the process, no verified voice is lost.

With voices that sound at once, in this process or in one that is killed at every write.
"""

import gc
import os
import shutil
import signal
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.file_names import MANIFEST
from sidecar.models.pack import Pack, open_pack
from sidecar.protocol.errors import ModelRejected, StorageError, UnknownModel, Unsupported
from sidecar.reload.journal import PREVIOUS, STATE, Copy, Journal
from sidecar.reload.policy import SHIPPED, Load, Snapshot, decide, held
from sidecar.reload.removal import remove_from
from sidecar.reload.states import Entry, State
from sidecar.reload.store import digest_of, take_in_unlisted, tidy
from sidecar.server.config import ModelsConfig
from sidecar.server.reloading import startup
from sidecar.server.reloading.reloader import Reloader
from sidecar.server.reloading.startup import start_up
from tests.fakes import tone_voice
from tests.faults.one_drop import stored
from tests.server.test_reloader import put_pack

KILLED = """
import os, sys
from pathlib import Path
from sidecar import files
from tests.faults.one_drop import one_drop

at, done = int(sys.argv[2]), 0

def counted(act):
    def acted(*args, **options):
        global done
        done += 1
        if done == at:
            os.kill(os.getpid(), 9)
        return act(*args, **options)
    return acted

for name in ("write_whole", "replace", "rename", "remove"):
    setattr(files, name, counted(getattr(files, name)))
one_drop(Path(sys.argv[1]))
print(done)
"""


def live(home: Path, version: str) -> Pack:
    """A voice that was dropped, became live, and whose drop has been deleted."""
    pack = stored(home, version)
    folder = pack.folder.name
    Journal(home / "store").update(
        lambda memory: replace(
            memory.with_live("guard", folder),
            copies={**memory.copies, folder: Copy("guard.npcvoice", version, digest_of(pack.folder))},
        )
    )
    return pack


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Opens a home as a start does; every voice is a tone."""
    shipped = put_pack(tmp_path / "program", "1.0.0", default_voice.NAME)

    def ensure(home: Home, progress: object) -> Pack:
        target = default_voice.folder_in(home)
        if not target.exists():
            shutil.copytree(shipped, target)
        return open_pack(target)

    def load(self, pack: Pack, probe: bool):
        voice = tone_voice(version=pack.manifest.version)
        voice.synthesizer.model = replace(voice.synthesizer.model, manifest=pack.manifest)
        return startup.ServedVoice.of(voice.synthesizer)

    monkeypatch.setattr(startup, "ensure_default_voice", ensure)
    monkeypatch.setattr(startup.Loader, "load", load)

    def begin(home: Path, **options):
        return start_up(Home(home), ModelsConfig(device="cpu", **options), lambda *_: None)

    return begin


def speakers(opened) -> dict[str, str]:
    return {name.name: name.version for name in opened.voices.names}


def test_a_data_folder_that_was_moved_has_all_its_voices(opened, tmp_path: Path):
    live(tmp_path / "home", "1.0.0")
    live(tmp_path / "home", "1.1.0")
    (tmp_path / "home").rename(tmp_path / "elsewhere")
    found = opened(tmp_path / "elsewhere")
    assert speakers(found) == {default_voice.NAME: "1.0.0", "guard": "1.1.0"}
    assert {(e.label, e.state) for e in found.entries if e.name == "guard"} == {
        ("guard@1.1.0", State.LIVE),
        ("guard@1.0.0", State.READY),  # to go back to, after a restart too
    }


def test_a_journal_that_is_torn_at_any_byte_loses_no_voice(opened, tmp_path: Path):
    home = tmp_path / "home"
    live(home, "1.0.0")
    live(home, "1.1.0")
    state = home / "store" / STATE
    whole, before = state.read_bytes(), (home / "store" / PREVIOUS).read_bytes()
    for length in range(0, len(whole), 7):
        state.write_bytes(whole[:length])
        (home / "store" / PREVIOUS).write_bytes(before if length % 2 else b"{")  # the one before it too
        found = opened(home)
        assert speakers(found).get("guard", "1.1.0") in ("1.0.0", "1.1.0"), length
        assert {e.version for e in found.entries if e.name == "guard"} == {"1.0.0", "1.1.0"}, length
        assert len(list((home / "store").glob("guard-*"))) == 2


def test_what_the_journal_never_heard_of_is_taken_in_and_what_is_no_copy_is_not(opened, tmp_path: Path):
    home = tmp_path / "home"
    stored(home, "1.0.0")
    stored(home, "1.2.0")
    odd = put_pack(home / "store", "9.9.9", "guard")  # not called as a copy is
    damaged = stored(home, "3.0.0").folder
    (damaged / "weights.safetensors").write_bytes(b"cut")
    found = opened(home)
    assert {(e.label, e.state) for e in found.entries if e.name == "guard"} == {
        ("guard@1.0.0", State.READY),
        ("guard@1.2.0", State.READY),
    }
    assert odd.exists() and damaged.exists()  # nothing is deleted on a journal that was not there


def test_wherever_the_process_is_killed_a_voice_speaks_at_the_next_start(opened, tmp_path: Path):
    at = 0
    while True:
        at += 1
        root = tmp_path / str(at)
        live(root / "home", "1.0.0")
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(root), str(at)], capture_output=True, text=True, check=False
        )
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        found = opened(root / "home")
        assert speakers(found)["guard"] in ("1.0.0", "1.1.0")
        assert {e.version for e in found.entries if e.name == "guard"} == {"1.0.0", "1.1.0"}, at
        if ended.returncode == 0:
            break
    assert at > 5


def test_a_pack_that_kills_every_start_is_not_loaded_twice(opened, tmp_path: Path, monkeypatch):
    home = tmp_path / "home"
    live(home, "1.0.0")
    load = startup.Loader.load

    def dying(self, pack: Pack, probe: bool):
        if pack.manifest.name == "guard":
            raise KeyboardInterrupt  # stands for the end of the process
        return load(self, pack, probe)

    def remembering(self, change):
        if Journal.dead:
            return
        update(self, change)

    update, Journal.dead = Journal.update, False
    monkeypatch.setattr(startup.Loader, "load", dying)

    def killed(self, pack: Pack, probe: bool):
        Journal.dead = pack.manifest.name == "guard"  # nothing more is written
        return dying(self, pack, probe)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Journal, "update", remembering)
        patched.setattr(startup.Loader, "load", killed)
        opened(home)
    Journal.dead = False
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):  # once may have been anything
        patched.setattr(Journal, "update", remembering)
        patched.setattr(startup.Loader, "load", killed)
        opened(home)
    del Journal.dead
    found = opened(home)
    assert speakers(found) == {default_voice.NAME: "1.0.0"}
    (entry,) = [e for e in found.entries if e.name == "guard"]
    assert (entry.state, entry.reason) == (State.REJECTED, "crashed")
    assert list((home / "store").glob("guard-*"))  # and its copy is still there


def test_a_start_that_somebody_ends_is_no_voices_fault(opened, tmp_path: Path):
    home = tmp_path / "home"
    folder = live(home, "1.0.0").folder.name
    for _ in range(3):
        Journal(home / "store").update(lambda memory: memory.with_start(folder, begins=True))
        startup.forget_start(Home(home))
    assert speakers(opened(home))["guard"] == "1.0.0"


def test_copies_that_were_taken_in_are_blamed_one_by_one(opened, tmp_path: Path):
    home = tmp_path / "home"
    for name in ("guard", "smith"):
        stored(home, "1.0.0", name)
    found = opened(home)
    guilty = next(e.folder.name for e in found.entries if e.name == "smith" and e.folder)
    found.journal.update(lambda memory: replace(memory, loading=guilty))
    states = {e.name: e.state for e in opened(home).entries}
    assert (states["smith"], states["guard"]) == (State.REJECTED, State.READY)


def test_a_copy_under_the_default_voices_name_is_never_live_by_itself(opened, tmp_path: Path):
    home = tmp_path / "home"
    stored(home, "999.0.0", default_voice.NAME)
    for _ in range(2):  # and not after another start either
        found = opened(home)
        assert speakers(found) == {default_voice.NAME: "1.0.0"}
        (entry,) = [e for e in found.entries if e.version == "999.0.0"]
        snapshot = Snapshot(found.entries, owners={default_voice.NAME: SHIPPED})
        assert (entry.state, held(snapshot, entry).reason) == (State.READY, "name_reserved")


def test_what_is_taken_in_from_several_publishers_waits_for_the_user(tmp_path: Path):
    theirs = [
        Entry(key, "s", State.READY, tmp_path / key, "guard", version, signer=key)
        for key, version in (("kay", "1.0.0"), ("mallory", "2.0.0"))
    ]
    assert decide(Snapshot(theirs)) is None
    assert decide(Snapshot(theirs, owners={"guard": "kay"})) == Load(theirs[0])


def test_two_versions_from_one_file_are_both_there_after_a_restart(opened, tmp_path: Path):
    home = tmp_path / "home"
    for version in ("1.0.0", "1.1.0"):
        folder = stored(home, version).folder
        copy = Copy("guard.npcvoice", version, digest_of(folder))
        Journal(home / "store").update(
            lambda m, f=folder, c=copy: replace(m.with_live("guard", f.name), copies={**m.copies, f.name: c})
        )
    found = opened(home)
    theirs = Reloader(found.dependencies, found.journal, None, found.entries)._context.entries
    assert {(e.label, e.state) for e in theirs if e.name == "guard"} == {
        ("guard@1.1.0", State.LIVE),
        ("guard@1.0.0", State.READY),
    }
    assert [e.signer for e in theirs].count(SHIPPED) == 1


def test_a_stricter_policy_silences_what_was_taken_under_another(opened, tmp_path: Path):
    home = tmp_path / "home"
    live(home, "1.0.0")
    strict = opened(home, policy="known")
    assert speakers(strict) == {default_voice.NAME: "1.0.0"}
    (entry,) = [e for e in strict.entries if e.name == "guard"]
    assert (entry.state, entry.reason) == (State.REJECTED, "unsigned")
    assert speakers(opened(home))["guard"] == "1.0.0"  # and the copy is not lost


def test_a_copy_that_was_changed_in_the_store_does_not_speak(opened, tmp_path: Path):
    home = tmp_path / "home"
    folder = live(home, "1.0.0").folder
    text = (folder / MANIFEST).read_text("utf-8")
    (folder / MANIFEST).write_text(text.replace('"licence": "CC0-1.0"', '"licence": "mine"'), "utf-8")
    assert "mine" in (folder / MANIFEST).read_text("utf-8")
    assert "guard" not in speakers(opened(home))


def test_a_name_that_leads_out_of_the_store_leads_nowhere(opened, tmp_path: Path):
    home = tmp_path / "home"
    pack = stored(home, "1.0.0")
    outside = pack.folder.rename(tmp_path / "outside")
    Journal(home / "store").update(lambda memory: memory.with_live("guard", f"../../{outside.name}"))
    assert speakers(opened(home)) == {default_voice.NAME: "1.0.0"}
    assert outside.exists()


def test_the_store_does_not_grow_with_every_version(opened, tmp_path: Path):
    home = tmp_path / "home"
    for number in range(6):
        live(home, f"1.{number}.0")
        tidy(Journal(home / "store"), home / "store", "shipped", [])
    assert sorted(p.name.split("-")[1] for p in (home / "store").glob("guard-*")) == ["1.4.0", "1.5.0"]
    found = opened(home)
    assert {e.version for e in found.entries if e.name == "guard"} == {"1.4.0", "1.5.0"}


def test_copies_of_what_is_still_dropped_have_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = tmp_path / "home"
    journal = Journal(home / "store")
    for number in range(4):
        folder = stored(home, f"0.{number}.0").folder
        os.utime(folder, (number, number))
        copy = Copy(f"drop{number}", "s", digest_of(folder))
        journal.update(lambda m, f=folder, c=copy: replace(m, copies={**m.copies, f.name: c}))
    size = sum(file.stat().st_size for file in folder.iterdir())
    monkeypatch.setattr("sidecar.reload.store.SPARE_BYTES", 2 * size + 10)
    dropped = [f"drop{number}" for number in range(4)]
    assert len(tidy(journal, home / "store", "shipped", dropped)) == 2
    assert sorted(p.name.split("-")[1] for p in (home / "store").glob("guard-*")) == ["0.2.0", "0.3.0"]


def test_the_default_voice_is_told_as_what_ships(opened, tmp_path: Path):
    found = opened(tmp_path / "home")
    (entry,) = found.entries
    assert (entry.signer, entry.state) == (SHIPPED, State.LIVE)
    take_in_unlisted(found.journal, tmp_path / "home" / "store", default_voice.folder_in(Home(tmp_path)).name)
    assert not found.journal.memory.copies


def test_a_judge_by_the_real_policy_refuses_an_unsigned_copy(tmp_path: Path):
    pack = stored(tmp_path / "home", "1.0.0")
    assert startup.Judge(Home(tmp_path / "home"), "any")(pack) == ""
    with pytest.raises(ModelRejected):
        startup.Judge(Home(tmp_path / "home"), "signed")(pack)


def test_nothing_but_the_voices_holds_on_to_a_voice(opened, tmp_path: Path):
    """Else none would ever be let go of."""
    found = opened(tmp_path / "home")
    voice = weakref.ref(found.voices.default.synthesizer)
    dependencies, journal = found.dependencies, found.journal
    del found
    gc.collect()
    assert voice() is None and dependencies.load and journal.memory


def test_under_a_sidecar_nothing_is_removed_behind_its_back(opened, tmp_path: Path):
    home = tmp_path / "home"
    live(home, "1.0.0")
    found = opened(home)
    with pytest.raises(StorageError, match="serves from this data folder"):
        remove_from(Home(home), "guard")
    found.lock.release()
    assert remove_from(Home(home), "guard") == ["guard@1.0.0"]
    assert not list((home / "store").glob("guard-*")) and "guard" not in speakers(opened(home))
    with pytest.raises(Unsupported):
        remove_from(Home(home), default_voice.NAME)
    with pytest.raises(UnknownModel):
        remove_from(Home(home), "nobody")
