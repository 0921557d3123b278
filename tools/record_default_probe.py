"""Record the picture of the default voice's probe: `python tools/record_default_probe.py`.

Needed when the probe's lines, the log-mel or the conversion change on purpose; nothing else may
change it. Speaks in float32 on the CPU.
"""

import tempfile
from pathlib import Path

from sidecar.checks.speaking import record_probe
from sidecar.engines.runtimes import place
from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.loader import load_model
from sidecar.models.standard_probe import STANDARD
from sidecar.synthesis import Synthesizer

TARGET = Path(default_voice.__file__).with_name("data") / "default_probe.safetensors"


def main() -> None:
    if not TARGET.exists():
        TARGET.write_bytes(b"-")  # the conversion carries along whatever is in it
    with tempfile.TemporaryDirectory() as home:
        pack = default_voice.ensure_default_voice(Home(Path(home)))
        record_probe(Synthesizer(load_model(pack, place("cpu", "float32"))), STANDARD, TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
