"""Clips as bytes: heard once, remembered, refused by the field's name; and lines spoken like them."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sidecar.audio.decoder import Decoder
from sidecar.line import Line
from sidecar.prosody.change import NONE, Change
from sidecar.prosody.clip_memory import ENTRIES, ClipMemory, name_of
from sidecar.protocol.errors import BadAudio, BadRequest, StorageError
from sidecar.synthesis import Synthesizer
from sidecar.voice import Voice
from tests.audio import hostile
from tests.fakes import tone_voice
from tests.prosody.sounds import RATE_HZ, speaking


def wav(sound: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, RATE_HZ, format="WAV")
    return buffer.getvalue()


CALM, EXCITED, SILENT = wav(speaking()), wav(speaking(150, 5)), wav(np.zeros(2 * RATE_HZ))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each clip that is decoded."""
    sizes: list[int] = []
    decode = Decoder.decoded
    monkeypatch.setattr(Decoder, "decoded", lambda self, body: sizes.append(len(body)) or decode(self, body))
    return sizes


def test_a_clip_is_heard_once_and_so_is_a_bad_one(counted: list[int]):
    heard = ClipMemory()
    assert heard.change(EXCITED, CALM) == heard.change(EXCITED, CALM) != NONE
    for _ in range(2):
        with pytest.raises(BadAudio, match="silent"):
            heard.change(SILENT)
    assert len(counted) == 3
    assert heard.known(name_of(CALM)) is not None and heard.known(name_of(b"")) is None


def test_the_least_recently_asked_for_are_forgotten(counted: list[int]):
    heard = ClipMemory()
    for number in range(ENTRIES):
        heard.listen(b"bad" + number.to_bytes(2, "big"))
    heard.known(name_of(b"bad\0\0"))
    heard.listen(b"one more")
    assert heard.known(name_of(b"bad\0\0")) is not None and heard.known(name_of(b"bad\0\1")) is None


def test_a_refusal_does_not_hold_on_to_its_clip():
    for clip in (SILENT, hostile.crashing()):
        refusal = ClipMemory().listen(clip)
        assert isinstance(refusal, BadAudio)
        assert (refusal.__traceback__, refusal.__context__, refusal.__cause__) == (None, None, None)


def test_threads_may_share_it():
    heard, changes = ClipMemory(), []
    threads = [threading.Thread(target=lambda: changes.append(heard.change(EXCITED, CALM))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(changes) == 4 and len(set(changes)) == 1


def test_a_refusal_names_the_clip_that_is_at_fault():
    for pair, field in (((SILENT, CALM), "reference"), ((CALM, SILENT), "baseline")):
        with pytest.raises(BadAudio) as refused:
            ClipMemory().change(*pair)
        assert refused.value.field == field


def test_what_is_heard_has_the_sign_of_the_truth():
    change = ClipMemory().change(EXCITED, CALM)
    assert change.f0_st > 3 and change.range_oct > 0.3
    assert ClipMemory().change(CALM, EXCITED).f0_st < -3


@pytest.fixture
def tones() -> Synthesizer:
    return tone_voice().synthesizer


def spoken(tones: Synthesizer, **options: object) -> bytes:
    return tones.speak(Line("Hear, hear!", "alto", **options)).samples.tobytes()  # type: ignore[arg-type]


def test_intensity_scales_a_reference_down_to_neutral_to_the_bit(tones: Synthesizer):
    change = Change(f0_st=4)
    assert spoken(tones, reference=change, intensity=0) == spoken(tones)
    assert spoken(tones, reference=change, intensity=1) == spoken(tones, reference=change * 2, intensity=0.5)
    assert spoken(tones, reference=change, intensity=1) != spoken(tones)


def test_label_and_reference_add_up(tones: Synthesizer):
    change = Change(f0_st=1, range_oct=0.1)
    both = tones.prepare(Line("Hear!", emotion="angry", reference=change, intensity=0.5)).mood
    label = tones.prepare(Line("Hear!", emotion="angry", intensity=0.5)).mood
    assert both.men.f0_st == pytest.approx(label.men.f0_st + 0.5)
    assert both.women.range_oct == pytest.approx(label.women.range_oct + 0.05)


def test_the_voice_takes_bytes_and_paths(tones: Synthesizer, tmp_path: Path):
    voice = Voice(tones)
    (tmp_path / "calm.wav").write_bytes(CALM)
    by_path = voice.synthesize("Hear!", reference=EXCITED, baseline=tmp_path / "calm.wav")
    assert np.array_equal(
        voice.synthesize("Hear!", reference=EXCITED, baseline=CALM).samples, by_path.samples
    )
    assert not np.array_equal(voice.synthesize("Hear!").samples, by_path.samples)
    with pytest.raises(StorageError, match="nowhere"):
        voice.synthesize("Hear!", reference=tmp_path / "nowhere.wav")
    with pytest.raises(BadRequest, match="baseline"):
        voice.synthesize("Hear!", baseline=CALM)


def test_a_stream_takes_the_same_clips(tones: Synthesizer):
    voice, clips_given = Voice(tones), {"reference": EXCITED, "baseline": CALM}
    whole = voice.synthesize("Hear!", **clips_given).samples
    (part,) = voice.stream("Hear!", **clips_given)
    assert np.array_equal(part.samples, whole)
