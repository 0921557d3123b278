"""What the shipped voices are known by, measured once by `tools/measure_marks.py`: by what encoders hear, how
high they speak and what their voice is like. A fit starts from the nearest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from safetensors.numpy import load

from sidecar.prosody.f0 import Doubles, Floats

FILE = "marks.safetensors"
LINE = "Every house on the hill was dark, and it began to rain before we got there."
_SEMITONE = 0.08  # of F0 apart, in likeness


@dataclass(frozen=True, eq=False)
class Marks:
    """Voices by `names`: embeddings [voices, width] of unit length by encoder, F0 [voices] in semitones over
    1 Hz, and voice quality [voices, measures]."""

    names: tuple[str, ...]
    embeddings: Mapping[str, Floats]
    f0_st: Floats
    quality: Floats

    @property
    def spread(self) -> Doubles:
        """The standard deviation of each measure of voice quality."""
        return np.asarray(self.quality.std(0, dtype=np.float64) + 1e-6)

    def nearest(self, heard: Mapping[str, Floats], f0_st: float, among: Iterable[str]) -> str:
        """Of voices `among`, the one most like what encoders have heard of a person, F0 considered. A name
        that is not known here is passed over. Raises `ValueError` where none is known."""
        names = set(among)
        rows = {name: self._likeness(at, heard, f0_st) for at, name in enumerate(self.names) if name in names}
        if not rows:
            raise ValueError("none of the voices is known")
        return max(rows, key=rows.__getitem__)

    def _likeness(self, at: int, heard: Mapping[str, Floats], f0_st: float) -> float:
        alike = sum(float(self.embeddings[name][at] @ embedding) for name, embedding in heard.items())
        return alike - _SEMITONE * len(heard) / 2 * abs(float(self.f0_st[at]) - f0_st)


@cache
def marks() -> Marks:
    tensors = load((resources.files("sidecar.fitting") / "data" / FILE).read_bytes())
    names = tuple(bytes(tensors["names"]).decode().split("\n"))
    embeddings = {
        key.partition(".")[2]: value.astype(np.float32)
        for key, value in tensors.items()
        if key.startswith("embedding.")
    }
    return Marks(names, embeddings, tensors["f0_st"], tensors["quality"])
