"""The engine's own promises: batches, determinism, voices, refusals."""

import numpy as np
import pytest
import torch

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.engine import KokoroEngine, fill
from sidecar.engines.kokoro.generator import ShortTimeFourier
from sidecar.prosody.plan import Phrase
from sidecar.protocol.errors import BadRequest, ModelRejected, UnknownSpeaker
from tests.engines.lines import CHINESE, MIDDLE, MINE, SHORT

VOICES = {SHORT: "af_heart", MIDDLE: "am_michael", MINE: "bf_emma", CHINESE: "zf_xiaobei"}
MIXES = [[SHORT, MIDDLE], [MINE, SHORT, CHINESE]]  # 1 to 29 words


def phrases(engine: KokoroEngine, lines: list[str]) -> list[Phrase]:
    speakers = [engine.speaker(VOICES[line]) for line in lines]
    return [Phrase(line, s, s, 1.1) for line, s in zip(lines, speakers, strict=True)]


@pytest.fixture(scope="module")
def batching(engine: KokoroEngine) -> KokoroEngine:
    """The same weights, four phrases to a pass, as on an accelerator."""
    return KokoroEngine(engine.network, engine.voices, engine.device, engine.precision, rows_at_once=4)


@pytest.mark.parametrize("lines", MIXES, ids=len)
def test_batched_plans_equal_single_plans(engine: KokoroEngine, batching: KokoroEngine, lines: list[str]):
    together = batching.plan(phrases(engine, lines))
    for phrase, batched in zip(phrases(engine, lines), together, strict=True):
        (single,) = engine.plan([phrase])
        assert batched.durations_frames.tolist() == single.durations_frames.tolist()
        assert np.abs(batched.f0_hz - single.f0_hz).max() <= 1e-5 * np.abs(single.f0_hz).max()
        assert np.abs(batched.energy - single.energy).max() <= 1e-5 * np.abs(single.energy).max()


@pytest.mark.parametrize("lines", MIXES, ids=len)
@pytest.mark.slow
def test_batched_samples_equal_single_samples(engine: KokoroEngine, batching: KokoroEngine, lines: list[str]):
    plans = engine.plan(phrases(engine, lines))
    together = batching.render(plans, range(1, len(plans) + 1))
    for seed, (plan, batched) in enumerate(zip(plans, together, strict=True), start=1):
        (single,) = engine.render([plan], [seed])
        assert batched.shape == single.shape
        assert np.abs(batched - single).max() <= 1e-4 * np.abs(single).max()


def test_a_phrase_in_company_has_the_very_samples_it_has_alone_on_the_cpu(engine: KokoroEngine):
    some = phrases(engine, [SHORT, CHINESE])
    together = engine.render(engine.plan(some), [7, 8])
    for phrase, samples, seed in zip(some, together, (7, 8), strict=True):
        assert np.array_equal(engine.render(engine.plan([phrase]), [seed])[0], samples)


