"""Print the neutral F0 of each speaker of the default voice, in Hz: `sidecar/prosody/data/registers.json`.

    python -m tools.measure_registers

The median over the voiced steps of one planned line, in the speaker's own language where it can be read.
"""

import json

from sidecar.line import Line
from sidecar.prosody.bend import median_hz
from sidecar.voice import Voice
from tests.benchmarks.emotion_lines import known_lines_of


def main() -> None:
    voice = Voice.load(device="cpu", precision="float32")
    found = {}
    for speaker in voice.description.speakers:
        plans = voice.synthesizer.plans(Line(known_lines_of(speaker)[0], speaker))
        found[speaker] = round(median_hz(plans[0]), 1)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
