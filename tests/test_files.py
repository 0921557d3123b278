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
