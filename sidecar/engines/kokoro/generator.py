"""The vocoder: decoder features and F0 -> waveform, by harmonics plus noise and an inverse STFT.

Source: ISTFTNet (Kaneko et al. 2022) with the NSF source of Wang et al. 2019, as used by
StyleTTS 2 and Kokoro (`istftnet.py`).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.engines.kokoro.excitation import SINE_AMPLITUDE, VOICED_ABOVE_HZ, VOICED_NOISE
from sidecar.engines.kokoro.layers import AdaIN
from sidecar.engines.layers import Conv, Linear, Span, Upsample


class HarmonicSource(nn.Module):
    """F0 -> excitation: nine harmonics where voiced, noise where not, merged by a learned mix."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.l_linear = Linear(config.harmonics, 1)
        self.sample_rate_hz = config.sample_rate_hz
        self.hop = config.samples_per_curve_frame

    def forward(self, f0_hz: Tensor, noise: Tensor) -> Tensor:
        """`f0_hz` [B, T] (zero beyond a row's end), `noise` [B, T * hop, harmonics], unit -> [B, T * hop].

        The order of operations is the reference's: the phase of the STFT behind it flips between
        -pi and pi on the last bit, and a flip is seen in the waveform.
        """
        voiced = (f0_hz > VOICED_ABOVE_HZ).float().repeat_interleave(self.hop, dim=1)[..., None]
        deviation = voiced * VOICED_NOISE + (1 - voiced) * SINE_AMPLITUDE / 3
        harmonics = self.sines(f0_hz).transpose(1, 2) * SINE_AMPLITUDE * voiced + deviation * noise
        return torch.tanh(self.l_linear(harmonics)).squeeze(-1)

    def sines(self, f0_hz: Tensor) -> Tensor:
        """[B, T] -> [B, harmonics, T * hop]. Phase is summed at the curve's rate, then interpolated."""
        number = torch.arange(1, self.l_linear.in_features + 1, device=f0_hz.device)
        turns = (f0_hz[:, None, :] * number[:, None] / self.sample_rate_hz) % 1
        phase = torch.cumsum(turns, dim=-1) * 2 * math.pi
        return torch.sin(F.interpolate(phase * self.hop, scale_factor=self.hop, mode="linear"))


