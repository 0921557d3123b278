"""What WORLD's Harvest hears in two spoken lines, recorded: it has no wheels to install with every test run.

pip install pyworld && python -m tests.prosody.record_harvest
"""

import json
from pathlib import Path

import numpy as np

from sidecar.speech import Speech
from sidecar.voice import Voice

RECORDED = Path(__file__).parent / "harvest.json"
TEXT = "Nobody who went in ever came back out. Take a lantern with you."
SPEAKERS = ("am_michael", "bf_emma")


def harvest(speech: Speech) -> list[float]:
    """F0 in Hz, 100 frames a second, 0 where there is none."""
    import pyworld

    found, _ = pyworld.harvest(
        speech.samples.astype(np.float64), speech.sample_rate_hz, f0_floor=60, f0_ceil=500, frame_period=10
    )
    return [round(float(hz), 1) for hz in found]


if __name__ == "__main__":
    voice = Voice.load()
    RECORDED.write_text(json.dumps({name: harvest(voice.synthesize(TEXT, name)) for name in SPEAKERS}))
