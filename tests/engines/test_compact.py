"""Weights as int8: the same numbers whoever reads them, and nothing that only looks like them."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from sidecar.checks.values import check_values
from sidecar.engines.arrays import Array, save_arrays
from sidecar.engines.compact import Compact, check_arrays, restored
from sidecar.engines.headers import check_shapes
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.config_check import compact_tensors, tensor_shapes
from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.engines.kokoro.graph_engine import KokoroGraphEngine
from sidecar.engines.kokoro.pack_files import arrays_from_onnx, compact_from_onnx, write_compact
from sidecar.engines.placement import Placement
from sidecar.engines.tensors import read_tensors
from sidecar.models.default_voice import joined_parts
from sidecar.models.safetensors_header import read_header
from sidecar.prosody.plan import Phrase
from sidecar.protocol.errors import ModelRejected
from tests.engines.lines import SHORT
from tests.engines.test_kokoro_graphs import agree

CONFIG = KokoroConfig()
SHAPES, MAY_BE = tensor_shapes(CONFIG), compact_tensors(CONFIG)
MATRIX, BIAS = "bert_encoder.weight", "bert_encoder.bias"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default voice's int8 export, as it is."""
    folder = tmp_path_factory.mktemp("compact")
    write_compact(compact_from_onnx(joined_parts(), "test"), folder)
    return folder


def test_a_row_has_a_scale_and_a_zero_of_its_own():
    q = np.array([[0, 128, 255], [10, 20, 30]], np.uint8)
    one = Compact.of(q, np.array([0.5, 2.0], np.float32), np.array([128, 20], np.uint8))
    assert one.restored().tolist() == [[-64, 0, 63.5], [-20, 0, 20]]
    values = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    rounded = Compact.rounded(values)
    steps = np.abs(values).reshape(4, -1).max(axis=1) / 127
    assert (np.abs(rounded.restored() - values).reshape(4, -1).max(axis=1) <= steps * 0.501).all()


def test_a_matrix_that_lies_across_is_stored_as_it_reads(tmp_path: Path):
    across = np.arange(12, dtype=np.float32).reshape(3, 4).T
    save_arrays({"x": across}, tmp_path / "x.safetensors")
    assert np.array_equal(read_tensors(tmp_path / "x.safetensors")["x"].numpy(), across)


def test_the_export_is_kept_without_loss_and_read_alike(stored: Path):
    exact = arrays_from_onnx(joined_parts(), "test")
    read = read_tensors(stored / "weights.safetensors")
    assert (stored / "weights.safetensors").stat().st_size < 92_000_000
    assert read.keys() == exact.keys() == SHAPES.keys()
    assert all(np.array_equal(read[name].numpy(), array) for name, array in exact.items())
    header = read_header(stored / "weights.safetensors")
    check_shapes("weights.safetensors", header, SHAPES, MAY_BE)
    check_values(stored / "weights.safetensors", header, are_weights=True)


@pytest.mark.slow
def test_both_runtimes_speak_with_it_alike(stored: Path):
    files = stored / "weights.safetensors", stored / "voices.safetensors"
    engine = KokoroEngine.load(*files, CONFIG, Placement("cpu", "float32"))
    speaker = engine.speaker("am_michael")
    graphs = KokoroGraphEngine.load(*files, CONFIG)
    agree(graphs, engine, Phrase(SHORT, speaker, speaker, 1.0))


def sound() -> dict[str, Array]:
    """Of one matrix and one vector."""
    return {
        **Compact.rounded(np.ones(SHAPES[MATRIX], np.float32)).parts(MATRIX),
        BIAS: np.ones(512, np.float32),
    }


BAD = {
    "no scale": lambda a: a.pop(f"{MATRIX}.scale"),
    "no zero": lambda a: a.pop(f"{MATRIX}.zero"),
    "short scale": lambda a: a.update({f"{MATRIX}.scale": np.ones(3, np.float32)}),
    "half scale": lambda a: a.update({f"{MATRIX}.scale": np.ones(512, np.float16)}),
    "float zero": lambda a: a.update({f"{MATRIX}.zero": np.zeros(512, np.float32)}),
    "int8 vector": lambda a: a.update(Compact.rounded(np.ones((512, 1), np.float32)).parts(BIAS)),
    "int8 vector alone": lambda a: a.update({BIAS: np.ones(512, np.int8)}),
    "scale of nothing": lambda a: a.update({f"{BIAS}.scale": np.ones(512, np.float32)}),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_what_only_looks_like_it_is_refused_by_header_and_by_arrays(spoil, tmp_path: Path):
    expected = {name: SHAPES[name] for name in (MATRIX, BIAS)}
    file = tmp_path / "weights.safetensors"
    arrays = sound()
    save_file(arrays, file)
    check_shapes(file.name, read_header(file), expected, MAY_BE)
    check_arrays(arrays, expected, MAY_BE)
    assert restored(arrays).keys() == expected.keys()
    spoil(arrays)
    save_file(arrays, file)
    with pytest.raises(ModelRejected):
        check_shapes(file.name, read_header(file), expected, MAY_BE)
    with pytest.raises(ModelRejected):
        check_arrays(arrays, expected, MAY_BE)


@pytest.mark.parametrize("scale", [np.nan, np.inf, 1e6])
def test_scales_that_no_voice_has_are_refused(scale: float, tmp_path: Path):
    arrays = sound()
    arrays[f"{MATRIX}.scale"][7] = scale
    save_file(arrays, tmp_path / "weights.safetensors")
    with pytest.raises(ModelRejected, match=r"bert_encoder\.weight"):
        check_values(
            tmp_path / "weights.safetensors",
            read_header(tmp_path / "weights.safetensors"),
            are_weights=True,
        )


def test_int8_is_for_weights_only(tmp_path: Path):
    save_file({"line.0": np.ones((10, 40), np.int8)}, tmp_path / "probe.safetensors")
    with pytest.raises(ModelRejected, match="I8"):
        check_shapes("probe.safetensors", read_header(tmp_path / "probe.safetensors"), {"line.0": (10, 40)})
