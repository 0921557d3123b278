"""Mouth shapes begin where sounds do, cover the line, close for closed lips and look ahead."""

import bisect
from itertools import pairwise

import pytest

from sidecar.engines.kokoro.vocabulary import VOCABULARY
from sidecar.lipsync.oculus import visemes, weights
from sidecar.lipsync.sounds import DIPHTHONGS, OF_THE_LAST, OF_THE_NEXT, RESTS
from sidecar.lipsync.states import LEAST_S
from tests.lipsync.lines import Said, during, random_line, states, timed

ENGLISH = "ˈˌAIOWYæɑəɛɪiuʊʌɔpbmfvθðtdkɡszʃʒʧʤnŋlɹwjh ,."
MANDARIN = "→↗↓↘ʰaioueəɤɨyɚʊpmftnlkxʨɕꭧʂɻʦsŋjwɥ ,."
ANY = "".join(sorted(VOCABULARY))
BAR_S = 0.02  #: how far a shape may begin from a boundary of the plan
PARTS = OF_THE_LAST | OF_THE_NEXT | RESTS  #: what has no shape of its own


def boundaries(said: list[Said], end_s: float) -> list[float]:
    return sorted({0.0, end_s, *(p.start_s for p in said), *(p.end_s for p in said)})


def away(at_s: float, sorted_s: list[float]) -> float:
    at = bisect.bisect(sorted_s, at_s)
    return min(abs(at_s - near) for near in sorted_s[max(0, at - 1) : at + 1])


def lines():
    for seed in range(200):
        for symbols in (ENGLISH, MANDARIN, ANY):
            for frame_s in (0.025, 0.0):
                yield random_line(seed, symbols, frame_s)


def glides(said: list[Said]) -> list[tuple[float, float]]:
    """Where each diphthong lies with the marks that belong to it."""
    found = []
    for at, sound in enumerate(said):
        if sound.symbol in DIPHTHONGS:
            first, last = at, at
            while first > 0 and said[first - 1].symbol in OF_THE_NEXT:
                first -= 1
            while last + 1 < len(said) and said[last + 1].symbol in OF_THE_LAST:
                last += 1
            found.append((said[first].start_s, said[last].end_s))
    return found


def test_every_shape_begins_within_20_ms_of_a_planned_boundary_or_halfway_through_a_diphthong():
    worst_s = 0.0
    for said, end_s in lines():
        edges, turns = boundaries(said, end_s), [0.45 * a + 0.55 * b for a, b in glides(said)]
        for start_s, _ in states(visemes(said, 0.0, end_s)):
            if not any(abs(start_s - turn_s) < 1e-6 for turn_s in turns):
                worst_s = max(worst_s, away(start_s, edges))
    assert 0.005 < worst_s <= BAR_S + 1e-9


def test_without_diphthongs_there_is_no_exception():
    for seed in range(300):
        said, end_s = random_line(seed, "".join(set(ENGLISH) - DIPHTHONGS.keys()))
        edges = boundaries(said, end_s)
        for start_s, _ in states(visemes(said, 0.0, end_s)):
            assert away(start_s, edges) <= BAR_S + 1e-9


def test_every_sound_that_is_long_enough_begins_with_a_shape_of_its_own_within_20_ms():
    checked = 0
    for seed in range(300):
        said, end_s = random_line(seed, "pˈɑtkˈisʃənfmlˈʊ")
        starts = [start_s for start_s, _ in states(visemes(said, 0.0, end_s))]
        for before, sound, after in zip(said, said[1:], said[2:], strict=False):
            alone = {before.symbol, sound.symbol, after.symbol}.isdisjoint(PARTS)
            long = min(p.end_s - p.start_s for p in (before, sound)) >= LEAST_S
            if (
                alone
                and long
                and before.symbol != sound.symbol
                and {before.symbol, sound.symbol} != set("pm")
            ):
                assert away(sound.start_s, starts) <= BAR_S, (sound, starts)
                checked += 1
    assert checked > 1000


def test_the_line_is_covered_from_its_start_to_its_end_in_order():
    for said, end_s in lines():
        rows = visemes(said, 0.0, end_s)
        assert rows[0] == (0.0, 0, 1.0)  # silence before the first sound
        assert list(rows) == sorted(rows) and rows[-1][0] < end_s
        poses = [pose for _, pose in states(rows)]
        assert all(poses) and all(a != b for a, b in pairwise(poses))


def test_weights_lie_in_0_to_1_alone_and_together():
    for said, end_s in lines():
        for _, pose in states(visemes(said, 0.0, end_s)):
            assert min(pose.values()) > 0 and sum(pose.values()) <= 1.000001


def test_no_shape_flickers():
    for said, end_s in lines():
        inner = list(pairwise(states(visemes(said, 0.0, end_s))))[1:]
        # between lips that close twice, what is left may be half as long
        short = LEAST_S / 2 - 1e-9
        assert [
            (a, b) for a, b in inner if b[0] - a[0] < short and a[1] not in ({"PP": 1.0}, {"FF": 1.0})
        ] == []


