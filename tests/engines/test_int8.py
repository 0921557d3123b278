"""Rendering in 8 bits: near the exact sound, the same every time, for every voice that comes."""

import copy

import numpy as np
import pytest
import torch

from sidecar.engines import onednn
from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.engines.kokoro.generator import ResBlock
from sidecar.engines.kokoro.int8 import QuantizedResBlock, activated, eligible, recorded
from sidecar.engines.kokoro.voices import Voices
from sidecar.engines.layers import Conv, Span
from sidecar.engines.onednn import LARGEST, ZERO, QuantizedConv
from sidecar.engines.placement import Placement
from sidecar.engines.runtimes import place
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack
from sidecar.prosody.plan import Phrase, Plan
from sidecar.protocol.errors import BadRequest
from tests.benchmarks.spectra import log_spectral_distance_db

CPU = torch.device("cpu")
OLD_MINE = "ði ˈOld mˈIn hæz bˌɪn sˈild fɔɹ tˈɛn jˈɪɹz, tɹˈævələɹ."
HALT = "hˈɔlt! hˌu ɡˈOz ðˈɛɹ?"
#: Of 18 voices, by `tests.benchmarks.precision`: 1.3 to 2.3; another seed of the noise gives 1.0 to 1.8.
FURTHEST_DB = 2.6

pytestmark = pytest.mark.skipif(not onednn.is_there(), reason="a processor without AVX2")


def test_this_build_of_torch_has_the_private_operators():
    """Fails, and does not skip, when a newer PyTorch has taken them away or changed what they take."""
    rows = torch.randint(1, 256, (9, 16), dtype=torch.uint8)
    conv = laid_out(Conv(16, 8, 3, dilation=2))
    quantized = QuantizedConv(conv, torch.full((16,), 2.0))
    exact = conv(((rows.float() - ZERO) * quantized.unit)[None])[0]
    got = quantized(rows)
    assert got.shape == (9, 8) and got.dtype == torch.float32
    assert (got - exact).abs().max() < 0.02 * exact.abs().max()
    total = torch.ones(9, 8)
    quantized.add_to(total, rows)
    assert torch.equal(total, got + 1)


def test_what_is_beyond_the_largest_is_clipped_and_nothing_wraps(in_8_bits: KokoroEngine):
    block = next(m for m in in_8_bits.network.decoder.modules() if isinstance(m, QuantizedResBlock))
    assert block._first[0].unit.gt(0).all()
    loud = 50 * torch.randn(1, 300, len(block._first[0].unit), generator=torch.Generator().manual_seed(1))
    steps = activated(block.snakes1[0], loud[0], torch.zeros(1, 128), Span([300], CPU), block._first[0])
    assert int(steps.min()) >= ZERO - LARGEST and int(steps.max()) <= ZERO + LARGEST


@pytest.fixture(scope="module")
def in_8_bits(pack: Pack) -> KokoroEngine:
    engine = load_model(pack, place("cpu", "int8")).engine
    assert isinstance(engine, KokoroEngine)
    return engine


def plan(engine: KokoroEngine, phonemes: str, voice: str) -> Plan:
    speaker = engine.voices.named(voice)
    return engine.plan([Phrase(phonemes, speaker, speaker)])[0]


@pytest.mark.parametrize("voice", ["am_fenrir", "bf_lily", "zf_xiaoyi", "jm_kumo"])  # none that was observed
def test_the_sound_is_no_further_from_the_exact_one_than_another_noise(
    engine: KokoroEngine, in_8_bits: KokoroEngine, voice: str
):
    said = plan(engine, HALT, voice)
    again = plan(in_8_bits, HALT, voice)
    assert np.array_equal(said.durations_frames, again.durations_frames)
    exact, ours = (each.render([said], [3])[0] for each in (engine, in_8_bits))
    assert log_spectral_distance_db(exact, ours) < FURTHEST_DB


