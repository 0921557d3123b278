"""The judge of emotions is judged on made-up rows, without the tools that measure audio."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.classifier import guesses, relative
from tests.benchmarks.emotion_lines import CHINESE, ENGLISH, VOICES, known_lines_of, lines_of, turn
from tests.benchmarks.hearing import Cues, active, repeated
from tests.benchmarks.judging import LEAST_SPEARMAN, Crowd, himself, intensity, signs, spearman, understood
from tests.benchmarks.takes import Order, Row, Rows, Shelf, Take, merged

CALM = Cues(f0_st=90.0, range_st=6.0, extent_s=2.0, level_dbfs=-25.0, tilt_db=-15.0)


def row(take: Take, cues: Cues = CALM, features: np.ndarray | None = None) -> Row:
    features = np.zeros(88, np.float32) if features is None else features
    return Row(take, "sha", 2.0, cues, features, np.eye(256, dtype=np.float32)[0])


def table(*rows: Row) -> Rows:
    return {r.take: r for r in rows}


def held(verdicts) -> dict[str, bool]:
    return {verdict.what: verdict.held for verdict in verdicts}


def test_few_lines_a_voice_still_use_all_lines() -> None:
    said = {text for at, voice in enumerate(VOICES) for text in turn(voice, lines_of(voice), 2, at)}
    assert said >= set(ENGLISH)
    assert len(said & set(CHINESE)) == 8


def test_lines_by_which_a_voice_is_known_are_not_tried() -> None:
    for voice in VOICES:
        assert not set(lines_of(voice)) & set(known_lines_of(voice))


def test_sad_is_slower_and_softer_than_neutral() -> None:
    sad = Take("af_heart", ENGLISH[0], "sad", 1.0)
    slow = replace(CALM, extent_s=2.5, level_dbfs=-25.5)
    loud = replace(slow, level_dbfs=-24.0)
    neutral = row(Take("af_heart", ENGLISH[0]))
    assert held(signs(table(neutral, row(sad, slow)), 0)) == {"sad rate down": True, "sad level down": True}
    assert held(signs(table(neutral, row(sad, loud)), 0)) == {"sad rate down": True, "sad level down": False}


def test_fear_may_be_a_quarter_semitone_under_anger() -> None:
    rows = table(
        row(Take("af_heart", ENGLISH[0])),
        row(Take("af_heart", ENGLISH[0], "angry", 1.0), replace(CALM, f0_st=94.0)),
        row(Take("af_heart", ENGLISH[0], "fearful", 1.0), replace(CALM, f0_st=93.8)),
    )
    assert held(signs(rows, 0))["fearful F0 as much as angry"]


@pytest.mark.parametrize(("last_st", "monotone"), [(3.0, True), (0.5, False)])
def test_intensity_is_monotone_or_the_voice_is_named(
    last_st: float, monotone: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = zip((0.25, 0.5, 0.75, 1.0), (0.8, 1.5, 2.2, last_st), strict=True)
    angry = [row(Take("af_heart", ENGLISH[0], "angry", i), replace(CALM, f0_st=90 + st)) for i, st in steps]
    rows = table(row(Take("af_heart", ENGLISH[0])), *angry)
    assert held(intensity(rows))["angry F0 up monotone"] is monotone
    assert ("af_heart: rho 0.40, +0.00 +0.80 +1.50 +2.20 +0.50" in capsys.readouterr().out) is not monotone


def test_intensity_zero_must_be_the_neutral_audio() -> None:
    neutral, zero = Take("af_heart", ENGLISH[0]), Take("af_heart", ENGLISH[0], "angry", 0.0)
    same = table(row(neutral), row(zero))
    other = table(row(neutral), replace(row(zero), audio_sha256="another"))
    assert held(intensity(same)) == {"0 is neutral, bit for bit": True}
    assert held(intensity(other)) == {"0 is neutral, bit for bit": False}


@pytest.mark.parametrize(
    ("curve", "rho"), [([0, 1, 2, 3, 4], 1.0), ([0, 2, 1, 3, 4], 0.9), ([4, 3, 2, 1, 0], -1), ([0, 0, 0], 0)]
)
def test_rank_correlation(curve: list[float], rho: float) -> None:
    assert spearman(curve) == pytest.approx(rho)


@pytest.mark.parametrize("at", range(4))
def test_two_neighbours_out_of_order_are_no_more_than_the_bar_allows(at: int) -> None:
    curve = [0.0, 1.0, 2.0, 3.0, 4.0]
    curve[at : at + 2] = reversed(curve[at : at + 2])
    assert spearman(curve) >= LEAST_SPEARMAN


def test_somebody_else_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    eye = np.eye(256, dtype=np.float32)
    known = [replace(row(Take(voice, "x")), embedding=eye[at]) for at, voice in enumerate(("a", "b"))]
    tried = [row(Take("a", "y")), replace(row(Take("a", "y", "angry", 1.0)), embedding=eye[1])]
    assert held(himself(tried, Crowd.of(known), ["angry"], 3)) == {"angry is himself": False}
    assert "taken for b: a angry 1: y" in capsys.readouterr().out


def test_a_row_is_no_part_of_its_own_reference() -> None:
    neutral = [row(Take("a", str(at)), features=np.full(88, float(at), np.float32)) for at in range(3)]
    assert relative(neutral[:1], neutral)[0] == pytest.approx(np.full(88, -1.5 / np.sqrt(2 / 3)))


def test_voices_are_guessed_from_other_voices() -> None:
    rng = np.random.default_rng(1)
    rows = [
        row(Take(voice, text, label, 1.0), features=rng.normal(shift, 0.1, 88).astype(np.float32))
        for voice in "abc"
        for text in "xy"
        for label, shift in (("sad", -1), ("angry", 1))
    ]
    found = guesses(rows, np.array([r.features for r in rows]), ("sad", "angry"))
    assert str(found) == "100.0 ± 0.0 % of 12 (chance 50.0 %, a 100 %)"
    assert found.confusion().tolist() == [[6, 0], [0, 6]]


def test_rows_come_back_from_the_shelf_while_the_print_is_the_same(tmp_path: Path) -> None:
    take = Take("af_heart", ENGLISH[0])
    Shelf(tmp_path, lambda *_: "one").put(row(take))
    found = Shelf(tmp_path, lambda *_: "one").find(Order(take))
    assert found is not None and found.cues == CALM and found.take == take and len(found.embedding) == 256
    assert Shelf(tmp_path, lambda *_: "one").find(Order(take, listened=True)) is None
    assert Shelf(tmp_path, lambda *_: "two").find(Order(take)) is None


def test_a_take_is_ordered_once_and_listened_to_if_anybody_asks() -> None:
    take = Take("af_heart", ENGLISH[0])
    assert merged([Order(take), Order(take, listened=True), Order(take)]) == [Order(take, listened=True)]


def test_extent_and_level_are_of_the_loud_part() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(24_000) / 24_000).astype(np.float32)
    silence = np.zeros(12_000, np.float32)
    begin, end, level = active(np.concatenate([silence, tone, silence]), 24_000)
    assert (begin, end, level) == pytest.approx((0.5, 1.5, -3.01), abs=0.02)


def test_a_short_line_is_repeated_for_one_window() -> None:
    assert len(repeated(np.zeros(24_000, np.float32), 24_000)) == int(9.02 * 24_000)
    assert len(repeated(np.zeros(240_000, np.float32), 24_000)) == 240_000


def test_a_label_may_be_a_little_worse_understood_than_neutral(capsys: pytest.CaptureFixture[str]) -> None:
    said = {label: Take("af_heart", ENGLISH[1], label, 1.0) for label in ("neutral", "sad")}
    clear = replace(row(said["neutral"]), transcript=" They left the wagon by the bridge.", mos=3.4)
    blurred = replace(row(said["sad"]), transcript=" They left the dragon by the bridge.", mos=3.3)
    assert held(understood([clear, blurred], [], ["sad"], 1)) == {"sad: words": False, "sad: sound": True}
    assert "1 wrong: af_heart sad 1" in capsys.readouterr().out
