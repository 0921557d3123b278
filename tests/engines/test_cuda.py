"""An NVIDIA device speaks as the CPU does, takes no more than it is allowed, and gives it back.

Full-size random weights stand for the default voice where that is not installed.
"""

import gc
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sidecar.audio.mel import distance_nepers, log_mel
from sidecar.checks.speaking import check_probe
from sidecar.engines.base import Engine
from sidecar.engines.emotivoice.engine import EmotiVoiceEngine
from sidecar.engines.kokoro.engine import KokoroEngine
from sidecar.engines.kokoro.generator import Generator
from sidecar.engines.placement import Placement, memory_errors
from sidecar.engines.runtimes import give_back_device_memory, on_device, place, runtime
from sidecar.engines.torch_runtime import is_lost
from sidecar.home import Home
from sidecar.models.loader import load_model
from sidecar.models.pack import Pack
from sidecar.prosody.plan import Floats, Phrase, Plan
from sidecar.protocol.errors import InsufficientMemory, NoModel
from sidecar.synthesis import Synthesizer
from tests.engines.emotivoice_fixture import make_pack
from tests.engines.kokoro_full import full_size, random_tensors
from tests.engines.lines import CHINESE, LONG, MINE, NOBODY, SHORT

pytestmark = pytest.mark.cuda

DEVICE = "cuda:0"
LINES = [SHORT, MINE, CHINESE, NOBODY]
CLOSE = 1e-3  #: of the peak


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest) -> Pack:
    """The default voice."""
    try:
        found: Pack = request.getfixturevalue("pack")
    except NoModel as error:
        pytest.skip(f"the default voice is not installed: {error.message}")
    return found


@pytest.fixture(scope="module")
def weights_of_chance() -> dict[str, torch.Tensor]:
    return random_tensors()


@dataclass(frozen=True)
class Made:
    """One model's engines, with one row a pass on every device."""

    make: Callable[[Placement], Engine]

    def on(self, device: str, precision: str = "float32") -> Engine:
        return self.make(place(device, precision))


