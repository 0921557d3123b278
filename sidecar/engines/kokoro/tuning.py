"""Kokoro-82M as a function of a voice's numbers, for fitting voices to recordings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sidecar.engines.kokoro.engine import KokoroEngine, gaussian
from sidecar.engines.kokoro.network import spread
from sidecar.engines.kokoro.voices import MANNER, TIMBRE, Voices
from sidecar.engines.layers import Span
from sidecar.engines.tunable import Predicted, Said, Space
from sidecar.prosody.plan import Floats, Plan, Speaker
from sidecar.protocol.errors import Unsupported

_ROWS = np.arange(12, 100, 8)  # lengths of phrases that lines have
_USUAL = 40
_RANK = 10  # of what a voice varies by the length of phrases; the published ones have that
_NOISE_SEED = 9


@dataclass(frozen=True, eq=False)
class _Inputs:
    text: Tensor  # [1, F, hidden]
    f0_hz: Tensor  # [1, 2F]
    energy: Tensor  # [1, 2F]
    noise: Tensor  # [1, 600 F, harmonics]


class KokoroTuning:
    """`engines.tunable.Tunable`. Shares the engine's weights; where the CPU has bfloat16, its convolutions go
    twice as fast in that."""

    def __init__(self, engine: KokoroEngine) -> None:
        """Raises `Unsupported` for an engine in 8 bits, which has no gradients."""
        if engine.is_in_8_bits:
            raise Unsupported("no voice can be fitted in 8 bits: use bfloat16 or float32", field="precision")
        config = engine.network.config
        self._engine, self._network = engine, engine.network
        self.layers, self.width, self.device = config.timbre_layers, config.style, engine.device
        for module in engine.network.modules():
            if isinstance(module, nn.LSTM):
                module.train()  # without which cuDNN computes no gradients; there is no dropout

    def timbres(self, names: tuple[str, ...]) -> Space:
        return Space.of(self._rows(names, TIMBRE), self.device)

    def manners(self, names: tuple[str, ...]) -> Space:
        return Space.of(self._rows(names, MANNER), self.device)

    def timbre(self, name: str) -> Floats:
        return self._engine.voices.named(name).row(_USUAL)[TIMBRE]

    def manner(self, name: str) -> Floats:
        return self._engine.voices.named(name).row(_USUAL)[MANNER]

    def table(self, name: str, timbre: Floats, manner: Floats) -> dict[str, Floats]:
        table = self._engine.voices.named(name).table
        varied = table - self._engine.voices.named(name).row(_USUAL)
        left, sizes, right = np.linalg.svd(varied.astype(np.float64), full_matrices=False)
        rank = min(_RANK, len(sizes))
        return {
            "mean": np.concatenate([timbre, manner]).astype(np.float32),
            "length": np.ascontiguousarray(left[:, :rank] * sizes[:rank], np.float32),
            "style": np.ascontiguousarray(right[:rank], np.float32),
        }

    def speaker(self, name: str, tensors: Mapping[str, Floats]) -> Speaker:
        return _alone(name, tensors).named(name)

    def complaint(self, tensors: Mapping[str, Floats]) -> str | None:
        return _alone("voice", tensors).complaint("voice")

    def said(self, plan: Plan) -> Said:
        with torch.no_grad():
            tokens, token_span = self._engine._tokens([plan.phrase.phonemes])
            index, span = self._engine._alignment([plan.durations_frames])
            text = span.clean(spread(self._network.text_encoder(tokens, token_span), index))
            f0, energy = self._engine._rows([plan.f0_hz]), self._engine._rows([plan.energy])
            samples = 2 * plan.frames * self._network.config.samples_per_curve_frame
            noise = self._engine._rows([gaussian(_NOISE_SEED, samples, self._network.config.harmonics)])
        return Said(plan.frames, _Inputs(text, f0, energy, noise))

    def cut(self, said: Said, first: int, end: int) -> Said:
        given: _Inputs = said.inputs
        step = given.noise.shape[1] // said.frames
        inputs = _Inputs(
            given.text[:, first:end],
            given.f0_hz[:, 2 * first : 2 * end],
            given.energy[:, 2 * first : 2 * end],
            given.noise[:, step * first : step * end],
        )
        return Said(end - first, inputs)

    def render(self, said: Said, timbre: Tensor) -> Tensor:
        given: _Inputs = said.inputs
        span = Span([said.frames], self.device)
        samples: Tensor = self._network.decoder(
            given.text, given.f0_hz, given.energy, timbre[None], given.noise, span
        )
        return samples.float()

    def predict(self, plan: Plan, manner: Tensor) -> Predicted:
        predictor, s = self._network.predictor, manner[None]
        with torch.no_grad():
            tokens, token_span = self._engine._tokens([plan.phrase.phonemes])
            index, span = self._engine._alignment([plan.durations_frames])
            encoded = self._network.bert_encoder(self._network.bert(tokens, token_span))
        features = predictor.text_encoder(encoded, s, token_span)
        steps = torch.sigmoid(predictor.duration_proj(predictor.lstm(features, token_span)))
        f0, energy = predictor.curves(spread(features, index), s, span)
        return Predicted(steps.sum(-1), f0, energy)

    def _rows(self, names: tuple[str, ...], part: slice) -> Floats:
        return np.stack([self._engine.voices.named(name).table[_ROWS][:, part] for name in names])


def _alone(name: str, tensors: Mapping[str, Floats]) -> Voices:
    return Voices({f"{name}.{part}": tensor for part, tensor in tensors.items()})
