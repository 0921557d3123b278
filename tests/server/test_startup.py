"""What a sidecar begins with, on a device that is there in name only. The voice is a miniature."""

import logging
from pathlib import Path

import pytest
import torch

from sidecar.engines.placement import Placement
from sidecar.engines.torch_runtime import RUNTIME
from sidecar.home import Home
from sidecar.models.default_voice import silent
from sidecar.models.pack import Pack, open_pack
from sidecar.protocol.errors import BadRequest, ModelRejected
from sidecar.server.config import ModelsConfig
from sidecar.server.reloading import startup
from sidecar.server.reloading.startup import start_up
from tests.attacks.packs import make_miniature

NO_KERNEL = RuntimeError("CUDA error: no kernel image is available for execution on the device")
CPU = torch.device("cpu")


class Machine:
    """A machine with an NVIDIA device, and what was done there. `failure`: what comes of loading on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failure: Exception | None = None
        self.unlike: Exception | None = None
        self.limits: list[tuple[int, str]] = []
        self.probed: list[str] = []
        self._load = startup.load_model
        self._on_device = False
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
        monkeypatch.setattr(startup, "load_model", self.load)
        monkeypatch.setattr(startup, "check_probe", self.check)
        monkeypatch.setattr(
            RUNTIME, "limit_memory", lambda mib, device: self.limits.append((mib, device)), raising=False
        )

    def load(self, pack: Pack, placement: Placement):
        if placement.is_unproven and self.failure is not None:
            raise self.failure
        return self._load(pack, Placement("cpu", "float32"))

    def check(self, synthesizer, pack: Pack) -> float:
        self.probed.append(pack.manifest.name)
        if self.unlike is not None:
            raise self.unlike
        return 0.0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.fixture
def options(tmp_path: Path) -> dict:
    pack = open_pack(make_miniature(tmp_path / "pack"))
    return {"pack": pack, "precision": "float32", "watch": False}


def opened(tmp_path: Path, options: dict, device: str, **others) -> startup.Startup:
    return start_up(Home(tmp_path / "home"), ModelsConfig(device=device, **options, **others), silent)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_voice_is_heard_on_an_accelerator_before_it_serves(
    tmp_path: Path, machine: Machine, options: dict, device: str
):
    opened(tmp_path, options, device)
    assert machine.probed == ["mini"]


def test_on_the_cpu_it_was_heard_when_it_was_checked(tmp_path: Path, machine: Machine, options: dict):
    opened(tmp_path, options, "cpu")
    assert machine.probed == []


@pytest.mark.parametrize("what", ["load", "probe"])
def test_auto_serves_on_the_cpu_where_the_accelerator_fails(
    tmp_path: Path, machine: Machine, options: dict, caplog: pytest.LogCaptureFixture, what: str
):
    if what == "load":
        machine.failure = NO_KERNEL
    else:
        machine.unlike = ModelRejected("the probe does not sound as the pack says")
    with caplog.at_level(logging.WARNING):
        found = opened(tmp_path, options, "auto", memory_limit_mib=2048)
    assert [voice.label for voice in [found.voices.default]] == ["mini@1.0.0"]
    assert str(machine.failure or machine.unlike) in caplog.text and "cuda:0" in caplog.text
    assert machine.limits == [(2048, "cuda:0"), (2048, "cpu")]


def test_a_device_asked_for_by_name_is_not_exchanged_for_another(
    tmp_path: Path, machine: Machine, options: dict
):
    machine.failure = NO_KERNEL
    with pytest.raises(BadRequest, match="no kernel image"):
        opened(tmp_path, options, "cuda")
    machine.failure, machine.unlike = None, ModelRejected("the probe does not sound as the pack says")
    with pytest.raises(ModelRejected):
        opened(tmp_path, options, "cuda")
