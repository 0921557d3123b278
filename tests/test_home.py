"""Paths of a game in another world: Wine shows Linux as its drive Z:."""

import sys
from pathlib import Path

import pytest

from sidecar.client import Client
from sidecar.home import Home, local_path
from sidecar.protocol.errors import BadRequest

outside_windows = pytest.mark.skipif(sys.platform == "win32", reason="the other way round there")


@outside_windows
@pytest.mark.parametrize(
    ("given", "here"),
    [
        (r"Z:\home\me\npc voice\connection.json", "/home/me/npc voice/connection.json"),
        ("z:/home/me/connection.json", "/home/me/connection.json"),
        ("/home/me/connection.json", "/home/me/connection.json"),
        ("C:", "C:"),
        ("connection.json", "connection.json"),
    ],
)
def test_drive_z_is_the_root_of_this_system(given: str, here: str):
    assert local_path(given, "connection_file") == Path(here)


@outside_windows
def test_a_drive_that_only_wine_knows_is_refused_in_words(monkeypatch: pytest.MonkeyPatch):
    path = r"C:\users\steamuser\AppData\Local\npc-voice"
    with pytest.raises(BadRequest, match="path of Windows") as refused:
        Client(path + r"\connection.json")
    assert refused.value.field == "connection_file" and "drive_c" in str(refused.value.tip)
    monkeypatch.setenv("NPC_VOICE_HOME", path)
    with pytest.raises(BadRequest) as refused:
        Home.from_environment()
    assert refused.value.field == "NPC_VOICE_HOME"


def test_a_game_in_wine_is_shown_where_linux_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder in place of drive Z:, and this system in place of Windows."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("sidecar.home.WINES_ROOT", str(tmp_path))
    monkeypatch.setattr("sidecar.home.ROOT_MARK", str(tmp_path / "etc" / "passwd"))
    assert local_path("/home/me/c.json", "connection_file") == Path("/home/me/c.json")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").touch()
    assert local_path("/home/me/c.json", "connection_file") == tmp_path / "home" / "me" / "c.json"
    assert local_path("//server/share/c.json", "connection_file") == Path("//server/share/c.json")
