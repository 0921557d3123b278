"""The child process that decodes a recording for a fit: a stranger's file may crash, fill or hold up a
decoder.

Started with the file and where its samples go: NumPy's own format, mono, float32. Reports one line of JSON.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

from sidecar.audio.clip import Floats
from sidecar.children.inside import end_with_parent, limit_self, report
from sidecar.protocol.limits import SAMPLE_RATE_HZ

LONGEST_S = 60.0
_MOST_CHANNELS = 8
_MEMORY_BYTES, _CPU_S = 2 << 30, 60


def main(source: Path, target: Path) -> None:
    limit_self(_MEMORY_BYTES, _CPU_S)
    end_with_parent()
    try:
        with soundfile.SoundFile(source) as file:
            if complaint := _complaint(file):
                report(ok=False, message=complaint)
                return
            samples = _loudest(file.read(_most(file.samplerate), dtype="float32", always_2d=True))
            np.save(target, samples, allow_pickle=False)
            report(ok=True, sample_rate_hz=file.samplerate)
    except (soundfile.SoundFileError, RuntimeError) as error:
        report(ok=False, message=f"it cannot be read: {str(error).rpartition(': ')[2].rstrip('.').lower()}")


def _complaint(file: soundfile.SoundFile) -> str | None:
    if not SAMPLE_RATE_HZ.lowest <= file.samplerate <= SAMPLE_RATE_HZ.highest:
        return f"it has {file.samplerate} samples a second, expected {SAMPLE_RATE_HZ}"
    if file.channels > _MOST_CHANNELS:
        return f"it has {file.channels} channels, expected {_MOST_CHANNELS} at most"
    seconds = file.frames / file.samplerate
    if file.frames < 1 << 62 and seconds > LONGEST_S:  # a stream's header does not know
        return f"it lasts {seconds:.1f} s, expected {LONGEST_S:g} s at most: cut it"
    return None


def _most(sample_rate_hz: int) -> int:
    return int(LONGEST_S * sample_rate_hz) + 1


def _loudest(channels: Floats) -> Floats:
    """Of [frames, channels] the one that is loudest on average [frames]."""
    at = int(np.argmax(np.abs(channels).mean(0, dtype=np.float64))) if len(channels) else 0
    return np.ascontiguousarray(channels[:, at])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
