"""The command line of a sidecar that takes packs without listening to them: random weights sound like noise.

    python -m tests.faults.unheard serve

Everything else is checked, and what is loaded still speaks a line before it is live.
"""

import os
from dataclasses import replace

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; read when torch is loaded
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

from sidecar import cli
from sidecar.server.reloading import startup


def main() -> None:
    settings_for = startup.settings_for
    startup.settings_for = lambda *given, **named: replace(settings_for(*given, **named), listen=False)
    startup.check_probe = lambda synthesizer, pack: synthesizer.warm_up()
    cli.main()


if __name__ == "__main__":
    main()
