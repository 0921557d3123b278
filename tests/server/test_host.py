"""How much of the machine the process may take. The device here is there in name only."""

from types import SimpleNamespace

import pytest
import torch

from sidecar.engines.runtimes import place, runtime

GIBI = 1 << 30


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """What PyTorch is told of each of two NVIDIA devices of 8 GiB: a share, by its number."""
    told: dict[int, float] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.memory._lazy_init", lambda: None)
    properties = SimpleNamespace(total_memory=8 * GIBI)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(
        torch._C, "_cuda_setMemoryFraction", lambda share, number: told.update({number: share}), raising=False
    )
    return told


@pytest.mark.parametrize(("device", "number"), [("auto", 0), ("cuda", 0), ("cuda:1", 1)])
def test_a_limit_holds_for_the_device_that_was_chosen(limits: dict[int, float], device: str, number: int):
    runtime("torch").limit_memory(1024, place(device, "float32").device)
    assert limits == {number: 0.125}


def test_a_limit_above_what_there_is_changes_nothing(limits: dict[int, float]):
    runtime("torch").limit_memory(1 << 20, "cuda:0")
    assert limits == {0: 1.0}


def test_the_cpu_has_no_memory_of_its_own(limits: dict[int, float]):
    runtime("torch").limit_memory(1024, "cpu")
    assert limits == {}
