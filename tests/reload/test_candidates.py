"""Which entries of the models folder are candidates, and when they have settled."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.reload.candidates import Candidate, Seen, survey
from sidecar.reload.settling import Settling
from tests.reload.drops import FILES, drop, manifest
from tests.timing import least_cpu_s

QUIET_S, PATIENCE_S = 1.0, 10.0


class Clock:
    """A folder watched under a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s = folder, 100.0
        self._settling = Settling(QUIET_S, PATIENCE_S)
        self._seen: dict[str, Seen] = {}

    def look(self) -> list[str]:
        self._seen = survey(self.folder, self._seen)
        return [found.name for found in self._settling.update(self._seen, self.now_s)]

    def after(self, seconds: float) -> list[str]:
        """What settles within `seconds`, looked at as often as `Settling` asks and at the end."""
        end_s, found = self.now_s + seconds, self.look()
        while (due_s := self._settling.next_due_s(self.now_s)) is not None and self.now_s + due_s < end_s:
            self.now_s += due_s
            found += self.look()
        self.now_s = end_s
        return found + self.look()


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    (tmp_path / "models").mkdir()
    return Clock(tmp_path / "models")


def link(path: Path, target: Path) -> None:
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("links cannot be made here")


def touched(path: Path) -> None:
    """Another date, whatever the file system's clock resolves."""
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 2_000_000_000))


def test_a_whole_folder_settles_once_after_a_quiet_second(clock: Clock):
    drop(clock.folder / "mine")
    assert clock.look() == []
    assert clock.after(QUIET_S - 0.01) == []
    assert clock.after(0.02) == ["mine"]
    assert clock.after(100) == []


def test_a_copy_that_grows_file_by_file_settles_when_its_last_file_is_whole(clock: Clock):
    pack = clock.folder / "mine"
    pack.mkdir()
    for name, content in {"manifest.json": manifest(), **{n: b"x" * s for n, s in FILES.items()}}.items():
        assert clock.after(3 * QUIET_S) == []
        (pack / name).write_bytes(content)
    assert clock.after(QUIET_S) == ["mine"]


def test_a_folder_whose_manifest_does_not_come_is_told_when_patience_ends_and_again_when_it_comes(
    clock: Clock, tmp_path: Path
):
    pack = drop(clock.folder / "mine")
    (pack / "manifest.json").rename(tmp_path / "aside")
    assert clock.after(PATIENCE_S - 0.1) == []
    assert clock.after(50) == ["mine"]
    (tmp_path / "aside").rename(pack / "manifest.json")
    assert clock.after(QUIET_S) == ["mine"]


@pytest.mark.parametrize("name", ["mine.pt", "voices-v1.0.bin", "mine.NPY", "voices.npz"])
def test_a_single_voice_settles_as_a_pack_does(clock: Clock, name: str):
    (clock.folder / name).write_bytes(b"x" * 100)
    assert clock.after(QUIET_S) == [name]


@pytest.mark.parametrize("name", ["mine-1.0.0.zip", "model.onnx", "clip.wav", "what", "new folder"])
def test_what_is_no_pack_is_told_when_patience_ends(clock: Clock, name: str):
    if name == "new folder":
        (clock.folder / name).mkdir()
    else:
        (clock.folder / name).write_bytes(b"x" * 100)
    assert clock.after(PATIENCE_S - 0.1) == []
    assert clock.after(0.2) == [name]


@pytest.mark.parametrize(
    "name", ["README", "LICENSE.txt", "notes.md", "Thumbs.db", "desktop.ini", "x.sha256"]
)
def test_notes_and_what_desktops_leave_are_passed_over(clock: Clock, name: str):
    (clock.folder / name).write_bytes(b"x")
    assert clock.after(100) == []


@pytest.mark.parametrize("name", ["mine.npcvoice", "MINE.NPCVOICE"])
def test_an_archive_copied_in_bursts_settles_when_the_bursts_end(clock: Clock, name: str):
    with (clock.folder / name).open("wb", buffering=0) as stream:
        for _ in range(20):
            stream.write(b"x" * 1000)
            assert clock.after(0.8 * QUIET_S) == []
    assert clock.after(QUIET_S) == [name]


def test_an_empty_archive_is_told_only_when_patience_ends(clock: Clock):
    (clock.folder / "mine.npcvoice").touch()
    assert clock.after(PATIENCE_S - 0.1) == []
    assert clock.after(0.2) == ["mine.npcvoice"]


@pytest.mark.parametrize(
    "temporary", ["mine.npcvoice.part", "mine.npcvoice~", ".mine.npcvoice.swp", "4913.tmp"]
)
def test_a_file_written_under_another_name_counts_from_its_renaming(clock: Clock, temporary: str):
    (clock.folder / temporary).write_bytes(b"x" * 1000)
    assert clock.after(20) == []
    (clock.folder / temporary).rename(clock.folder / "mine.npcvoice")
    assert clock.look() == []
    assert clock.after(QUIET_S) == ["mine.npcvoice"]


