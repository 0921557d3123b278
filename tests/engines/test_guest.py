"""A model speaks the same whatever the host told PyTorch, and leaves the host as it was."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from sidecar.engines.guest import each_with_own_defaults, own_defaults
from sidecar.models.pack import Pack
from sidecar.voice import Voice

LINE = "Zorblax, halt!"  # with a word to guess


@contextmanager
def default_type(chosen: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(chosen)
    try:
        yield
        assert torch.get_default_dtype() == chosen
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)


HOSTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "float64": lambda: default_type(torch.float64),
    "bfloat16": lambda: default_type(torch.bfloat16),
    "float16": lambda: default_type(torch.float16),
    "device": default_device,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "gradients": torch.enable_grad,
}


def state() -> tuple[object, ...]:
    return (
        torch.get_default_dtype(), torch.get_default_device(), torch.is_autocast_enabled("cpu"),
        torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_rng_state().sum().item(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def usual(voice: Voice):
    return voice.synthesize(LINE, emotion="whispering", intensity=1).samples


@pytest.mark.parametrize("host", HOSTS)
def test_a_voice_speaks_the_same_in_any_host(voice: Voice, usual: np.ndarray, host: str):
    with HOSTS[host]():
        before = state()
        spoken = voice.synthesize(LINE, emotion="whispering", intensity=1).samples
        assert state() == before
    assert np.array_equal(spoken, usual)


@pytest.mark.parametrize("host", ["float64", "device", "inference", "autocast"])
def test_a_voice_is_loaded_the_same_in_any_host(pack: Pack, usual: np.ndarray, host: str):
    with HOSTS[host]():
        before = state()
        loaded = Voice.load(pack.folder, device="cpu")
        assert state() == before
    assert np.array_equal(loaded.synthesize(LINE, emotion="whispering", intensity=1).samples, usual)


def test_a_stream_leaves_the_host_alone_between_its_parts():
    def steps() -> Iterator[torch.dtype]:
        yield torch.get_default_dtype()
        yield torch.get_default_dtype()

    with default_type(torch.float64):
        for seen in each_with_own_defaults(steps()):
            assert (seen, torch.get_default_dtype()) == (torch.float32, torch.float64)


def test_the_first_who_ends_leaves_the_others_their_type():
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with own_defaults():
            entered.set()
            leave.wait(10)

    with default_type(torch.float64):
        thread = threading.Thread(target=other)
        thread.start()
        entered.wait(10)
        with own_defaults():
            pass
        still = torch.get_default_dtype()
        leave.set()
        thread.join()
        assert still == torch.float32


SPEAK_IN_A_FORK = """
import multiprocessing, sys
from sidecar.voice import Voice
voice = Voice.load(device="cpu", threads=2)
voice.synthesize("The river runs past the mill, and nobody minds.").save(sys.argv[1])
first = voice.synthesize("Ready.", reference=sys.argv[1]).samples
def child(answers):
    answers.put(voice.synthesize("Ready.", reference=sys.argv[1]).samples)
    answers.put(Voice.load(device="cpu", threads=2).synthesize("Ready.").duration_s)
forks = multiprocessing.get_context("fork")
answers = forks.Queue()
process = forks.Process(target=child, args=(answers,), daemon=True)
process.start()
said = answers.get(timeout=60)
assert abs(len(said) - len(first)) < 2400  # other sums with one thread
assert answers.get(timeout=60) > 0
process.join(60)
voice.synthesize("Go.", reference=sys.argv[1], baseline=sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_voice_goes_on_in_a_forked_process(pack: Pack, tmp_path: Path):
    command = [
        sys.executable,
        "-W",
        "error::RuntimeWarning",
        "-c",
        SPEAK_IN_A_FORK,
        str(tmp_path / "clip.wav"),
    ]
    ended = subprocess.run(
        command, timeout=180, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "2"}
    )
    assert ended.returncode == 0, ended.stderr
