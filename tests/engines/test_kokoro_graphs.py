"""Graphs run by onnxruntime say what our modules say in PyTorch, on any pack's weights."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sidecar.engines.kokoro import excitation
from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.config_check import tensor_shapes
from sidecar.engines.kokoro.engine import KokoroEngine, fill, gaussian
from sidecar.engines.kokoro.graph_engine import KokoroGraphEngine
from sidecar.engines.kokoro.graph_files import GRAPHS, archive_name
from sidecar.engines.kokoro.graph_weights import PackWeights
from sidecar.engines.kokoro.voices import Voices
from sidecar.engines.runtimes import place
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack
from sidecar.prosody.plan import Phrase, Plan
from sidecar.protocol.errors import BadRequest, ModelRejected
from tests.attacks.packs import MINIATURE
from tests.engines.lines import CHINESE, SHORT
from tools.export_graphs import export

pytestmark = pytest.mark.filterwarnings("error")
CASES = [(SHORT, "bf_emma", 1.3), (CHINESE, "zf_xiaobei", 0.9)]
OTHER_SIZES = {
    "miniature": MINIATURE,
    "other rates": replace(
        MINIATURE, upsample_rates=(6, 10), upsample_kernels=(12, 20), noise_kernels=(5, 3)
    ),
    "other blocks": replace(
        MINIATURE, resblock_kernels=(3, 5), resblock_dilations=(1, 3), generator_channels=16
    ),
    "shallow": replace(MINIATURE, depth=2, bert_layers=3, max_duration_frames=40),
}


@pytest.fixture(scope="module")
def graphs(pack: Pack) -> KokoroGraphEngine:
    """The default voice, run by onnxruntime."""
    engine = load_model(pack, place("cpu", by="onnx")).engine
    assert isinstance(engine, KokoroGraphEngine)
    return engine


def off(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Relative to the peak."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def agree(graphs: KokoroGraphEngine, engine: KokoroEngine, phrase: Phrase) -> None:
    (ours,), (theirs,) = graphs.plan([phrase]), engine.plan([phrase])
    assert ours.durations_frames.tolist() == theirs.durations_frames.tolist()
    assert off(ours.f0_hz, theirs.f0_hz) <= 1e-4 and off(ours.energy, theirs.energy) <= 1e-4
    (heard,), (expected,) = graphs.render([theirs], [5]), engine.render([theirs], [5])
    assert heard.dtype == np.float32 and off(heard, expected) <= 1e-3


@pytest.mark.parametrize(("line", "name", "speed"), CASES)
def test_plans_and_waveforms_are_those_of_the_modules(
    graphs: KokoroGraphEngine, engine: KokoroEngine, line: str, name: str, speed: float
):
    speaker = engine.speaker(name)
    agree(graphs, engine, Phrase(line, speaker, speaker, speed))


def test_a_timbre_of_its_own_in_each_layer_is_heard_alike(graphs: KokoroGraphEngine, engine: KokoroEngine):
    plain = engine.speaker("af_heart")
    offsets = np.random.default_rng(0).normal(scale=0.05, size=(58, 128)).astype(np.float32)
    agree(graphs, engine, Phrase(SHORT, replace(plain, layers=offsets), plain, 1.0))


@pytest.mark.parametrize("config", OTHER_SIZES.values(), ids=OTHER_SIZES)
def test_networks_of_other_sizes_are_written_as_they_are(config: KokoroConfig, tmp_path: Path):
    torch.manual_seed(0)
    weights = {name: 0.1 * torch.randn(shape) for name, shape in tensor_shapes(config).items()}
    voices = Voices({"af_one": np.full((4, 256), 0.1, np.float32)})
    cpu = torch.device("cpu")
    engine = KokoroEngine(fill(config, weights).prepare(cpu, torch.float32), voices, cpu, torch.float32)
    export(config, tmp_path)
    arrays = PackWeights({name: tensor.numpy() for name, tensor in weights.items()})
    graphs = KokoroGraphEngine(arrays, voices, config, tmp_path)
    speaker = engine.speaker("af_one")
    agree(graphs, engine, Phrase("hˈIə", speaker, speaker, 1.0))


def test_the_graphs_in_the_package_are_those_that_the_tool_writes(tmp_path: Path):
    written = export(KokoroConfig(), tmp_path)
    with zipfile.ZipFile(written) as new, zipfile.ZipFile(GRAPHS / written.name) as kept:
        assert new.namelist() == kept.namelist()
        for name in new.namelist():
            assert new.read(name) == kept.read(name), f"run tools/export_graphs.py: {name}"


def test_every_tensor_of_a_pack_is_heard(graphs: KokoroGraphEngine):
    """In a graph, or by the harmonic source beside it."""
    with zipfile.ZipFile(GRAPHS / archive_name(KokoroConfig())) as archive:
        wanted = {
            name.partition("#")[0]
            for half in ("durations", "curves", "render")
            for name in archive.read(f"{half}-float32.txt").decode().split()
        }
    left = {name for name in tensor_shapes(KokoroConfig()) if name not in wanted}
    assert {name.rpartition(".")[0] for name in left if ".bias_" not in name and "_reverse" not in name} == {
        "decoder.generator.m_source.l_linear"
    }


@pytest.mark.parametrize("samples", [16, 600, 601, 6001])
def test_a_seed_gives_the_noise_that_it_gives_in_pytorch(samples: int):
    for seed in (0, 7, 2**32 - 1, 2**40 + 3):
        assert np.abs(excitation.gaussian(seed, samples, 9) - gaussian(seed, samples, 9)).max() < 1e-5


def test_the_source_is_the_same_to_the_last_bits(engine: KokoroEngine, graphs: KokoroGraphEngine):
    """A turn of the phase lost there would be heard, and not be rounding any more."""
    speaker = engine.speaker("am_michael")
    (plan,) = engine.plan([Phrase(SHORT, speaker, speaker, 1.0)])
    noise = gaussian(3, 2 * plan.frames * 300, 9)
    with torch.inference_mode():
        wave = engine.network.decoder.generator.m_source(
            torch.from_numpy(plan.f0_hz)[None], torch.from_numpy(noise)[None]
        )
    ours = excitation.harmonic_source(plan.f0_hz, noise, graphs._mix, graphs._bias, graphs.config)
    assert np.abs(ours - wave[0].numpy()).max() < 1e-6


def test_unvoiced_and_one_frame_long_phrases_are_rendered(graphs: KokoroGraphEngine, engine: KokoroEngine):
    speaker = engine.speaker("af_heart")
    phrase = Phrase("s", speaker, speaker, 1.0)
    plan = Plan(phrase, np.array([1, 1, 1]), np.zeros(6, np.float32), np.zeros(6, np.float32), 0.025)
    (heard,), (expected,) = graphs.render([plan], [1]), engine.render([plan], [1])
    assert len(heard) == 1800 and off(heard, expected) <= 1e-3


def test_weights_that_do_not_fit_are_refused_by_name(pack: Pack, tmp_path: Path):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(pack.path("weights.safetensors"))
    voices = pack.path("voices.safetensors")
    name = "decoder.generator.conv_post.weight"
    for change, said in (
        ({}, "missing"),
        ({name: arrays[name][:, :, :-1].copy()}, "shape"),
        ({name: np.full_like(arrays[name], np.nan)}, "finite"),
    ):
        rest = {key: array for key, array in arrays.items() if key != name}
        save_file({**rest, **change}, tmp_path / "weights.safetensors")
        with pytest.raises(ModelRejected, match=said) as refusal:
            KokoroGraphEngine.load(tmp_path / "weights.safetensors", voices, KokoroConfig())
        assert name in refusal.value.message


def test_a_network_without_graphs_is_refused_and_says_what_runs_it(tmp_path: Path):
    arrays = {name: np.zeros(shape, np.float32) for name, shape in tensor_shapes(MINIATURE).items()}
    voices = Voices({"af_one": np.full((4, 256), 0.1, np.float32)})
    with pytest.raises(ModelRejected, match="use runtime torch") as refusal:
        KokoroGraphEngine(PackWeights(arrays), voices, MINIATURE)
    assert refusal.value.reason == "runtime"


@pytest.mark.parametrize(
    ("device", "precision", "by", "field"),
    [
        ("cuda", "auto", "onnx", "device"),
        ("tpu", "auto", "onnx", "device"),
        ("cpu", "bfloat16", "onnx", "precision"),
        ("cpu", "int4", "onnx", "precision"),
        ("cpu", "auto", "tensorflow", "runtime"),
    ],
)
def test_what_a_runtime_has_not_is_refused_by_field(device: str, precision: str, by: str, field: str):
    with pytest.raises(BadRequest) as refusal:
        place(device, precision, by)
    assert refusal.value.field == field
