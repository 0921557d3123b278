"""How near a renderer comes to its teacher on lines that it has not learned from."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sidecar.engines.layers import Span
from tools.train_renderer.corpus import Origin, Utterance
from tools.train_renderer.renderer import VOICED_ABOVE_HZ, FastRenderer, Heard, statistics
from tools.train_renderer.spectra import log_mel, spectrum

NOISE_SEED = 7
BAND_EDGES_HZ = (0, 300, 600, 1000, 2000, 4000, 6000, 12000)
POWER_POINTS = 720


@dataclass(frozen=True, eq=False)
class Rendered:
    """The pulses' and the noise's part of a phrase, [300 T] each."""

    pulsed: Tensor
    hiss: Tensor

    @property
    def whole(self) -> Tensor:
        return self.pulsed + self.hiss


@torch.inference_mode()
def rendered(renderer: FastRenderer, said: Utterance) -> Rendered:
    device = renderer.x_mean.device
    x, s = said.x[None].float().to(device), said.s[None].to(device)
    f0_hz, energy = said.f0_hz[None].to(device), said.energy[None].to(device)
    noise = torch.randn(1, len(said.audio), generator=torch.Generator().manual_seed(NOISE_SEED)).to(device)
    span = Span([said.steps], device)
    condition = renderer.condition(s, *statistics(x, span))
    pulsed, hiss = renderer(Heard.whole(x, f0_hz, energy), condition, [noise], span)
    return Rendered(pulsed[0].cpu(), hiss[0][0].cpu())


def distances(renderer: FastRenderer, held: Iterable[Utterance]) -> dict[str, float]:
    """Log-mel distance over an audible floor, in nepers, by kind of line and in all; and its signed mean."""
    found, signed = defaultdict(list), []
    for said in held:
        mine, theirs = log_mel(rendered(renderer, said).whole), log_mel(said.audio.float())
        found[said.origin.kind].append(float((mine - theirs).abs().mean()))
        signed.append(float((mine - theirs).mean()))
    everything = [value for values in found.values() for value in values]
    by_kind = {kind: round(fmean(values), 4) for kind, values in found.items()}
    return {"all": round(fmean(everything), 4), **by_kind, "signed": round(fmean(signed), 4)}


def powers_db(renderer: FastRenderer, held: Iterable[Utterance]) -> dict[str, tuple[float, float]]:
    """Power of pulses and of noise in voiced steps, in dB of the teacher's, by band."""
    totals = torch.zeros(3, len(BAND_EDGES_HZ) - 1)
    for said in held:
        made = rendered(renderer, said)
        waves = torch.stack([said.audio.float(), made.pulsed, made.hiss])
        totals += voiced_powers(waves, said.f0_hz)
    pulsed, hiss = (10 * torch.log10(part / totals[0]) for part in totals[1:])
    names = [f"{low}-{high}" for low, high in pairwise(BAND_EDGES_HZ)]
    rows = zip(names, pulsed.tolist(), hiss.tolist(), strict=True)
    return {name: (round(a, 1), round(b, 1)) for name, a, b in rows}


def voiced_powers(waves: Tensor, f0_hz: Tensor) -> Tensor:
    """[K, 300 T], [T] -> [K, bands] sums over voiced steps."""
    power = spectrum(waves, POWER_POINTS, 300).abs().square()
    voiced = (f0_hz > VOICED_ABOVE_HZ)[1 : 1 + power.shape[2]]
    hz = torch.linspace(0, 12_000, power.shape[1])
    pairs = pairwise(BAND_EDGES_HZ)
    inside = [(hz >= low) & (hz < high) for low, high in pairs]
    return torch.stack([power[:, some][..., voiced].sum((1, 2)) for some in inside], 1)


def whole_lines(held: Sequence[Utterance]) -> list[list[Utterance]]:
    """Phrases of the same line together."""
    lines: dict[int, list[Utterance]] = defaultdict(list)
    for said in held:
        lines[said.origin.line].append(said)
    return list(lines.values())


class Listener:
    """DNSMOS and Whisper, as the benchmarks use them. Needs the `bench` extra."""

    def __init__(self) -> None:
        from tests.benchmarks import quality

        self._quality, self._ears = quality, quality.Listener(1)

    def hear(self, sounds: Sequence[tuple[Origin, np.ndarray]], words: bool) -> dict[str, Any]:
        """DNSMOS overall by kind of line, and word errors in per cent of the English ones; a line in which
        Whisper loses itself counts as all wrong."""
        scores, wrong, spoken = defaultdict(list), 0, 0
        for origin, samples in sounds:
            scores[origin.kind].append(self._ears.overall(samples))
            if words and origin.kind != "chinese":
                expected = self._quality.spoken_words(origin.text)
                heard = self._quality.spoken_words(self._ears.transcript(samples))
                wrong += min(len(expected), self._quality.word_errors(expected, heard))
                spoken += len(expected)
        everything = [value for values in scores.values() for value in values]
        told = {kind: round(fmean(values), 3) for kind, values in scores.items()}
        errors = {"wer_percent": round(100 * wrong / spoken, 2), "words": spoken} if spoken else {}
        return {"dnsmos": round(fmean(everything), 3), **told, **errors}


def sounds(held: Sequence[Utterance], renderer: FastRenderer | None) -> list[tuple[Origin, np.ndarray]]:
    """Whole lines as the renderer says them, or as the teacher did."""
    return [
        (
            line[0].origin,
            torch.cat(
                [said.audio.float() if renderer is None else rendered(renderer, said).whole for said in line]
            ).numpy(),
        )
        for line in whole_lines(held)
    ]
