"""The way of a line with the real model: what is heard, when, and what is refused."""

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sidecar import Voice
from sidecar.audio.listening import level
from sidecar.audio.loudness import integrated_loudness
from sidecar.checks.speaking import check_probe
from sidecar.line import Line, derived_seed
from sidecar.lipsync.sounds import DIPHTHONGS, SHAPES
from sidecar.models.loader import Model
from sidecar.prosody.emotions import SPEAKERS_LUFS
from sidecar.prosody.plan import Plan
from sidecar.protocol.errors import (
    BadRequest,
    EmptyText,
    InternalError,
    StorageError,
    TextTooLong,
    UnknownEmotion,
    UnknownLanguage,
    UnknownSpeaker,
    Unsupported,
)
from sidecar.speech import Speech
from sidecar.synthesis import JOIN_S, LEAD_S, Synthesizer
from tests.benchmarks.endings import heard
from tests.fakes import ToneEngine, tone_voice

LINE = "Halt! That's 340 gold."


@pytest.fixture(scope="module")
def speech(voice: Voice):
    return voice.synthesize(LINE, speaker="am_michael")


def test_a_line_is_heard(speech):
    assert speech.sample_rate_hz == 24_000
    assert 1.0 < speech.duration_s < 6.0
    assert speech.samples.dtype == np.float32
    assert np.isfinite(speech.samples).all()
    assert 0.05 < np.abs(speech.samples).max() <= 1.5
    assert speech.samples[0] == speech.samples[-1] == 0


def test_words_know_their_span_and_time(speech):
    assert [word.text for word in speech.words] == ["Halt", "That's", "three", "hundred", "forty", "gold"]
    assert [LINE[word.start : word.end] for word in speech.words] == [
        "Halt",
        "That's",
        "340",
        "340",
        "340",
        "gold",
    ]
    times = [time for word in speech.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] > 0 and times[-1] < speech.duration_s


def test_every_phoneme_knows_its_span_and_time(speech):
    assert "".join(p.symbol for p in speech.phonemes).startswith("hˈ")
    for phoneme in speech.phonemes:
        assert 0 <= phoneme.start < phoneme.end <= len(LINE)
        assert phoneme.start_s < phoneme.end_s
    starts = [phoneme.start_s for phoneme in speech.phonemes]
    assert starts == sorted(starts)


def test_the_mouth_keeps_to_the_phonemes_from_the_lines_start_to_its_end(speech):
    starts = sorted({start_s for start_s, _, _ in speech.visemes})
    assert starts[0] == 0 and starts[-1] < speech.duration_s
    edges = {0.0, *(time for p in speech.phonemes for time in (p.start_s, p.end_s))}
    glides = [p for p in speech.phonemes if p.symbol in DIPHTHONGS]
    for start_s in starts:
        inside = any(p.start_s < start_s < p.end_s for p in glides)
        assert inside or min(abs(start_s - edge) for edge in edges) <= 0.02
    assert glides and {shape for _, shape, _ in speech.visemes} >= {
        SHAPES.index(s) for s in ("TH", "FF", "oh")
    }


