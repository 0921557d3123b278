"""Record what goes into the decoder's convolutions: `python tools/record_int8_ranges.py`.

The default voice's weights, each of its speakers, in float32 on the CPU; a minute or two. Needed when
those weights change. A voice of other weights is observed for a second whenever it is loaded.

What nine speakers of ten stay below is recorded: the largest of all would make every step coarser, and what
lies beyond is clipped, which is heard less (log-spectral distance 1.82 dB instead of 1.96).
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

from sidecar.engines.kokoro import int8
from sidecar.engines.kokoro.engine import OBSERVED, KokoroEngine
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.models.default_voice import ensure_default_voice
from sidecar.models.loader import load_model

SHARE = 0.9
TARGET = Path(int8.__file__).with_name("data") / int8.RECORDED


def main() -> None:
    engine = load_model(ensure_default_voice(Home.from_environment()), place("cpu", "float32")).engine
    assert isinstance(engine, KokoroEngine)
    spoken = [
        engine.observed([OBSERVED[at % len(OBSERVED)]], [name]) for at, name in enumerate(engine.voices.names)
    ]
    reached = {name: torch.stack([each[name] for each in spoken]) for name in spoken[0]}
    ranges = {name: values.quantile(SHARE, dim=0).half() for name, values in reached.items()}
    save_file(ranges, TARGET, {"weights": int8.fingerprint(engine.network.decoder)})
    print(f"{TARGET}: {TARGET.stat().st_size} bytes, {len(spoken)} phrases")


if __name__ == "__main__":
    main()
