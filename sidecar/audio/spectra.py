"""Short-time spectra of a sound and back (Griffin and Lim 1984), in steps of a quarter of a window."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]  #: [frames, size / 2 + 1]

STEPS = 4  #: to a window
_LEAST = 1e-11


def window_of(size: int) -> Floats:
    """Hann's, periodic; `size` divides by four."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def spectra_of(sound: Floats, window: Floats) -> Spectra:
    """Of samples [T], more than half a window: frames around every step, the ends reflected."""
    size = len(window)
    padded = np.pad(sound, size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // STEPS]
    return np.fft.rfft(frames * window, axis=1).astype(np.complex64, copy=False)


def wave_of(spectra: Spectra, window: Floats, length: int) -> Floats:
    """The first `length` samples of the sound whose spectra come nearest to these, all of which lie in it."""
    size = len(window)
    frames = np.fft.irfft(spectra, size, axis=1).astype(np.float32, copy=False) * window
    weight = np.broadcast_to(np.square(window), frames.shape)
    total = _overlapped(frames)
    total /= np.maximum(_overlapped(weight), _LEAST)
    return total[size // 2 : size // 2 + length]


def _overlapped(frames: Floats) -> Floats:
    count, size = frames.shape
    hop = size // STEPS
    total = np.zeros((count + STEPS - 1, hop), np.float32)
    for step in range(STEPS):
        total[step : step + count] += frames[:, step * hop : (step + 1) * hop]
    return total.ravel()
