"""From an imported pack to plans and samples that are upstream's, in our units."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sidecar.engines.emotivoice.engine import EmotiVoiceEngine
from sidecar.engines.emotivoice.plans import TokenPlan, to_energy, to_force, to_hz, to_pitch
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.line import Line
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack, verify
from sidecar.prosody.plan import Phrase
from sidecar.protocol.errors import BadRequest, ModelRejected, UnknownSpeaker
from sidecar.synthesis import Synthesizer
from tests.engines.emotivoice_fixture import CASES, expected, make_pack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return make_pack(Home(tmp_path_factory.mktemp("emotivoice")))


@pytest.fixture(scope="module")
def engine(pack: Pack) -> EmotiVoiceEngine:
    engine = load_model(pack, place("cpu", "float32")).engine
    assert isinstance(engine, EmotiVoiceEngine)
    return engine


@pytest.fixture(scope="module")
def case(engine: EmotiVoiceEngine) -> Phrase:
    """The recorded case without a prompt."""
    return recorded_case(engine, "zh_long")


def recorded_case(engine: EmotiVoiceEngine, name: str) -> Phrase:
    """What upstream was asked; the tokens are asked for by number."""
    case = CASES[name]
    symbols = engine.speller.symbols(tuple(case["tokens"][1:-1]))
    speaker = engine.speaker(case["speaker"])
    return Phrase(symbols, speaker, speaker, text=case["content"], prompt=case["prompt"])


def test_the_imported_pack_is_whole_and_names_its_speakers(pack: Pack):
    verify(pack)
    manifest = pack.manifest
    assert manifest.architecture == "emotivoice" and len(manifest.speakers) == 2014
    assert {file.name for file in manifest.files} == {
        "weights.safetensors", "style.safetensors", "tokens.txt", "vocabulary.txt", "probe.safetensors",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["zh_short", "en_short", "zh_long"])
def test_the_engine_speaks_the_recorded_cases_with_their_prompts(engine: EmotiVoiceEngine, name: str):
    recorded = expected(f"expected_{name}")
    (plan,) = engine.plan([recorded_case(engine, name)])
    assert plan.predicted.frames.tolist() == CASES[name]["durations"]
    assert isinstance(plan, TokenPlan)
    for name in ("pitch", "energy"):
        for numbers in (plan.predicted, plan.wanted()):
            assert np.abs(getattr(numbers, name) - recorded[name][0].numpy()).max() <= 2e-5
    (samples,) = engine.render([plan], [1])
    assert np.abs(samples - recorded["wav"].flatten().numpy()).max() <= 2e-5
    pcm = np.trunc(np.clip(samples.astype(np.float64) * 32768, -32768, 32767))
    assert np.abs(pcm - recorded["pcm16"].numpy()).max() <= 2


def test_a_style_leads_from_one_prompt_to_another_and_within_bounds_beyond(engine: EmotiVoiceEngine):
    sad, happy, none = engine.style.of(["悲伤", "非常开心", ""])
    assert np.array_equal(engine.style.leaning("", ()), none)
    assert np.allclose(engine.style.leaning("", (("悲伤", 1.0),)), sad, atol=1e-6)
    assert np.allclose(engine.style.leaning("悲伤", (("非常开心", 0.5),)), (sad + happy) / 2, atol=1e-6)
    mixed = engine.style.leaning("", (("悲伤", 0.5), ("非常开心", 0.5)))
    assert np.allclose(mixed, (sad + happy) / 2, atol=1e-6)
    assert np.abs(engine.style.leaning("", (("悲伤", 9.0),))).max() <= 1


def test_a_label_leans_towards_its_prompts_and_a_prompt_is_taken_as_it_is(pack: Pack):
    synthesizer = Synthesizer(load_model(pack, place("cpu", "float32")))
    half, whole = (synthesizer.prepare(Line("Halt!", emotion="生气", intensity=i)) for i in (0.5, 1.0))
    assert half.phrases[0].style == (("生气", 0.75),) and whole.phrases[0].style == (("生气", 1.5),)
    told = synthesizer.prepare(Line("Halt!", prompt="very happy"))
    assert told.phrases[0].prompt == "very happy" and not told.phrases[0].style
    plans = [synthesizer.model.engine.plan(p.phrases)[0] for p in (told, half, whole)]
    assert len({plan.f0_hz.tobytes() for plan in plans}) == 3
    with pytest.raises(BadRequest, match="200") as caught:
        synthesizer.prepare(Line("Halt!", prompt="x" * 201))
    assert caught.value.field == "prompt"


def test_units_go_there_and_back():
    numbers = np.linspace(-4, 6, 101, dtype=np.float32)
    assert np.abs(to_pitch(to_hz(numbers)) - numbers).max() < 1e-6
    assert np.abs(to_energy(to_force(numbers)) - numbers).max() < 1e-6
    assert to_hz(np.zeros(1))[0] == pytest.approx(225.089)
    louder = np.sinh(to_force(np.zeros(1)) + np.log(2))[0]
    assert louder == pytest.approx(2 * 30.61, rel=1e-3)  # a step is a factor


def test_higher_f0_and_longer_frames_reach_the_model(engine: EmotiVoiceEngine, case: Phrase):
    (plan,) = engine.plan([case])
    assert isinstance(plan, TokenPlan)
    higher = replace(plan, f0_hz=plan.f0_hz + np.float32(53.78))
    spoken = plan.predicted.frames > 0
    assert np.allclose((higher.wanted().pitch - plan.wanted().pitch)[spoken], 1, atol=1e-5)
    curves = {name: getattr(plan, name).repeat(2) for name in ("f0_hz", "energy")}
    twice = replace(plan, durations_frames=2 * plan.durations_frames, **curves)
    assert twice.wanted().frames.tolist() == (2 * plan.predicted.frames).tolist()
    (samples,) = engine.render([twice], [1])
    assert len(samples) == 2 * 256 * plan.frames


def test_speed_scales_the_whole_to_a_frame(engine: EmotiVoiceEngine, case: Phrase):
    (plain,) = engine.plan([case])
    for speed in (0.5, 0.8, 2.0):
        (plan,) = engine.plan([replace(case, speed=speed)])
        assert plan.frames == round(plain.frames / speed)


def test_another_speakers_manner_sets_the_rhythm(engine: EmotiVoiceEngine, case: Phrase):
    other = engine.speaker(1)
    own, lent, others = engine.plan(
        [case, replace(case, manner=other), replace(case, timbre=other, manner=other)]
    )
    assert lent.durations_frames.tolist() == others.durations_frames.tolist() != own.durations_frames.tolist()
    assert not np.array_equal(engine.render([lent], [1])[0], engine.render([others], [1])[0])


def test_speakers_are_found_by_name_index_blend_and_number(engine: EmotiVoiceEngine):
    assert engine.description.default_speaker == "8051" == engine.speaker(0).name
    assert np.array_equal(engine.speaker(2013).table, engine.speaker("98").table)
    blend = engine.speaker({"8051": 1, "98": 3}).table
    assert np.allclose(blend, 0.25 * engine.speaker("8051").table + 0.75 * engine.speaker("98").table)
    assert engine.speaker(blend[0].tolist()).row(5).tolist() == blend[0].tolist()
    with pytest.raises(UnknownSpeaker, match=r"0\.\.2013"):
        engine.speaker(2014)
    with pytest.raises(BadRequest, match="24"):
        engine.speaker([0.0] * 23)


@pytest.mark.parametrize("text", ["Halt! Who goes there, friend?", "你好，世界！", "Say 你好 to him."])
def test_a_line_is_spoken_and_every_word_has_its_time(pack: Pack, text: str):
    model = load_model(pack, place("cpu", "float32"))
    speech = Synthesizer(model).speak(Line(text, speaker="9017"))
    assert speech.sample_rate_hz == 16000 and np.isfinite(speech.samples).all()
    ends = [word.end_s for word in speech.words]
    assert ends == sorted(ends) and 0 < ends[-1] <= speech.duration_s
    assert len(speech.visemes) > 2


@pytest.mark.parametrize("name", ["weights.safetensors", "style.safetensors", "tokens.txt", "vocabulary.txt"])
def test_a_file_that_does_not_fit_is_named(pack: Pack, tmp_path: Path, name: str):
    for file in pack.folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    spoilt = (tmp_path / name).read_bytes()[:-200]
    (tmp_path / name).unlink()
    (tmp_path / name).write_bytes(spoilt)
    with pytest.raises(ModelRejected, match=name):
        load_model(Pack(tmp_path, pack.manifest), place("cpu", "float32"))


def test_a_vocoder_in_bfloat16_keeps_the_plan_and_stays_close(
    pack: Pack, engine: EmotiVoiceEngine, case: Phrase
):
    half = load_model(pack, place("cpu", "bfloat16")).engine
    (exact_plan,), (half_plan,) = engine.plan([case]), half.plan([case])
    assert np.array_equal(exact_plan.durations_frames, half_plan.durations_frames)
    assert np.array_equal(exact_plan.f0_hz, half_plan.f0_hz)
    exact, rounded = engine.render([exact_plan], [1])[0], half.render([half_plan], [1])[0]
    noise_db = 10 * np.log10(np.square(exact - rounded).mean() / np.square(exact).mean())
    assert noise_db < -25
