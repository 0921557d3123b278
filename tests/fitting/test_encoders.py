"""Our speaker encoders against what the originals made of the same features.

`data/encoders.safetensors`: outputs of Resemblyzer's `VoiceEncoder` and of 3D-Speaker's CAM++. The latter
were taken behind a ReLU, which the published network does not end with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sidecar.fitting import bands
from sidecar.fitting.campplus import CamPlus
from sidecar.fitting.encoders import NAMES, load_encoders, packed, unpacked
from sidecar.fitting.ge2e import GE2E

CPU = torch.device("cpu")
ALIKE = 0.998  # the packed weights have 8 bits


@pytest.fixture(scope="module")
def expected() -> dict[str, torch.Tensor]:
    file = Path(__file__).parent / "data" / "encoders.safetensors"
    return {name: tensor.float() for name, tensor in load_file(file).items()}


@pytest.fixture(scope="module")
def encoders() -> dict:
    return load_encoders(NAMES, CPU)


def sounds(seconds: float = 2.0, hz: float = 130.0) -> torch.Tensor:
    """Something like a vowel that glides, [1, N] at 16 kHz."""
    at_s = torch.arange(int(16_000 * seconds)) / 16_000
    phase = 2 * np.pi * hz * (at_s + 0.1 * at_s**2)
    return 0.05 * sum(torch.sin(k * phase) / k for k in range(1, 20))[None]


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a, b, dim=-1).min())


def test_ge2e_gives_the_originals_embeddings(encoders: dict, expected: dict[str, torch.Tensor]) -> None:
    ours, _ = encoders["ge2e"].embed(expected["ge2e.features"])
    assert cosine(ours, expected["ge2e.embedding"]) > ALIKE


def test_campplus_gives_the_originals_embedding(encoders: dict, expected: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        ours, _ = encoders["campplus"].embed(expected["campplus.features"][None])
    assert cosine(ours[0].relu(), expected["campplus.embedding"]) > ALIKE


def test_the_mel_spectrogram_of_ge2e_is_librosas() -> None:
    """Recomputed the long way: centred frames, periodic Hann, power, Slaney's triangles of even area."""
    samples = sounds()[0]
    mel = GE2E.mel(encoder_of("ge2e"), samples[None])[0].numpy()
    level = samples.numpy() * (10 ** (-30 / 20) / np.sqrt(np.mean(samples.numpy() ** 2)))
    padded, at = np.pad(level, 200), 37
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(padded[160 * at : 160 * at + 400] * window)) ** 2
    bank = bands.slaney_bank(16_000, 400, 40, 0.0, 8000.0).numpy()
    np.testing.assert_allclose(mel[at], bank @ power, rtol=1e-3, atol=1e-9)


def test_slaneys_filters_have_even_areas_and_known_centres() -> None:
    bank = bands.slaney_bank(16_000, 4096, 40, 0.0, 8000.0).numpy()
    hz = np.linspace(0, 8000, bank.shape[1])
    np.testing.assert_allclose(bank.sum(1) * (hz[1] - hz[0]), 1.0, atol=0.03)
    assert hz[bank[0].argmax()] == pytest.approx(73.6, abs=3)  # 45.245 mel / 41, 66.7 Hz each
    assert float(bands.slaney_mel(np.array(6400.0))) == pytest.approx(15 + 27)


def test_the_filter_bank_of_campplus_is_kaldis() -> None:
    """A frame recomputed the long way: no mean, pre-emphasis, Povey's window, 512 points, natural
    logarithm."""
    samples = sounds()[0].numpy().astype(np.float64)
    scaled = samples * (0.05 * 32768 / np.sqrt(np.mean(samples**2)))
    frames = np.stack([scaled[160 * at : 160 * at + 400] for at in range(1 + (len(scaled) - 400) // 160)])
    frames = frames - frames.mean(1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    power = np.abs(np.fft.rfft(frames * window, 512)) ** 2
    logs = np.log(np.maximum(power @ bands.kaldi_bank(16_000, 512, 80, 20.0).numpy().T, 1.1920929e-07))
    ours = CamPlus.log_mel(encoder_of("campplus"), sounds())[0].numpy()
    np.testing.assert_allclose(ours, logs - logs.mean(0), atol=5e-2)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_the_samples(encoders: dict, name: str) -> None:
    samples = sounds(1.7).requires_grad_()
    embedding, *inner = encoders[name](samples)
    (embedding[0] + sum(each.mean() for each in inner)).backward()
    assert torch.isfinite(samples.grad).all() and samples.grad.abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_voice_is_nearer_to_itself_than_to_another(encoders: dict, name: str) -> None:
    with torch.no_grad():
        low, again, high = (encoders[name](sounds(2.0, hz))[0] for hz in (110.0, 112.0, 260.0))
    assert float(low @ again) > float(low @ high)


def test_packed_tensors_are_right_to_half_a_step_of_their_row() -> None:
    tensor = torch.randn(64, 80) * torch.logspace(-3, 1, 64)[:, None]
    again = unpacked(packed({"x": tensor, "bias": torch.ones(3)}))
    assert torch.equal(again["bias"], torch.ones(3))
    assert ((again["x"] - tensor).abs() <= tensor.abs().amax(1, keepdim=True) / 127 * 0.5001).all()


def encoder_of(name: str):
    return load_encoders((name,), CPU)[name]
