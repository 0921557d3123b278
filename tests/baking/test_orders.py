"""Rows and a cast become lines; what cannot be one is told with the nearest value that would do."""

from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.audio.effect_files import shipped
from sidecar.audio.effects import Effect
from sidecar.baking.cast import Cast, Member, read_cast
from sidecar.baking.file_names import stem_of
from sidecar.baking.orders import Order, Orders, Output
from sidecar.baking.script import Failure, Row
from sidecar.prosody.change import NONE, Change
from sidecar.protocol.errors import BadRequest
from tests.baking.scripts import cast_of

CAST = Cast(
    {"Mara": Member({"speaker": "alto", "emotion": "happy"}, {"Brill": "bɹˈɪl"})}, {"Drizzt": "dɹˈɪst"}
)


def ordered(
    *rows: dict, cast: Cast | None = CAST, folder: Path = Path(), **output
) -> tuple[list[Order], list[Failure]]:
    made = [Row(n, str(row.get("id", n)), {"text": "Hm.", **row}) for n, row in enumerate(rows, start=2)]
    heard = Change(f0_st=2)
    return Orders(cast, Output(**output), folder, lambda clip, baseline: heard if clip else NONE).of(made)


def one(row: dict, **options) -> Order:
    (order,), failures = ordered(row, **options)
    assert not failures
    return order


def test_a_row_wins_over_its_character_and_that_over_the_defaults():
    order = one({"character": "Mara", "speed": "1.5"}, defaults={"loudness": -20, "speed": 0.8})
    line = order.line
    assert (line.speaker, line.emotion, line.speed, line.loudness_lufs) == ("alto", "happy", 1.5, -20)
    assert one({"character": "Mara", "emotion": "sad:0.7,angry:0.3"}).line.emotion == {
        "sad": 0.7,
        "angry": 0.3,
    }
    assert one({"speaker": "3"}).line.speaker == 3
    assert one({"speaker": "alto", "format": "flac"}).format == "flac"


