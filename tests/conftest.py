"""Shared by all tests: one converted default voice a run, in a folder of its own."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is loaded, here and in children:
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # two workers share two cores, and nobody spins

import pytest
import torch

from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack
from sidecar.synthesis import Synthesizer
from sidecar.voice import Voice
from tests.commands import NpcVoice


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a device run wherever there is one; what a soak is, is slow."""
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.slow)
    if not torch.cuda.is_available():
        absent = pytest.mark.skip(reason="no NVIDIA device")
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(absent)


def pytest_configure() -> None:
    """A shell that starts us in the background has Ctrl-C ignored, in our children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home of this run's own; child processes inherit it."""
    before = os.environ.get("NPC_VOICE_HOME")
    root = tmp_path_factory.mktemp("home")
    os.environ["NPC_VOICE_HOME"] = str(root)
    yield Home(root)
    if before is None:
        del os.environ["NPC_VOICE_HOME"]
    else:
        os.environ["NPC_VOICE_HOME"] = before


@pytest.fixture(scope="session")
def pack(home: Home) -> Pack:
    """The default voice, converted from its installed parts."""
    return ensure_default_voice(home)


@pytest.fixture(scope="session")
def engine(pack: Pack) -> KokoroEngine:
    """The real model in float32 on the CPU."""
    engine = load_model(pack, place("cpu", "float32")).engine
    assert isinstance(engine, KokoroEngine)
    return engine


@pytest.fixture(scope="session")
def voice(pack: Pack) -> Voice:
    """The real model as users get it on this machine."""
    return Voice(Synthesizer(load_model(pack, place("cpu"))))


@pytest.fixture(scope="session")
def weights(pack: Pack) -> dict[str, torch.Tensor]:
    """The default voice's tensors under their published names, float32."""
    from safetensors.torch import load_file

    return {name: tensor.float() for name, tensor in load_file(pack.path("weights.safetensors")).items()}


@pytest.fixture
def npc_voice(capsys: pytest.CaptureFixture[str]) -> NpcVoice:
    """The command line, in this process."""
    return NpcVoice(capsys)


@pytest.fixture
def samples_folder() -> Path:
    return Path(__file__).parent.parent / "samples"