def test_speech_is_where_the_words_are(speech):
    """The level inside words is far above that before the first word."""
    at = round(speech.words[0].start_s * 24_000)
    end = round(speech.words[-1].end_s * 24_000)
    assert np.square(speech.samples[at:end]).mean() > 30 * np.square(speech.samples[: at // 2]).mean()


def test_the_same_request_gives_the_same_bytes(voice: Voice, speech):
    again = voice.synthesize(LINE, speaker="am_michael")
    assert again.encoded("wav") == speech.encoded("wav")
    assert again.seed == speech.seed == derived_seed(Line(LINE, "am_michael"))
    other = voice.synthesize(LINE, speaker="am_michael", seed=speech.seed + 1)
    assert other.encoded("wav") != speech.encoded("wav")


def test_equal_requests_in_other_words_give_the_same_samples(voice: Voice):
    """Whatever is spelled otherwise and means the same: also the derived seed must not notice."""
    plain = voice.synthesize("No.", {"af_heart": 1.0}, speed=1)
    other = voice.synthesize("No.", {"af_heart": 1}, speed=1.0, emotion={"neutral": 2.0}, intensity=1.0)
    assert np.array_equal(plain.samples, other.samples)


def test_a_stream_is_the_line_piece_by_piece(voice: Voice):
    text = (
        "The old mine has been sealed for ten long years. Nobody who went in ever came back out of it again."
    )
    parts = list(voice.stream(text, "af_heart"))
    whole = voice.synthesize(text, "af_heart")
    assert len(parts) == 2 and parts[0].duration_s < 0.6 * whole.duration_s
    assert np.array_equal(np.concatenate([part.samples for part in parts]), whole.samples)
    assert parts[1].words[0].start_s > parts[0].duration_s
    assert [word for part in parts for word in part.words] == list(whole.words)
    assert parts[1].visemes[0] == (parts[0].duration_s, SHAPES.index("sil"), 1.0)
    assert tuple(row for part in parts for row in part.visemes) == whole.visemes


def test_a_join_inside_a_sentence_pauses_no_longer_than_a_comma_does(voice: Voice):
    """The silence on either side of a cut is the mark's, not the model's third of a second twice."""
    text = (
        "The old mine has been sealed for ten years, and nobody who went in ever came back out of it, ever."
    )
    first, second = voice.stream(text, "af_heart")
    assert first.phonemes[-1].symbol == ","
    after = first.duration_s - first.phonemes[-1].end_s
    before = second.words[0].start_s - first.duration_s
    assert 0 < after <= JOIN_S + 0.01 and 0 < before <= JOIN_S + 0.01


def test_a_line_pauses_as_long_as_it_says(voice: Voice):
    text = '<break time="300ms"/>Wait. <break time="1.5s"/> *Now* go.<break time="700ms"/>'
    speech = voice.synthesize(text, emotion="angry", intensity=1.0, sample_rate_hz=16_000)
    wait, now, go = speech.words
    assert text[now.start : now.end] == "Now"
    spans_s = [(0.0, 0.3), (speech.duration_s - 0.7, speech.duration_s)]
    after_wait = next(p.end_s for p in speech.phonemes if p.symbol == ".")
    spans_s.insert(1, (after_wait + JOIN_S + 0.013, now.start_s - JOIN_S - 0.013))
    assert 1.5 <= now.start_s - after_wait <= 1.5 + 2 * JOIN_S + 0.026
    for start_s, end_s in spans_s:
        assert not speech.samples[round(start_s * 16_000) : round(end_s * 16_000)].any()
    assert 0.3 < wait.start_s <= 0.3 + JOIN_S + 0.013 and go.end_s < speech.duration_s - 0.7
    quiet_s = [start_s for start_s, shape, _ in speech.visemes if shape == SHAPES.index("sil")]
    assert quiet_s[0] == 0 and quiet_s[-1] <= speech.duration_s - 0.7 + 0.001


def test_pauses_are_streamed_too(voice: Voice):
    text = "The old mine is sealed.<break time='1s'/> Nobody came back."
    parts, whole = list(voice.stream(text)), voice.synthesize(text)
    assert np.array_equal(np.concatenate([part.samples for part in parts]), whole.samples)
    assert not parts[0].samples[-24_000:].any() and parts[0].samples[-30_000:].any()


def test_a_line_begins_at_once(voice: Voice):
    assert voice.synthesize("No.").words[0].start_s <= LEAD_S + 0.001


def test_lines_rendered_together_are_the_lines_rendered_apart(voice: Voice):
    prepared = [voice.synthesizer.prepare(Line(text)) for text in ("Halt!", "Who goes there?")]
    together = voice.synthesizer.render([(line, 0) for line in prepared])
    for line, speech in zip(prepared, together, strict=True):
        assert np.array_equal(voice.synthesizer.speak(line.line).samples, speech.samples)


@pytest.mark.slow
def test_a_long_line_is_spoken_whole(voice: Voice):
    text = "one two three four five six seven eight nine ten, " * 12
    speech = voice.synthesize(text, speed=2.0)
    assert len(speech.words) == 120
    assert speech.words[-1].end_s <= speech.duration_s


def test_a_mixed_line_is_spoken_in_both_languages(voice: Voice):
    speech = voice.synthesize("你好，traveler! 有3个人。", speaker="zf_xiaobei")
    assert "traveler" in [word.text for word in speech.words]
    assert speech.words[0].phonemes == "ni↓xau↓"


def test_pitch_moves_f0_and_leaves_the_timing(voice: Voice):
    plain, high = (voice.synthesize("Who goes there?", pitch_semitones=p, seed=1) for p in (0, 6))
    assert [w.start_s for w in plain.words] == [w.start_s for w in high.words]
    assert pitch_hz(high.samples) == pytest.approx(2**0.5 * pitch_hz(plain.samples), rel=0.05)


def pitch_hz(samples: np.ndarray) -> float:
    """The median of autocorrelation peaks over loud frames, 70 to 600 Hz."""
    frames = [samples[at : at + 1200] for at in range(0, len(samples) - 1200, 600)]
    loud = sorted(frames, key=lambda f: -float(np.square(f).sum()))[: len(frames) // 4]
    found = []
    for frame in loud:
        spectrum = np.abs(np.fft.rfft(frame * np.hanning(len(frame)), 8192)) ** 2
        lags = np.fft.irfft(spectrum)[40:343]
        found.append(24_000 / (40 + int(np.argmax(lags))))
    return float(np.median(found))


def test_an_override_and_a_lexicon_decide_the_pronunciation(voice: Voice, pack):
    assert [w.phonemes for w in voice.synthesize("[[Mordor|mˈɔɹdˌɔɹ]]!").words] == ["mˈɔɹdˌɔɹ"]
    fantasy = Voice.load(pack.folder, device="cpu", lexicon={"Xyl'thar": "zˈIlθɑɹ"})
    assert fantasy.synthesize("Xyl'thar!").words[0].phonemes == "zˈIlθɑɹ"


def test_the_homes_lexicon_is_read(pack, home, tmp_path: Path):
    home.lexicon.write_text("Drizzt\tdɹˈɪst\n", "utf-8")
    try:
        assert Voice.load(device="cpu").synthesize("Drizzt!").words[0].phonemes == "dɹˈɪst"
    finally:
        home.lexicon.unlink()


def test_loudness_and_rate_are_as_asked(voice: Voice):
    speech = voice.synthesize("The old mine has been sealed.", loudness_lufs=-28, sample_rate_hz=48_000)
    assert speech.sample_rate_hz == 48_000
    assert integrated_loudness(speech.samples, 48_000) == pytest.approx(-28, abs=0.2)


@pytest.mark.slow
def test_all_speakers_are_as_loud_and_a_users_file_has_its_way(voice: Voice, pack, home):
    text = "The old mine has been sealed."
    for speaker in ("if_sara", "hf_alpha", "af_nova", "am_michael"):  # else the loudest and the softest
        assert lufs(voice.synthesize(text, speaker)) == pytest.approx(SPEAKERS_LUFS, abs=2), speaker
    home.emotions.write_text('{"format": 1, "levels_db": {"af_nova": -6}}', "utf-8")
    try:
        own = Voice.load(device="cpu")
        check_probe(own.synthesizer, pack)
        theirs, ours = (level(v.synthesize(text, "af_nova").samples).rms_dbfs for v in (own, voice))
        assert theirs == pytest.approx(ours - 6 - voice.emotions.levels_db["af_nova"], abs=0.01)
    finally:
        home.emotions.unlink()


def lufs(speech: Speech) -> float:
    return integrated_loudness(speech.samples, speech.sample_rate_hz)


@pytest.mark.parametrize("ending", ["wav", "ogg", "flac"])
def test_a_line_is_saved_as_its_ending_says(speech, tmp_path: Path, ending: str):
    speech.save(tmp_path / f"line.{ending}")
    samples, rate = soundfile.read(tmp_path / f"line.{ending}")
    assert rate == 24_000
    assert len(samples) == pytest.approx(len(speech.samples), abs=2048)


def test_a_file_that_cannot_be_written_is_an_error_and_no_file(speech, tmp_path: Path):
    with pytest.raises(StorageError, match="cannot write"):
        speech.save(tmp_path / "absent" / "line.wav")
    for name in ("line.mp3", "line.pcm_s16le", "line"):
        with pytest.raises(BadRequest, match=r"\.wav"):
            speech.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words", "tip"),
    [
        ("folder.wav", "folder.wav: Is a directory", "name a file"),
        ("a" * 300 + ".wav", "a.wav: File name too long", "shorter"),
        ("file/line.wav", "file/line.wav: Not a directory", "must be a folder"),
        ("absent/line.wav", "absent/line.wav: No such file", "create the folder"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX's words")
def test_a_place_that_cannot_be_written_is_named(speech, tmp_path: Path, name: str, words: str, tip: str):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as refused:
        speech.save(tmp_path / name)
    assert words in refused.value.message and tip in (refused.value.tip or "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.wav"]


def test_the_longest_name_there_may_be_is_written(speech, tmp_path: Path):
    speech.save(tmp_path / ("a" * 250 + ".wav"))
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("speaker", ["af_heart", "am_michael", "bm_george", "af_bella"])
@pytest.mark.parametrize(
    ("text", "marks", "least_s"),
    [("Stop! Thief! Guards!", 2, 0.25), ("He was… gone.", 1, 0.25), ("Wait — no!", 1, 0.2)],
)
def test_marks_in_short_lines_are_heard_and_timed(
    voice: Voice, text: str, marks: int, least_s: float, speaker: str
):
    spoken = voice.synthesize(text, speaker)
    stretches = heard(spoken)
    rests = sorted(b[0] - a[1] for a, b in itertools.pairwise(stretches))
    assert min(rests[-marks:]) >= least_s
    gaps = [b.start_s - a.end_s for a, b in zip(spoken.words, spoken.words[1:], strict=False)]
    assert sorted(gaps)[-marks] >= least_s
    closed = SHAPES.index("sil")
    inside = [
        at for at, shape, _ in spoken.visemes if shape == closed and 0.2 < at < spoken.words[-1].start_s
    ]
    assert len(inside) >= marks


def test_a_mark_pauses_for_less_in_a_faster_line(voice: Voice):
    def gap_s(speed: float) -> float:
        first, second = voice.synthesize("No. No!", speed=speed).words
        return second.start_s - first.end_s

    assert gap_s(2.0) == pytest.approx(gap_s(1.0) / 2, abs=0.03)


def test_a_word_ends_soon_after_it_is_heard(voice: Voice):
    for text in ("No.", "Stop."):
        spoken = voice.synthesize(text, "af_heart")
        last_s = heard(spoken)[-1][1]
        assert last_s <= spoken.duration_s <= last_s + 0.25
        assert last_s == pytest.approx(spoken.words[-1].end_s, abs=0.1)
        assert spoken.phonemes[-1].end_s <= spoken.duration_s and spoken.visemes[-1][0] <= spoken.duration_s


@pytest.mark.parametrize(
    ("text", "speaker"), [("No.", "bf_emma"), ("Yes.", "af_jessica"), ("Oh.", "if_sara")]
)
def test_nothing_ticks_behind_a_word(voice: Voice, text: str, speaker: str):
    prepared = voice.synthesizer.prepare(Line(text, speaker, seed=7))
    ticking = heard(voice.synthesizer.said(prepared.bare()))
    still = heard(voice.synthesizer.said(prepared))
    assert ticking[-1][1] > still[-1][1] + 0.05, "this voice no longer ticks: take another"


@pytest.mark.parametrize("text", ["Mm.", "Sh.", "Mm!"])
@pytest.mark.parametrize("speaker", ["af_heart", "am_michael", "zm_yunxi"])
def test_a_murmur_lasts(voice: Voice, text: str, speaker: str):
    stretches = heard(voice.synthesize(text, speaker))
    assert sum(end - start for start, end in stretches) >= 0.3


def test_a_line_without_marks_inside_is_as_its_model_speaks_it(voice: Voice):
    prepared = voice.synthesizer.prepare(Line("Well met, traveler, and welcome to the inn.", "af_heart"))
    ours, bare = (voice.synthesizer.said(line) for line in (replace(prepared, level_db=0.0), prepared.bare()))
    assert np.array_equal(ours.samples, bare.samples) and ours.words == bare.words


def test_the_model_is_told_what_was_written(voice: Voice):
    text = "  [[Halt|hˈɔlt]]! Who goes there? 你好。"
    told = [phrase.text for phrase in voice.synthesizer.prepare(Line(text)).phrases]
    assert "".join(told).replace(" ", "") == "Halt!Whogoesthere?你好。"


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit on Windows")
def test_a_disk_that_fills_up_keeps_the_file_that_was_there(voice: Voice, speech, tmp_path: Path):
    import resource

    file = tmp_path / "line.wav"
    speech.save(file)
    before = file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(StorageError, match="cannot write"):
            speech.save(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("text", "options", "kind", "field", "words"),
    [
        ("", {}, EmptyText, "text", "empty"),
        ("  \n\t ", {}, EmptyText, "text", "empty"),
        ("🙂🎲", {}, EmptyText, "text", "nothing"),
        ("...!?", {}, EmptyText, "text", "nothing"),
        ("a" * 100_000, {}, TextTooLong, "text", "100000"),
        ("≠" * 2000, {}, TextTooLong, "text", r"35,488 phonemes, about 2,3\d\d s, at most 6,000 and 600 s"),
        (7, {}, BadRequest, "text", "int"),
        ("Hi.", {"speaker": "nobody_here"}, UnknownSpeaker, "speaker", "nobody_here"),
        ("Hi.", {"manner": "af_hart"}, UnknownSpeaker, "manner", "af_heart"),
        ("Hi.", {"speed": float("nan")}, BadRequest, "speed", "0.5 to 2"),
        ("Hi.", {"speed": 9}, BadRequest, "speed", "nearest is 2"),
        ("Hi.", {"speed": "fast"}, BadRequest, "speed", "a number from 0.5 to 2, got str"),
        ("Hi.", {"speed": 10**400}, BadRequest, "speed", "nearest is 2"),
        ("Hi.", {"seed": True}, BadRequest, "seed", "whole number"),
        ("Hi.", {"seed": 2**64}, BadRequest, "seed", "nearest is 9223372032559808511"),
        ("Hi.", {"pitch_semitones": -13}, BadRequest, "pitch", "nearest is -12"),
        ("Hi.", {"intensity": 2}, BadRequest, "intensity", "nearest is 1"),
        ("Hi.", {"emotion": "angy"}, UnknownEmotion, "emotion", "did you mean 'angry'"),
        ("Hi.", {"emotion": {"neutral": 1, "saad": 1}}, UnknownEmotion, "emotion", "sad"),
        ("Hi.", {"language": "tlh"}, UnknownLanguage, "language", "tlh"),
        ("Hi.", {"sample_rate_hz": 100}, BadRequest, "sample_rate", "nearest is 8000"),
        ("Hi.", {"loudness_lufs": 3}, BadRequest, "loudness", "nearest is -5"),
        ("Hi.", {"seed": -1}, BadRequest, "seed", "-1"),
        ("Hi.", {"seed": 1.5}, BadRequest, "seed", "whole number"),
        ("Hi.", {"seed": "x"}, BadRequest, "seed", "whole number"),
        ("Hi.", {"sample_rate_hz": 22050.5}, BadRequest, "sample_rate", "whole number"),
        ("Hi.", {"language": 5}, BadRequest, "language", "5"),
        ("Hi.", {"emotion": None}, BadRequest, "emotion", "name"),
        ("Hi.", {"emotion": {}}, BadRequest, "emotion", "name"),
        ("Hi.", {"emotion": {"sad": 1.0, "angry": 10**400}}, BadRequest, "emotion", "angry.* 0 to 1e"),
        ("Hi.", {"emotion": {"sad": float("nan")}}, BadRequest, "emotion", "sad.* 0 to 1e"),
        ("Hi.", {"speaker": [9.0] * 256}, BadRequest, "speaker", "number .* the nearest is"),
        ("Hi.", {"speaker": [float("nan")] * 256}, BadRequest, "speaker", "256 finite numbers"),
        ("<break time='1s'/>", {}, EmptyText, "text", "nothing"),
        ("Hi<break time='99s'/>.", {}, BadRequest, "text", "nearest is 10s"),
        ("[[Zog|zž9]]", {}, BadRequest, "text", "no phoneme"),
        ("[[Zog|]]", {}, BadRequest, "text", "override"),
        ("[[Zog|zˈɑɡ", {}, BadRequest, "text", "override"),
    ],
)
def test_bad_input_gets_its_error_and_the_voice_speaks_on(voice: Voice, text, options, kind, field, words):
    with pytest.raises(kind, match=words) as refusal:
        voice.synthesize(text, **options)
    assert refusal.value.field == field
    assert voice.synthesize("Hi.").duration_s > 0.3


class Wild(ToneEngine):
    """A model whose every phrase holds what must not be heard."""

    def _tone(self, plan: Plan, seed: int) -> np.ndarray:
        samples = super()._tone(plan, seed)
        samples[1000:1004] = np.nan, np.inf, -1e38, 40
        return samples


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize(
    "options",
    [{}, {"emotion": "whispering", "intensity": 1.0}, {"emotion": "shouting"}, {"sample_rate_hz": 48_000}],
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_whatever_a_model_makes_is_finite_and_within_full_scale(options: dict, pieces: int):
    model = Model(tone_voice().synthesizer.model.manifest, Wild(pieces=pieces))
    synthesizer, line = Synthesizer(model), Line("Hear, hear! " * 30, **options)
    parts = list(synthesizer.stream(line))
    for speech in (*parts, synthesizer.speak(line), synthesizer.speak(replace(line, loudness_lufs=-16.0))):
        assert np.isfinite(speech.samples).all() and np.abs(speech.samples).max(initial=0) <= 1
        speech.encoded("ogg")
    whole = synthesizer.speak(line)
    assert whole.lost_samples == sum(part.lost_samples for part in parts) >= 2
    assert whole.mended_samples == whole.cut_samples + whole.lost_samples
    if not options:
        assert whole.cut_samples == whole.lost_samples == 2 * len(synthesizer.prepare(line).phrases)


def words(count: int, **options: object) -> Line:
    """Each is three phonemes and mostly a space, about a quarter of a second."""
    return Line("[[no|nˈO]] " * count, **options)  # type: ignore[arg-type]


def test_a_line_is_as_long_as_it_sounds():
    """Phonemes count, and the seconds that they take at its speed, in its mood, with its pauses."""
    synthesizer, breaks = tone_voice().synthesizer, "<break time='10s'/>" * 6
    for line, measure in (
        (words(1600), "6,336 phonemes, about 412 s, at most 6,000 and 600 s"),
        (words(1200, speed=0.5), "4,736 phonemes, about 616 s"),
        (words(1100, speed=0.5, emotion="sad", intensity=1.0), "4,336 phonemes, about 754 s"),
        (replace(words(1100, speed=0.5), text=words(1100).text + breaks), "4,336 phonemes, about 624 s"),
    ):
        with pytest.raises(TextTooLong, match=measure) as refusal:
            synthesizer.prepare(line)
        assert refusal.value.field == "text"
    assert synthesizer.prepare(words(1500)) and synthesizer.prepare(words(1100, speed=0.5))


def test_a_lines_samples_fit_into_memory():
    synthesizer = tone_voice().synthesizer
    assert synthesizer.prepare(words(1300, sample_rate_hz=192_000))
    with pytest.raises(
        TextTooLong, match="about 360 s, too long at 192000 Hz, the nearest is 186"
    ) as refusal:
        synthesizer.prepare(words(1400, sample_rate_hz=192_000))
    assert refusal.value.field == "sample_rate"
    assert synthesizer.prepare(words(1400, sample_rate_hz=186_000))


def test_a_stream_is_refused_before_its_first_piece(voice: Voice):
    with pytest.raises(EmptyText):
        voice.stream("")
    with pytest.raises(Unsupported) as refusal:
        voice.stream("Hi.", loudness_lufs=-20)
    assert refusal.value.field == "loudness"


def test_a_voice_out_of_which_no_sound_comes_is_not_warmed_up():
    class Broken(ToneEngine):
        def render(self, plans, seeds):
            return [row * np.float32("nan") for row in super().render(plans, seeds)]

    model = tone_voice().synthesizer.model
    Synthesizer(model).warm_up()
    with pytest.raises(InternalError, match="no sound comes out of cpu"):
        Synthesizer(replace(model, engine=Broken())).warm_up()


def test_a_device_that_is_not_there_is_refused(pack):
    for device in ("cuda:99", "cuda:x", "cuda:-1", "tpu"):
        with pytest.raises(BadRequest) as refusal:
            Voice.load(pack.folder, device=device)
        assert refusal.value.field == "device"
