import numpy as np
import pytest

from sidecar.engines.kokoro.voices import Voices
from sidecar.fitting.encoders import NAMES
from sidecar.fitting.marks import Marks, marks
from sidecar.fitting.quality import NAMES as MEASURES


def heard(name: str) -> dict:
    at = marks().names.index(name)
    return {encoder: marks().embeddings[encoder][at] for encoder in NAMES}


def test_every_shipped_voice_is_known(engine) -> None:
    voices: Voices = engine.voices
    assert set(marks().names) == set(voices.names)
    assert marks().quality.shape == (54, len(MEASURES)) and np.isfinite(marks().quality).all()


@pytest.mark.parametrize("name", ["am_michael", "zf_xiaobei", "bm_fable"])
def test_a_voice_is_nearest_to_itself_and_is_passed_over_where_it_may_not_be_known(name: str) -> None:
    known = marks()
    f0_st = float(known.f0_st[known.names.index(name)])
    assert known.nearest(heard(name), f0_st, known.names) == name
    other = known.nearest(heard(name), f0_st, set(known.names) - {name})
    assert other != name


def test_of_two_alike_the_one_as_high_is_nearest() -> None:
    same = np.ones((2, 3), np.float32) / np.sqrt(3)
    two = Marks(
        ("low", "high"), {"ge2e": same}, np.array([80.0, 92.0], np.float32), np.zeros((2, 4), np.float32)
    )
    assert two.nearest({"ge2e": same[0]}, 91.0, two.names) == "high"


def test_no_voice_that_is_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="none of the voices"):
        marks().nearest(heard("af_heart"), 86.0, ["mara"])
