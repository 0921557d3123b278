"""Emotions are data: found by many names, mixed, and changed by packs and users."""

import json

import pytest

from sidecar.prosody.change import LIMITS, NONE, Change
from sidecar.prosody.emotions import Mood, Repertoire, as_file, shipped
from sidecar.protocol.errors import BadRequest, UnknownEmotion
from tests.timing import least_cpu_s

LABELS = (
    "neutral", "happy", "excited", "sad", "angry", "fearful", "surprised", "disgusted", "calm", "bored",
    "tender", "whispering", "shouting",
)  # fmt: skip
MAN_HZ, WOMAN_HZ = 105.0, 210.0


def file(**parts: object) -> str:
    return json.dumps({"format": 1, **parts})


def over(**parts: object) -> Repertoire:
    return shipped().over(file(**parts), "mine.json")


def test_thirteen_labels_are_shipped_with_names_in_both_languages():
    assert tuple(shipped().emotions) == LABELS
    for emotion in shipped().emotions.values():
        assert set(emotion.display) == {"en", "zh"}


def test_every_label_but_neutral_has_prompts_and_a_mixture_shares_them():
    assert [e.name for e in shipped().emotions.values() if not e.prompts] == ["neutral"]
    assert shipped().style("neutral", 1.0) == shipped().style("sad", 0.0) == ()
    assert shipped().style({"sad": 2, "angry": 2}, 0.5) == (("悲伤", 0.375), ("生气", 0.375))
    own = over(emotions={"sad": {"prompts": ["哭", "crying"]}})
    assert own.style("sad", 1.0) == (("哭", 0.75), ("crying", 0.75))
    for wrong in ([""], ["x"] * 9, "sad", [3]):
        with pytest.raises(BadRequest, match="sad"):
            over(emotions={"sad": {"prompts": wrong}})


@pytest.mark.parametrize(
    ("asked", "label"),
    [("angry", "angry"), (" ANGRY ", "angry"), ("furious", "angry"), ("生气", "angry"), ("愤怒", "angry"),
     ("Whisper", "whispering"), ("害怕", "fearful"), ("none", "neutral"), ("开心", "happy")],
)  # fmt: skip
def test_a_label_is_found_by_its_other_names(asked: str, label: str):
    assert shipped().find(asked).name == label


@pytest.mark.parametrize(("asked", "near"), [("angy", "angry"), ("hapy", "happy"), ("wisper", "whisper")])
def test_an_unknown_label_is_answered_with_the_nearest(asked: str, near: str):
    with pytest.raises(UnknownEmotion, match=f"did you mean '{near}'"):
        shipped().find(asked)


def test_what_is_shipped_keeps_the_signs_that_sources_agree_on():
    moods = {name: shipped().mood(name, "anybody") for name in LABELS}
    for register_hz in (MAN_HZ, WOMAN_HZ):
        at = {name: mood.at(register_hz) for name, mood in moods.items()}
        for name in ("angry", "happy"):
            assert min(at[name].f0_st, at[name].range_oct, at[name].level_db, at[name].tilt_db) > 0
        assert at["angry"].rate_oct > 0 and at["fearful"].rate_oct > 0
        assert at["fearful"].f0_st >= at["angry"].f0_st and at["fearful"].range_oct > 0
        assert max(at["sad"].rate_oct, at["sad"].level_db) < 0
        assert at["surprised"].range_oct > 0
        assert max(at["disgusted"].rate_oct, at["disgusted"].f0_st) < 0
        assert at["neutral"] == NONE
        assert all(change == change.limited() for change in at.values())


def test_a_mixture_is_the_weighted_sum_of_its_parts():
    both = shipped().mood({"angry": 0.3, "sad": 0.5}, "anybody").women
    angry, sad = (shipped().mood(name, "anybody").women for name in ("angry", "sad"))
    assert both.f0_st == pytest.approx(0.3 * angry.f0_st + 0.5 * sad.f0_st)


