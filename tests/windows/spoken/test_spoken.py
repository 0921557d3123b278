"""A sidecar with the real voice: a line, and a pack that is dropped on it while it serves."""

import os
from pathlib import Path

import pytest
import torch

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from tests import processes
from tests.attacks.packs import make_miniature

pytestmark = pytest.mark.skipif(hasattr(torch, "IS_STANDIN"), reason="PyTorch is not loaded here")
TEXT = "Halt! Who goes there?"
#: What Linux says: the same length to the sample, since durations are computed in float32.
SECONDS = (1.0, 4.0)
DROP_S = 300


def states(client: Client, name: str) -> list[str]:
    return [model.state for model in client.models().models if model.name == name]


def test_a_line_is_spoken_and_a_pack_dropped_while_it_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = Home(tmp_path / "Müller 玩家")
    monkeypatch.setenv("NPC_VOICE_HOME", str(home.root))
    ensure_default_voice(home)
    home.models.mkdir(parents=True)
    served = processes.sidecar(home.connection_file, module="tests.faults.unheard")
    with served, Client(home.connection_file, timeout_s=60) as client:
        line = client.say(TEXT, speaker="am_michael", seed=1)
        print(f"frames {line.reply.audio.frames}")
        assert SECONDS[0] < line.duration_s < SECONDS[1]
        make_miniature(home.models / "small", name="small", version="1.0.0")
        processes.wait_for(lambda: "live" in states(client, "small"), timeout_s=DROP_S)
        assert client.say(TEXT, model="small").audio
        assert client.stats().memory_bytes > 100e6
    assert os.listdir(home.models) == ["small"]
