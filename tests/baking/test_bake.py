"""Baking: only what changed is made, nothing is half there, and one line's trouble is its own."""

import io
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from sidecar import files
from sidecar.baking import folder as folder_module
from sidecar.baking.bake import Choice, rehearsed
from sidecar.baking.folder import OWN, Folder, read_entries
from sidecar.baking.orders import Output
from sidecar.baking.page import page
from sidecar.baking.script import Failure
from sidecar.baking.speakers import OwnSpeaker
from sidecar.models.loader import Model
from sidecar.protocol.errors import BadRequest, StorageError
from sidecar.protocol.marking import DIGITAL_SOURCE_TYPE as SYNTHETIC
from sidecar.synthesis import Synthesizer
from sidecar.text.lexicon import UserLexicon
from tests.baking.scripts import CAST, LINES, bake, contents, plans_of
from tests.fakes import tone_voice

FIRST, SECOND, THIRD = LINES


def test_a_clip_is_sound_lips_subtitles_and_a_row(tmp_path: Path):
    done = bake(tmp_path, output=Output("ogg", ("oculus", "arkit", "rhubarb"), ("srt", "vtt")))
    assert done.made == ("gate-1", "gate-2", "gate-3") and not done.failed
    made = contents(tmp_path)
    endings = ("arkit.json", "oculus.json", "ogg", "rhubarb.tsv", "srt", "vtt")
    assert [name for name in made if name.startswith("gate-1.")] == [f"gate-1.{ending}" for ending in endings]
    rows = [json.loads(line) for line in made["manifest.jsonl"].decode().splitlines()]
    assert [row["id"] for row in rows] == ["gate-1", "gate-2", "gate-3"]
    with soundfile.SoundFile(io.BytesIO(made["gate-1.ogg"])) as file:
        assert rows[0]["length_s"] == pytest.approx(file.frames / file.samplerate, abs=1e-3)
        assert "Model=tone@1.0.0; Voice=bass" in file.copy_metadata()["comment"]
    assert rows[0]["words"][0][0] == "Halt" and rows[0]["character"] == "Holt"
    lengths = json.loads(made["lengths.json"])["lines"]
    assert lengths[1] == {"id": "gate-2", "file": "gate-2.ogg", "length_s": rows[1]["length_s"]}
    assert not any((tmp_path / "out" / OWN / "staged").iterdir())


def test_the_mark_is_left_out_where_that_is_asked_for(tmp_path: Path):
    for output in (Output("wav"), Output("wav", marked=False)):
        bake(tmp_path, LINES[:1], output=output)
        with soundfile.SoundFile(io.BytesIO(contents(tmp_path)["gate-1.wav"])) as file:
            assert (SYNTHETIC in file.copy_metadata().get("comment", "")) == output.marked


def test_what_has_not_changed_is_not_touched(tmp_path: Path):
    bake(tmp_path)
    before = contents(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("gate-*")}
    again = bake(tmp_path)
    assert (again.made, again.kept) == ((), ("gate-1", "gate-2", "gate-3"))
    assert contents(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Only I."}, {"emotion": "sad"}, {"intensity": 0.9}, {"speed": 1.1}, {"pitch": 1},
        {"seed": 3}, {"format": "flac"}, {"sample_rate": 16_000}, {"loudness": -20}, {"speaker": "bass"},
        {"manner": "bass"}, {"text": "It is [[only|ˈOnli]] me."},
    ],
)  # fmt: skip
def test_a_line_that_changed_is_made_and_no_other(tmp_path: Path, change: dict):
    bake(tmp_path)
    before = contents(tmp_path)
    done = bake(tmp_path, (FIRST, {**SECOND, **change}, THIRD))
    assert (done.made, done.kept) == (("gate-2",), ("gate-1", "gate-3"))
    kept = {name: content for name, content in before.items() if name.startswith(("gate-1.", "gate-3."))}
    assert {name: contents(tmp_path)[name] for name in kept} == kept
    if change.get("format") == "flac":
        assert "gate-2.wav" not in contents(tmp_path)