def test_a_manifest_saved_by_write_and_rename_is_told_anew(clock: Clock):
    pack = drop(clock.folder / "mine")
    assert clock.after(QUIET_S) == ["mine"]
    (pack / "manifest.json.tmp").write_bytes(manifest() + b"\n")
    (pack / "manifest.json.tmp").replace(pack / "manifest.json")
    assert clock.after(5) == ["mine"]


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b'{"files": [', b"[]", b"{}", b"\xff", b"[" * 200_000, b"x" * 300_000),
        *(b'{"files": []}', b'{"files": 3}', b'{"files": [7]}'),
        b'{"files": [{"name": "../x", "size_bytes": 1}]}',
        b'{"files": [{"name": [], "size_bytes": 1}]}',
        *(manifest({**FILES, "lexicon.tsv": 9}), manifest({"weights.safetensors": 301})),
    ],
    ids=range(14),
)
def test_a_manifest_that_never_fits_its_files_is_told_when_patience_ends(clock: Clock, content: bytes):
    pack = drop(clock.folder / "mine")
    (pack / "manifest.json").write_bytes(content)
    assert clock.after(PATIENCE_S - 0.1) == []
    assert clock.after(0.2) == ["mine"]
    assert clock.after(100) == []


def test_a_correction_after_the_refusal_is_told_after_a_quiet_second(clock: Clock):
    pack = drop(clock.folder / "mine")
    (pack / "manifest.json").write_bytes(b"{")
    assert clock.after(PATIENCE_S) == ["mine"]
    (pack / "manifest.json").write_bytes(manifest())
    assert clock.after(QUIET_S) == ["mine"]


@pytest.mark.parametrize("checksum", ["x.safetensors.sha256", "x.sha256"])
def test_a_bare_checkpoint_waits_for_its_checksum(clock: Clock, checksum: str):
    (clock.folder / "x.safetensors").write_bytes(b"x" * 100)
    assert clock.after(5) == []
    (clock.folder / checksum).touch()
    assert clock.after(5) == []
    (clock.folder / checksum).write_text("ab" * 32)
    assert clock.after(QUIET_S) == ["x.safetensors"]


def test_a_bare_checkpoint_without_a_checksum_is_told_when_patience_ends(clock: Clock):
    (clock.folder / "x.safetensors").write_bytes(b"x" * 100)
    (clock.folder / "y.sha256").write_text("ab" * 32)
    assert clock.after(PATIENCE_S) == ["x.safetensors"]


def test_packs_moved_in_settle_and_packs_moved_out_are_forgotten(clock: Clock, tmp_path: Path):
    pack, inside = drop(tmp_path / "elsewhere" / "mine"), clock.folder / "mine"
    for _ in range(2):
        pack.rename(inside)
        assert clock.after(QUIET_S) == ["mine"]
        inside.rename(pack)
        assert clock.after(QUIET_S) == []


def test_what_is_deleted_before_it_settles_is_never_told(clock: Clock):
    drop(clock.folder / "mine")
    assert clock.look() == []
    shutil.rmtree(clock.folder / "mine")
    assert clock.after(100) == []


def test_a_deleted_file_makes_the_folder_another_and_incomplete(clock: Clock):
    pack = drop(clock.folder / "mine")
    assert clock.after(QUIET_S) == ["mine"]
    (pack / "weights.safetensors").unlink()
    assert clock.after(PATIENCE_S - 0.1) == []
    assert clock.after(0.2) == ["mine"]


@pytest.mark.parametrize("name", ["mine", "mine.npcvoice", "x.safetensors"])
def test_a_link_is_told_by_name_and_not_entered(clock: Clock, tmp_path: Path, name: str):
    target = drop(tmp_path / "elsewhere" / "mine")
    link(clock.folder / name, target if name == "mine" else target / "weights.safetensors")
    assert clock.after(QUIET_S) == [name]
    (target / "weights.safetensors").write_bytes(b"y" * 400)
    assert clock.after(100) == []


def test_links_are_told_wherever_they_lead(clock: Clock, tmp_path: Path):
    (tmp_path / "notes").touch()
    link(clock.folder / "other", tmp_path / "notes")
    link(clock.folder / "nowhere", tmp_path / "missing")
    link(clock.folder / "itself", clock.folder / "itself")
    assert clock.after(QUIET_S) == ["itself", "nowhere", "other"]


def test_a_manifest_that_is_a_link_is_not_followed(clock: Clock, tmp_path: Path):
    pack = drop(clock.folder / "mine")
    (pack / "manifest.json").rename(tmp_path / "manifest.json")
    link(pack / "manifest.json", tmp_path / "manifest.json")
    assert not survey(clock.folder)["mine"].is_complete


