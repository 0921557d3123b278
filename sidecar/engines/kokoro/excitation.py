"""What surrounds the network's decoder when a graph runs it: noise, the harmonic source and both Fourier
transforms, in NumPy, as `generator.py` has them.

One row at a time. Phases are large numbers in float32, of which the last bit is heard: each operation is the
reference's, in its order.
"""

import math

import numpy as np
import numpy.typing as npt

from sidecar.engines.kokoro.config import KokoroConfig
from sidecar.prosody.plan import Floats

SINE_AMPLITUDE = 0.1
VOICED_NOISE = 0.003  #: standard deviation of the noise added to voiced harmonics
VOICED_ABOVE_HZ = 10.0
_BLOCK = 16  #: of numbers that PyTorch makes normal together
_LEAST = 1e-11


def gaussian(seed: int, samples: int, harmonics: int) -> Floats:
    """Unit noise [samples, harmonics]: that of `torch.randn` with a generator of this seed, but for rounding.

    Its CPU generator is MT19937; of 16 numbers, 8 give the sizes and 8 the angles (Box and Muller 1958).
    """
    count = samples * harmonics
    state = np.random.RandomState(seed & 0xFFFFFFFF)
    whole = _normal(_uniform(state, count - count % _BLOCK))
    if count % _BLOCK:  # the last 16 are drawn again
        whole = np.concatenate([whole, np.zeros(count % _BLOCK, np.float32)])
        _uniform(state, count % _BLOCK)
        whole[-_BLOCK:] = _normal(_uniform(state, _BLOCK))
    return whole.reshape(samples, harmonics)


def _uniform(state: np.random.RandomState, count: int) -> Floats:
    """In 0..1, of 24 bits each."""
    bits = state.randint(0, 1 << 32, count, dtype=np.uint32)
    return (bits & 0xFFFFFF).astype(np.float32) * np.float32(2**-24)


def _normal(uniform: Floats) -> Floats:
    rows = uniform.reshape(-1, 2, _BLOCK // 2)
    size = np.sqrt(np.float32(-2) * np.log(np.float32(1) - rows[:, 0]))
    angle = np.float32(2 * math.pi) * rows[:, 1]
    return np.stack([size * np.cos(angle), size * np.sin(angle)], axis=1).ravel()


def harmonic_source(f0_hz: Floats, noise: Floats, mix: Floats, bias: Floats, config: KokoroConfig) -> Floats:
    """`HarmonicSource.forward`: F0 [T] and noise [T * hop, harmonics] -> excitation [T * hop]; `mix`
    [1, harmonics] and `bias` [1] are those of its linear layer."""
    hop = config.samples_per_curve_frame
    voiced = np.repeat((f0_hz > VOICED_ABOVE_HZ).astype(np.float32), hop)[:, None]
    deviation = voiced * np.float32(VOICED_NOISE) + (1 - voiced) * np.float32(SINE_AMPLITUDE / 3)
    waves = _sines(f0_hz, config).T * np.float32(SINE_AMPLITUDE) * voiced + deviation * noise
    return np.tanh(waves @ mix[0] + bias)


def _sines(f0_hz: Floats, config: KokoroConfig) -> Floats:
    """[T] -> [harmonics, T * hop]."""
    number = np.arange(1, config.harmonics + 1, dtype=np.float32)
    turns = (f0_hz * number[:, None] / np.float32(config.sample_rate_hz)) % np.float32(1)
    summed = np.cumsum(turns, axis=-1, dtype=np.float64).astype(np.float32)
    phase = summed * np.float32(2) * np.float32(math.pi)
    return np.sin(
        _stretched(phase * np.float32(config.samples_per_curve_frame), config.samples_per_curve_frame)
    )


def _stretched(rows: Floats, hop: int) -> Floats:
    """Linear interpolation [n, T] -> [n, T * hop] as PyTorch's, corners not aligned."""
    steps = rows.shape[1]
    half = np.float32(0.5)
    at = np.maximum(_fused(np.float32(1 / hop), np.arange(steps * hop, dtype=np.float32) + half, -half), 0)
    low = np.minimum(at.astype(np.int64), steps - 1)
    share = np.minimum(at - low.astype(np.float32), np.float32(1))
    high = np.minimum(low + 1, steps - 1)
    return _fused(rows[:, low], np.float32(1) - share, rows[:, high] * share)


def _fused(x: Floats | np.float32, y: Floats, z: Floats | np.float32) -> Floats:
    """x * y + z, rounded once."""
    return (np.multiply(x, y, dtype=np.float64) + z).astype(np.float32)


def transformed(wave: Floats, config: KokoroConfig) -> Floats:
    """`ShortTimeFourier.forward`: [N] -> magnitudes above phases, [n_fft + 2, N / hop + 1]."""
    size, half = config.n_fft, config.n_fft // 2
    padded = np.pad(wave, half, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: config.hop]
    spectrum = np.fft.rfft(frames * window(size), axis=-1)
    real, imaginary = spectrum.real.astype(np.float32), spectrum.imag.astype(np.float32)
    imaginary[:, ::half] = 0
    imaginary[0] = 0  # reflected, the first frame is even
    size_of = np.hypot(real, imaginary)
    return np.ascontiguousarray(np.concatenate([size_of, np.arctan2(imaginary, real)], axis=1).T)


def waveform(spectrum: Floats, config: KokoroConfig) -> Floats:
    """`ShortTimeFourier.inverse` of what the network gives, [n_fft + 2, M] -> samples [(M - 1) * hop]."""
    bins = config.n_fft // 2 + 1
    size, phase = np.exp(spectrum[:bins]), np.sin(spectrum[bins:])
    parts = np.concatenate([size * np.cos(phase), size * np.sin(phase)])
    frames = parts.T @ _synthesis(config.n_fft)
    envelope = _overlapped(np.broadcast_to(np.square(window(config.n_fft)), frames.shape), config.hop)
    wave = _overlapped(frames, config.hop)
    wave /= np.maximum(envelope, _LEAST)
    return wave


def window(size: int) -> Floats:
    """Hann's, periodic."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def _synthesis(size: int) -> Floats:
    """[2 * bins, size]: an inverse transform with its window."""
    bins = size // 2 + 1
    angle = 2 * math.pi / size * np.arange(bins)[:, None] * np.arange(size)
    doubled = np.full((bins, 1), 2.0)
    doubled[0] = doubled[-1] = 1
    both = np.concatenate([np.cos(angle) * doubled, -np.sin(angle) * doubled])
    return (both / size * window(size)).astype(np.float32)


def _overlapped(frames: npt.NDArray[np.float32], hop: int) -> Floats:
    """[M, size] -> [(M - 1) * hop], half a window trimmed at either end."""
    count, size = frames.shape
    blocks = size // hop
    total = np.zeros((count + blocks - 1, hop), np.float32)
    for block in range(blocks):
        total[block : block + count] += frames[:, block * hop : (block + 1) * hop]
    return total.ravel()[size // 2 : size // 2 + (count - 1) * hop]
