"""A small renderer that answers like Kokoro's generator: a network that steers a source and a filter.

It hears what the generator hears, the decoder's features and F0 at 80 Hz, and tells 160 times a second how a
train of pulses and white noise are to be filtered: a linear time-variant filter on harmonics plus noise, as
in Neural Homomorphic Vocoder (Liu et al. 2020) and DDSP (Engel et al. 2020), here by overlap-add of windowed
stretches in the frequency domain. The network's blocks are ConvNeXt's (Liu et al. 2022), conditioned by FiLM
(Perez et al. 2018). Learned from the generator itself; no engine loads it yet.

Nothing is normalised over time. What a stretch needs of the rest of its phrase is the mean and the spread of
the features, which are there before its first sound, and `reach` steps on either side: it can be rendered in
pieces.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sidecar.engines.layers import Span
from sidecar.engines.tensors import check_fit, read_tensors

RATE_HZ, CURVE_HZ = 24_000, 80
HOP = RATE_HZ // CURVE_HZ  #: samples for one step of the curves
STRIDE = HOP // 2  #: samples from one filter to the next
POINTS = 6 * STRIDE  #: of the transforms: a stretch of two strides, and what the filters add
TAPS = 600  #: of a pulse's response
BINS, TAP_BINS = POINTS // 2 + 1, TAPS // 2 + 1
VOICED_ABOVE_HZ = 10.0
HIGHEST_HZ = 11_900.0  #: no harmonic lies above
SWELLS = 3  #: harmonics of F0 by which noise swells and falls within a period
QUIETEST, LOUDEST = -14.0, 4.0  #: log gains, so that no weights make infinite sound


@dataclass(frozen=True)
class FastConfig:
    """`gains` are points even in mel, of pulses' and of noise's filters; `lead` is how many samples before a
    pulse its response may begin."""

    features: int = 512
    style: int = 128
    channels: int = 320
    blocks: int = 6
    expansion: int = 3
    taps: int = 7
    condition: int = 128
    gains: int = 64
    lead: int = 250

    @property
    def reach(self) -> int:
        """Steps on either side that are heard in a step: the network's, and what filters add."""
        return self.blocks * (self.taps // 2) + 3

    @property
    def outputs(self) -> tuple[int, ...]:
        """Numbers for one filter: gains and phase of pulses, gains of noise, its swelling."""
        return self.gains, TAP_BINS, TAP_BINS, self.gains, 2 * SWELLS


@dataclass(frozen=True, eq=False)
class Heard:
    """What a stretch is made from: features `x` [B, T, features], `f0_hz` and `energy` [B, T].

    `turns` [B, T] is the phase of the first harmonic amid each step, in turns within 0..1; `before` and
    `after` [B, T] what it gains from the step before and to the next.
    """

    x: Tensor
    f0_hz: Tensor
    energy: Tensor
    turns: Tensor
    before: Tensor
    after: Tensor

    @classmethod
    def whole(cls, x: Tensor, f0_hz: Tensor, energy: Tensor) -> "Heard":
        """Of whole phrases. The phase is the generator's own, summed in float64 and kept within a turn, so
        that it is as exact at a phrase's end as at its beginning."""
        gained = torch.remainder(f0_hz / RATE_HZ, 1) * HOP
        turns = torch.remainder(torch.cumsum(gained.double().cpu(), 1), 1).float().to(x.device)
        before, after = F.pad(gained[:, 1:], (1, 0)), F.pad(gained[:, 1:], (0, 1))
        return cls(x, f0_hz, energy, turns, before, after)

    def part(self, steps: slice) -> "Heard":
        return Heard(
            self.x[:, steps], self.f0_hz[:, steps], self.energy[:, steps],
            self.turns[:, steps], self.before[:, steps], self.after[:, steps],
        )  # fmt: skip

    @property
    def voiced(self) -> Tensor:
        """[B, T] of 0 and 1."""
        return (self.f0_hz > VOICED_ABOVE_HZ).float()

    def phase(self) -> Tensor:
        """[B, 300 T] radians; on a straight line between the middles of steps, as the generator has it."""
        at = (torch.arange(STRIDE, device=self.x.device) + 0.5) / HOP
        first = self.turns[..., None] + self.before[..., None] * (at - 0.5)
        second = self.turns[..., None] + self.after[..., None] * at
        turns = torch.stack([first, second], 2).flatten(1)  # [B, T, 2, 150] -> [B, 300 T]
        return 2 * math.pi * torch.remainder(turns, 1)


class Block(nn.Module):
    """Depthwise convolution, norm over channels with gain and bias from the condition, two wide layers."""

    def __init__(self, config: FastConfig) -> None:
        super().__init__()
        channels, wide = config.channels, config.expansion * config.channels
        self.depth = nn.Parameter(torch.randn(config.taps, channels) * (0.5 / config.taps) ** 0.5)
        self.film = nn.Linear(config.condition, 2 * channels)
        self.up = Wide(channels, wide)
        self.down = Wide(wide, channels)

    def forward(self, x: Tensor, condition: Tensor, span: Span) -> Tensor:
        """[B, T, channels], [B, condition] -> [B, T, channels]."""
        y = along_time(x, self.depth)
        gain, bias = self.film(condition)[:, None].chunk(2, -1)
        y = torch.addcmul(bias, F.layer_norm(y, y.shape[-1:]), 1 + gain)
        y = self.down(F.gelu(self.up(y), approximate="tanh"))
        return span.clean(x + y.float())


class Wide(nn.Linear):
    """A linear layer that may be kept in bfloat16."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


class FastRenderer(nn.Module):
    """The network and its filters. Parameters are float32 as loaded; `prepare` is for inference."""

    x_mean: Tensor  # [features]
    x_scale: Tensor  # [features]
    tap_mel: Tensor  # [gains, TAP_BINS]
    noise_mel: Tensor  # [gains, BINS]
    window: Tensor  # [2 * STRIDE]

    def __init__(self, config: FastConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("x_mean", torch.zeros(config.features))
        self.register_buffer("x_scale", torch.ones(config.features))
        self.register_buffer("tap_mel", mel_points(config.gains, TAP_BINS), persistent=False)
        self.register_buffer("noise_mel", mel_points(config.gains, BINS), persistent=False)
        self.register_buffer("window", torch.hann_window(2 * STRIDE), persistent=False)
        self.embed = Wide(config.features + 11, config.channels)
        self.who = nn.Sequential(
            nn.Linear(config.style + 2 * config.features, config.condition), nn.SiLU(),
            nn.Linear(config.condition, config.condition), nn.SiLU(),
        )  # fmt: skip
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.out = Wide(config.channels, 2 * sum(config.outputs))
        self.unvoiced = nn.Parameter(torch.zeros(config.gains))  # added to noise where there are no pulses

    @classmethod
    def load(cls, path: Path, config: FastConfig | None = None) -> "FastRenderer":
        """Strict: raises `ModelRejected` on a missing, extra or misshapen tensor."""
        renderer, tensors = cls(config or FastConfig()), read_tensors(path)
        check_fit(tensors, {name: tuple(tensor.shape) for name, tensor in renderer.state_dict().items()})
        renderer.load_state_dict(tensors)
        return renderer.eval().requires_grad_(False)

    def prepare(self, device: torch.device, precision: torch.dtype) -> "FastRenderer":
        """Move to `device`; the wide layers compute in `precision`, all else in float32."""
        for module in self.to(device).modules():
            if isinstance(module, Wide):
                module.to(precision)
        return self

    @torch.inference_mode()
    def render(
        self, x: Tensor, s: Tensor, f0_hz: Tensor, energy: Tensor, noise: Tensor, span: Span
    ) -> Tensor:
        """Features [B, T, features], timbre [B, style], curves [B, T], white noise [B, 300 T] of unit power
        -> samples [B, 300 T]. All must be zero beyond each row's end."""
        condition = self.condition(s, *statistics(x, span))
        pulsed, hiss = self(Heard.whole(x, f0_hz, energy), condition, [noise], span)
        return pulsed + hiss[0]

    @torch.inference_mode()
    def pieces(
        self, x: Tensor, s: Tensor, f0_hz: Tensor, energy: Tensor, noise: Tensor, lengths: Sequence[int]
    ) -> Iterator[Tensor]:
        """One phrase (B is 1) in pieces of so many steps, the last length for all that follow: samples
        [1, 300 * steps], which joined are what `render` gives, to 1e-5 of full scale in float32."""
        steps, reach, at, number = x.shape[1], self.config.reach, 0, 0
        heard = Heard.whole(x, f0_hz, energy)
        condition = self.condition(s, *statistics(x, Span([steps], x.device)))
        while at < steps:
            end = min(steps, at + lengths[min(number, len(lengths) - 1)])
            low, high = max(0, at - reach), min(steps, end + reach)
            white, span = noise[:, low * HOP : high * HOP], Span([high - low], x.device)
            pulsed, hiss = self(heard.part(slice(low, high)), condition, [white], span)
            yield (pulsed + hiss[0])[:, (at - low) * HOP : (end - low) * HOP]
            at, number = end, number + 1

    def condition(self, s: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
        """Timbre [B, style], mean and spread of a phrase's features, each [B, features] -> [B, condition]."""
        phrase = [(mean - self.x_mean) * self.x_scale, spread * self.x_scale - 1]
        return self.who(torch.cat([s, *phrase], -1))

    def forward(
        self, heard: Heard, condition: Tensor, noises: Sequence[Tensor], span: Span
    ) -> tuple[Tensor, list[Tensor]]:
        """The pulses' part [B, 300 T], and the noise's, once for each of the white `noises` [B, 300 T]."""
        gain, real, imaginary, noise_gain, swell = self.filters(heard, condition, span)
        phase, filters = heard.phase(), span.scaled(2)
        response = filters.clean(self.response(gain, real, imaginary))
        pulsed = self.overlap_add(response * self.stretches(pulses(phase, heard.f0_hz), 0))
        loudness = filters.clean(torch.exp(noise_gain.clamp(QUIETEST, LOUDEST) @ self.noise_mel))
        envelope = self.envelope(filters.clean(swell), phase, heard.voiced)
        lead = self.config.lead
        hiss = [self.overlap_add(loudness * self.stretches(white * envelope, lead)) for white in noises]
        return pulsed, hiss

    def filters(self, heard: Heard, condition: Tensor, span: Span) -> tuple[Tensor, ...]:
        """What is to be done to the sources, `config.outputs` numbers for each half step, [B, 2T, ...]."""
        voiced = heard.voiced
        octaves = torch.log2(heard.f0_hz.clamp_min(40) / 160)
        angles = [math.pi * octaves * n for n in (1, 2, 4, 8)]
        pitch = [2 * octaves, *map(torch.sin, angles), *map(torch.cos, angles)]
        curves = torch.stack([*(curve * voiced for curve in pitch), voiced, heard.energy], -1)
        x = torch.cat([(heard.x - self.x_mean) * self.x_scale, curves], -1)
        y = span.clean(self.embed(x).float())
        for block in self.blocks:
            y = block(y, condition, span)
        y = self.out(F.layer_norm(y, y.shape[-1:])).float()
        y = y.view(len(y), 2 * y.shape[1], -1)  # [B, T, 2 * outputs] -> [B, 2T, outputs]
        gain, real, imaginary, noise_gain, swell = y.split(self.config.outputs, -1)
        unvoiced = 1 - voiced.repeat_interleave(2, 1)[..., None]
        return gain, real, imaginary, noise_gain + self.unvoiced * unvoiced, swell

    def response(self, gain: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
        """Log gains at points of mel and a direction in each bin -> the filters' spectra [B, 2T, BINS]."""
        size = torch.exp(gain.clamp(QUIETEST, LOUDEST) @ self.tap_mel)
        size = size * torch.rsqrt(real.square() + imaginary.square() + 1e-3)
        taps = torch.fft.irfft(torch.complex(size * real, size * imaginary), n=TAPS)
        return torch.fft.rfft(taps.roll(self.config.lead, -1), n=POINTS)

    def stretches(self, wave: Tensor, silence: int) -> Tensor:
        """[B, 300 T] -> spectra [B, 2T, BINS] of its stretches under Hann windows, each behind `silence`."""
        parts = F.pad(wave, (STRIDE // 2, STRIDE // 2)).unfold(1, 2 * STRIDE, STRIDE) * self.window
        return torch.fft.rfft(F.pad(parts, (silence, POINTS - 2 * STRIDE - silence)))

    def overlap_add(self, spectra: Tensor) -> Tensor:
        """[B, M, BINS] -> [B, 150 M], without what lies before and behind."""
        frames = torch.fft.irfft(spectra, n=POINTS)
        batch, count, _ = frames.shape
        blocks = POINTS // STRIDE
        parts = frames.view(batch, count, blocks, STRIDE)
        total = frames.new_zeros(batch, count + blocks - 1, STRIDE)
        for block in range(blocks):
            total[:, block : block + count] += parts[:, :, block]
        start = self.config.lead + STRIDE // 2
        return total.flatten(1)[:, start : start + count * STRIDE]

    def envelope(self, swell: Tensor, phase: Tensor, voiced: Tensor) -> Tensor:
        """[B, 2T, 2 * SWELLS] -> [B, 300 T]: how noise swells and falls within a period; 1 where unvoiced."""
        swell = F.pad(swell.transpose(1, 2), (1, 1))
        swell = F.interpolate(swell, scale_factor=STRIDE, mode="linear")[..., STRIDE:-STRIDE]
        angles = phase[:, None] * torch.arange(1, SWELLS + 1, device=phase.device)[:, None]
        waves = torch.cat([torch.cos(angles), torch.sin(angles)], 1)
        return torch.exp((swell * waves).sum(1).clamp(-4, 4) * voiced.repeat_interleave(HOP, 1))


def statistics(x: Tensor, span: Span) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of [B, T, C] over each row's time, [B, C]."""
    count = span.count[:, None]
    mean = x.sum(1) / count
    away = span.clean(x - mean[:, None])
    return mean, (away.square().sum(1) / (count - 1).clamp_min(1)).sqrt()


def along_time(x: Tensor, taps: Tensor) -> Tensor:
    """[B, T, C] with each channel filtered by its own taps [K, C], zeros beyond the ends.

    As a convolution over images: PyTorch has no quick one over rows.
    """
    image, kernel = x.transpose(1, 2)[:, :, None], taps.T[:, None, None]
    return F.conv2d(image, kernel, padding=(0, len(taps) // 2), groups=len(kernel))[:, :, 0].transpose(1, 2)


def pulses(phase: Tensor, f0_hz: Tensor) -> Tensor:
    """Cosines of all harmonics under `HIGHEST_HZ`, each of amplitude 1, in closed form (Dirichlet's kernel);
    zero where unvoiced. Phase [B, 300 T] within 0..2 pi, F0 [B, T] -> [B, 300 T]."""
    hz = f0_hz.repeat_interleave(HOP, 1)
    count = torch.floor(HIGHEST_HZ / hz.clamp_min(20))
    half = torch.sin(phase / 2)
    near = half.abs() < 1e-4
    kernel = torch.sin((count + 0.5) * phase) / torch.where(near, torch.ones_like(half), half)
    kernel = torch.where(near, 2 * count + 1, kernel)
    return (kernel - 1) / 2 * (hz > VOICED_ABOVE_HZ)


def mel_points(points: int, bins: int) -> Tensor:
    """[points, bins] that interpolates between points even in mel, to bins even in Hz, 0 to 12 kHz."""
    mel = 2595 * torch.log10(1 + torch.linspace(0, RATE_HZ / 2, bins) / 700)
    at = mel / mel[-1] * (points - 1)
    low = at.floor().clamp(max=points - 2).long()
    part = at - low
    matrix = torch.zeros(points, bins)
    matrix[low, torch.arange(bins)] = 1 - part
    matrix[low + 1, torch.arange(bins)] = part
    return matrix