def test_a_new_word_of_the_cast_touches_the_lines_that_have_it(tmp_path: Path):
    bake(tmp_path)
    done = bake(tmp_path, cast={**CAST, "lexicon": {"pass": "pˈæs", "Drizzt": "dɹˈɪst"}})
    assert done.made == ("gate-3",)


def test_another_model_or_lexicon_makes_what_it_changes(tmp_path: Path):
    bake(tmp_path)
    voice = tone_voice().synthesizer
    engine = voice.model.engine
    said = Synthesizer(voice.model, UserLexicon({"halt": "hˈɑlt"}))
    assert bake(tmp_path, synthesizer=said).made == ("gate-1",)
    other = Synthesizer(Model(replace(voice.model.manifest, version="1.0.1"), engine))
    assert len(bake(tmp_path, synthesizer=other).made) == 3


def test_a_moved_or_renamed_line_is_not_spoken_again(tmp_path: Path):
    bake(tmp_path, output=Output(lips=("oculus", "rhubarb")))
    before = contents(tmp_path)
    rendered = tone_voice().synthesizer
    exchanged = ({**THIRD, "id": "gate-1"}, {**FIRST, "id": "gate-3"}, {**SECOND, "id": "inn.2"})
    done = bake(tmp_path, exchanged, output=Output(lips=("oculus", "rhubarb")), synthesizer=rendered)
    assert (done.made, done.renamed) == ((), ("gate-1", "gate-3", "inn.2")) and done.removed == ("gate-2",)
    assert rendered.model.engine.rendered == []
    after = contents(tmp_path)
    for old, new in (("gate-1", "gate-3"), ("gate-3", "gate-1"), ("gate-2", "inn.2")):
        for ending in ("wav", "oculus.json", "rhubarb.tsv", "vtt"):
            assert after[f"{new}.{ending}"] == before[f"{old}.{ending}"]
    assert not [name for name in after if name.startswith("gate-2")]
    assert bake(tmp_path, exchanged, output=Output(lips=("oculus", "rhubarb"))).made == ()


def test_a_choice_never_touches_the_rest(tmp_path: Path):
    bake(tmp_path)
    changed = ({**FIRST, "speed": 2}, {**SECOND, "speed": 2})
    before = contents(tmp_path)
    done = bake(tmp_path, changed, Choice(ids=("*-2",)))
    assert (done.made, done.kept, done.removed) == (("gate-2",), (), ())
    assert bake(tmp_path, changed, Choice(characters=("Mara",), force=True)).made == ("gate-2",)
    after = contents(tmp_path)
    untouched = [name for name in before if name.startswith(("gate-1", "gate-3"))]
    assert {n: after[n] for n in untouched} == {n: before[n] for n in untouched}
    assert len(after["manifest.jsonl"].splitlines()) == 3


@pytest.mark.parametrize("choice", [Choice(ids=("gate-1",)), Choice(characters=("Mara",))])
def test_a_choice_hears_nothing_of_what_is_wrong_elsewhere(tmp_path: Path, choice: Choice):
    wrong = (FIRST, SECOND, {**THIRD, "speed": 9}, {"id": "gate-4", "character": "Holt"})
    assert not bake(tmp_path, wrong, choice).failed
    assert [failure.row for failure in bake(tmp_path, wrong, Choice(characters=("Holt",))).failed] == [3]


@pytest.mark.parametrize("choice", [Choice(ids=("gate-7",)), Choice(characters=("Marra",))])
def test_a_choice_that_nothing_meets_is_refused(tmp_path: Path, choice: Choice):
    with pytest.raises(BadRequest, match="did you mean"):
        plans_of(tmp_path, LINES, choice)


def test_a_choice_knows_the_lines_that_fail_and_ids_with_brackets(tmp_path: Path):
    rows = (FIRST, {"id": "inn[2]", "text": "Hm."}, {"id": "torn"})
    assert bake(tmp_path, rows, Choice(ids=("inn[2]",))).made == ("inn[2]",)
    done = bake(tmp_path, rows, Choice(ids=("torn",)))
    assert (done.made, [failure.id for failure in done.failed]) == ((), ["torn"])


