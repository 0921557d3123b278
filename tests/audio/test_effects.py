"""Effects do what their measures say, move nothing in time, and refuse data that cannot be."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sidecar.audio.effect_files import Effects, as_file, shipped, with_users
from sidecar.audio.effects import AFTER, DRY, LIMITS, Effect, _placed, treated
from sidecar.protocol.errors import BadRequest

RATE_HZ = 24_000
PRESETS = ("ghost", "giant", "imp", "radio", "underwater", "robot")


def noise(seconds: float = 1.0, level: float = 0.1) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(int(seconds * RATE_HZ)) * level).astype(np.float32)


def tone(hz: float, seconds: float = 1.0, level: float = 0.2) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz / RATE_HZ * np.arange(int(seconds * RATE_HZ)))).astype(np.float32)


def band_db(sound: np.ndarray, low_hz: float, high_hz: float) -> float:
    """The power of a band, per hertz."""
    power, hz = np.abs(np.fft.rfft(sound)) ** 2, np.fft.rfftfreq(len(sound), 1 / RATE_HZ)
    return 10 * float(np.log10(power[(low_hz <= hz) & (hz < high_hz)].mean() + 1e-20))


def rms_db(sound: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(sound.astype(np.float64) ** 2)))


def test_at_least_six_creatures_and_machines_come_with_us():
    assert set(PRESETS) <= set(shipped().known)
    assert all(set(vars(effect)) == set(LIMITS) and effect != DRY for effect in shipped().known.values())


@pytest.mark.parametrize("name", sorted(shipped().known))
@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
def test_a_treated_sound_is_as_long_as_loud_and_the_same_each_time(name: str, rate_hz: int):
    sound, effect = noise(), shipped().known[name]
    first, again = treated(sound, rate_hz, effect), treated(sound, rate_hz, effect)
    assert first.dtype == np.float32 and first.shape == sound.shape and first.tobytes() == again.tobytes()
    assert np.isfinite(first).all() and np.abs(first).max() <= 1
    assert rms_db(first) - rms_db(sound) == pytest.approx(effect.level_db, abs=0.7)


def test_nothing_asked_for_is_the_very_same_and_silence_stays():
    sound, silence = noise(), np.zeros(RATE_HZ, np.float32)
    assert treated(sound, RATE_HZ, DRY) is sound
    assert treated(sound, RATE_HZ, Effect(pitch_st=-5, formants_oct=-0.3, breath=1, monotone=1)) is sound
    for effect in shipped().known.values():
        assert not treated(silence, RATE_HZ, effect).any()
        assert len(treated(np.zeros(0, np.float32), RATE_HZ, effect)) == 0


def test_the_filters_keep_their_band():
    sound = treated(noise(), RATE_HZ, Effect(low_cut_hz=400, high_cut_hz=3000))
    inside = band_db(sound, 800, 2000)
    assert band_db(sound, 50, 150) < inside - 30 and band_db(sound, 6000, 10_000) < inside - 20


def test_a_ring_gives_sums_and_differences():
    sound = treated(tone(1000), RATE_HZ, Effect(ring_hz=200, ring_share=1))
    assert band_db(sound, 795, 805) > band_db(sound, 990, 1010) + 20
    assert band_db(sound, 1195, 1205) > band_db(sound, 990, 1010) + 20


def test_a_drive_adds_harmonics_however_loud_the_line_is():
    loud, faint = (treated(tone(300, level=level), RATE_HZ, Effect(drive_db=20)) for level in (0.2, 0.002))
    assert band_db(loud, 890, 910) > band_db(tone(300), 890, 910) + 40
    np.testing.assert_allclose(faint * 100, loud, atol=1e-3)


def test_a_crushed_sound_has_few_steps_and_holds_its_samples():
    sound = treated(noise(level=0.02), RATE_HZ, Effect(crush_bits=3, crush_hz=6000))
    middle = sound[1000:-1000]
    assert len(np.unique(middle)) <= 2 * 2**2 + 1
    assert np.count_nonzero(np.diff(middle)) < len(middle) / 3


def test_a_chorus_is_late_voices_and_no_shift_of_the_first():
    click = np.zeros(RATE_HZ, np.float32)
    click[5000] = 0.5
    sound = np.abs(treated(click, RATE_HZ, Effect(chorus_ms=4, chorus_hz=1, chorus_share=0.6)))
    assert sound.argmax() == 5000 and not sound[:5000].any()
    late = np.flatnonzero(sound[5001:] > 0.01 * sound.max()) + 1
    assert len(late) >= 3 and late.min() > 0.012 * RATE_HZ and late.max() < 0.024 * RATE_HZ


def test_a_room_answers_behind_the_sound_and_dies_away():
    effect = Effect(room_s=1, room_share=0.4)
    sound = np.concatenate([noise(0.5), np.zeros(int(effect.tail_s * RATE_HZ), np.float32)])
    made = treated(sound, RATE_HZ, effect)
    end = RATE_HZ // 2
    early, later = rms_db(made[end + 500 : end + 3000]), rms_db(made[end + 7000 : end + 9500])
    assert rms_db(made[:end]) - 25 < early < rms_db(made[:end]) and later < early - 12
    assert np.abs(made[-20:]).max() < 1e-4


def test_long_sounds_are_treated_in_blocks_as_short_ones_are():
    """In a room and through filters all is linear: two halves alone give what they give together."""
    effect = Effect(low_cut_hz=200, room_s=0.05, room_share=0.5)
    sound = noise(2.0)
    first, second = sound.copy(), sound.copy()
    first[RATE_HZ:], second[:RATE_HZ] = 0, 0
    whole, one, two = (_placed(part, RATE_HZ, effect) for part in (sound, first, second))
    np.testing.assert_allclose(one + two, whole, atol=1e-5)
    assert np.abs(one[RATE_HZ + 5000 :]).max() < 1e-5


@pytest.mark.parametrize(
    ("entry", "field", "words"),
    [
        ({"pich_st": 1}, "effects.wraith.pich_st", "did you mean 'pitch_st'"),
        ({"pitch_st": 13}, "effects.wraith.pitch_st", "the nearest is 12"),
        ({"pitch_st": -13}, "effects.wraith.pitch_st", "the nearest is -12"),
        ({"pitch_st": "low"}, "effects.wraith.pitch_st", "must be a number"),
        ({"pitch_st": True}, "effects.wraith.pitch_st", "must be a number"),
        ({"pitch_st": float("nan")}, "effects.wraith.pitch_st", "must be a number"),
        ({"room_s": 2}, "effects.wraith.room_share", "only with room_share"),
        ({"chorus_share": 0.5}, "effects.wraith.chorus_hz", "only with chorus_hz"),
        (5, "effects.wraith", "must be a map"),
    ],
)
def test_an_entry_that_cannot_be_says_where(entry: object, field: str, words: str):
    text = json.dumps({"format": 1, "effects": {"wraith": entry}})
    with pytest.raises(BadRequest) as refused:
        shipped().over(text, "effects.json")
    assert words in refused.value.message and refused.value.field == field


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"), ("[]", "must be a map"), ('{"effects": {}}', "expected 1"),
        ('{"format": 1, "efects": {}}', "'efects'"),
        ('{"format": 1, "effects": {"Ghost": {}}}', "lower case"),
        ('{"format": 1, "effects": {"": {}}}', "1 to 40"), ("[" * 100_000, "not JSON"),
        (json.dumps({"format": 1, "effects": {str(n): {} for n in range(300)}}), "at most 200"),
        (" " * (2 << 20), "bytes"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_is_refused(text: str, words: str):
    with pytest.raises(BadRequest, match=words):
        shipped().over(text, "effects.json")


def test_an_unknown_effect_is_told_with_the_nearest():
    assert shipped().find(" Ghost ") == shipped().known["ghost"]
    with pytest.raises(BadRequest, match="did you mean 'underwater'") as refused:
        shipped().find("under water")
    assert refused.value.field == "effect"


def test_a_users_file_changes_what_it_names_and_adds(tmp_path: Path):
    file = tmp_path / "effects.json"
    assert with_users(shipped(), file) is shipped()
    file.write_text('{"format": 1, "effects": {"ghost": {"room_s": 4}, "wraith": {"drive_db": 3}}}')
    known = with_users(shipped(), file).known
    assert known["ghost"] == replace(shipped().known["ghost"], room_s=4)
    assert known["wraith"] == Effect(drive_db=3) and len(known) == len(shipped().known) + 1


def test_all_of_them_make_a_file_that_is_read_as_it_was():
    assert Effects({}).over(json.dumps(as_file(shipped())), "effects.json") == shipped()


def test_every_measure_is_the_voices_or_the_sounds():
    for name in AFTER:
        assert replace(DRY, **{name: LIMITS[name][1]}).is_heard_after
