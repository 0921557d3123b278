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
    def __init__(self, width: int = 8) -> None:
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
    network, x = Network(), torch.randn(1, 7, 8)
    before, said = {n: t.clone() for n, t in network.state_dict().items()}, network(x)
    strides = {name: tensor.stride() for name, tensor in network.state_dict().items()}
    in_memory_of_its_own(network)
    after = network.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert {name: tensor.stride() for name, tensor in after.items()} == strides
    assert torch.equal(network(x), said)
    dense = sorted(tensor.data_ptr() for name, tensor in after.items() if name != "table")
    assert dense[-1] - dense[0] < sum(tensor.nbytes for tensor in after.values()) + 64 * len(after)
    assert all(pointer % 64 == dense[0] % 64 for pointer in dense)


def test_a_network_without_weights_is_left_alone():
    in_memory_of_its_own(nn.Identity())


def test_it_goes_with_the_last_tensor(monkeypatch: pytest.MonkeyPatch):
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
    assert len(made) == 1 and made[0]() is not None
    del last
    gc.collect()
    assert made[0]() is None