@pytest.fixture(scope="module", params=["random", "installed", "emotivoice"])
def made(
    request: pytest.FixtureRequest, weights_of_chance: dict, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    if request.param == "random":
        return Made(lambda placement: full_size(placement, 1, weights_of_chance))
    if request.param == "installed":
        pack: Pack = request.getfixturevalue("installed")
    else:
        pack = make_pack(Home(tmp_path_factory.mktemp("emotivoice")))

    def load(placement: Placement) -> Engine:
        engine = load_model(pack, placement).engine
        assert isinstance(engine, KokoroEngine | EmotiVoiceEngine)
        engine.rows_at_once = 1
        return engine

    return Made(load)


@pytest.fixture(scope="module")
def cpu(made: Made) -> Engine:
    return made.on("cpu")


@pytest.fixture(scope="module")
def cuda(made: Made) -> Engine:
    return made.on(DEVICE)


@pytest.fixture
def one_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """What excites Kokoro's vocoder is the CPU's on both devices: its phases are sums of thousands of turns,
    whose rounding is heard by nobody but seen in the samples."""
    source, kept = Generator.source, []

    def shared(self: Generator, f0_hz: torch.Tensor, *others: object) -> torch.Tensor:
        if f0_hz.device.type == "cpu":
            kept.append(source(self, f0_hz, *others))
            return kept[-1]
        return kept.pop(0).to(f0_hz.device)

    monkeypatch.setattr(Generator, "source", shared)


def planned(engine: Engine, lines: list[str] = LINES) -> list[Plan]:
    speakers = [engine.speaker(number) for number in range(len(lines))]
    return engine.plan(
        [Phrase(line, s, s, 1.1, f"line {line}") for line, s in zip(lines, speakers, strict=True)]
    )


def rendered(engine: Engine, plans: list[Plan]) -> list[Floats]:
    return engine.render(plans, range(1, len(plans) + 1))


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Relative to the largest value."""
    assert first.shape == second.shape
    return float(np.abs(first - second).max() / max(np.abs(second).max(), 1e-9))


def noise_db(first: np.ndarray, second: np.ndarray) -> float:
    return float(10 * np.log10(np.square(first - second).mean() / np.square(second).mean() + 1e-20))


def test_plans_are_the_cpus(cpu: Engine, cuda: Engine):
    for ours, theirs in zip(planned(cuda), planned(cpu), strict=True):
        assert ours.durations_frames.tolist() == theirs.durations_frames.tolist()
        assert distance(ours.f0_hz, theirs.f0_hz) < CLOSE and distance(ours.energy, theirs.energy) < CLOSE


def test_samples_are_the_cpus(cpu: Engine, cuda: Engine, one_source: None):
    plans = planned(cpu)
    expected = rendered(cpu, plans)
    for ours, theirs in zip(rendered(cuda, plans), expected, strict=True):
        assert distance(ours, theirs) < CLOSE


def test_a_batch_is_what_its_lines_are_alone(cuda: Engine, monkeypatch: pytest.MonkeyPatch):
    plans = planned(cuda)
    alone = rendered(cuda, plans)
    monkeypatch.setattr(cuda, "rows_at_once", 8)
    for batched, single in zip(planned(cuda), plans, strict=True):
        assert batched.durations_frames.tolist() == single.durations_frames.tolist()
    for batched, single in zip(rendered(cuda, plans), alone, strict=True):
        assert distance(batched, single) < CLOSE


def test_pieces_are_the_whole(cuda: Engine):
    (plan,) = planned(cuda, [MINE])
    assert distance(np.concatenate(list(cuda.pieces(plan, 1))), rendered(cuda, [plan])[0]) < CLOSE


def test_bfloat16_stays_close_to_float32(made: Made, cuda: Engine):
    half = made.on(DEVICE, precision="bfloat16")
    plans = planned(cuda)
    for ours, theirs in zip(planned(half), plans, strict=True):
        assert ours.durations_frames.tolist() == theirs.durations_frames.tolist()
    for ours, theirs in zip(rendered(half, plans), rendered(cuda, plans), strict=True):
        assert np.isfinite(ours).all() and noise_db(ours, theirs) < -15


def test_the_default_voice_sounds_as_on_the_cpu(installed: Pack):
    exact, ours = (load_model(installed, place(device, "float32")).engine for device in ("cpu", DEVICE))
    plans = planned(exact, [MINE])
    (here,), (there,) = rendered(ours, plans), rendered(exact, plans)
    assert noise_db(here, there) < -25
    assert distance_nepers(log_mel(here, 24_000), log_mel(there, 24_000)) < 0.01


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_the_default_voice_passes_its_probe_as_auto_places_it(installed: Pack, precision: str):
    model = on_device("auto", precision, lambda placement: load_model(installed, placement))
    assert model.engine.description.device == DEVICE
    assert (
        check_probe(Synthesizer(model, model.lexicon), installed) < installed.manifest.probe.tolerance_nepers
    )


def test_planning_does_without_tf32():
    place(DEVICE)
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


# --- memory


def taken_bytes() -> int:
    gc.collect()
    give_back_device_memory()
    return torch.cuda.memory_reserved(DEVICE)


def speaking(weights: dict[str, torch.Tensor]) -> KokoroEngine:
    engine = full_size(place(DEVICE, "float32"), 8, weights)
    rendered(engine, planned(engine))
    return engine


def test_memory_comes_back_with_the_voice_that_goes(weights_of_chance: dict):
    speaking(weights_of_chance)  # what libraries keep for themselves is taken now
    nothing = taken_bytes()
    voices = [speaking(weights_of_chance)]
    one = taken_bytes() - nothing
    voices.append(speaking(weights_of_chance))
    two = taken_bytes() - nothing
    voices.pop(0)
    left = taken_bytes() - nothing
    assert two > 1.8 * one and left < 1.1 * one, (one, two, left)


def test_what_does_not_fit_under_the_limit_is_refused_and_the_next_line_is_spoken(weights_of_chance: dict):
    engine, device = speaking(weights_of_chance), torch.device(DEVICE)
    plans = planned(engine, [LONG] * 8)
    taken_bytes()
    runtime("torch").limit_memory(1, str(device))
    try:
        with pytest.raises(InsufficientMemory, match="this line"):
            rendered(engine, plans)
        with pytest.raises(InsufficientMemory, match="the voice"), memory_errors("the voice"):
            speaking(weights_of_chance)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
    assert not is_lost(device)
    assert len(rendered(engine, plans)) == 8


# --- the end of a device

FAILS_TWICE = f"""
import torch
from sidecar.engines.placement import DeviceLost, Placement
from sidecar.engines.runtimes import failures
device = torch.device("{DEVICE}")
outside = torch.tensor([9], device=device)
for work in (lambda: torch.zeros(1, device=device)[outside].cpu(), lambda: torch.zeros(1, device=device)):
    try:
        with failures("this line", Placement("{DEVICE}", "float32")):
            work()
    except DeviceLost as error:
        print("lost")
"""


def test_after_a_failed_assertion_the_device_is_lost_to_its_process_and_to_no_other():
    done = subprocess.run([sys.executable, "-c", FAILS_TWICE], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["lost", "lost"], done.stderr
    assert not is_lost(torch.device(DEVICE))
