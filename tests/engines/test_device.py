"""Where a model runs, and what a device's failures mean. The devices here are there in name only."""

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
import torch

from sidecar.engines.placement import DeviceLost, Placement, memory_errors
from sidecar.engines.runtimes import failures, on_device, place
from sidecar.models.pack import Pack
from sidecar.protocol.errors import BadRequest, InsufficientMemory, ModelRejected
from sidecar.voice import Voice, load_model

NO_KERNEL = (
    "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be"
)
NO_OPERATOR = "The operator 'aten::angle' is not currently implemented for the MPS device."
FIRST, SECOND, CPU = "cuda:0", "cuda:1", "cpu"
ON_FIRST, ON_CPU = Placement(FIRST, "float32"), Placement(CPU, "float32")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two NVIDIA devices of which only the second has bfloat16."""
    asked = [torch.device(FIRST)]

    def entered(device: torch.device) -> nullcontext:
        asked.append(device)
        return nullcontext()

    def has_bfloat16(including_emulation: bool) -> bool:
        return asked[-1] == torch.device(SECOND)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device", entered)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", has_bfloat16)


@pytest.fixture
def mps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)


def failing(error: Exception):
    """Loads on the CPU only."""

    def load(placement: Placement) -> Placement:
        if placement.is_unproven:
            raise error
        return placement

    return load


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(NO_KERNEL),
        NotImplementedError(NO_OPERATOR),
        TypeError("Cannot convert a MPS Tensor to float64 dtype"),
        AssertionError("Torch not compiled with CUDA enabled"),
        torch.OutOfMemoryError("CUDA out of memory."),
        InsufficientMemory("there is no memory left for the voice"),
        ModelRejected("the probe does not sound as the pack says"),
        DeviceLost("cuda:0 has failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_where_nothing_can_be_spoken_auto_takes_the_cpu_and_says_why(
    cuda: None, caplog: pytest.LogCaptureFixture, error: Exception
):
    with caplog.at_level(logging.WARNING):
        assert on_device("auto", "float32", failing(error)) == ON_CPU
    (said,) = caplog.messages
    assert "cuda:0" in said and str(error).splitlines()[0] in said and "might be" not in said


def test_a_missing_operator_on_mps_is_no_end(mps: None, caplog: pytest.LogCaptureFixture):
    assert on_device("auto", "float32", failing(NotImplementedError(NO_OPERATOR))).device == CPU
    assert NO_OPERATOR in caplog.text


def test_a_driver_that_fails_before_anything_is_loaded_is_no_end(
    cuda: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def too_old(including_emulation: bool) -> NoReturn:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 9000)")

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", too_old)
    assert on_device("auto", "auto", lambda placement: placement).device == CPU
    assert "too old" in caplog.text


def test_a_device_asked_for_by_name_that_cannot_speak_is_an_error(cuda: None):
    with pytest.raises(BadRequest, match=r"'cuda'.*no kernel image") as refusal:
        on_device("cuda", "float32", failing(RuntimeError(NO_KERNEL)))
    assert refusal.value.field == "device" and "might be" not in refusal.value.message
    with pytest.raises(InsufficientMemory):
        on_device("cuda:1", "float32", failing(InsufficientMemory("no room")))


def test_what_is_wrong_with_the_voice_itself_is_told_as_it_is(cuda: None):
    def load(placement: Placement) -> NoReturn:
        raise ModelRejected(f"a tensor is missing, as seen on {placement.device}")

    for device in ("auto", "cpu"):
        with pytest.raises(ModelRejected, match="seen on cpu"):
            on_device(device, "auto", load)


def test_a_setting_that_is_none_is_refused_before_anything_is_tried(cuda: None):
    for device in ("auto", "cpu", "cuda"):
        with pytest.raises(BadRequest) as refusal:
            on_device(device, "int4", failing(AssertionError("tried")))
        assert refusal.value.field == "precision"


def test_a_device_has_its_number_and_its_own_precision(cuda: None):
    assert place("auto") == place("cuda") == place("cuda:0") == ON_FIRST
    assert place("cuda:1") == Placement(SECOND, "bfloat16")
    with pytest.raises(BadRequest, match="cuda:2"):
        place("cuda:2")


def test_a_voice_that_cannot_speak_on_the_device_there_is_speaks_on_the_cpu(
    pack: Pack, cuda: None, monkeypatch: pytest.MonkeyPatch
):
    def load(pack: Pack, placement: Placement):
        if placement.is_unproven:
            raise RuntimeError(NO_KERNEL)
        return load_model(pack, placement)

    monkeypatch.setattr("sidecar.voice.load_model", load)
    assert Voice.load(pack.folder).description.device == "cpu"
    with pytest.raises(BadRequest, match="no kernel image"):
        Voice.load(pack.folder, device="cuda")


@pytest.fixture
def with_tf32() -> Iterator[None]:
    kinds = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [kind.allow_tf32 for kind in kinds]
    for kind in kinds:
        kind.allow_tf32 = True
    yield
    for kind, was in zip(kinds, before, strict=True):
        kind.allow_tf32 = was


def test_durations_are_planned_in_true_float32(cuda: None, with_tf32: None):
    place("cpu")
    assert torch.backends.cudnn.allow_tf32
    place("cuda")
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


# --- failures


def test_a_tensor_that_does_not_fit_is_an_answer():
    with pytest.raises(InsufficientMemory, match="no memory left for this line"), memory_errors("this line"):
        torch.empty(1 << 60, dtype=torch.uint8)


def test_a_primitive_that_does_not_fit_is_an_answer():
    with pytest.raises(InsufficientMemory), memory_errors("this line"):
        raise RuntimeError("could not create a primitive")


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match="size"), memory_errors("this line"):
        torch.empty(3) + torch.empty(4)
    with pytest.raises(FileNotFoundError), memory_errors("this line"):
        Path("/nowhere/at/all").read_bytes()


def synchronizing(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    """What the device answers when it is asked."""

    def synchronize(device: torch.device) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)


LASTING = RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be")


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: device-side assert triggered",
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: unspecified launch failure",
        "CUDA driver error: unknown error",
        "CUDA error: uncorrectable ECC error encountered",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    ],
)
def test_a_failure_that_every_later_call_repeats_loses_the_device(monkeypatch: pytest.MonkeyPatch, said: str):
    synchronizing(monkeypatch, LASTING)
    with pytest.raises(DeviceLost, match="cuda:0") as failure, failures("this line", ON_FIRST):
        raise RuntimeError(said)
    assert failure.value.code == "internal" and "ask again" in failure.value.message
    assert said in str(failure.value.__cause__)


def test_an_ordinary_failure_on_a_device_that_answers_stays_what_it_is(monkeypatch: pytest.MonkeyPatch):
    synchronizing(monkeypatch, None)
    with pytest.raises(RuntimeError, match="EXECUTION"), failures("this line", ON_FIRST):
        raise RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")
    with pytest.raises(InsufficientMemory), failures("this line", ON_FIRST):
        raise RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`")


def test_the_cpu_is_never_lost(monkeypatch: pytest.MonkeyPatch):
    synchronizing(monkeypatch, LASTING)
    with pytest.raises(RuntimeError, match="sizes"), failures("this line", ON_CPU):
        raise RuntimeError("sizes differ")


@pytest.mark.parametrize("work", ["plan", "render", "pieces"])
def test_an_engine_tells_when_its_device_is_lost(engine, monkeypatch: pytest.MonkeyPatch, work: str):
    def fail(*_: object) -> NoReturn:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    synchronizing(monkeypatch, LASTING)
    monkeypatch.setattr(engine, "device", torch.device(FIRST))
    monkeypatch.setattr(engine, "_plan", fail)
    monkeypatch.setattr(engine, "_render", fail)
    something = SimpleNamespace()
    jobs = {
        "plan": lambda: engine.plan([something]),
        "render": lambda: engine.render([something], [1]),
        "pieces": lambda: list(engine.pieces(something, 1)),
    }
    with pytest.raises(DeviceLost):
        jobs[work]()


@pytest.mark.parametrize("held", ["AVX2", "sse41", "AVX512_CORE"])
def test_bfloat16_is_not_emulated(monkeypatch: pytest.MonkeyPatch, held: str):
    """As an old processor would have it, or a user who keeps oneDNN from what a new one can do."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert place("cpu").precision == "bfloat16"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", held)
    assert place("cpu").precision == "float32"
