"""Where in a phrase prosody acts."""

import numpy as np
import pytest

from sidecar.prosody.shape import sentences, shape_of, stresses


def at(phonemes: str, weights: np.ndarray) -> dict[str, float]:
    """Symbols and their weights, silences apart; the last of equal symbols counts."""
    return dict(zip(phonemes, weights[1:-1].tolist(), strict=True))


def test_stress_is_on_the_mark_and_the_vowel_after_it():
    found = at("hˈɔlt", shape_of("hˈɔlt").stress)
    assert found == {"h": 0, "ˈ": 1, "ɔ": 1, "l": 0, "t": 0}


def test_secondary_stress_counts_less():
    assert at("wˌO", shape_of("wˌO").stress)["O"] == pytest.approx(0.4)


def test_a_long_vowel_is_stressed_to_its_end():
    assert at("fˈɑːðə", shape_of("fˈɑːðə").stress) == {"f": 0, "ˈ": 1, "ɑ": 1, "ː": 1, "ð": 0, "ə": 0}


def test_mandarin_stresses_the_first_vowel_of_each_word_by_half():
    assert stresses("ni↓xau↓ wei↘").tolist() == [0, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0.5, 0.5, 0.5]


def test_sentences_end_at_final_marks():
    assert sentences("ab. cd?! ef") == [(0, 3), (3, 8), (8, 11)]


def test_the_end_grows_from_the_last_stress():
    final = shape_of("ɡˈO hˈOm.").final
    assert final[1:4].tolist() == [0, 0, 0]
    assert (np.diff(final[6:10]) > 0).all() and final[9] == 1


def test_what_is_asked_and_exclaimed_is_known_by_sentence():
    shape = shape_of("hˈu? ɡˈO!")
    assert shape.asks[1:5].tolist() == [1] * 4 and not shape.asks[5:].any()
    assert not shape.exclaims[1:5].any() and shape.exclaims[5:9].all()


def test_only_marks_that_the_writer_made_are_marked():
    assert not shape_of("hˈu?").is_marked
    assert shape_of("hˈu…").is_marked
    assert shape_of("hˈu?", emphasis=[0, 1, 1, 0]).is_marked


def test_an_empty_phrase_has_an_empty_shape():
    assert shape_of("").stress.tolist() == [0, 0]
