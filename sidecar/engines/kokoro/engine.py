"""Kokoro-82M behind the engine interface: batches of phrases in, plans and samples out."""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sidecar.engines.base import EngineDescription, SpeakerChoice
from sidecar.engines.batches import batched, rows_on
from sidecar.engines.guest import own_defaults
from sidecar.engines.kokoro import int8
from sidecar.engines.kokoro.config import KokoroConfig, language_of
from sidecar.engines.kokoro.description import FRAME_S, check_layers, described, token_ids
from sidecar.engines.kokoro.names import parameter_names
from sidecar.engines.kokoro.network import Kokoro
from sidecar.engines.kokoro.voices import MANNER, TIMBRE, Voices
from sidecar.engines.layers import Span
from sidecar.engines.placement import Placement
from sidecar.engines.tensors import check_fit, padded, read_tensors
from sidecar.engines.torch_runtime import line_on
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker

#: Spoken to see how large what goes into each convolution becomes; 5 s, all kinds of sounds.
OBSERVED = ("hˌu ɡˈOz ðˈɛɹ?", "ni↓xau↓, ly↓ɕi↗ŋꭧɤ↓.", "ʃˌi mˈɛʒəɹz ðə vˈɪʒən.", "ʤˈʌmp, ju fˈulz!")