def test_a_voice_that_is_added_with_layers_of_its_own_is_as_near(
    engine: KokoroEngine, in_8_bits: KokoroEngine
):
    layers = 0.1 * np.random.default_rng(1).standard_normal((58, 128)).astype(np.float32)
    more = Voices({"mara": engine.voices.named("bf_lily").table, "mara.layers": layers})
    exact, ours = (each.with_voices([more]) for each in (engine, in_8_bits))
    assert ours.description.precision == "int8" and ours.description.speakers[-1] == "mara"
    (said,) = exact.plan([Phrase(HALT, exact.speaker("mara"), exact.speaker("mara"))])
    plain = plan(engine, HALT, "bf_lily")
    sounds = [each.render([said], [3])[0] for each in (exact, ours)]
    assert log_spectral_distance_db(*sounds) < FURTHEST_DB
    assert log_spectral_distance_db(sounds[1], in_8_bits.render([plain], [3])[0]) > FURTHEST_DB, (
        "layers are heard"
    )


def test_in_a_batch_a_line_is_no_further_from_itself_than_another_noise(in_8_bits: KokoroEngine):
    plans = [plan(in_8_bits, text, "af_heart") for text in (HALT, OLD_MINE)]
    alone = [in_8_bits.render([one], [7])[0] for one in plans]
    rows = KokoroEngine(in_8_bits.network, in_8_bits.voices, CPU, in_8_bits.precision, rows_at_once=2)
    for one, together in zip(alone, rows.render(plans, [7, 7]), strict=True):
        assert len(one) == len(together)
        assert log_spectral_distance_db(one, together) < FURTHEST_DB


def test_loaded_twice_it_says_the_same_to_the_bit(in_8_bits: KokoroEngine, pack: Pack):
    other = load_model(pack, place("cpu", "int8")).engine
    said = plan(in_8_bits, HALT, "af_heart")
    assert np.array_equal(in_8_bits.render([said], [1])[0], other.render([said], [1])[0])
    assert other.description.precision == "int8"


def test_auto_takes_it_and_the_weights_that_it_replaces_are_let_go(in_8_bits: KokoroEngine):
    assert place("cpu") == Placement("cpu", place("cpu").precision, int8=True)
    decoder = in_8_bits.network.decoder
    assert not [block for block in decoder.modules() if isinstance(block, ResBlock)]
    assert not eligible(decoder)  # none of them is there any more as it was


def test_what_is_recorded_is_of_these_weights_and_of_no_others(pack: Pack):
    for precision in ("float32", "bfloat16"):
        engine = load_model(pack, place("cpu", precision)).engine
        assert isinstance(engine, KokoroEngine)
        decoder = engine.network.decoder
        known = recorded(decoder)
        assert known is not None and known.keys() == eligible(decoder).keys()
    next(iter(eligible(decoder).values())).weight.data.mul_(1.01)
    assert recorded(decoder) is not None  # the last stage alone is looked at
    list(eligible(decoder).values())[-1].weight.data.mul_(1.01)
    assert recorded(decoder) is None


def test_unknown_weights_are_observed_and_sound_as_near(pack: Pack, engine: KokoroEngine):
    other = load_model(pack, place("cpu", "bfloat16")).engine
    assert isinstance(other, KokoroEngine)
    list(eligible(other.network.decoder).values())[-1].weight.data.mul_(1.01)
    said = plan(engine, HALT, "bf_lily")
    exact, ours = engine.render([said], [3])[0], other.in_8_bits().render([said], [3])[0]
    assert other.description.precision == "int8"
    assert log_spectral_distance_db(exact, ours) < FURTHEST_DB


def test_asked_for_where_it_cannot_be_had_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onednn, "is_there", lambda: False)
    with pytest.raises(BadRequest, match=r"int8.*use 'auto'"):
        place("cpu", "int8")
    assert not place("cpu").int8


def laid_out(conv: Conv) -> Conv:
    generator = torch.Generator().manual_seed(2)
    for parameter in conv.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator)
    made = copy.deepcopy(conv)
    made.lay_out()
    return made
