"""A sidecar where there is no PyTorch: it starts, speaks, streams, feels, and takes what is dropped."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sidecar.client import Client
from sidecar.home import Home
from sidecar.models.pack import Pack
from sidecar.voice import Voice
from tests.attacks.packs import change_manifest, change_tensors
from tests.processes import command, serves, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="a POSIX environment")]

#: Found before anything else, in every process of the environment, our children too.
NO_TORCH = """
import sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refusal())
"""
LINE = "Halt! Zorblax went into the old mine."


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with all that this one has, but PyTorch."""
    folder = tmp_path_factory.mktemp("without torch")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    (packages / "no_torch.py").write_text(NO_TORCH)
    root = Path(__file__).parents[2]
    paths = [str(root), sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"]]
    (packages / "without.pth").write_text("\n".join(["import no_torch", *dict.fromkeys(paths)]))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def own(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of a player: spaces and Chinese characters in its path, the default voice made already."""
    home = Home(tmp_path_factory.mktemp("a player") / "我的 游戏")
    shutil.copytree(pack.folder, home.store / pack.folder.name)
    home.models.mkdir(parents=True)
    return home


@pytest.fixture(scope="module")
def client(python: Path, own: Home) -> Iterator[Client]:
    file = own.root / "connection.json"
    words = [str(python), *command(file)[1:]]
    environment = {**os.environ, "NPC_VOICE_HOME": str(own.root)}
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        wait_for(lambda: serves(file, process), process)
        with Client(file) as client:
            yield client
        process.terminate()
        assert process.communicate(timeout=30)[1] is not None and process.returncode == 0


@pytest.fixture(scope="module")
def exact(pack: Pack) -> Voice:
    return Voice.load(pack.folder, device="cpu", precision="float32", runtime="torch")


def test_there_is_no_pytorch_in_it(python: Path):
    done = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True)
    assert "No module named 'torch'" in done.stderr


def test_a_line_is_spoken_as_with_pytorch(client: Client, exact: Voice):
    said = client.say(LINE, seed=7, format="pcm_f32le")
    expected = exact.synthesize(LINE, seed=7)
    heard = np.frombuffer(said.audio, "<f4")
    assert len(heard) == len(expected.samples)
    off = heard - expected.samples  # F0 that differs by rounding moves the phase of harmonics a little
    assert np.square(off).mean() <= 1e-3 * np.square(expected.samples).mean()


def test_a_line_is_streamed_and_an_emotion_heard(client: Client):
    parts = list(client.stream(f"{LINE} {LINE} {LINE}", seed=7))
    assert len(parts) > 1
    calm, angry = (client.say(LINE, seed=7, emotion=label, intensity=1.0) for label in ("neutral", "angry"))
    assert calm.audio != angry.audio
    whispered = client.say(LINE, seed=7, emotion="whispering", intensity=1.0)
    assert whispered.audio not in (calm.audio, angry.audio)


def test_a_dropped_pack_becomes_live_and_a_bad_one_is_refused(client: Client, own: Home, pack: Pack):
    aside = own.root / "aside"
    shutil.copytree(pack.folder, aside)
    change_manifest(aside, version="1.0.1")
    aside.rename(own.models / "better")
    wait_for(lambda: any(m.version == "1.0.1" and m.state == "live" for m in client.models().models))
    assert client.say("Still here.").duration_s > 0.3
    shutil.copytree(pack.folder, aside)
    change_manifest(aside, version="1.0.2")
    change_tensors(aside, lambda arrays: {name: array * 0 for name, array in arrays.items()})
    aside.rename(own.models / "worse")
    wait_for(lambda: any(m.state == "rejected" for m in client.models().models))
    assert client.say("Still here.").duration_s > 0.3
