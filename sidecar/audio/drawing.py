"""Sound as a picture for pages."""

import numpy as np

from sidecar.audio.mel import Floats


def waveform(samples: Floats, width_px: int, height_px: int) -> str:
    """Lowest and highest sample of each column, as an SVG path."""
    columns = np.array_split(samples, width_px)
    middle = height_px / 2
    bars = "".join(
        f"M{x} {middle - middle * high:.1f}V{middle - middle * low + 0.5:.1f}"
        for x, (low, high) in enumerate((float(c.min()), float(c.max())) for c in columns if len(c))
    )
    return f'<path d="{bars}" stroke="#357" fill="none"/>'
