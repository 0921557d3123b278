from pathlib import Path

import pytest
import torch

from sidecar.fitting.state import state_of
from sidecar.protocol.errors import BadRequest

INPUTS: dict[str, object] = {"recordings": "a", "seed": 0}


def test_what_was_kept_is_there_for_the_same_inputs_only(tmp_path: Path) -> None:
    with state_of(tmp_path, INPUTS) as state:
        state.keep_manner(torch.ones(3))
        state.keep_timbre(5, {"z": torch.arange(4.0)})
    with state_of(tmp_path, INPUTS) as state:
        assert state.timbre is not None
        step, tensors = state.timbre
        assert step == 5 and tensors.keys() == {"z"} and torch.equal(tensors["z"], torch.arange(4.0))
        assert state.manner is not None and torch.equal(state.manner, torch.ones(3))
    with state_of(tmp_path, {**INPUTS, "seed": 1}) as other:
        assert other.manner is None and other.timbre is None


def test_a_fit_that_has_ended_leaves_nothing_to_go_on_from(tmp_path: Path) -> None:
    with state_of(tmp_path, INPUTS) as state:
        state.keep_manner(torch.ones(3))
        state.forget()
    assert not [*tmp_path.glob("*.safetensors")]


def test_a_damaged_file_is_begun_again(tmp_path: Path) -> None:
    with state_of(tmp_path, INPUTS) as state:
        state.keep_manner(torch.ones(3))
    (file,) = tmp_path.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:20])
    with state_of(tmp_path, INPUTS) as state:
        assert state.manner is None


def test_the_same_fit_twice_at_once_is_refused(tmp_path: Path) -> None:
    with (
        state_of(tmp_path, INPUTS),
        pytest.raises(BadRequest, match="another process"),
        state_of(tmp_path, INPUTS),
    ):
        pass