class KokoroEngine:
    """Owns the weights. Not thread-safe. `rows_at_once` phrases share a pass, else `rows_on(device)`."""

    def __init__(
        self, network: Kokoro, voices: Voices, device: torch.device, precision: torch.dtype,
        rows_at_once: int | None = None,
    ) -> None:  # fmt: skip
        self.network, self.voices = network, voices
        self.device, self.precision = device, precision
        self.rows_at_once = rows_at_once or rows_on(device)
        self.is_in_8_bits = False

    @classmethod
    @own_defaults()
    def load(cls, weights: Path, voices: Path, config: KokoroConfig, placement: Placement) -> "KokoroEngine":
        """Read a pack's two files. Strict: raises `ModelRejected` on a missing, extra or misshapen tensor."""
        device, precision = torch.device(placement.device), getattr(torch, placement.precision)
        network = fill(config, read_tensors(weights))
        known = Voices.load(voices)
        check_layers(known, config.timbre_layers)
        return cls(network.prepare(device, precision), known, device, precision)

    def with_voices(self, more: Sequence[Voices]) -> "KokoroEngine":
        """The same weights, not copied, with other voices behind its own. Raises `ModelRejected` for layers
        that are not the network's, and for a name that is there already."""
        for voices in more:
            check_layers(voices, self.network.config.timbre_layers)
        other = copy.copy(self)
        other.voices = self.voices.before(more)
        return other

    @property
    def description(self) -> EngineDescription:
        precision = "int8" if self.is_in_8_bits else str(self.precision).removeprefix("torch.")
        return described(
            self.network.config, self.voices, self.rows_at_once, str(self.device), precision, "torch"
        )

    def in_8_bits(self) -> "KokoroEngine":
        """This engine, with most of what renders in 8 bits from now on; CPU only, deterministic."""
        decoder = self.network.decoder
        names = self.voices.names
        spread = [names[at * len(names) // len(OBSERVED)] for at in range(len(OBSERVED))]
        int8.quantize(decoder, int8.recorded(decoder) or self.observed(OBSERVED, spread))
        self.is_in_8_bits = True
        return self

    def observed(self, lines: Sequence[str], names: Sequence[str]) -> int8.Largest:
        """How large what goes into the decoder's convolutions becomes, when each speaker says a phrase."""
        speakers = [self.voices.named(name) for name in names]
        phrases = [Phrase(text, who, who) for text, who in zip(lines, speakers, strict=True)]
        with int8.observed(self.network.decoder) as largest:
            self.render(self.plan(phrases), range(len(phrases)))
        return largest

    def speaker(self, choice: SpeakerChoice) -> Speaker:
        return self.voices.choose(choice)

    def language_of(self, speaker: str) -> str:
        return language_of(speaker)

    def plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        with line_on(self.device):
            return [plan for some in batched(phrases, self.rows_at_once) for plan in self._plan(some)]

    def render(self, plans: Sequence[Plan], seeds: Sequence[int]) -> list[Floats]:
        pairs = batched(list(zip(plans, seeds, strict=True)), self.rows_at_once)
        with line_on(self.device):
            return [samples for some in pairs for samples in self._render(*zip(*some, strict=True))]

    def pieces(self, plan: Plan, seed: int) -> Iterator[Floats]:
        """All at once: every sample depends on norms over the whole phrase."""
        yield from self.render([plan], [seed])

    @torch.inference_mode()
    def _plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        tokens, span = self._tokens([phrase.phonemes for phrase in phrases])
        manner = self._rows([phrase.manner.row(len(phrase.phonemes))[MANNER] for phrase in phrases])
        speed = torch.tensor([phrase.speed for phrase in phrases], dtype=torch.float32, device=self.device)
        features, frames = self.network.durations(tokens, manner, speed, span)
        durations = [
            row[:length].astype(np.int64)
            for row, length in zip(frames.cpu().numpy(), span.lengths, strict=True)
        ]
        index, frame_span = self._alignment(durations)
        f0, energy = self.network.curves(features, index, manner, frame_span)
        curves = zip(phrases, durations, f0.cpu().numpy(), energy.cpu().numpy(), strict=True)
        return [
            Plan(phrase, steps, f0[: 2 * steps.sum()].copy(), energy[: 2 * steps.sum()].copy(), FRAME_S)
            for phrase, steps, f0, energy in curves
        ]

    @torch.inference_mode()
    def _render(self, plans: Sequence[Plan], seeds: Sequence[int]) -> list[Floats]:
        tokens, token_span = self._tokens([plan.phrase.phonemes for plan in plans])
        timbre = self._timbre([plan.phrase for plan in plans])
        index, span = self._alignment([plan.durations_frames for plan in plans])
        f0, energy = self._rows([plan.f0_hz for plan in plans]), self._rows([plan.energy for plan in plans])
        samples_per_frame = 2 * self.network.config.samples_per_curve_frame
        lengths = [plan.frames * samples_per_frame for plan in plans]
        harmonics = self.network.config.harmonics
        noise = self._rows([gaussian(seed, n, harmonics) for seed, n in zip(seeds, lengths, strict=True)])
        audio = self.network.render(tokens, token_span, index, span, f0, energy, timbre, noise)
        rows = audio.float().cpu().numpy()
        return [row[:length].copy() for row, length in zip(rows, lengths, strict=True)]

    def _timbre(self, phrases: Sequence[Phrase]) -> Tensor:
        """[B, style], or [B, layers, style] where a voice has something to add in each layer."""
        rows = self._rows([phrase.timbre.row(len(phrase.phonemes))[TIMBRE] for phrase in phrases])
        offsets = [phrase.timbre.layers for phrase in phrases]
        if all(each is None for each in offsets):
            return rows
        config = self.network.config
        nothing = np.zeros((config.timbre_layers, config.style), np.float32)
        return rows[:, None] + self._rows([nothing if each is None else each for each in offsets])

    def _tokens(self, lines: Sequence[str]) -> tuple[Tensor, Span]:
        ids = [token_ids(line, self.network.config) for line in lines]
        return self._rows(ids), Span([len(row) for row in ids], self.device)

    def _alignment(self, durations: Sequence[np.ndarray]) -> tuple[Tensor, Span]:
        """Frames per token -> the token of each frame, [B, F]."""
        rows = [np.repeat(np.arange(len(steps)), steps) for steps in durations]
        return self._rows(rows), Span([len(row) for row in rows], self.device)

    def _rows(self, rows: Sequence[np.ndarray]) -> Tensor:
        return padded(rows).to(self.device)


def gaussian(seed: int, samples: int, harmonics: int) -> Floats:
    """Unit noise [samples, harmonics] by the seed alone: the same on every device and in every batch."""
    return torch.randn(samples, harmonics, generator=torch.Generator().manual_seed(seed)).numpy()


def fill(config: KokoroConfig, tensors: dict[str, Tensor]) -> Kokoro:
    """The network with `tensors` (published names) as its float32 parameters.

    Raises `ModelRejected` naming the first tensor that is missing, unexpected, misshapen or not finite.
    """
    network = Kokoro(config)
    ours = parameter_names(network)
    parameters = dict(network.named_parameters())
    shapes = {published: tuple(parameters[name].shape) for published, name in ours.items()}
    check_fit(tensors, shapes)
    with torch.no_grad():
        for published, tensor in tensors.items():
            parameters[ours[published]].copy_(tensor)  # in place: a second copy takes room
    return network
