"""Kokoro-82M behind the engine interface, run by onnxruntime: the same plans and samples without PyTorch."""

from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path

import numpy as np

from sidecar.engines.arrays import Array, read_arrays
from sidecar.engines.base import EngineDescription, SpeakerChoice
from sidecar.engines.compact import check_arrays
from sidecar.engines.kokoro import excitation
from sidecar.engines.kokoro.config import KokoroConfig, language_of
from sidecar.engines.kokoro.config_check import compact_tensors, tensor_shapes
from sidecar.engines.kokoro.description import FRAME_S, check_layers, described, token_ids
from sidecar.engines.kokoro.graph_files import GRAPHS, read_graphs
from sidecar.engines.kokoro.graph_weights import PackWeights
from sidecar.engines.kokoro.voices import MANNER, TIMBRE, Voices
from sidecar.engines.placement import memory_errors
from sidecar.engines.sessions import Session
from sidecar.prosody.plan import Floats, Phrase, Plan, Speaker

_MIX = "decoder.generator.m_source.l_linear"


class KokoroGraphEngine:
    """Three sessions over a pack's weights. Not thread-safe. A phrase at a time."""

    def __init__(
        self, weights: PackWeights, voices: Voices, config: KokoroConfig, folder: Path = GRAPHS
    ) -> None:
        """`folder` has the graphs. Raises `ModelRejected` for a configuration without."""
        self.voices, self.config = voices, config
        graphs = read_graphs(config, "int8" if weights.is_int8 else "float32", folder)
        kept: dict[str, Array] = {}  # one array for what several graphs want

        def weight(name: str) -> Array:
            if name not in kept:
                kept[name] = weights.initializer(name)
            return kept[name]

        self._durations, self._curves, self._decoder = (Session(graph, weight) for graph in graphs.values())
        self._mix, self._bias = weight(f"{_MIX}.weight"), weight(f"{_MIX}.bias")

    @classmethod
    def load(cls, weights: Path, voices: Path, config: KokoroConfig) -> "KokoroGraphEngine":
        """Read a pack's two files. Raises `ModelRejected` for what does not fit."""
        arrays = read_arrays(weights)
        may_be_compact = compact_tensors(config)
        check_arrays(arrays, tensor_shapes(config), may_be_compact)
        known = Voices.load(voices)
        check_layers(known, config.timbre_layers)
        return cls(PackWeights.of(arrays, may_be_compact), known, config)

    def with_voices(self, more: Sequence[Voices]) -> "KokoroGraphEngine":
        """As `WithVoices`."""
        for voices in more:
            check_layers(voices, self.config.timbre_layers)
        other = copy(self)
        other.voices = self.voices.before(more)
        return other

    @property
    def description(self) -> EngineDescription:
        return described(self.config, self.voices, 1, "cpu", "float32", "onnx")

    def speaker(self, choice: SpeakerChoice) -> Speaker:
        return self.voices.choose(choice)

    def language_of(self, speaker: str) -> str:
        return language_of(speaker)

    def plan(self, phrases: Sequence[Phrase]) -> list[Plan]:
        with memory_errors("this line"):
            return [self._plan(phrase) for phrase in phrases]

    def render(self, plans: Sequence[Plan], seeds: Sequence[int]) -> list[Floats]:
        with memory_errors("this line"):
            return [self._render(plan, seed) for plan, seed in zip(plans, seeds, strict=True)]

    def pieces(self, plan: Plan, seed: int) -> Iterator[Floats]:
        """All at once: every sample depends on norms over the whole phrase."""
        yield from self.render([plan], [seed])

    def _plan(self, phrase: Phrase) -> Plan:
        tokens = token_ids(phrase.phonemes, self.config)
        manner = phrase.manner.row(len(phrase.phonemes))[None, MANNER]
        features, steps = self._durations({"tokens": tokens, "manner": manner})
        frames = np.maximum(np.rint(steps / np.float32(phrase.speed)), 1).astype(np.int64)
        f0, energy = self._curves({"features": np.repeat(features, frames, axis=0), "manner": manner})
        return Plan(phrase, frames, f0, energy, FRAME_S)

    def _render(self, plan: Plan, seed: int) -> Floats:
        samples = 2 * plan.frames * self.config.samples_per_curve_frame
        noise = excitation.gaussian(seed, samples, self.config.harmonics)
        return self.rendered(plan, noise)

    def rendered(self, plan: Plan, noise: Floats) -> Floats:
        """The rendering half; `noise` [600 F, harmonics] -> samples [600 F]."""
        wave = excitation.harmonic_source(plan.f0_hz, noise, self._mix, self._bias, self.config)
        (spectrum,) = self._decoder(
            {
                "tokens": token_ids(plan.phrase.phonemes, self.config),
                "index": np.repeat(np.arange(len(plan.durations_frames)), plan.durations_frames),
                "f0": plan.f0_hz,
                "energy": plan.energy,
                "timbre": self._timbre(plan.phrase),
                "source": excitation.transformed(wave, self.config),
            }
        )
        return excitation.waveform(spectrum, self.config)

    def _timbre(self, phrase: Phrase) -> Floats:
        """[layers, style]: one row for each layer that listens to it."""
        row = phrase.timbre.row(len(phrase.phonemes))[None, TIMBRE]
        rows = np.repeat(row, self.config.timbre_layers, axis=0)
        return rows if phrase.timbre.layers is None else rows + phrase.timbre.layers
