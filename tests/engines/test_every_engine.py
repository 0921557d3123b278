"""What every architecture promises behind the engine interface."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from sidecar.engines.base import Engine
from sidecar.engines.registry import FAMILIES
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.line import Line
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.loader import Model, load_model
from sidecar.models.pack import Pack
from sidecar.prosody.plan import Phrase, Plan
from sidecar.protocol.errors import BadRequest, UnknownSpeaker, Unsupported
from sidecar.synthesis import Synthesizer
from tests.engines import emotivoice_fixture
from tests.engines.lines import CHINESE, MINE, NOBODY, SHORT
from tests.toy import making as toy
from tests.toy.family import SINE

LINES = [SHORT, MINE, CHINESE, NOBODY]
TEXT = "Halt! Who goes there? 你好，旅行者。 The old mine has been sealed for ten years."


#: A pack of each family, given the run's home and one of the test's own.
PACKS: dict[str, Callable[[Home, Home], Pack]] = {
    "kokoro": lambda home, _: ensure_default_voice(home),
    "emotivoice": lambda _, own: emotivoice_fixture.make_pack(own),
    SINE.name: lambda _, own: toy.make_pack(own.root, "sine", "1.0.0"),
}
#: What else runs a family's networks than PyTorch.
OTHERS = [("kokoro", "onnx")]
#: How far a batch may be from single phrases, relative to the peak.
BATCHED = {"kokoro": 1e-4}


@pytest.fixture(
    scope="module", params=[*((name, "torch") for name in (*FAMILIES, SINE.name)), *OTHERS], ids="-".join
)
def model(request: pytest.FixtureRequest, home: Home, tmp_path_factory: pytest.TempPathFactory) -> Model:
    family, by = request.param
    with toy.registered():
        found = PACKS[family](home, Home(tmp_path_factory.mktemp("own")))
        return load_model(found, place("cpu", "float32", by))


@pytest.fixture(scope="module")
def engine(model: Model) -> Engine:
    return model.engine


@pytest.fixture(scope="module")
def batching(engine: Engine) -> Engine:
    """The same weights, four phrases to a pass, as on an accelerator."""
    other = copy.copy(engine)
    other.rows_at_once = 4  # type: ignore[attr-defined]
    return other


@pytest.fixture(scope="module")
def spoken(engine: Engine) -> list[tuple[Plan, np.ndarray]]:
    """All lines in one call, with seed 5, and their samples."""
    plans = engine.plan(phrases(engine, LINES))
    return list(zip(plans, engine.render(plans, [5] * len(plans)), strict=True))


def phrases(engine: Engine, lines: Sequence[str]) -> list[Phrase]:
    """Each line by another speaker."""
    speakers = [engine.speaker(number) for number in range(len(lines))]
    return [Phrase(line, s, s, 1.1, f"line {line}") for line, s in zip(lines, speakers, strict=True)]


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Relative to the largest value."""
    return float(np.abs(first - second).max() / max(np.abs(second).max(), 1e-9))


def test_the_description_holds(engine: Engine):
    d = engine.description
    assert d.default_speaker in d.speakers and d.languages and d.batch_rows >= 1
    assert set("".join(LINES)) <= d.alphabet and all(len(symbol) == 1 for symbol in d.alphabet)
    for name in (d.default_speaker, d.speakers[-1]):
        assert engine.speaker(name).name == name and engine.language_of(name)
    with pytest.raises(UnknownSpeaker):
        engine.speaker("nobody at all")
    with pytest.raises(UnknownSpeaker):
        engine.speaker(len(d.speakers))
    with pytest.raises(BadRequest):
        engine.speaker([0.0])


def test_plans_have_every_phoneme_and_their_frames_are_the_samples(
    engine: Engine, spoken: list[tuple[Plan, np.ndarray]]
):
    rate = engine.description.sample_rate_hz
    for (plan, samples), line in zip(spoken, LINES, strict=True):
        assert isinstance(plan, Plan) and plan.phrase.phonemes == line
        assert len(plan.durations_frames) == len(line) + 2 and plan.durations_frames.min() >= 0
        assert plan.f0_hz.dtype == plan.energy.dtype == samples.dtype == np.float32
        assert len(plan.boundaries_s()) == len(line) + 3
        assert len(samples) == round(plan.duration_s * rate)
        assert np.isfinite(samples).all() and 0 < np.abs(samples).max() <= 1


def test_the_same_plan_and_seed_give_the_same_samples(engine: Engine):
    some = phrases(engine, [SHORT, NOBODY])
    first, again = ([plan for plan in engine.plan(some)] for _ in range(2))
    for a, b in zip(engine.render(first, [3, 4]), engine.render(again, [3, 4]), strict=True):
        assert np.array_equal(a, b)


def test_one_by_one_on_a_cpu_company_changes_nothing(engine: Engine, spoken: list[tuple[Plan, np.ndarray]]):
    for phrase, (_, samples) in zip(phrases(engine, LINES), spoken, strict=True):
        assert np.array_equal(engine.render(engine.plan([phrase]), [5])[0], samples)


