"""A network of one line whose voices can be fitted: its timbre is what it adds to each of some sines."""

import numpy as np
import torch
from torch import Tensor

from sidecar.engines.tunable import Predicted, Said, Space
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker

LAYERS, WIDTH, FRAME = 3, 4, 600
RNG = np.random.default_rng(4)
VOICES = {name: RNG.normal(0, 0.3, (3, WIDTH)).astype(np.float32) for name in "abcdefgh"}
_HZ = torch.tensor([200.0, 700.0, 1500.0, 3000.0])


class ToyTuning:
    """`engines.tunable.Tunable`, as far as a timbre and a manner need it."""

    layers, width, device = LAYERS, WIDTH, torch.device("cpu")

    def timbres(self, names: tuple[str, ...]) -> Space:
        return Space.of(np.stack([VOICES[name] for name in names]), self.device)

    manners = timbres

    def timbre(self, name: str) -> Floats:
        return VOICES[name][1]

    manner = timbre

    def said(self, plan: Plan) -> Said:
        return Said(plan.frames, plan)

    def cut(self, said: Said, first: int, end: int) -> Said:
        return Said(end - first, said.inputs)

    def render(self, said: Said, timbre: Tensor) -> Tensor:
        at_s = torch.arange(said.frames * FRAME) / 24_000
        waves = torch.sin(2 * torch.pi * _HZ[:, None] * at_s) * (1 + 0.5 * torch.sin(20 * at_s))
        return 0.02 * (torch.exp(timbre.mean(0)) @ waves)[None]

    def predict(self, plan: Plan, manner: Tensor) -> Predicted:
        tokens, steps = len(plan.durations_frames), len(plan.f0_hz)
        frames = 4 * torch.exp(manner[0]).expand(1, tokens)
        along = torch.linspace(-1, 1, steps)[None]
        return Predicted(
            frames, 100 * torch.exp2(manner[1] + manner[2] * along / 4), manner[3].expand(1, steps)
        )


def plan(frames: int = 48, phonemes: str = "abcdef") -> Plan:
    voice = Speaker("a", VOICES["a"])
    durations = np.full(len(phonemes) + 2, frames // (len(phonemes) + 2), np.int64)
    steps = 2 * int(durations.sum())
    return Plan(
        Phrase(phonemes, voice, voice),
        durations,
        np.full(steps, 140, np.float32),
        np.ones(steps, np.float32),
        0.025,
    )


def encoder(samples: Tensor) -> list[Tensor]:
    """Hears how loud bands of 1 kHz are."""
    power = torch.stft(samples, 512, 160, window=torch.hann_window(512), return_complex=True).abs().square()
    bands = torch.log(power[0, :256].unflatten(0, (8, 32)).mean((1, 2)) + 1e-6)
    return [bands / bands.norm(), bands]
