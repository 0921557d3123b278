"""From recordings to a voice that speaks, with the real model."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.engines.kokoro.tuning import KokoroTuning
from sidecar.fitting.fit import Wanted, fit
from sidecar.fitting.recording import ENGINE_HZ, Decoded, recordings_of
from sidecar.fitting.timbre import TimbreFit
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.prosody.f0 import Floats
from sidecar.protocol.errors import BadAudio, Unsupported
from sidecar.synthesis import Synthesizer
from sidecar.voice import Voice
from tests.commands import NpcVoice
from tests.fitting.conftest import LINES

CONSENT = "Mara Example agreed on 1 November 2026 to a voice for this game."


def nothing(_what: str, _done: float) -> None: ...


@pytest.fixture
def clip(tmp_path: Path, spoken: dict[str, Floats]) -> Path:
    file = tmp_path / "mara.wav"
    soundfile.write(file, spoken["am_michael"], ENGINE_HZ)
    file.with_suffix(".txt").write_text(" ".join(LINES))
    return file


@pytest.mark.slow
def test_a_clip_becomes_a_voice_pack_that_speaks(
    monkeypatch: pytest.MonkeyPatch, npc_voice: NpcVoice, home: Home, clip: Path, pack: Pack
) -> None:
    monkeypatch.setattr(TimbreFit, "run", lambda self, _kept: self.step())  # one step: how far is not asked
    done = npc_voice(
        "voice", "fit", str(clip), "--name", "mara", "--licence", "CC0-1.0", "--consent", CONSENT, "--json"
    )
    report = json.loads(done.stdout)
    folder = Path(report["folder"])
    assert folder == home.models / "mara-1.0.0"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["fitted"]["consent"] == CONSENT and len(manifest["fitted"]["clips_sha256"]) == 1
    assert manifest["licence"] == "CC0-1.0" and manifest["speakers"] == ["mara"]
    assert sum(file.stat().st_size for file in folder.iterdir()) < 200_000
    voice = Voice.load(folder, home=home)
    for text in ("Halt!", "你好，旅行者。"):
        assert np.abs(voice.synthesize(text, "mara", emotion="angry").samples).max() > 0.05


@pytest.mark.slow
def test_a_fit_that_was_killed_goes_on_and_ends_the_same(
    synthesizer: Synthesizer, tmp_path: Path, spoken: dict[str, Floats]
) -> None:
    recordings = recordings_of([Decoded("a.wav", spoken["am_michael"], ENGINE_HZ, "0" * 64)])
    wanted = Wanted("mara", (" ".join(LINES),), steps=16, left_out=frozenset(["am_michael"]))
    whole = fit(synthesizer, recordings, wanted, tmp_path / "whole", nothing)

    def killed(what: str, done: float) -> None:
        if what == "fitting the timbre" and done < 0.9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(synthesizer, recordings, wanted, tmp_path / "again", killed)
    assert [*(tmp_path / "again").glob("*.safetensors")]
    again = fit(synthesizer, recordings, wanted, tmp_path / "again", nothing)
    for name, tensor in whole.tensors.items():
        np.testing.assert_array_equal(tensor, again.tensors[name])
    assert not [*(tmp_path / "again").glob("*.safetensors")]


def test_a_text_that_is_not_said_is_refused(
    synthesizer: Synthesizer, tmp_path: Path, spoken: dict[str, Floats]
) -> None:
    recordings = recordings_of([Decoded("a.wav", spoken["am_michael"], ENGINE_HZ, "0" * 64)])
    other = (
        "The river was high that spring, and the old bridge would not have held a loaded cart, so we stayed."
    )
    with pytest.raises(BadAudio, match="does not say its text"):
        fit(synthesizer, recordings, Wanted("mara", (other,)), tmp_path, nothing)


@pytest.mark.parametrize(
    "arguments,field",
    [
        (["--consent", "yes"], "consent"),
        (["--licence", " "], "licence"),
        (["--name", "Mara!"], "name"),
        (["--text", "one", "--text", "two"], "text"),
        (["--language", "tlh"], "language"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(
    npc_voice: NpcVoice, clip: Path, arguments: list[str], field: str
) -> None:
    usual = {"--name": "nobody-yet", "--licence": "CC0-1.0", "--consent": CONSENT}
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    plain = [part for option, value in usual.items() if option not in given for part in (option, value)]
    done = npc_voice("voice", "fit", str(clip), *plain, *arguments, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["field"] == field


def test_in_8_bits_nothing_is_fitted(synthesizer: Synthesizer) -> None:
    engine = synthesizer.model.engine
    assert isinstance(engine, KokoroEngine)
    quantized = KokoroEngine(engine.network, engine.voices, engine.device, engine.precision)
    quantized.is_in_8_bits = True
    with pytest.raises(Unsupported, match="8 bits"):
        KokoroTuning(quantized)


def test_a_model_without_the_shipped_voices_is_refused(
    synthesizer: Synthesizer, tmp_path: Path, spoken: dict[str, Floats]
) -> None:
    recordings = recordings_of([Decoded("a.wav", spoken["am_michael"], ENGINE_HZ, "0" * 64)])
    others = frozenset(synthesizer.model.engine.description.speakers[3:])
    with pytest.raises(Unsupported, match="has 3 of the shipped voices"):
        fit(synthesizer, recordings, Wanted("mara", left_out=others), tmp_path, nothing)