@pytest.mark.slow
def test_a_batch_equals_single_phrases(
    engine: Engine, batching: Engine, spoken: list[tuple[Plan, np.ndarray]]
):
    plans, samples = zip(*spoken, strict=True)
    for single, batched in zip(plans, batching.plan(phrases(engine, LINES)), strict=True):
        assert batched.durations_frames.tolist() == single.durations_frames.tolist()
        assert distance(batched.f0_hz, single.f0_hz) <= 1e-5
        assert distance(batched.energy, single.energy) <= 1e-5
    limit = BATCHED.get(engine.description.architecture, 1e-5)
    for single, batched in zip(samples, batching.render(plans, [5] * len(plans)), strict=True):
        assert distance(batched, single) <= limit


def test_the_pieces_of_a_phrase_are_the_phrase(engine: Engine, spoken: list[tuple[Plan, np.ndarray]]):
    counts = []
    for plan, samples in spoken:
        pieces = list(engine.pieces(plan, 5))
        assert distance(np.concatenate(pieces), samples) <= 1e-5
        counts.append(len(pieces))
    assert (max(counts) > 1) == engine.description.capabilities.streams_pieces


def test_half_the_speed_takes_about_twice_as_long(engine: Engine):
    (phrase,) = phrases(engine, [MINE])
    slow, fast = engine.plan([replace(phrase, speed=0.5), replace(phrase, speed=1.0)])
    assert 1.8 < slow.frames / fast.frames < 2.2


def test_a_changed_plan_is_rendered_at_its_new_length(engine: Engine):
    (plan,) = engine.plan(phrases(engine, [SHORT]))
    curves = {name: getattr(plan, name).repeat(2) for name in ("f0_hz", "energy")}
    twice = replace(plan, durations_frames=2 * plan.durations_frames, **curves)
    (before,), (samples,) = engine.render([plan], [1]), engine.render([twice], [1])
    assert len(samples) == 2 * len(before)


def test_what_an_engine_says_that_it_plans_is_heard(engine: Engine):
    (plan,) = engine.plan(phrases(engine, [SHORT]))
    can, (samples,) = engine.description.capabilities, engine.render([plan], [1])
    for changed, plans in (
        (replace(plan, f0_hz=plan.f0_hz * np.float32(1.2)), can.plans_f0),
        (replace(plan, energy=plan.energy + np.float32(0.3)), can.plans_energy),
    ):
        assert np.array_equal(engine.render([changed], [1])[0], samples) != plans


def test_a_prompt_is_heard_where_an_engine_says_that_it_reads_them(model: Model):
    synthesizer, reads = Synthesizer(model), model.engine.description.capabilities.reads_prompts
    if not reads:
        with pytest.raises(Unsupported, match="prompts"):
            synthesizer.speak(Line("Halt!", prompt="very happy"))
        return
    plain, told = (synthesizer.speak(Line("Halt!", prompt=prompt)) for prompt in ("", "very happy"))
    assert not np.array_equal(plain.samples, told.samples)


def test_intensity_zero_is_neutral_to_the_bit_and_one_is_not(model: Model):
    synthesizer = Synthesizer(model)
    neutral = synthesizer.speak(Line("Halt, 旅行者！"))
    for emotion in ("happy", "sad"):
        same = synthesizer.speak(Line("Halt, 旅行者！", emotion=emotion, intensity=0.0))
        assert np.array_equal(same.samples, neutral.samples)
        other = synthesizer.speak(Line("Halt, 旅行者！", emotion=emotion, intensity=1.0))
        assert not np.array_equal(other.samples, neutral.samples)


def test_times_add_up(model: Model):
    synthesizer = Synthesizer(model)
    speech = synthesizer.speak(Line(TEXT, emotion="happy", intensity=1.0))
    assert "".join(word.text for word in speech.words).startswith("Halt")
    ends = [0.0, *(word.end_s for word in speech.words)]
    for word, last_end_s in zip(speech.words, ends, strict=False):
        assert last_end_s - 1e-6 <= word.start_s <= word.end_s <= speech.duration_s + 1e-6
    starts = [phoneme.start_s for phoneme in speech.phonemes]
    assert starts == sorted(starts)
    parts = list(synthesizer.stream(Line(TEXT, emotion="happy", intensity=1.0)))
    assert sum(part.duration_s for part in parts) == pytest.approx(speech.duration_s)
    assert np.array_equal(np.concatenate([part.samples for part in parts]), speech.samples)


@pytest.mark.parametrize("level_db", [0, 6])
@pytest.mark.slow
def test_a_neutral_stream_is_the_whole_line_with_its_times(model: Model, level_db: float):
    levels = {model.engine.description.default_speaker: level_db}
    emotions = model.emotions.over(json.dumps({"format": 1, "levels_db": levels}), "mine.json")
    synthesizer = Synthesizer(model, emotions=emotions)
    speech, parts = synthesizer.speak(Line(TEXT)), list(synthesizer.stream(Line(TEXT)))
    assert len(parts) > 1 or not model.engine.description.capabilities.streams_pieces
    assert distance(np.concatenate([part.samples for part in parts]), speech.samples) <= 1e-5
    for name in ("words", "phonemes"):
        streamed = [(item.start, item.start_s) for part in parts for item in getattr(part, name)]
        whole = [(item.start, item.start_s) for item in getattr(speech, name)]
        assert [start for start, _ in streamed] == [start for start, _ in whole]
        assert [s for _, s in streamed] == pytest.approx([s for _, s in whole], abs=1e-5)
    begins_s = 0.0
    for part in parts:
        assert part.visemes[0][0] == pytest.approx(begins_s, abs=1e-6)
        begins_s += part.duration_s
    assert begins_s == pytest.approx(speech.duration_s)
