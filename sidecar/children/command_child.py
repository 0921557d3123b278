"""A command of ours beside somebody's game: it has the machine when nobody else wants it, and ends with its
parent.

Started with the words of the command; its request names the data folder (`home`).
"""

import os
import runpy
import sys
from collections.abc import Sequence

from sidecar.children.inside import end_with_parent, give_way, read_request


def main(words: Sequence[str]) -> None:
    request = read_request()
    end_with_parent()
    give_way()
    os.environ["NPC_VOICE_HOME"] = str(request["home"])
    sys.argv = ["npc-voice", *words]
    runpy.run_module("sidecar", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