def test_what_is_wrong_in_the_cast_is_said_of_the_cast_beside_its_row(tmp_path: Path):
    cast = {"characters": {"Holt": {"speaker": "basss"}, "Mara": {"speaker": "alto", "effect": "gost"}}}
    failed = bake(tmp_path, LINES, cast=cast).failed
    assert [(f.row, f.field) for f in failed] == [
        (1, "characters.Holt.speaker"), (2, "characters.Mara.effect"), (3, "characters.Holt.speaker")
    ]  # fmt: skip
    assert "Mara in the cast: unknown effect 'gost': did you mean 'ghost'" in failed[1].message
    (own,) = bake(tmp_path, [{**FIRST, "speaker": "bas"}], cast=CAST).failed
    assert own.field == "speaker" and "cast" not in own.message


def test_a_rehearsal_says_it_all_and_writes_nothing(tmp_path: Path):
    plans = plans_of(tmp_path, LINES)
    assert rehearsed(plans, Choice(), tmp_path / "out").made == ("gate-1", "gate-2", "gate-3")
    assert not (tmp_path / "out").exists()
    bake(tmp_path, LINES[:2])
    before = contents(tmp_path)
    done = rehearsed(plans_of(tmp_path, ({**FIRST, "speed": 2}, THIRD)), Choice(), tmp_path / "out")
    assert (done.made, done.removed) == (("gate-1", "gate-3"), ("gate-2",)) and contents(tmp_path) == before


def test_a_line_that_fails_does_not_stop_the_rest_nor_lose_its_clip(tmp_path: Path):
    bake(tmp_path)
    before = contents(tmp_path)
    wrong = (FIRST, {**SECOND, "emotion": "hapy"}, {**THIRD, "text": "..."}, {"id": "x", "text": "New."})
    done = bake(tmp_path, wrong)
    assert [(f.row, f.id, f.field) for f in done.failed] == [(2, "gate-2", "emotion"), (3, "gate-3", "text")]
    assert "did you mean 'happy'" in done.failed[0].message
    assert (done.made, done.removed) == (("x",), ())
    assert contents(tmp_path)["gate-2.wav"] == before["gate-2.wav"]


class Breaking(OwnSpeaker):
    """Has a bug in one line."""

    def clip(self, wanted):
        if wanted.order.id == "gate-2":
            return Failure(wanted.order.row, "gate-2", "a bug")
        return super().clip(wanted)


def test_a_line_that_fails_while_it_is_spoken_is_reported(tmp_path: Path):
    voice = tone_voice().synthesizer
    done = bake(tmp_path, speakers=lambda count: [Breaking(voice)])
    assert (done.made, [f.message for f in done.failed]) == (("gate-1", "gate-3"), ["a bug"])
    assert bake(tmp_path).made == ("gate-2",)


def test_a_clip_that_is_gone_or_damaged_is_made_again(tmp_path: Path):
    bake(tmp_path)
    before = contents(tmp_path)
    (tmp_path / "out" / "gate-1.oculus.json").unlink()
    (tmp_path / "out" / "gate-3.wav").write_bytes(before["gate-3.wav"][:100])
    assert bake(tmp_path).made == ("gate-1", "gate-3")
    assert contents(tmp_path) == before


def test_a_second_bake_in_the_same_folder_is_refused(tmp_path: Path):
    with Folder(tmp_path / "out"), pytest.raises(BadRequest, match="another bake"):
        bake(tmp_path)
    assert len(bake(tmp_path).made) == 3


class _Full(Exception):
    """Not an error of ours: the process is gone."""


def dying_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Callable[[], int]:
    """From the `step`th change to the disk on none succeeds, as after a kill; how many there were."""
    taken = 0
    for name in ("write_whole", "replace", "remove"):
        real = getattr(files, name)

        def act(*arguments, real=real, **options):
            nonlocal taken
            taken += 1
            if taken > step:
                raise _Full
            return real(*arguments, **options)

        monkeypatch.setattr(folder_module.files, name, act)
    return lambda: taken


