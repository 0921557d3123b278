"""The command line of a sidecar whose voice is a tone: everything is real but the speech, which is quick.

python -m tests.tone_sidecar serve --connection-file FILE
"""

from pathlib import Path
from typing import NoReturn

from sidecar import cli
from sidecar.home import Home
from sidecar.reload.journal import Journal
from sidecar.reload.states import Entry, State
from sidecar.server.config import ModelsConfig
from sidecar.server.live_voices import LiveVoices
from sidecar.server.reloading import startup
from sidecar.server.reloading.dependencies import Dependencies
from sidecar.server.reloading.startup import Startup, serving_from
from tests.fakes import tone_voice


def tone_startup(home: Home, *_: object) -> Startup:
    def never(*_: object) -> NoReturn:
        raise AssertionError("nothing is to be reloaded here")

    voice = tone_voice()
    name = voice.name
    entry = Entry(voice.label, "", State.LIVE, Path(voice.label), name.name, name.version, name.sha256)
    dependencies = Dependencies(home.models, home.store, never, never, lambda: 0, ModelsConfig(watch=False))
    return Startup(LiveVoices(voice), (entry,), dependencies, Journal(home.store), serving_from(home.store))


if __name__ == "__main__":
    startup.start_up = tone_startup
    cli.main()
