"""What two trackers of renown hear in two spoken lines, recorded: WORLD's Harvest has no wheels to install
with every test run, and Praat is under the GPL, which nothing that tests install is.

pip install pyworld praat-parselmouth && python -m tests.prosody.record_trackers
"""

import json
from pathlib import Path

import numpy as np

from sidecar.line import Line
from sidecar.speech import Speech
from sidecar.voice import Voice

RECORDED = Path(__file__).parent / "trackers.json"
TEXT = "Nobody who went in ever came back out. Take a lantern with you."
SPEAKERS = ("am_michael", "bf_emma")
FRAMES_PER_S, LOWEST_HZ, HIGHEST_HZ = 100, 60, 500


def spoken(voice: Voice, speaker: str) -> Speech:
    """As the model alone speaks it: what we do to pauses and ends must not make a recording old."""
    synthesizer = voice.synthesizer
    return synthesizer.said(synthesizer.prepare(Line(TEXT, speaker)).bare())


def harvest(speech: Speech) -> list[float]:
    """F0 in Hz, 100 frames a second, 0 where there is none."""
    import pyworld

    found, _ = pyworld.harvest(
        speech.samples.astype(np.float64), speech.sample_rate_hz, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ,
        frame_period=1000 / FRAMES_PER_S,
    )  # fmt: skip
    return [round(float(hz), 1) for hz in found]


def praat(speech: Speech) -> list[float]:
    """The same by Praat's autocorrelation."""
    import parselmouth

    pitch = parselmouth.Sound(speech.samples.astype(np.float64), speech.sample_rate_hz).to_pitch_ac(
        time_step=1 / FRAMES_PER_S, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ
    )
    times_s = np.arange(round(speech.duration_s * FRAMES_PER_S) + 1) / FRAMES_PER_S
    return [round(float(hz), 1) for hz in np.nan_to_num([pitch.get_value_at_time(t) for t in times_s])]


if __name__ == "__main__":
    voice = Voice.load()
    speeches = {speaker: spoken(voice, speaker) for speaker in SPEAKERS}
    trackers = {"praat": praat, "world": harvest}
    RECORDED.write_text(
        json.dumps(
            {name: {who: f(speech) for who, speech in speeches.items()} for name, f in trackers.items()}
        )
    )