def test_a_mixture_goes_no_further_than_its_parts():
    strong = shipped().mood({"angry": 3.0, "furious": 1.0}, "anybody").women
    assert vars(strong) == pytest.approx(vars(shipped().mood("angry", "anybody").women))
    loud = shipped().mood({"angry": 1.0, "shouting": 1.0}, "anybody").women
    parts = [shipped().mood(name, "anybody").women.level_db for name in ("angry", "shouting")]
    assert min(parts) <= loud.level_db <= max(parts)


def test_a_mood_passes_without_a_step_from_mens_register_to_womens():
    mood = Mood(Change(f0_st=4), Change(f0_st=2))
    moved = [mood.at(hz).f0_st for hz in (80, 130, 140, 155, 170, 185, 300)]
    assert moved[0] == moved[1] == 4 and moved[-1] == moved[-2] == 2
    assert moved == sorted(moved, reverse=True)
    assert mood.at(0) == mood.women


def test_a_pack_changes_one_measure_and_keeps_the_others():
    mine = over(emotions={"angry": {"change": {"f0_st": 1}}})
    assert mine.mood("angry", "anybody").women.f0_st == 1
    assert mine.mood("angry", "anybody").women.rate_oct == shipped().mood("angry", "x").women.rate_oct
    assert mine.find("furious").name == "angry"


def test_a_speaker_has_a_temper_of_its_own():
    mine = over(speakers={"am_adam": {"angry": {"change": {"f0_st": -2}, "men": {"rate_oct": 0}}}})
    assert mine.mood("angry", "am_adam").men.f0_st == -2
    assert mine.mood("angry", "am_adam").men.rate_oct == 0
    assert mine.mood("angry", "af_heart") == shipped().mood("angry", "af_heart")


def test_what_a_later_file_changes_for_all_reaches_a_speaker_with_a_temper_too():
    mine = over(speakers={"am_adam": {"angry": {"change": {"f0_st": -2, "breath": 0}}}})
    both = mine.over(file(emotions={"angry": {"change": {"f0_st": 1, "tilt_db": 3}}}), "later.json")
    assert both.mood("angry", "am_adam").men.f0_st == -2
    assert both.mood("angry", "am_adam").men.tilt_db == both.mood("angry", "x").men.tilt_db == 3
    again = both.over(file(speakers={"am_adam": {"angry": {"men": {"f0_st": -1}}}}), "last.json")
    assert again.mood("angry", "am_adam").men.f0_st == -1
    assert again.mood("angry", "am_adam").women.f0_st == -2


def test_a_new_label_can_be_asked_for_by_its_alias():
    mine = over(emotions={"haunted": {"aliases": ["possessed"], "change": {"tremor_st": 1}}})
    assert mine.mood("possessed", "anybody").men == Change(tremor_st=1)


def test_a_speaker_starts_from_a_level_that_a_file_can_change_and_a_blend_lies_between():
    shipped_db = shipped().levels_db
    assert shipped().level_db({"nobody": 1}) == 0
    assert over(levels_db={"af_heart": -3}).level_db({"af_heart": 1}) == -3
    assert over(levels_db={"af_heart": -3}).level_db({"am_puck": 1}) == shipped_db["am_puck"]
    blend = shipped().level_db({"if_sara": 3, "af_nova": 1})
    assert blend == pytest.approx(0.75 * shipped_db["if_sara"] + 0.25 * shipped_db["af_nova"])