@pytest.mark.parametrize("name", [".hidden", ".incoming-0123", ".checking-0123", ".lock"])
def test_what_begins_with_a_dot_is_nobodys_pack(clock: Clock, name: str):
    drop(clock.folder / name)
    assert survey(clock.folder) == {}


def test_thousands_of_unrelated_files_cost_little(clock: Clock):
    for number in range(5000):
        (clock.folder / f"note-{number}.txt").touch()
    drop(clock.folder / "mine")
    assert list(survey(clock.folder)) == ["mine"]
    assert least_cpu_s(lambda: survey(clock.folder)) < 0.5


def test_a_folder_of_thousands_of_files_is_told_from_its_first_ones(clock: Clock):
    pack = drop(clock.folder / "mine")
    for number in range(3000):
        (pack / f"z{number}").touch()
    before = survey(clock.folder)["mine"]
    assert survey(clock.folder)["mine"] == before
    (pack / "z2999").unlink()
    assert survey(clock.folder)["mine"].stamp != before.stamp


def test_a_models_folder_removed_and_made_anew_tells_its_packs_again(clock: Clock):
    drop(clock.folder / "mine")
    assert clock.after(QUIET_S) == ["mine"]
    shutil.rmtree(clock.folder)
    assert clock.after(5) == []
    drop(clock.folder / "mine")
    assert clock.after(QUIET_S) == ["mine"]


def test_a_pack_deleted_and_dropped_again_between_two_looks_is_told_anew(clock: Clock):
    pack = drop(clock.folder / "mine")
    dates = (pack / "weights.safetensors").stat()
    assert clock.after(QUIET_S) == ["mine"]
    time.sleep(0.05)  # past the file system's clock tick
    shutil.rmtree(pack)
    drop(pack)
    for name in ("manifest.json", *FILES):
        os.utime(pack / name, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    assert clock.after(QUIET_S) == ["mine"]


def test_a_stamp_stays_without_a_change_and_is_another_after_one(clock: Clock):
    pack = drop(clock.folder / "mine")
    before = survey(clock.folder)["mine"]
    (pack / "weights.safetensors").read_bytes()
    (pack / ".DS_Store").write_bytes(b"x")
    assert survey(clock.folder)["mine"] == before
    touched(pack / "weights.safetensors")
    assert survey(clock.folder)["mine"].stamp != before.stamp
    assert before.size_bytes == len(manifest()) + sum(FILES.values())


def test_a_known_complete_folder_is_not_read_again(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    drop(clock.folder / "mine")
    known = survey(clock.folder)
    monkeypatch.setattr("sidecar.reload.candidates.open_plain", lambda path: pytest.fail(f"{path} is read"))
    assert survey(clock.folder, known) == known


def denied(*_: object) -> Iterator[str]:
    raise PermissionError(13, "denied")


def test_a_folder_that_may_not_be_listed_is_told_when_patience_ends(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    drop(clock.folder / "mine")
    monkeypatch.setattr("sidecar.reload.candidates.os.listdir", denied)
    assert clock.after(QUIET_S) == []
    assert clock.after(PATIENCE_S) == ["mine"]


def test_a_models_folder_that_may_not_be_listed_or_is_a_file_holds_nothing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    (clock.folder / "file").touch()
    assert survey(clock.folder / "file") == {}
    drop(clock.folder / "mine")
    monkeypatch.setattr("sidecar.reload.candidates.os.scandir", denied)
    assert survey(clock.folder) == {}


def test_a_file_that_vanishes_while_it_is_looked_at_is_left_out(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    pack = drop(clock.folder / "mine")
    listing = os.listdir(pack)
    monkeypatch.setattr("sidecar.reload.candidates.os.listdir", lambda _: [*listing, "gone.safetensors"])
    assert survey(clock.folder)["mine"].is_complete


def test_candidates_settle_each_in_its_own_time_and_in_order():
    whole, part = Seen("1", 9, True), Seen("2", 9, False)
    settling = Settling(1, 10)
    assert settling.next_due_s(0) is None
    assert settling.update({"b": whole, "a": whole, "c": part}, 0) == []
    assert settling.next_due_s(0.25) == 0.75
    assert settling.update({"b": whole, "a": whole, "c": part}, 1) == [
        Candidate("a", "1", 9),
        Candidate("b", "1", 9),
    ]
    assert settling.next_due_s(2) == 8
    assert settling.next_due_s(20) == 0
    assert settling.update({"a": Seen("3", 9, True)}, 20) == []
    assert settling.update({"a": Seen("3", 9, True), "b": whole}, 21) == [Candidate("a", "3", 9)]
    assert settling.update({"b": whole}, 22) == [Candidate("b", "1", 9)]
    assert settling.next_due_s(22) is None
