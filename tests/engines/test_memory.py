"""Weights in memory of their own: the same values in the same layout, and gone with the network."""

import gc
import mmap
import weakref
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from sidecar.engines import tensors
from sidecar.engines.layers import Conv, Linear
from sidecar.engines.tensors import in_memory_of_its_own


class Network(nn.Module):
    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.conv, self.linear, self.lstm = Conv(width, width, 3), Linear(width, width), nn.LSTM(width, width)
        self.register_buffer("table", torch.arange(6.0).expand(4, 6))
        for parameter in self.parameters():
            nn.init.normal_(parameter)
        self.requires_grad_(False)
        self.conv.lay_out()
        self.small = nn.Parameter(torch.randn(5).bfloat16(), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lstm(self.linear(self.conv(x)))[0] + self.small.sum()


def test_values_layouts_and_results_stay():
    network, x = Network(), torch.randn(1, 7, 256)
    before, said = {n: t.clone() for n, t in network.state_dict().items()}, network(x)
    strides = {name: tensor.stride() for name, tensor in network.state_dict().items()}
    in_memory_of_its_own(network)
    after = network.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert {name: tensor.stride() for name, tensor in after.items()} == strides
    assert torch.equal(network(x), said)


def test_a_network_without_weights_is_left_alone():
    in_memory_of_its_own(nn.Identity())


def test_each_goes_with_its_tensor(monkeypatch: pytest.MonkeyPatch):
    made: list[weakref.ref] = []

    def noted(*size: int, **how: int) -> mmap.mmap:
        memory = mmap.mmap(*size, **how)
        made.append(weakref.ref(memory))
        return memory

    monkeypatch.setattr(tensors, "mmap", SimpleNamespace(mmap=noted))
    network = Network()
    in_memory_of_its_own(network)
    last = network.linear.weight
    del network
    gc.collect()
    assert len(made) == 4 and [memory() is not None for memory in made].count(True) == 1
    del last
    gc.collect()
    assert not any(memory() for memory in made)


def test_no_room_is_a_memory_error(monkeypatch: pytest.MonkeyPatch):
    def full(*size: int, **how: int) -> mmap.mmap:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(tensors, "mmap", SimpleNamespace(mmap=full))
    with pytest.raises(MemoryError, match="262144 bytes"):
        in_memory_of_its_own(nn.Linear(256, 256))
