"""Probe lines: how they are written down, and who else is heard in a check."""

from dataclasses import replace

import pytest

from sidecar.checks.speaking import SpokenProbe, check_others, judge, others, record_probe
from sidecar.line import Line
from sidecar.models.manifest import Manifest, Probe, ProbeLine
from sidecar.models.pack import Pack
from sidecar.protocol.errors import ModelRejected
from sidecar.voice import Voice
from tests.fakes import tone_voice


def test_a_figure_too_long_for_one_pronunciation_is_pinned_word_by_word(tmp_path):
    synthesizer = tone_voice().synthesizer
    lines = tuple(ProbeLine(text, "alto", 1) for text in ("Pay 340 gold.", "Pay 1,234,567,891 gold."))
    short, long = record_probe(synthesizer, Probe(lines, 0.1), tmp_path / "probe", listen=False).lines
    assert "[[340|θɹˈi hˈʌndɹəd fˈɔɹTi]]" in short.text
    assert "[[one|wˈʌn]] [[billion|bˈɪljən]]" in long.text
    said, meant = (synthesizer.speak(Line(text)).words for text in (long.text, lines[1].text))
    assert [word.phonemes for word in said] == [word.phonemes for word in meant]


def named(manifest: Manifest) -> list[str]:
    return [line.speaker for line in others(manifest)]


def test_four_speakers_that_the_probe_leaves_out_are_drawn_by_the_pack(pack: Pack):
    manifest = pack.manifest
    drawn = named(manifest)
    assert len(set(drawn)) == 4 and not set(drawn) & {line.speaker for line in manifest.probe.lines}
    assert named(manifest) == drawn
    assert named(replace(manifest, version="1.0.1")) != drawn
    assert len({tuple(named(replace(manifest, version=f"1.0.{n}"))) for n in range(20)}) > 15


@pytest.mark.parametrize(("speakers", "count"), [(("af_heart",), 0), (("af_heart", "am_michael", "x"), 1)])
def test_a_pack_of_few_speakers_is_heard_in_all_of_them(pack: Pack, speakers: tuple[str, ...], count: int):
    assert len(others(replace(pack.manifest, speakers=speakers))) == count


def test_published_voices_that_are_drawn_are_speech(voice: Voice, pack: Pack):
    check_others(voice.synthesizer, pack.manifest)


def test_what_a_model_could_not_make_into_numbers_is_refused(pack: Pack, voice: Voice):
    speech = voice.synthesize("Well met.")
    heard = SpokenProbe(pack.manifest.probe.lines[0], speech.samples, speech.sample_rate_hz, 8, lost=0)
    judge(heard)
    with pytest.raises(ModelRejected, match="holds 3 samples that are not numbers") as refusal:
        judge(replace(heard, lost=3))
    assert refusal.value.reason == "probe_not_finite"