def test_times_count_from_where_the_phrase_starts():
    said, end_s = timed("hˈalt")
    later = [Said(p.symbol, p.start_s + 2, p.end_s + 2) for p in said]
    moved = [(start_s - 2, shape, weight) for start_s, shape, weight in visemes(later, 2.0, end_s + 2)]
    assert [pytest.approx(row) for row in visemes(said, 0.0, end_s)] == moved


@pytest.mark.parametrize("length_s", [0.005, 0.025, 0.05, 0.2])
@pytest.mark.parametrize("symbol", "pbm")
def test_lips_that_meet_close_wholly_however_short(symbol: str, length_s: float):
    said, end_s = timed(f"ˈɑ{symbol}ˈɑt", [0.05, 0.1, length_s, 0.05, 0.1, 0.05])
    rows = visemes(said, 0.0, end_s)
    middle_s = said[2].start_s + length_s / 2
    assert during(rows, middle_s) == {"PP": 1.0}
    held = [
        (a, b)
        for (a, pose), (b, _) in zip(states(rows), states(rows)[1:], strict=False)
        if pose == {"PP": 1.0}
    ]
    assert len(held) == 1 and held[0][1] - held[0][0] >= LEAST_S - 1e-6


def test_lips_round_before_a_round_vowel_already_in_the_consonants():
    said, end_s = timed("stɹˈu")
    rows = visemes(said, 0.0, end_s)
    spread, spread_end_s = timed("stɹˈi")
    plain = visemes(spread, 0.0, spread_end_s)
    for at_s in (0.15, 0.25, 0.35):
        assert during(rows, at_s)["ou"] >= 0.2
        assert during(plain, at_s).get("ou", 0) <= 0.1
    assert "ou" not in during(rows, 0.05)


def test_nothing_is_anticipated_across_a_pause():
    said, end_s = timed("ðɪs  , ˈuz", [0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.05, 0.1, 0.1])
    assert "ou" not in during(visemes(said, 0.0, end_s), 0.35)


@pytest.mark.parametrize(
    ("symbol", "first", "second"),
    [("A", "E", "ih"), ("I", "aa", "ih"), ("O", "oh", "ou"), ("W", "aa", "ou"), ("Y", "oh", "ih"),
     ("Q", "E", "ou")],
)  # fmt: skip
def test_a_diphthong_goes_from_one_shape_to_another(symbol: str, first: str, second: str):
    said, end_s = timed(f"tˈ{symbol}d", 0.15)
    rows = visemes(said, 0.0, end_s)
    vowel = said[2]
    early, late = during(rows, vowel.start_s + 0.01), during(rows, vowel.end_s - 0.01)
    assert max(early, key=early.__getitem__) == first and max(late, key=late.__getitem__) == second
    short, short_end_s = timed(f"tˈ{symbol}d", [0.1, 0.025, 0.05, 0.1])
    both = during(visemes(short, 0.0, short_end_s), short[2].start_s)
    assert {first, second} <= both.keys()


def test_a_tongue_behind_the_teeth_lets_the_vowel_show_through_and_lips_do_not():
    pose = [
        during(visemes(*at), 0.15) for at in ((said, 0.0, end) for said, end in (timed("tˈɑ"), timed("pˈɑ")))
    ]
    assert pose[0]["DD"] > pose[0]["aa"] > 0.2
    assert pose[1] == {"PP": 1.0}


def test_a_stressed_vowel_opens_wider_than_an_unstressed_one_and_a_tone_counts_as_stress():
    opened = []
    for word in ("tˈɑ", "tˌɑ", "tɑ", "ta→", "ˈtɑ", "ta"):
        said, end_s = timed(word)
        opened.append(max(pose.get("aa", 0) for _, pose in states(visemes(said, 0.0, end_s))))
    strong, second, weak, toned, before_the_syllable, neutral_tone = opened
    assert strong > toned > second > weak == neutral_tone and before_the_syllable == strong


def test_a_short_gap_between_words_is_no_silence_and_a_pause_is():
    said, end_s = timed("ˈɛ ˈɛ", [0.05, 0.1, 0.06, 0.05, 0.1])
    assert "sil" not in during(visemes(said, 0.0, end_s), said[1].end_s + 0.03)
    said, end_s = timed("ˈɛ ˈɛ", [0.05, 0.1, 0.2, 0.05, 0.1])
    assert during(visemes(said, 0.0, end_s), said[1].end_s + 0.03) == {"sil": 1.0}


def test_an_unknown_symbol_is_a_rest():
    said, end_s = timed("ˈɛ€", [0.05, 0.1, 0.3])
    assert during(visemes(said, 0.0, end_s), 0.3) == {"sil": 1.0}


def test_a_phrase_of_silence_is_silence():
    assert visemes([], 1.0, 1.5) == ((1.0, 0, 1.0),)


def test_weights_are_a_table_of_the_rows():
    rows = ((0.0, 0, 1.0), (0.5, 4, 0.6), (0.5, 14, 0.4))
    starts_s, table = weights(rows)
    assert starts_s.tolist() == [0.0, 0.5] and table.shape == (2, 15)
    assert table[1].nonzero()[0].tolist() == [4, 14] and table.sum() == pytest.approx(2)
