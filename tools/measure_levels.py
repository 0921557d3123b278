"""Print what each speaker of the default voice must gain to be as loud as the others: `levels_db` of
`sidecar/prosody/data/emotions.json`.

    python -m tools.measure_levels

Four neutral lines each, in the speaker's own language where it can be read, integrated loudness of EBU R128.
"""

import json
from dataclasses import replace

import numpy as np

from sidecar.audio.loudness import integrated_loudness
from sidecar.line import Line
from sidecar.prosody.emotions import SPEAKERS_LUFS
from sidecar.voice import Voice
from tests.benchmarks.emotion_lines import known_lines_of


def gain_db(voice: Voice, speaker: str) -> float:
    synthesizer = voice.synthesizer
    prepared = [synthesizer.prepare(Line(text, speaker)) for text in known_lines_of(speaker)]
    said = [synthesizer.said(replace(line, level_db=0.0)) for line in prepared]
    whole = np.concatenate([speech.samples for speech in said])
    return round(SPEAKERS_LUFS - integrated_loudness(whole, said[0].sample_rate_hz), 1)


def main() -> None:
    voice = Voice.load(device="cpu", precision="float32")
    print(json.dumps({speaker: gain_db(voice, speaker) for speaker in voice.description.speakers}))


if __name__ == "__main__":
    main()