class ShortTimeFourier(nn.Module):
    """A 20-point STFT of one row, and its inverse, exact for rows of any length in a batch."""

    window: Tensor  # [n_fft]
    synthesis: Tensor  # [2 * bins, n_fft]

    def __init__(self, n_fft: int, hop: int) -> None:
        super().__init__()
        self.n_fft, self.hop, bins = n_fft, hop, n_fft // 2 + 1
        window = torch.hann_window(n_fft)
        angle = 2 * math.pi / n_fft * torch.arange(bins)[:, None] * torch.arange(n_fft)
        doubled = torch.full((bins, 1), 2.0, dtype=torch.float64)
        doubled[0] = doubled[-1] = 1
        synthesis = torch.cat([torch.cos(angle) * doubled, -torch.sin(angle) * doubled]) / n_fft * window
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("synthesis", synthesis.float(), persistent=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Samples [1, N] -> magnitude and phase, each [1, N / hop + 1, bins].

        The row is centred with reflection at its ends, which makes the first frame even, and all its bins
        real. In every frame the lowest and the highest bin are. What a library leaves there as imaginary
        part, be it a zero's sign, would choose between pi and -pi, and is heard.
        """
        spectrum = torch.stft(
            x, self.n_fft, self.hop, window=self.window, center=True, pad_mode="reflect", return_complex=True
        )
        spectrum.imag[:, :: self.n_fft // 2].zero_()
        spectrum.imag[:, :, 0].zero_()
        spectrum = spectrum.transpose(1, 2)
        return spectrum.abs(), spectrum.angle()

    def inverse(self, magnitude: Tensor, phase: Tensor, span: Span) -> Tensor:
        """Each [B, M, bins], `span` in frames -> samples [B, (M - 1) * hop]."""
        spectrum = torch.cat([magnitude * torch.cos(phase), magnitude * torch.sin(phase)], dim=-1)
        frames = span.clean(spectrum) @ self.synthesis
        ones = span.clean(torch.ones_like(frames[..., :1]))
        envelope = self.overlap_add(ones * self.window.square())
        return self.overlap_add(frames) / envelope.clamp_min(1e-11)

    def overlap_add(self, frames: Tensor) -> Tensor:
        """[B, M, n_fft] -> [B, (M - 1) * hop], half a window trimmed at either end."""
        batch, count, _ = frames.shape
        blocks = self.n_fft // self.hop
        parts = frames.view(batch, count, blocks, self.hop)
        total = frames.new_zeros(batch, count + blocks - 1, self.hop)
        for block in range(blocks):
            total[:, block : block + count] += parts[:, :, block]
        half = self.n_fft // 2
        return total.flatten(1)[:, half : half + (count - 1) * self.hop]


class Snake(nn.Module):
    """AdaIN followed by Snake (Ziyin et al. 2020): ``y + sin(alpha y)^2 / alpha``.

    With ``sin^2 z = (1 - cos 2z) / 2`` the norm, the activation and its constants fold
    into two multiply-adds, one cosine and one accumulation over the tensor.
    """

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.norm = AdaIN(style, channels)
        self.alpha = nn.Parameter(torch.empty(1, channels, 1))

    def forward(self, x: Tensor, s: Tensor, span: Span, dtype: torch.dtype) -> Tensor:
        x = x.float()
        scale, shift = self.norm.affine(x, s, span)
        alpha = self.alpha.view(1, 1, -1)
        wave = torch.addcmul(2 * alpha * shift, x, 2 * alpha * scale).cos_()
        y = torch.addcmul(shift + 0.5 / alpha, x, scale).addcmul_(wave, -0.5 / alpha)
        return span.clean(y.to(dtype))


class ResBlock(nn.Module):
    """Three pairs of dilated and plain convolutions, each behind a `Snake`; [B, T, C] -> [B, T, C]."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...], style: int) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(Conv(channels, channels, kernel, dilation=d) for d in dilations)
        self.convs2 = nn.ModuleList(Conv(channels, channels, kernel) for _ in dilations)
        self.snakes1 = nn.ModuleList(Snake(style, channels) for _ in dilations)
        self.snakes2 = nn.ModuleList(Snake(style, channels) for _ in dilations)

    def forward(self, x: Tensor, s: Tensor, span: Span) -> Tensor:
        for conv1, conv2, snake1, snake2 in zip(
            self.convs1, self.convs2, self.snakes1, self.snakes2, strict=True
        ):
            y = conv1(snake1(x, s, span, conv1.weight.dtype))
            x = x + conv2(snake2(y, s, span, conv2.weight.dtype))
        return x


class Stage(nn.Module):
    """One upsampling step: features and the harmonic source join, then the mean of three residual blocks."""

    def __init__(self, config: KokoroConfig, index: int) -> None:
        super().__init__()
        channels = config.generator_channels >> (index + 1)
        rates, style, dilations = config.upsample_rates, config.style, config.resblock_dilations
        self.up = Upsample(2 * channels, channels, config.upsample_kernels[index], rates[index])
        self.is_last = index == len(rates) - 1
        self.noise_conv = self.make_noise_conv(config.n_fft + 2, channels, math.prod(rates[index + 1 :]))
        self.noise_res = ResBlock(channels, config.noise_kernels[index], dilations, style)
        self.resblocks = nn.ModuleList(
            ResBlock(channels, kernel, dilations, style) for kernel in config.resblock_kernels
        )

    def make_noise_conv(self, inputs: int, outputs: int, stride: int) -> Conv:
        if self.is_last:
            return Conv(inputs, outputs, 1)
        return Conv(inputs, outputs, 2 * stride, stride=stride, padding=(stride + 1) // 2)

    def forward(self, x: Tensor, source: Tensor, s: Tensor, span: Span) -> Tensor:
        """`span` counts the steps of the result."""
        x = self.up(F.leaky_relu(x, 0.1))
        if self.is_last:  # the centred STFT has one frame more
            x = torch.cat([x[:, 1:2], x], dim=1)
        x = x + self.noise_res(self.noise_conv(source).float(), s, span)
        total = self.resblocks[0](x, s, span)
        for block in self.resblocks[1:]:
            total = total + block(x, s, span)
        return total / len(self.resblocks)


class Generator(nn.Module):
    """Decoder features [B, T, channels] and F0 [B, T] at 80 Hz -> samples [B, T * 300]."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.m_source = HarmonicSource(config)
        self.stft = ShortTimeFourier(config.n_fft, config.hop)
        self.stages = nn.ModuleList(Stage(config, index) for index in range(len(config.upsample_rates)))
        self.conv_post = Conv(config.generator_channels >> len(config.upsample_rates), config.n_fft + 2, 7)
        self.rates, self.hop = config.upsample_rates, config.samples_per_curve_frame

    def forward(self, x: Tensor, s: Tensor, f0_hz: Tensor, noise: Tensor, span: Span) -> Tensor:
        frames = span.scaled(math.prod(self.rates), extra=1)
        source = self.source(f0_hz, noise, span)
        factor, x = 1, span.clean(x)
        for stage, rate in zip(self.stages, self.rates, strict=True):
            factor *= rate
            here = frames if factor == math.prod(self.rates) else span.scaled(factor)
            x = here.clean(stage(x, source, s, here))
        x = self.conv_post(F.leaky_relu(x)).float()
        log_magnitude, phase = x.chunk(2, dim=-1)
        return self.stft.inverse(log_magnitude.exp(), torch.sin(phase), frames)

    def source(self, f0_hz: Tensor, noise: Tensor, span: Span) -> Tensor:
        """The harmonic source's spectrum [B, M, n_fft + 2], zero beyond each row's end.

        Row by row: a phase near half a turn flips by the last bit, and that bit depends on a row's company.
        """
        rows = []
        for row, steps in enumerate(span.lengths):
            one = slice(row, row + 1)
            wave = self.m_source(f0_hz[one, :steps], noise[one, : steps * self.hop])
            rows.append(torch.cat(self.stft(wave), dim=-1)[0])
        return pad_sequence(rows, batch_first=True)
