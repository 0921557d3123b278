"""At which pitch the shipped speakers speak, and who of them is nearest to somebody."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from math import log2


def nearest(pitch_hz: float, speakers: Iterable[str]) -> str | None:
    """Of `speakers` the one who is neutrally nearest to that middle of F0; None where none is known."""
    known = [name for name in speakers if name in shipped()]
    return min(known, key=lambda name: abs(log2(shipped()[name] / pitch_hz)), default=None)


@cache
def shipped() -> Mapping[str, float]:
    """Medians of neutral F0 in Hz, of one line each (`tools/measure_registers.py`)."""
    text = files("sidecar.prosody").joinpath("data/registers.json").read_text("utf-8")
    known: dict[str, float] = json.loads(text)
    return known
