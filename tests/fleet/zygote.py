"""Nodes by the dozen: a process that has imported everything, and forks a sidecar for each line it reads.

    python -m tests.fleet.zygote

A line is JSON: `arguments` of `npc-voice serve`, `home`, `log`. It answers with the pid. Sidecars are real
but for three things: voices are the toy family's, a pack is checked in the sidecar itself, and rendering
takes `RENDER_S` for each line, so that what is measured does not depend on the machine. A pack whose first
speaker is `FAILING` octaves up fails at its lines, one of `SLOW` takes twice the time.
"""

import json
import os
import signal
import sys
import threading
import time
from functools import partial

from sidecar import cli
from sidecar.checks import candidate
from sidecar.server import config
from sidecar.server.process import process  # noqa: F401 - imported once, for all
from sidecar.server.reloading import startup  # noqa: F401
from tests.attacks.inside import check_inside
from tests.toy.engine import SineEngine
from tests.toy.family import register

RENDER_S = 0.06
FAILING, SLOW = 2.5, 2.25
_rendered = SineEngine.render


def rendered(self: SineEngine, plans, seeds):
    """Only lines are slow or fail: checks and probes run on another thread."""
    octave = float(self.voices.table(self.voices.names[0])[0, 0])
    if threading.current_thread().name == "device":
        time.sleep(2 * RENDER_S if octave == SLOW else RENDER_S)
        if octave == FAILING:
            raise RuntimeError("this voice fails at its lines")
    return _rendered(self, plans, seeds)


def be_node(order: dict) -> None:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ["NPC_VOICE_HOME"] = order["home"]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.argv = ["npc-voice", *order["arguments"]]
    cli.main()


def main() -> None:
    register()
    candidate.run_child = check_inside
    SineEngine.render = rendered
    config.ModelsConfig = partial(
        config.ModelsConfig, quiet_s=0.1, patience_s=0.5, same_source_s=0.1, grace_s=0.2
    )
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever dies is buried at once
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                be_node(order)
            except SystemExit as ended:
                os._exit(int(ended.code or 0))
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(70)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
