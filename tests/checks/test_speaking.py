"""Probe lines: how they are written down, and who else is heard in a check."""

from sidecar.checks.speaking import record_probe
from sidecar.models.manifest import Probe, ProbeLine
from sidecar.synthesis import Line
from tests.fakes import tone_voice


def test_a_figure_too_long_for_one_pronunciation_is_pinned_word_by_word(tmp_path):
    synthesizer = tone_voice().synthesizer
    lines = tuple(ProbeLine(text, "alto", 1) for text in ("Pay 340 gold.", "Pay 1,234,567,891 gold."))
    short, long = record_probe(synthesizer, Probe(lines, 0.1), tmp_path / "probe", listen=False).lines
    assert "[[340|θɹˈi hˈʌndɹəd fˈɔɹTi]]" in short.text
    assert "[[one|wˈʌn]] [[billion|bˈɪljən]]" in long.text
    said, meant = (synthesizer.speak(Line(text)).words for text in (long.text, lines[1].text))
    assert [word.phonemes for word in said] == [word.phonemes for word in meant]
