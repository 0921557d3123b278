"""Files that others may hold open: whole or as they were, and tried again where the system says no."""

import os
from pathlib import Path

import pytest

from sidecar import files


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "state"
    files.write_whole(path, b"one", durable=True)
    assert path.read_bytes() == b"one"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        files.write_whole(path, b"two", durable=True)
    assert path.read_bytes() == b"one" and [p.name for p in tmp_path.iterdir()] == ["state"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_a_secret_is_its_owners_from_the_first_byte(tmp_path: Path):
    files.write_whole(tmp_path / "secret", b"s", private=True)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("act", ["replace", "remove", "rename"])
def test_what_somebody_reads_is_tried_again_for_a_while(tmp_path: Path, monkeypatch, act: str):
    """As on Windows, where a reader is in the way of replacing and deleting."""
    monkeypatch.setattr(files, "HELD_OPEN_S", 5.0)
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"a")
    refusals = iter(range(3))
    for owner, name in ((os, "replace"), (Path, "unlink"), (Path, "rename")):
        real = getattr(owner, name)

        def held(*args, _real=real, **options):
            if next(refusals, None) is not None:
                raise PermissionError(13, "somebody reads it")
            return _real(*args, **options)

        monkeypatch.setattr(owner, name, held)
    if act == "remove":
        files.remove(source)
    else:
        getattr(files, act)(source, target)
        assert target.read_bytes() == b"a"
    assert not source.exists() and next(refusals, None) is None


def test_what_stays_held_is_an_error_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "HELD_OPEN_S", 0.1)

    def held(*_: object) -> None:
        raise PermissionError(13, "somebody reads it")

    monkeypatch.setattr(os, "replace", held)
    with pytest.raises(PermissionError):
        files.replace(tmp_path / "a", tmp_path / "b")


def test_a_file_that_is_being_replaced_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As on Windows, where opening it in that moment is refused."""
    monkeypatch.setattr(files, "HELD_OPEN_S", 5.0)
    (tmp_path / "state").write_bytes(b"new")
    refusals, real = iter(range(3)), Path.read_bytes

    def held(path: Path) -> bytes:
        if next(refusals, None) is not None:
            raise PermissionError(13, "it is being replaced")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", held)
    assert files.read(tmp_path / "state") == b"new" and next(refusals, None) is None


def test_a_folder_with_a_file_that_somebody_reads_goes_when_they_are_done(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(files, "HELD_OPEN_S", 5.0)
    (tmp_path / "going").mkdir()
    (tmp_path / "going" / "weights").write_bytes(b"w")
    refusals, real = iter(range(3)), os.unlink

    def held(*arguments, **options) -> None:
        if next(refusals, None) is not None:
            raise PermissionError(13, "somebody reads it")
        real(*arguments, **options)

    monkeypatch.setattr(os, "unlink", held)
    files.remove_folder(tmp_path / "going")
    assert not (tmp_path / "going").exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_windows_programs_save_is_read(encoding: str):
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    assert files.text_of(f"{mark}Müde 玩家".encode(encoding)) == "Müde 玩家"


def test_a_new_file_takes_no_ones_place(tmp_path: Path):
    files.write_new(tmp_path / "key", b"one", private=True)
    with pytest.raises(FileExistsError):
        files.write_new(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"one"
