"""An imported EmotiVoice model behind the server: its speakers are listed, its lines are served."""

from pathlib import Path

import pytest

from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.line import Line
from sidecar.models.loader import load_model
from sidecar.server.live_voices import LiveVoices, ServedVoice
from sidecar.synthesis import Synthesizer
from tests.engines.emotivoice_fixture import make_pack
from tests.server.test_server import ask, connected, serving

TEXT = "Halt! 你好，旅行者。"


def test_a_line_is_served_as_it_is_spoken_in_process(tmp_path: Path):
    synthesizer = Synthesizer(load_model(make_pack(Home(tmp_path)), place("cpu", "float32")))
    expected = synthesizer.speak(Line(TEXT, "9017", emotion="happy", intensity=0.8))
    with (
        serving(LiveVoices(ServedVoice.of(synthesizer))) as (_, endpoint, _),
        connected(endpoint) as socket,
    ):
        reply, _ = ask(socket, op="speakers")
        assert len(reply["speakers"]) == 2014 and reply["default"] == "8051"
        reply, (body,) = ask(
            socket, op="synthesize", text=TEXT, speaker="9017", emotion="happy", intensity=0.8,
            timings=["words", "phonemes", "visemes"],
        )  # fmt: skip
        assert reply["audio"]["sample_rate"] == 16_000
        assert body == expected.encoded("pcm_s16le")
        assert [word[0] for word in reply["words"]] == [word.text for word in expected.words]
        assert reply["words"][-1][2] == pytest.approx(expected.words[-1].end_s, abs=1e-3)