def test_what_is_written_out_reads_back_as_the_same():
    mine = over(speakers={"am_adam": {"angry": {"change": {"f0_st": -2}}}}, levels_db={"x": 1.5})
    again = Repertoire({}, {}).over(json.dumps(as_file(mine)), "again.json")
    assert again == mine


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "expected a map"),
        (file(format=2), "format is 2, expected 1"),
        (file(emotion={}), "unknown key 'emotion'"),
        (file(levels_db={"af_heart": 20}), "levels_db: af_heart is 20, expected -12 to 12"),
        (file(levels_db={"af_heart": None}), "levels_db: af_heart must be a number"),
        (file(levels_db=[]), "levels_db: expected a map"),
        (file(speakers={"x": {"neutral": {"change": {"f0_st": 1}}}}), "x: neutral: neutral changes nothing"),
        (file(speakers={"x": {"angry": {"display": {}}}}), "unknown key 'display': expected change"),
        (file(emotions={"angry": {"change": {"f0": 1}}}), "unknown measure 'f0': did you mean 'f0_st'"),
        (file(emotions={"angry": {"change": {"f0_st": 99}}}), "f0_st is 99, expected -6 to 9"),
        (file(emotions={"angry": {"change": {"f0_st": "2"}}}), "f0_st must be a number"),
        ('{"format": 1, "emotions": {"angry": {"change": {"f0_st": NaN}}}}', "f0_st must be a number"),
        (file(emotions={"angry": {"chnge": {}}}), "unknown key 'chnge'"),
        (file(emotions={"Angry": {}}), "in lower case"),
        (file(emotions={"neutral": {"change": {"f0_st": 1}}}), "neutral changes nothing"),
        (file(emotions={"cross": {"aliases": ["mad"]}}), "'mad' names both"),
        (file(speakers={"am_adam": {"angy": {}}}), "no such emotion: did you mean 'angry'"),
        (file(emotions={f"label {i}": {} for i in range(300)}), "at most 200"),
        (file(emotions={"x" * 41: {}}), "x{40}: a label is 1 to 40 characters"),
        (file(emotions={"haunted": {"aliases": [f"h{i}" for i in range(17)]}}),
         "haunted: aliases holds 17 names, the most is 16"),
        (file(emotions={"haunted": {"aliases": ["h" * 41]}}), "aliases: 'h{40}' must be text of 1 to 40"),
        (file(emotions={"haunted": {"aliases": [7]}}), "haunted: aliases: '7' must be text of 1 to 40"),
        (file(emotions={"haunted": {"display": {"en": ""}}}), "haunted: display: '' must be text of 1 to 40"),
        (file(emotions={"haunted": {"display": {"e" * 41: "H"}}}), "haunted: display: 'e{40}' must be"),
        (file(emotions={"haunted": {"display": {f"l{i}": f"h{i}" for i in range(17)}}}),
         "haunted: display holds 17 names, the most is 16"),
        (file(emotions={"angry": {"change": {"f" * 100_000: 1}}}), "angry: unknown measure"),
        ("[" * 100_000, "not JSON"),
        (" " * (1 << 21), "over 1,048,576 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_refused_with_the_place(text: str, words: str):
    with pytest.raises(BadRequest, match=words) as caught:
        shipped().over(text, "mine.json")
    assert caught.value.message.startswith("mine.json") and len(caught.value.message) < 500


def test_dozens_of_labels_are_found_at_once_among_all_the_names_there_may_be():
    many = {
        f"l{i}": {
            "aliases": [f"alias {i} {j}" for j in range(16)],
            "display": {f"x{j}": f"shown {i} {j}" for j in range(16)},
        }
        for i in range(200 - len(LABELS))
    }
    mine = over(emotions=many)
    mixture = {f"ALIAS {i} 15": 1.0 for i in range(64)}
    mine.mood(mixture, "anybody")
    # 1.75 s when the names were put together again for each
    assert least_cpu_s(lambda: mine.mood(mixture, "anybody")) < 0.05

    def refused() -> None:
        with pytest.raises(UnknownEmotion, match="did you mean"):
            mine.mood({"alias 1 1 1": 1.0}, "anybody")

    assert least_cpu_s(refused) < 0.5


def test_every_measure_has_its_limits():
    assert set(LIMITS) == set(vars(NONE))
    wild = Change(*([1e6] * len(LIMITS)))
    assert list(vars(wild.limited()).values()) == [highest for _, highest in LIMITS.values()]
