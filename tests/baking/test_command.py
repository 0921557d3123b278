"""The command `bake` says what is wrong before it loads a voice, and what may be wrong beside what it did."""

import json
from pathlib import Path

import pytest

from sidecar.modkit import finding
from sidecar.voice import Voice
from tests.baking.scripts import CAST, LINES, bake, cast_of, script_of, table_of
from tests.commands import Ended, NpcVoice
from tests.fakes import tone_voice


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The folders of the packs that were loaded; each is a voice of tones."""
    folders: list[object] = []

    def load(folder: object, **_: object) -> Voice:
        folders.append(folder)
        return Voice(tone_voice().synthesizer)

    monkeypatch.setattr(Voice, "load", load)
    return folders


def baked(npc_voice: NpcVoice, script: Path, *more: str) -> Ended:
    return npc_voice("bake", str(script), "-o", str(script.parent / "out"), "--workers", "1", "--json", *more)


@pytest.mark.parametrize(
    ("told", "field", "words"),
    [
        (("--only", "gate-11"), "only", "did you mean 'gate-1'"),
        (("--only", "gate-1", "--only", "inn*"), "only", "known are gate-1, gate-2, gate-3"),
        (("--character", "Hold"), "character", "did you mean 'Holt'"),
    ],
)
def test_a_choice_that_no_line_meets_is_told_with_the_nearest_and_nothing_is_loaded(
    loaded: list, npc_voice: NpcVoice, tmp_path: Path, told: tuple[str, ...], field: str, words: str
):
    done = baked(npc_voice, script_of(tmp_path, LINES), *told)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["field"]) == (2, field) and words in error["message"]
    assert words in " ".join(done.stderr.split()) and not loaded and not (tmp_path / "out").exists()


def test_what_is_wrong_in_a_cast_is_told_by_its_place(loaded: list, npc_voice: NpcVoice, tmp_path: Path):
    cast = cast_of(tmp_path, {"characters": {"Holt": {"speaker": "bass", "intensity": 7}}})
    done = baked(npc_voice, script_of(tmp_path, LINES), "--cast", str(cast))
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["field"]) == (2, "characters.Holt.intensity") and not loaded


def test_a_row_with_too_few_cells_is_baked_and_told(loaded: list, npc_voice: NpcVoice, tmp_path: Path):
    table = table_of(tmp_path, "id,speaker,text,speed\na,bass,Hm.,1\nb,bass,Hm.\n")
    done = baked(npc_voice, table)
    said = json.loads(done.stdout)
    assert (done.returncode, said["made"]) == (0, 2)
    assert said["notes"] == [
        {"row": 3, "id": "b", "message": "3 cells under 4 columns: taken for empty are speed"}
    ]
    assert "NOTE row 3 (b)" in done.stderr


def test_a_pack_is_looked_for_once(loaded: list, npc_voice: NpcVoice, tmp_path: Path, monkeypatch):
    asked: list[str] = []

    class Found:
        folder = tmp_path / "mine"

    def find(home: object, name: str) -> type[Found]:
        asked.append(name)
        return Found

    monkeypatch.setattr(finding, "find_pack", find)
    script, cast = script_of(tmp_path, LINES), cast_of(tmp_path, CAST)
    done = baked(npc_voice, script, "--cast", str(cast), "--pack", "mine")
    assert (done.returncode, asked, loaded) == (0, ["mine"], [tmp_path / "mine"])


def test_a_page_that_cannot_show_all_says_what_it_leaves_out(tmp_path: Path, monkeypatch):
    from sidecar.baking import page

    done = bake(tmp_path, [{**line, "loudness": -8} for line in LINES])
    bad = len(done.suspicious)
    monkeypatch.setattr(page, "MOST", 1)
    left = list(page._left_out(5, 7))
    assert left == [
        "4 more are suspicious, less so than these: the manifest and --json list them all.",
        "Nothing speaks against 7 more.",
    ]
    assert list(page._left_out(0, 3)) == ["Nothing speaks against 2 more."] and not list(page._left_out(0, 1))
    text = page.page(done, tmp_path / "out")
    assert all(line in text for line in page._left_out(bad, len(LINES) - bad))
    assert text.count("<audio") == 1
