"""How far rendering in 8 bits and in bfloat16 is from float32, for every voice, on lines nobody was tuned on.

    python -m tests.benchmarks.precision [--speakers N]

One plan, one noise, rendered in each precision. Beside them stands what another noise changes, which nobody
hears. Bars: 8 bits no further than bfloat16 on the mean, and no voice beyond 4 dB.
"""

import argparse
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

from sidecar.engines.base import Engine
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.line import Line
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.loader import load_model
from sidecar.prosody.plan import Floats, Plan
from sidecar.synthesis import Synthesizer
from tests.benchmarks.spectra import log_spectral_distance_db

LINES = {
    "en": ("Put down the lantern, slowly, and step away from the well.", "neutral"),
    "zh": ("把灯笼慢慢放下，离井远一点。", "neutral"),
    "angry": ("Get out of my tavern!", "anger"),
}
FURTHEST_DB = 4.0
CONTENDERS = ("bfloat16", "int8")


def sound(engine: Engine, plans: list[Plan], seed: int) -> Floats:
    return np.concatenate(engine.render(plans, [seed] * len(plans)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speakers", type=int, default=54)
    options = parser.parse_args()
    pack = ensure_default_voice(Home.from_environment())
    exact = load_model(pack, place("cpu", "float32"))
    engines = {name: load_model(pack, place("cpu", name)).engine for name in CONTENDERS}
    synthesizer, names = Synthesizer(exact), exact.manifest.speakers
    distances: dict[str, dict[str, float]] = {}
    for speaker in names[:: max(1, len(names) // options.speakers)]:
        language = "zh" if speaker.startswith("z") else "en"
        found: dict[str, list[float]] = {name: [] for name in ("another noise", *CONTENDERS)}
        for text, emotion in (LINES[language], LINES["angry"]):
            plans = synthesizer.plans(Line(text, speaker, emotion=emotion, intensity=1.0))
            wanted = sound(exact.engine, plans, 3)
            found["another noise"].append(log_spectral_distance_db(wanted, sound(exact.engine, plans, 4)))
            for name, engine in engines.items():
                found[name].append(log_spectral_distance_db(wanted, sound(engine, plans, 3)))
        distances[speaker] = {name: float(np.mean(values)) for name, values in found.items()}
        print(
            f"{speaker:14}",
            *(f"{name} {value:5.2f} dB" for name, value in distances[speaker].items()),
            flush=True,
        )
    mean = {name: float(np.mean([row[name] for row in distances.values()])) for name in found}
    worst = max(row["int8"] for row in distances.values())
    print("mean of", len(distances), *(f"{name} {value:5.2f} dB" for name, value in mean.items()))
    print(f"worst voice in 8 bits {worst:.2f} dB (bar {FURTHEST_DB})")
    return not (mean["int8"] <= mean["bfloat16"] and worst <= FURTHEST_DB)


if __name__ == "__main__":
    sys.exit(main())