def test_words_of_the_cast_are_marked_whole_in_any_case_but_not_twice():
    text = 'brill and Drizzt, [[Drizzt|z]], Brillant <break time="1s"/>'
    assert CAST.pronounced(text, CAST.members["Mara"]) == (
        '[[brill|bɹˈɪl]] and [[Drizzt|dɹˈɪst]], [[Drizzt|z]], Brillant <break time="1s"/>'
    )
    assert (
        CAST.pronounced("[color=Drizzt]Drizzt[/color]", Member()) == "[color=Drizzt][[Drizzt|dɹˈɪst]][/color]"
    )
    assert CAST.pronounced("Brill", Member()) == "Brill"
    assert Cast(lexicon={"长": "ʈʂ"}).pronounced("校长好", Member()) == "校[[长|ʈʂ]]好"


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ({"character": "Marra"}, "character", "did you mean 'Mara'"),
        ({"speed": "fast"}, "speed", "'fast'"),
        ({"speed": "3"}, "speed", "the nearest is 2"),
        ({"seed": "1.5"}, "seed", "whole number"),
        ({"sample_rate": 4000}, "sample_rate", "the nearest is 8000"),
        ({"format": "mp3"}, "format", "unknown format 'mp3'"),
        ({"speaker": "a:b"}, "speaker", "not a blend"),
        ({"baseline": "a.wav"}, "baseline", "reference"),
        ({"text": 5}, "text", "text"),
        ({"id": "x" * 300}, "id", "300 characters"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(row: dict, field: str, words: str):
    orders, (failure,) = ordered(row)
    assert not orders and failure.row == 2 and failure.field == field and words in failure.message


def test_a_character_without_a_voice_is_not_given_somebody_elses():
    _, (failure,) = ordered({"character": "Mara"}, cast=None)
    assert failure.field == "speaker" and "cast" in failure.message
    assert one({"character": "Extra", "speaker": "alto"}).character == "Extra"


def test_a_reference_is_looked_for_beside_the_script(tmp_path: Path):
    (tmp_path / "clip.wav").write_bytes(b"sound")
    assert one({"reference": "clip.wav"}, folder=tmp_path).reference == Change(f0_st=2)
    _, (failure,) = ordered({"reference": "absent.wav"}, folder=tmp_path)
    assert "absent.wav" in failure.message


def test_ids_that_would_share_a_file_are_refused_and_the_rest_is_not():
    orders, failures = ordered({"id": "A 1"}, {"id": "b"}, {"id": "a_1"}, {"id": "c"}, {"id": "c"})
    assert [order.id for order in orders] == ["b"]
    assert [(failure.row, failure.id) for failure in failures] == [(2, "A 1"), (4, "a_1"), (5, "c"), (6, "c")]
    assert "row 4" in failures[0].message and "a_1" in failures[0].message


@pytest.mark.parametrize(
    ("id", "stem"),
    [("line:1", "line_1"), ("../etc/passwd", "_.._etc_passwd"), ("con", "_con"), ("NUL.x", "_NUL.x"),
     ("COM¹.x", "_COM¹.x"), ("问候-1", "问候-1"), (".hidden", "_.hidden"), ("a\\b\0c", "a_b_c"),
     ("-rf", "_-rf")],
)  # fmt: skip
def test_a_name_is_one_for_every_system(id: str, stem: str):
    assert stem_of(id) == stem


@pytest.mark.parametrize(
    ("cast", "field", "words"),
    [
        ([], "cast", "map"),
        ({"charakters": {}}, "charakters", "did you mean 'characters'"),
        ({"characters": {"Mara": {"speeker": "alto"}}}, "characters.Mara.speeker", "did you mean 'speaker'"),
        ({"characters": {"Mara": {"speed": 9}}}, "characters.Mara.speed", "the nearest is 2"),
        ({"characters": {"Mara": {"format": "mp3"}}}, "characters.Mara.format", "unknown format"),
        ({"characters": {"Mara": 5}}, "characters.Mara", "Mara"),
        ({"lexicon": {"Drizzt": "g"}}, "lexicon", "U+0067"),
        ({"lexicon": {"Drizzt": 5}}, "lexicon.Drizzt", "must be text"),
        ({"characters": {"Mara": {"lexicon": []}}}, "characters.Mara.lexicon", "map"),
        ({"effects": {"wraith": {"rom_s": 2}}}, "effects.wraith.rom_s", "did you mean 'room_s'"),
        ({"effects": {"wraith": {"pitch_st": 20}}}, "effects.wraith.pitch_st", "the nearest is 12"),
    ],
)
def test_a_cast_that_cannot_be_right_says_where(tmp_path: Path, cast, field: str, words: str):
    with pytest.raises(BadRequest) as refused:
        read_cast(cast_of(tmp_path, cast))
    assert words in refused.value.message and refused.value.field == field


def test_a_cast_that_cannot_be_read_is_no_matter_of_the_script(tmp_path: Path):
    path = cast_of(tmp_path)
    for content, words in ((b"{", "no JSON"), (b"{}" + b"\xff", "not UTF-8")):
        path.write_bytes(content)
        with pytest.raises(BadRequest) as refused:
            read_cast(path)
        assert words in refused.value.message and refused.value.field == "cast"
    assert "CSV" not in refused.value.tip


def test_an_effect_is_the_presets_the_casts_or_the_rows(tmp_path: Path):
    cast = read_cast(
        cast_of(tmp_path, {
            "characters": {"Wraith": {"speaker": "alto", "effect": "wraith"}},
            "effects": {"wraith": {"room_s": 2, "room_share": 0.5}, "ghost": {"pitch_st": -2}},
        })
    )  # fmt: skip
    wraith, ghost = Effect(room_s=2, room_share=0.5), replace(shipped().known["ghost"], pitch_st=-2)
    assert one({"character": "Wraith"}, cast=cast).line.effect == wraith
    assert one({"character": "Wraith", "effect": "Ghost"}, cast=cast).line.effect == ghost
    assert one({"speaker": "alto"}, cast=cast).line.effect is None
    _, (failure,) = ordered({"speaker": "alto", "effect": "wrath"}, cast=cast)
    assert failure.field == "effect" and "did you mean 'wraith'" in failure.message


@pytest.mark.parametrize("wrong", [{"format": "mp3"}, {"lips": ("arkti",)}, {"subtitles": ("sbv",)}])
def test_an_output_that_there_is_not_is_refused(wrong: dict):
    with pytest.raises(BadRequest):
        Output(**wrong).check()
