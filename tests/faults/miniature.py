"""The command line of a sidecar whose default voice is a miniature, and that waits for little.

    python -m tests.faults.miniature serve

All is real but the size of the network: packs are checked in a child, loaded, and speak a line before they
are live. Their sound is not judged (`tests.faults.unheard`), since random weights sound like noise.
"""

import time
from collections.abc import Callable
from functools import partial

from sidecar.home import Home
from sidecar.models import default_voice
from sidecar.models.pack import Pack, open_pack
from sidecar.server import config
from sidecar.server.live_voices import ServedVoice
from sidecar.server.reloading import startup
from tests.attacks.packs import make_miniature
from tests.faults import unheard
from tests.faults.stage import HOLD


def shipped(home: Home, _progress: object) -> Pack:
    folder = default_voice.folder_in(home)
    if not folder.exists():
        make_miniature(folder, name=default_voice.NAME, version=default_voice.VERSION)
    return open_pack(folder)


def held(load: Callable[..., ServedVoice]) -> Callable[..., ServedVoice]:
    """Loading that waits as long as a test wants it to."""

    def waiting(self: startup.Loader, pack: Pack, probe: bool) -> ServedVoice:
        while (self.home.root / HOLD).exists():
            time.sleep(0.01)
        return load(self, pack, probe)

    return waiting


if __name__ == "__main__":
    startup.ensure_default_voice = shipped
    config.ModelsConfig = partial(
        config.ModelsConfig, quiet_s=0.2, patience_s=0.5, same_source_s=0.2, grace_s=0.2
    )
    startup.Loader.load = held(startup.Loader.load)
    unheard.main()