def test_the_seed_decides_the_samples(engine: KokoroEngine):
    speaker = engine.speaker("af_heart")
    (plan,) = engine.plan([Phrase(SHORT, speaker, speaker)])
    first, again, other = (engine.render([plan], [seed])[0] for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_manner_sets_the_rhythm_and_timbre_the_voice(engine: KokoroEngine):
    heart, adam = engine.speaker("af_heart"), engine.speaker("am_adam")
    own, lent, adams = engine.plan(
        [Phrase(MINE, heart, heart), Phrase(MINE, heart, adam), Phrase(MINE, adam, adam)]
    )
    assert lent.durations_frames.tolist() == adams.durations_frames.tolist() != own.durations_frames.tolist()
    assert not np.array_equal(engine.render([lent], [1])[0], engine.render([adams], [1])[0])


def test_half_speed_takes_about_twice_as_long(engine: KokoroEngine):
    speaker = engine.speaker("af_heart")
    slow, fast = engine.plan([Phrase(MINE, speaker, speaker, 0.5), Phrase(MINE, speaker, speaker, 1.0)])
    assert 1.8 < slow.frames / fast.frames < 2.2


def test_bfloat16_stays_close_to_float32(engine: KokoroEngine, weights: dict[str, torch.Tensor]):
    network = fill(KokoroConfig(), weights).prepare(torch.device("cpu"), torch.bfloat16)
    half = KokoroEngine(network, engine.voices, engine.device, torch.bfloat16)
    speaker = engine.speaker("af_heart")
    plans = engine.plan([Phrase(SHORT, speaker, speaker)])
    exact, rounded = engine.render(plans, [1])[0], half.render(plans, [1])[0]
    noise_db = 10 * np.log10(np.square(exact - rounded).mean() / np.square(exact).mean())
    assert noise_db < -15


@pytest.mark.parametrize("left", [-0.0, 1e-9, -1e-9])
def test_what_a_library_leaves_at_the_ends_of_a_spectrum_is_not_heard(
    monkeypatch: pytest.MonkeyPatch, left: float
):
    transform, x = ShortTimeFourier(20, 5), torch.randn(1, 600, generator=torch.Generator().manual_seed(1))
    magnitude, phase = transform(x)
    plain = torch.stft

    def otherwise(*args: object, **options: object) -> torch.Tensor:
        spectrum = plain(*args, **options)
        assert not spectrum.imag[:, ::10].any()
        spectrum.imag[:, ::10] = left
        return spectrum

    monkeypatch.setattr(torch, "stft", otherwise)
    again = transform(x)
    assert torch.equal(again[0], magnitude) and torch.equal(again[1], phase)
    assert (phase[..., ::10].abs() == torch.pi).any() and not (phase[..., ::10] < 0).any()


def test_a_blend_is_the_weighted_mean(engine: KokoroEngine):
    blend = engine.speaker({"af_heart": 3, "am_adam": 1})
    expected = 0.75 * engine.speaker("af_heart").table + 0.25 * engine.speaker("am_adam").table
    assert np.allclose(blend.table, expected, atol=1e-6)


def test_voices_by_index_and_by_number_are_found(engine: KokoroEngine):
    row = engine.speaker("af_heart").row(20)
    assert engine.speaker(0).name == engine.voices.names[0]
    assert np.array_equal(engine.speaker(row.tolist()).row(400), row)


@pytest.mark.parametrize(
    ("choice", "kind", "words"),
    [
        ("af_hart", UnknownSpeaker, "af_heart"),
        (54, UnknownSpeaker, "0..53"),
        (-1, UnknownSpeaker, "0..53"),
        (True, BadRequest, "name"),
        ({}, BadRequest, "above 0"),
        ({"af_heart": 0}, BadRequest, "above 0"),
        ({"af_heart": float("nan")}, BadRequest, "weight"),
        ({"af_heart": -1, "am_adam": 2}, BadRequest, "weight"),
        ({"nobody": 1}, UnknownSpeaker, "nobody"),
        ([0.1] * 255, BadRequest, "256"),
        ([float("inf")] * 256, BadRequest, "256"),
        (["a"] * 256, BadRequest, "256"),
    ],
)
def test_a_speaker_that_is_none_is_refused_by_name(engine: KokoroEngine, choice, kind, words: str):
    with pytest.raises(kind, match=words) as refusal:
        engine.speaker(choice)
    assert refusal.value.field == "speaker"


@pytest.mark.parametrize("defect", ["missing", "unexpected", "shape", "finite"])
def test_weights_that_do_not_fit_are_refused(weights: dict[str, torch.Tensor], defect: str):
    broken = dict(weights)
    name = "decoder.encode.conv1.bias"
    if defect == "missing":
        del broken[name]
    elif defect == "unexpected":
        broken["decoder.encode.conv9.bias"] = weights[name]
    elif defect == "shape":
        broken[name] = weights[name][:-1]
    else:
        broken[name] = torch.full_like(weights[name], float("nan"))
    with pytest.raises(ModelRejected, match=r"decoder\.encode\.conv[19]\.bias"):
        fill(KokoroConfig(), broken)
