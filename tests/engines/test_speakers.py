"""What numbers may be a voice: those that are near the voices a network knows."""

import math

import numpy as np
import pytest

from sidecar.engines.emotivoice.engine import TableSpeakers
from sidecar.engines.kokoro.voices import Voices, published_reach, write_published
from sidecar.protocol.errors import BadRequest


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Voices:
    path = tmp_path_factory.mktemp("voices") / "voices.safetensors"
    write_published(path)
    return Voices.load(path)


def test_every_published_voice_and_every_blend_of_them_is_near(voices: Voices):
    rng, reach = np.random.default_rng(3), published_reach()
    for name in voices.names:
        assert reach.complaint(voices.named(name).table) is None, name
    for _ in range(50):
        weights = dict(zip(rng.choice(voices.names, 3, replace=False), rng.random(3), strict=True))
        blend = voices.blend({str(name): float(weight) for name, weight in weights.items()})
        assert reach.complaint(blend.table) is None, weights
        assert voices.raw(blend.table[30].tolist()).row(30).tolist() == blend.table[30].tolist()


def test_a_voice_that_the_others_do_not_know_is_near_them(voices: Voices):
    """What a voice of somebody's own may be: as far from the published ones as these are from each other."""
    tables = {name: voices.named(name).table for name in voices.names}
    for name, table in tables.items():
        others = type(published_reach()).of(t for n, t in tables.items() if n != name)
        assert others.complaint(table) is None, name


def test_a_number_out_of_reach_is_refused_with_its_place_and_the_nearest(voices: Voices):
    row, reach = voices.named("af_heart").row(30).copy(), published_reach()
    highest = float(reach.middle[17] + 3 * reach.half[17])
    row[17] = 5
    with pytest.raises(
        BadRequest, match=rf"number 17 is 5, expected .* the nearest is {highest:.4g}"
    ) as refusal:
        voices.raw(row.tolist())
    assert refusal.value.field == "speaker"
    row[17] = highest - 1e-4
    assert voices.raw(row.tolist())


def test_numbers_that_are_each_in_reach_may_be_too_far_together(voices: Voices):
    reach = published_reach()
    for side in (-1, 1):
        assert voices.raw((reach.middle + side * 0.99 * reach.half).tolist())
        with pytest.raises(BadRequest, match=r"all numbers together are 1\.50 times as far"):
            voices.raw((reach.middle + side * 1.5 * reach.half).tolist())


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1e39, 10**400, "x", None, [1.0]])
def test_what_is_no_number_is_refused(voices: Voices, odd: object):
    with pytest.raises(BadRequest) as refusal:
        voices.raw([odd, *[0.0] * 255])  # type: ignore[list-item]
    assert refusal.value.field == "speaker"


def test_a_table_of_a_models_own_is_its_reach():
    rows = np.random.default_rng(1).normal(0, 0.5, (200, 384)).astype(np.float32)
    speakers = TableSpeakers([str(n) for n in range(200)], rows)
    assert speakers.raw(rows[7].tolist())
    with pytest.raises(BadRequest, match="number 3 is 20"):
        speakers.raw([0.0] * 3 + [20.0] + [0.0] * 380)
    alone = TableSpeakers(["one"], rows[:1])
    assert alone.raw((rows[0] + 0.1).tolist())
    with pytest.raises(BadRequest):
        alone.raw((rows[0] * 20).tolist())
