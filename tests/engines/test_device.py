"""Too little memory is an answer."""

import pytest
import torch

from sidecar.engines.device import memory_errors
from sidecar.protocol.errors import InsufficientMemory


def test_a_tensor_that_does_not_fit_is_an_answer():
    with pytest.raises(InsufficientMemory, match="no memory left for this line"), memory_errors("this line"):
        torch.empty(1 << 60, dtype=torch.uint8)


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="size"), memory_errors("this line"):
        torch.empty(3) + torch.empty(4)