def test_an_end_at_any_moment_leaves_whole_files_and_the_next_bake_does_what_is_missing(tmp_path: Path):
    """Kill -9 leaves what the disk holds then, so every change to the disk is tried as the last."""
    whole = tmp_path / "whole"
    whole.mkdir()
    bake(whole, (FIRST, {**SECOND, "speed": 2}, {**THIRD, "id": "z"}))
    wanted = contents(whole)
    step, made_after = 0, []
    while True:
        here = tmp_path / str(step)
        here.mkdir()
        bake(here)
        before = contents(here)
        with pytest.MonkeyPatch.context() as patched:
            taken = dying_at(patched, step)
            try:
                bake(here, (FIRST, {**SECOND, "speed": 2}, {**THIRD, "id": "z"}))
                ended = True
            except _Full:
                ended = False
        for name, content in contents(here).items():
            known = (before.get(name), wanted.get(name))
            assert content in known or name in ("manifest.jsonl", "lengths.json"), (step, name)
        done = bake(here, (FIRST, {**SECOND, "speed": 2}, {**THIRD, "id": "z"}))
        made_after.append(done.made)
        assert contents(here) == wanted, step
        shutil.rmtree(here)
        if ended:
            assert taken() == step
            break
        step += 1
    assert step > 10 and made_after[0] == ("gate-2",) and made_after[-1] == ()


def test_a_torn_journal_costs_its_line_only(tmp_path: Path):
    bake(tmp_path)
    out = tmp_path / "out"
    rows = (out / "manifest.jsonl").read_bytes().splitlines(keepends=True)
    (out / "manifest.jsonl").unlink()
    (out / OWN / "journal.jsonl").write_bytes(rows[0] + rows[1] + rows[2][:40])
    assert bake(tmp_path).made == ("gate-3",)
    assert list(read_entries(out)) == ["gate-1", "gate-2", "gate-3"]


def test_a_full_disk_stops_the_bake_and_keeps_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real, room = files.write_whole, 5

    def write(path: Path, content: bytes, **options) -> None:
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(28, "No space left on device")
        real(path, content, **options)

    with monkeypatch.context() as patched:
        patched.setattr(folder_module.files, "write_whole", write)
        with pytest.raises(StorageError, match="No space left"):
            bake(tmp_path)
    made = contents(tmp_path)
    assert sorted(made) == ["gate-1.oculus.json", "gate-1.vtt", "gate-1.wav"]
    assert bake(tmp_path).made == ("gate-2", "gate-3")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_disk_that_takes_no_more_of_a_file_is_a_storage_error(tmp_path: Path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            bake(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert contents(tmp_path) == {}
    assert len(bake(tmp_path).made) == 3


@pytest.mark.parametrize("name", ["../mine.txt", "/mine.txt", "a\\..\\mine.txt", "", ".."])
def test_a_manifest_cannot_name_what_is_not_in_its_folder(tmp_path: Path, name: str):
    bake(tmp_path)
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    manifest = tmp_path / "out" / "manifest.jsonl"
    row = json.loads(manifest.read_text("utf-8").splitlines()[0])
    odd = {**row, "id": "odd", "files": [{**row["files"][0], "name": name}]}
    manifest.write_text(manifest.read_text("utf-8") + json.dumps(odd) + "\n", "utf-8")
    assert bake(tmp_path).removed == () and mine.read_text() == "mine"


def test_a_script_that_lost_a_line_loses_its_clip(tmp_path: Path):
    bake(tmp_path)
    assert bake(tmp_path, LINES[:2]).removed == ("gate-3",)
    assert not [name for name in contents(tmp_path) if name.startswith("gate-3")]


def test_a_page_shows_the_worst_first_and_needs_nothing_from_elsewhere(tmp_path: Path):
    done = bake(tmp_path, (*LINES, {"id": "<x>", "text": "Hm.", "emotion": "hapy"}))
    text = page(done, tmp_path / "out")
    assert text.count("<audio") == 3 and text.count("<svg") == 3
    assert "3 made" in text and "did you mean" in text and "<x>" not in text
    assert "http" not in text.replace(SYNTHETIC, "") and "<script" not in text
    shown = re.findall(r"<b>(gate-\d)</b>", text)
    assert shown[: len(done.suspicious)] == [entry.id for entry in done.suspicious] and len(shown) == 3
