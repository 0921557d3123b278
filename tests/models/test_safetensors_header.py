"""What the library writes we read alike; whatever else a file holds is a refusal, never a crash."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from sidecar.models.safetensors_header import read_header
from sidecar.protocol.errors import ModelRejected

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
TENSORS = st.dictionaries(
    st.text("abcXYZ019._-", min_size=1, max_size=20),
    st.tuples(SHAPES, st.sampled_from(["F16", "F32"])),
    min_size=1,
)
TYPES = {"F16": np.float16, "F32": np.float32}
SHARED_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(path: Path, tensors: dict) -> dict[str, np.ndarray]:
    arrays = {
        name: np.arange(np.prod(shape), dtype=TYPES[kind]).reshape(shape)
        for name, (shape, kind) in tensors.items()
    }
    save_file(arrays, path, {"format": "np"})
    return arrays


@SHARED_FOLDER
@given(tensors=TENSORS)
def test_every_tensor_is_found_where_the_library_finds_it(tmp_path: Path, tensors: dict):
    path = tmp_path / "x.safetensors"
    arrays = written(path, tensors)
    content = path.read_bytes()
    header = read_header(path)
    assert header.keys() == arrays.keys()
    for name, array in load_file(path).items():
        entry = header[name]
        assert (entry.shape, TYPES[entry.dtype]) == (array.shape, array.dtype)
        assert content[entry.start : entry.end] == array.tobytes()


@SHARED_FOLDER
@given(tensors=TENSORS, data=st.data())
def test_a_spoilt_file_is_refused_or_still_sound_to_the_library(
    tmp_path: Path, tensors: dict, data: st.DataObject
):
    path = tmp_path / "x.safetensors"
    written(path, tensors)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) - 8, len(content)))])
    try:
        read_header(path)
    except ModelRejected:
        return
    load_file(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\2" + b"\0" * 7 + b"{}", b"\xff" * 100])
def test_what_is_no_safetensors_at_all_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelRejected, match=r"x\.safetensors"):
        read_header(path)
