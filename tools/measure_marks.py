"""Measure what the shipped voices are known by: `sidecar/fitting/data/marks.safetensors`.

    python -m tools.measure_marks

Each says a line of English, whatever it speaks otherwise; two minutes on one core.
"""

from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from safetensors.numpy import save_file

from sidecar.fitting.encoders import NAMES, load_encoders
from sidecar.fitting.gate import median_hz
from sidecar.fitting.hearing import embeddings
from sidecar.fitting.marks import FILE, LINE
from sidecar.fitting.quality import voice_quality
from sidecar.fitting.recording import ENGINE_HZ
from sidecar.line import Line
from sidecar.prosody.f0 import Floats
from sidecar.voice import Voice

TARGET = Path(__file__).parent.parent / "sidecar" / "fitting" / "data" / FILE


def spoken(voice: Voice, speaker: str) -> Floats:
    """The line as the model itself speaks it."""
    line = voice.synthesizer.prepare(Line(LINE, speaker, language="en-US"))
    return voice.synthesizer.said(line.bare()).samples


def main() -> None:
    voice = Voice.load(device="cpu")
    names = voice.description.speakers
    encoders = load_encoders(NAMES, torch.device("cpu"))
    samples = [spoken(voice, name) for name in track(names)]
    heard = [embeddings(encoders, each) for each in samples]
    tensors = {
        f"embedding.{name}": np.stack([each[name] for each in heard]).astype(np.float16) for name in NAMES
    }
    tensors["f0_st"] = np.array([12 * np.log2(median_hz(each)) for each in samples], np.float32)
    tensors["quality"] = np.array([voice_quality(each, ENGINE_HZ) for each in samples], np.float32)
    tensors["names"] = np.frombuffer("\n".join(names).encode(), np.uint8)
    save_file(tensors, TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes, {len(names)} voices")


if __name__ == "__main__":
    main()
